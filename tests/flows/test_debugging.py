"""What a person can ask with a generic gRPC tool: agentd on its Unix socket, the relay as its operator."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.fakes.app_link import AppLink
from tests.fakes.opencode import says, scripted
from tests.flows.stack import Stack
from tests.flows.steps import ended, start

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUF = "buf is missing: run `make test`, which installs it, or `pip install buf-bin`."
PLAIN = ("--protocol", "grpc", "--http2-prior-knowledge")


async def curl(url: str, *options: str, data: str = "{}") -> tuple[int, str, str]:
    """`buf curl`, which learns the messages by reflection: (exit code, stdout, stderr)."""
    program = shutil.which("buf")
    if program is None:
        pytest.fail(BUF, pytrace=False)
    process = await asyncio.create_subprocess_exec(
        *(program, "curl", *PLAIN, *options, "--data", data, url), stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_agentd_answers_on_its_socket_by_reflection(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(says("For the debugger.")))
        await ended(phone, name, message)
    socket = ("--unix-socket", str(stack.workstation.socket))
    code, out, err = await curl("http://localhost/halyard.agent.v1.AgentService/ListSessions", *socket)
    assert code == 0, err
    assert name in [session["name"] for session in json.loads(out)["sessions"]]
    code, out, err = await curl("http://localhost/halyard.agent.v1.WorkstationService/GetStatus", *socket)
    assert code == 0, err
    assert json.loads(out)["linkState"] == "LINK_STATE_UP"


async def test_the_socket_does_not_decide(stack: Stack) -> None:
    socket = ("--unix-socket", str(stack.workstation.socket))
    code, _, err = await curl(
        "http://localhost/halyard.agent.v1.AgentService/Decide",
        *socket,
        data='{"permission": "sessions/s/permissions/p", "outcome": "DECISION_STATE_ALLOWED_ONCE"}',
    )
    assert code != 0
    assert "permission_denied" in err
    assert "--local-decisions" in err


async def test_the_socket_is_for_its_user_only(stack: Stack) -> None:
    assert stack.workstation.socket.stat().st_mode & 0o777 == 0o600
    assert stack.workstation.socket.parent.stat().st_mode & 0o777 == 0o700


async def test_the_relays_operator_sees_sizes_and_no_content(stack: Stack, phone: AppLink) -> None:
    words = "A word that only its reader may know"
    async with phone.attached():
        name, message = await start(phone, scripted(says(words)))
        await ended(phone, name, message)
        token = (stack.workstation.folder / "relay" / "operator.token").read_text().strip()
        as_operator = ("-H", f"authorization: Bearer {token}")
        service = f"http://{stack.relay.grpc}/halyard.relay.v1.RelayService"
        code, out, err = await curl(f"{service}/GetStatus", *as_operator)
        assert code == 0, err
        assert json.loads(out)["workstationsOnline"] == 1
        code, out, err = await curl(f"{service}/ListWorkstations", *as_operator)
        assert code == 0, err
        assert [one["workstationId"] for one in json.loads(out)["workstations"]] == [phone.workstation_id]
        ask = json.dumps({"workstation_id": phone.workstation_id, "page_size": 1000})
        code, out, err = await curl(f"{service}/ListLogHeaders", *as_operator, data=ask)
        assert code == 0, err
        assert json.loads(out)["headers"]
    # Not only unasked for: it is nowhere on the relay's disk.
    held = b"".join(file.read_bytes() for file in _files(stack.workstation.folder / "relay"))
    assert held
    assert words.encode() not in held
    assert name.encode() not in held


async def test_nobody_else_is_the_operator(stack: Stack) -> None:
    code, _, err = await curl(f"http://{stack.relay.grpc}/halyard.relay.v1.RelayService/GetStatus")
    assert code != 0
    assert "unauthenticated" in err


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
