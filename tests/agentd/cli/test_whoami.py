import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentd import identity_file
from agentd.cli.outcome import Exit
from agentd.main import main


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path))
    return tmp_path


def test_before_the_first_up_there_is_nobody(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["whoami"]) == Exit.NOT_FOUND
    assert "`agentd up` draws one" in capsys.readouterr().err
    assert list(state.iterdir()) == []


def test_it_tells_id_and_fingerprint(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity = identity_file.load_or_make(state / "lab" / "identity.key")
    assert main(["--profile", "lab", "--json", "whoami"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["device_id"] == identity.device_id
    assert told["fingerprint"].replace(" ", "") == identity.device_id
    assert main(["--profile", "lab", "whoami"]) == Exit.OK
    assert told["fingerprint"] in capsys.readouterr().out


def test_keys_open_to_others_are_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = state / "default" / "identity.key"
    identity_file.load_or_make(key)
    key.chmod(0o644)
    assert main(["whoami"]) == Exit.MISSING
    assert "chmod 600" in capsys.readouterr().err


def test_it_does_not_wait_for_grpc_or_an_event_loop() -> None:
    heavy = ("grpc", "asyncio", "httpx", "google.protobuf")
    script = f"import sys; from agentd.cli import whoami; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
