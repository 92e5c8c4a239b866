"""The Unix socket: the same services for the CLI, and what is kept from programs that only run as the same user."""

import asyncio
import os
import pty
import secrets
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import status_pb2
from grpc import aio
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from agentd.agents.agent import Journal
from agentd.config import Config
from agentd.daemon import Daemon, running
from agentd.grpc_errors import reason_of
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2, workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as ws
from halyard.agent.v1.agent_service_pb2_grpc import AgentServiceStub
from halyard.agent.v1.workstation_service_pb2_grpc import WorkstationServiceStub
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import uuid7
from wire.identity import Identity

ONCE = decision_pb2.DECISION_STATE_ALLOWED_ONCE
OPERATOR = workstation_pb2.DEVICE_ROLE_OPERATOR


@asynccontextmanager
async def serving(config: Config, agent: ScriptedAgent) -> AsyncIterator[Daemon]:
    async with running(config, lambda _: [agent]) as daemon:
        await agent.started()
        yield daemon


@pytest.fixture
async def alone(config: Config, agent: ScriptedAgent) -> AsyncIterator[Daemon]:
    """A daemon without a relay."""
    async with serving(config, agent) as daemon:
        yield daemon


@asynccontextmanager
async def channel(daemon: Daemon, name: str = "agentd.sock") -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(f"unix:{daemon.config.state_dir / name}") as dialled:
        yield dialled


def reason(refused: pytest.ExceptionInfo[aio.AioRpcError]) -> str:
    for key, value in refused.value.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return reason_of(status_pb2.Status.FromString(value))
    return ""


def begin(daemon: Daemon, agent: ScriptedAgent) -> str:
    return agent.begin_session("s", daemon.projects.list()[0].name).name


async def test_it_reads_and_prompts(alone: Daemon, agent: ScriptedAgent) -> None:
    name = begin(alone, agent)
    async with channel(alone) as dialled:
        agents = AgentServiceStub(dialled)
        prompted = await agents.Prompt(pb.PromptRequest(session=name, text="Hello"))
        assert alone.log.get(prompted.message) is not None
        listed = await agents.ListSessions(pb.ListSessionsRequest())
        assert [session.name for session in listed.sessions] == [name]
        status = await WorkstationServiceStub(dialled).GetStatus(ws.GetStatusRequest())
        assert (status.pid, status.workstation.display_name) == (os.getpid(), "desk")


async def test_the_socket_is_for_its_user_only(alone: Daemon) -> None:
    assert stat.S_IMODE(alone.config.socket_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(alone.config.state_dir.stat().st_mode) == 0o700


async def test_reflection_tells_the_contract(alone: Daemon) -> None:
    methods = await asyncio.to_thread(_reflected, f"unix:{alone.config.socket_path}")
    assert {"Prompt", "Decide", "Watch"} <= methods["halyard.agent.v1.AgentService"]
    assert {"Pair", "GetStatus"} <= methods["halyard.agent.v1.WorkstationService"]


def _reflected(target: str) -> dict[str, set[str]]:
    with grpc.insecure_channel(target) as dialled:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(dialled))
        names = ("halyard.agent.v1.AgentService", "halyard.agent.v1.WorkstationService")
        return {name: {method.name for method in pool.FindServiceByName(name).methods} for name in names}


async def test_it_does_not_decide(alone: Daemon, agent: ScriptedAgent) -> None:
    agent.ask(f"{begin(alone, agent)}/permissions/p")
    async with channel(alone) as dialled:
        with pytest.raises(aio.AioRpcError) as refused:
            await AgentServiceStub(dialled).Decide(
                pb.DecideRequest(permission="sessions/s/permissions/p", outcome=ONCE)
            )
        assert reason(refused) == "LOCAL_DECISIONS_OFF"
        with pytest.raises(aio.AioRpcError) as refused:
            await AgentServiceStub(dialled).Answer(pb.AnswerRequest(question="sessions/s/questions/q", dismiss=True))
        assert reason(refused) == "LOCAL_DECISIONS_OFF"
    assert agent.asked == []


async def test_with_local_decisions_it_decides(config: Config, agent: ScriptedAgent) -> None:
    async with serving(replace(config, local_decisions=True), agent) as daemon:
        agent.ask(f"{begin(daemon, agent)}/permissions/p")
        async with channel(daemon) as dialled:
            request = pb.DecideRequest(permission="sessions/s/permissions/p", outcome=ONCE)
            decided = await AgentServiceStub(dialled).Decide(request)
        assert decided.permission.decision.decided_by == "this workstation"


