import json
import os
import socket
import stat
from pathlib import Path

import pytest

from agentd.cli.outcome import Exit
from agentd.main import main


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    folder = tmp_path / "state" / "default"
    folder.mkdir(parents=True, mode=0o700)
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(stat.S_IRWXU)
    return folder / name


def test_while_agentd_is_down_what_lies_outside_is_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told = {"origin": f"http://127.0.0.1:{port}", "grpc": f"127.0.0.1:{port}"}
        (state / "relay.json").write_text(json.dumps(told))
        assert main(["--json", "doctor"]) == Exit.FAILED
    report = json.loads(capsys.readouterr().out)
    found = {check["id"]: check for check in report["checks"]}
    assert report["state"] == "failed"
    assert "agentd up" in found["daemon"]["advice"]
    assert "nothing listens" in found["address"]["message"]
    assert found["relay"]["state"] == found["push"]["state"] == "CHECK_STATE_SKIPPED"
    assert "opencode" in found


def test_people_read_a_line_each_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == Exit.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Halyard ")
    assert next(line for line in lines if "daemon" in line).startswith("FAIL  daemon")
    assert any(line.strip() == "→ Start it with `agentd up`." for line in lines)


def test_a_daemon_that_hangs_is_told_from_one_that_is_down(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentd.cli.doctor.DIAGNOSE_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(os.fspath(state / "agentd.sock"))
        deaf.listen()
        assert main(["--json", "doctor"]) == Exit.FAILED
    found = {check["id"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "does not answer" in found["daemon"]["message"]
    assert "agentd stop" in found["daemon"]["advice"]


def test_a_damaged_memory_of_the_relay_is_the_finding(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "relay.json").write_text("{")
    assert main(["--json", "doctor"]) == Exit.FAILED
    (check,) = json.loads(capsys.readouterr().out)["checks"]
    assert check["id"] == "config"
    assert "damaged" in check["message"]


def test_the_report_is_put_into_the_clipboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # An absolute path: the command's PATH holds nothing else.
    program(tmp_path / "bin", "wl-copy", f"/bin/cat > {tmp_path}/clipboard")
    assert main(["doctor", "--copy"]) == Exit.FAILED
    assert (tmp_path / "clipboard").read_text() == capsys.readouterr().out


def test_without_a_clipboard_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(tmp_path / "bin", "pbcopy", "exit 1")
    assert main(["doctor", "--copy"]) == Exit.MISSING
    shown = capsys.readouterr()
    assert shown.out.startswith("Halyard ")
    assert "No clipboard is within reach" in shown.err
