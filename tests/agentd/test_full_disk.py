"""A disk that is really full while agentd serves from it: SQLite itself is refused, and nothing is lost."""

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc.aio
import pytest

from agentd.config import Config
from agentd.daemon import Daemon, running
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import workstation_service_pb2 as workstation
from halyard.agent.v1.workstation_service_pb2_grpc import WorkstationServiceStub
from tests.chaos.disk import Disk, small_disk
from tests.fakes.app_link import AppLink
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import uuid7


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as made:
        yield made
        made.free()


@pytest.fixture
def told(disk: Disk, config: Config, relay: RunningRelay) -> Config:
    """Its state lies on the small disk; the relay's does not."""
    return replace(config, state_dir=disk.folder / "state", relay=relay.address)


async def refusal_of_a_change(daemon: Daemon) -> grpc.aio.AioRpcError:
    """What a program on this machine is answered that must know its change to be on disk."""
    now_ms = int(time.time() * 1000)
    request = workstation.WithdrawCallRequest(call_id=uuid7(now_ms, secrets.token_bytes(10)))
    request.expire_time.FromMilliseconds(now_ms + 60_000)
    async with grpc.aio.insecure_channel(f"unix:{daemon.config.socket_path}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await WorkstationServiceStub(channel).WithdrawCall(request)
    return refused.value


async def store_check(app: AppLink) -> workstation.Check:
    told = await app.call("WorkstationService/Diagnose", workstation.DiagnoseRequest(), workstation.DiagnoseResponse)
    return next(check for check in told.checks if check.id == "store")


async def test_what_changes_something_waits_or_is_refused_until_there_is_room_and_nothing_is_lost(
    disk: Disk, told: Config, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    async with running(told, lambda _: [agent]) as daemon:
        await agent.started()
        app = await pair_app(daemon, relay)
        async with app.attached():
            await app.until(lambda: app.named("projects/"))
            start = pb.StartSessionRequest(project=app.named("projects/")[0].name, title="First", prompt="Hello")
            session = (await app.call("AgentService/StartSession", start, pb.StartSessionResponse)).session.name
            await daemon.log.flush()
            acknowledged = daemon.log.head
            disk.fill(os.getpid())
            waits = app.prepare("AgentService/Prompt", pb.PromptRequest(session=session, text="Full."), ttl_seconds=600)
            await app.send(waits)
            await app.until(lambda: "at the relay" in waits.states)
            refused = await refusal_of_a_change(daemon)
            assert refused.code() == grpc.StatusCode.UNAVAILABLE
            assert "agentd goes on by itself" in str(refused.details())
            # What reads is answered meanwhile, and says what is wrong.
            check = await store_check(app)
            assert check.state == workstation.CHECK_STATE_FAILED
            if disk.kind == "tmpfs":
                assert "its disk is full. Make room; agentd goes on by itself" in check.advice
                assert check.advice == refused.details()
            assert "at the workstation" not in waits.states
            assert [order.text for order in agent.prompts.values()] == ["Hello"]
            disk.free()
            answer = app.read_answer(await waits.answer, pb.PromptResponse)
            await app.until(lambda: answer.message in app.resources)
            assert (await store_check(app)).state == workstation.CHECK_STATE_OK
    async with running(told, lambda _: [agent]) as daemon:
        assert daemon.log.epoch == acknowledged.epoch
        assert daemon.log.head.seq > acknowledged.seq
        assert daemon.log.get(answer.message) is not None
        assert daemon.log.get(session) is not None
    assert [order.text for order in agent.prompts.values()] == ["Hello", "Full."]
