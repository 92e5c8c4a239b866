import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentd import config
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.run import find_relay
from agentd.main import main
from tests.fakes.relay_process import relay_process

PATIENCE_SECONDS = 120.0


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_without_a_relay_it_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    # Any program will do for the binary: nothing is started before the relay is known.
    assert main(["--json", "run", "--opencode", sys.executable]) == Exit.MISSING
    assert "agentd run --relay URL" in json.loads(capsys.readouterr().err)["error"]["message"]


def test_a_relay_that_does_not_answer_is_not_remembered(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{probe.getsockname()[1]}"
        assert main(["run", "--opencode", sys.executable, "--relay", origin]) == Exit.UNAVAILABLE
    assert "relay serve" in capsys.readouterr().err
    assert not (state / "default" / "relay.json").exists()


async def test_a_relay_tells_by_itself_where_workstations_reach_it(tmp_path: Path) -> None:
    async with relay_process(tmp_path / "relay") as relay:
        found = await find_relay(relay.http)
    assert found == config.RelayAddress(origin=relay.origin, grpc=relay.grpc)


async def test_what_is_no_web_address_is_no_relay() -> None:
    with pytest.raises(CommandError, match="begins with https://") as refusal:
        await find_relay("ftp://relay.example.org")
    assert refusal.value.code is Exit.USAGE


@asynccontextmanager
async def agentd_run(origin: str) -> AsyncIterator[Process]:
    """`agentd run` of the test's profile in a process of its own, with an agent that does not start."""
    command = (sys.executable, "-m", "agentd.main", "--json", "run", "--opencode", sys.executable, "--relay", origin)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_a_second_one_is_refused_and_leaves_the_first_ones_relay_alone(tmp_path: Path, state: Path) -> None:
    remembered = state / "default" / "relay.json"
    async with (
        relay_process(tmp_path / "one") as one,
        relay_process(tmp_path / "other") as other,
        agentd_run(one.http) as first,
    ):
        assert first.stdout is not None
        assert json.loads(await first.stdout.readline())["relay_origin"] == one.origin
        assert json.loads(remembered.read_text()) == {"origin": one.origin, "grpc": one.grpc}
        async with agentd_run(other.http) as second:
            _, said = await second.communicate()
        assert second.returncode == Exit.ALREADY_RUNNING
        assert f"process {first.pid}" in json.loads(said)["error"]["message"]
        assert json.loads(remembered.read_text()) == {"origin": one.origin, "grpc": one.grpc}
