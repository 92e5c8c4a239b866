import json
import socket
import sys
from pathlib import Path

import pytest

from agentd import config
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.run import find_relay
from agentd.main import main
from tests.fakes.relay_process import relay_process


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