async def test_a_program_without_a_terminal_does_not_say_who_gets_in(alone: Daemon) -> None:
    device = alone.devices.add(Identity.from_bytes(secrets.token_bytes(64)).public, "Phone", "test", OPERATOR)
    async with channel(alone) as dialled:
        stub = WorkstationServiceStub(dialled)
        for call in (
            stub.RevokeDevice(ws.RevokeDeviceRequest(device=device.name)),
            stub.RenameDevice(ws.RenameDeviceRequest(device=device.name, display_name="Mine")),
            stub.SetDeviceRole(ws.SetDeviceRoleRequest(device=device.name, role=workstation_pb2.DEVICE_ROLE_VIEWER)),
        ):
            with pytest.raises(aio.AioRpcError) as refused:
                await call
            assert reason(refused) == "LOCAL_DECISIONS_OFF"
        with pytest.raises(aio.AioRpcError) as refused:
            await anext(aiter(stub.Pair(ws.PairRequest())))
        assert reason(refused) == "LOCAL_DECISIONS_OFF"
        assert [known.display_name for known in (await stub.ListDevices(ws.ListDevicesRequest())).devices] == ["Phone"]


async def test_a_persons_command_revokes_and_an_agents_does_not(config: Config, tmp_path: Path) -> None:
    """Both run the same program in a terminal; one is started beside the daemon, the other by it."""
    async with daemon_process(config.state_dir, tmp_path) as (socket, ask_daemon_to_run):
        script = f"{sys.executable} {tmp_path / 'revoke.py'} {socket}"
        assert await in_terminal(script) == "NOT_FOUND"
        assert await ask_daemon_to_run(script) == "LOCAL_DECISIONS_OFF"
        # Orphaned on purpose, with the terminal kept: on Linux its new parent is the daemon, not init.
        told = tmp_path / "told"
        orphan = f"({script} > {told} &); until grep said {told}; do sleep 0.05; done"
        assert await ask_daemon_to_run(orphan) == "LOCAL_DECISIONS_OFF"


REVOKE = """
import sys, grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from halyard.agent.v1 import workstation_service_pb2 as ws
from halyard.agent.v1.workstation_service_pb2_grpc import WorkstationServiceStub

with grpc.insecure_channel(f"unix:{sys.argv[1]}") as channel:
    try:
        WorkstationServiceStub(channel).RevokeDevice(ws.RevokeDeviceRequest(device="devices/none"))
    except grpc.RpcError as error:
        info = error_details_pb2.ErrorInfo()
        rpc_status.from_call(error).details[0].Unpack(info)
        print("said " + info.reason, flush=True)
"""

DAEMON = """
import asyncio, os, pty, sys
from pathlib import Path
from agentd.config import Config
from agentd.daemon import running

async def main() -> None:
    async with running(Config(state_dir=Path(sys.argv[1])), lambda _: []) as daemon:
        print(daemon.config.socket_path, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            # As an agent's shell tool would, in a terminal of its own.
            await asyncio.to_thread(pty.spawn, ["sh", "-c", line])
            print("done", flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def daemon_process(state: Path, folder: Path) -> AsyncIterator[tuple[str, "RunInside"]]:
    (folder / "revoke.py").write_text(REVOKE)
    (folder / "daemon.py").write_text(DAEMON)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, folder / "daemon.py", state),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    socket = (await process.stdout.readline()).decode().strip()
    try:
        yield socket, RunInside(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        await process.communicate()


class RunInside:
    """Runs a command as a child of the daemon."""

    def __init__(self, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader) -> None:
        self._stdin = stdin
        self._stdout = stdout

    async def __call__(self, command: str) -> str:
        self._stdin.write(f"{command}\n".encode())
        said = ""
        async with asyncio.timeout(30):
            while (line := (await self._stdout.readline()).decode().strip()) != "done":
                said = line.partition("said ")[2] or said
        return said


async def in_terminal(command: str) -> str:
    """What a command says that runs in a terminal of its own."""
    return await asyncio.to_thread(_in_terminal, command)


def _in_terminal(command: str) -> str:
    child, terminal = pty.fork()
    if child == 0:
        os.execv("/bin/sh", ["sh", "-c", command])
    said = b""
    try:
        while chunk := os.read(terminal, 1024):
            said += chunk
    except OSError:
        # How Linux says that nobody has the other end open any more.
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    return said.decode().partition("said ")[2].strip()


async def test_whoever_goes_round_the_front_door_is_a_stranger(alone: Daemon) -> None:
    async with channel(alone, "agentd.grpc") as dialled:
        stub = WorkstationServiceStub(dialled)
        assert (await stub.GetStatus(ws.GetStatusRequest())).pid == os.getpid()
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.RevokeDevice(ws.RevokeDeviceRequest(device="devices/x"))
        assert reason(refused) == "LOCAL_DECISIONS_OFF"


async def test_refusals_carry_their_reason(alone: Daemon) -> None:
    async with channel(alone) as dialled:
        with pytest.raises(aio.AioRpcError) as refused:
            await AgentServiceStub(dialled).GetSession(pb.GetSessionRequest(name="sessions/none"))
        assert (refused.value.code(), reason(refused)) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_a_call_with_an_id_takes_effect_once(alone: Daemon, agent: ScriptedAgent) -> None:
    request = pb.PromptRequest(session=begin(alone, agent), text="Hello")
    call_id = uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10)).hex()
    async with channel(alone) as dialled:
        stub = AgentServiceStub(dialled)
        answers = [await stub.Prompt(request, metadata=(("halyard-call-id", call_id),)) for _ in range(2)]
        assert answers[0] == answers[1]
        assert len(agent.prompts) == 1
        for broken in ("xyz", "00"):
            with pytest.raises(aio.AioRpcError) as refused:
                await stub.Prompt(request, metadata=(("halyard-call-id", broken),))
            assert reason(refused) == "MALFORMED"


async def test_a_refusal_is_repeated_word_for_word(alone: Daemon) -> None:
    call_id = uuid7(time.time_ns() // 1_000_000, secrets.token_bytes(10)).hex()
    reasons = []
    async with channel(alone) as dialled:
        for _ in range(2):
            with pytest.raises(aio.AioRpcError) as refused:
                await AgentServiceStub(dialled).Prompt(
                    pb.PromptRequest(session="sessions/none", text="x"), metadata=(("halyard-call-id", call_id),)
                )
            reasons.append(reason(refused))
    assert reasons == ["NOT_FOUND", "NOT_FOUND"]


async def test_watching_tells_what_is_then_what_comes(alone: Daemon, agent: ScriptedAgent) -> None:
    name = begin(alone, agent)
    await alone.log.flush()
    async with channel(alone) as dialled:
        call = AgentServiceStub(dialled).Watch(pb.WatchRequest(session=name, include_deltas=True))
        events = aiter(call)
        assert (await anext(events)).resource.name == name
        assert (await anext(events)).HasField("caught_up")
        part = f"{name}/messages/m/parts/p"
        agent.open_part(part)
        assert (await anext(events)).resource.name == part
        agent.grow(part, "", "Hi")
        assert (await anext(events)).delta.text == "Hi"
        agent.begin_session("other", "projects/p")
        agent.close_part(part, "Hi")
        assert (await anext(events)).resource.part.text.text == "Hi"
        call.cancel()


async def test_shutting_down_ends_the_daemon(config: Config, agent: ScriptedAgent) -> None:
    async with asyncio.timeout(30), serving(config, agent) as daemon:
        async with channel(daemon) as dialled:
            await WorkstationServiceStub(dialled).Shutdown(ws.ShutdownRequest())
        await daemon.stop.wait()


async def test_what_a_killed_daemon_left_is_replaced(config: Config, agent: ScriptedAgent) -> None:
    config.state_dir.mkdir(mode=0o700)
    config.socket_path.touch()
    async with serving(config, agent) as daemon, channel(daemon) as dialled:
        assert (await WorkstationServiceStub(dialled).GetStatus(ws.GetStatusRequest())).pid == os.getpid()
    assert not config.socket_path.exists()


class Newcomer(ScriptedAgent):
    """Starts a program as soon as it is started itself, as an agent does."""

    made = ""

    async def run(self, journal: Journal) -> None:
        program = await asyncio.create_subprocess_exec("sh", "-c", "umask", stdout=asyncio.subprocess.PIPE)
        out, _ = await program.communicate()
        self.made = out.decode().strip()
        await super().run(journal)


async def test_what_agents_start_while_the_sockets_are_made_has_the_umask_of_the_person(config: Config) -> None:
    """Else OpenCode could not enter the folders that it makes, nor the person use what the agent writes."""
    own = os.umask(0)
    os.umask(own)
    agent = Newcomer()
    async with running(config, lambda _: [agent]):
        await agent.started()
        assert int(agent.made, 8) == own
        inner = config.socket_path.with_suffix(".grpc")
        assert stat.S_IMODE(inner.stat().st_mode) == stat.S_IMODE(config.socket_path.stat().st_mode) == 0o600
