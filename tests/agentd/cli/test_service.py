import json
from pathlib import Path

import pytest

from agentd.cli import service
from agentd.cli.options import parse
from agentd.cli.outcome import CommandError, Exit
from agentd.main import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, on a PATH without systemctl: nothing of the person who runs the tests is touched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HALYARD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_install_prints_what_it_wrote_and_what_is_left_to_type(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "install", "--port", "9000", "--demo"]) == Exit.OK
    unit = home / "config" / "systemd" / "user" / "halyard-agentd.service"
    printed = capsys.readouterr().out
    assert str(unit) in printed
    assert unit.read_text() in printed
    assert '"up" "--no-browser" "--port" "9000" "--demo"' in unit.read_text()
    assert "systemctl --user enable --now halyard-agentd.service" in printed


def test_uninstall_takes_it_back(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--profile", "lab", "service", "install"])
    capsys.readouterr()
    assert main(["--profile", "lab", "--json", "service", "uninstall"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["path"].endswith("halyard-agentd-lab.service")
    assert told["told"] is False
    assert not Path(told["path"]).exists()


def test_the_system_is_told_where_it_can_be(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "bin").mkdir()
    systemctl = home / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {home}/told\n')
    systemctl.chmod(0o700)
    assert main(["service", "install"]) == Exit.OK
    assert (home / "told").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now halyard-agentd.service",
    ]
    assert "known to the system" in capsys.readouterr().out


def test_a_configured_relay_means_run(home: Path) -> None:
    (home / "state" / "default").mkdir(parents=True)
    relay = {"origin": "https://relay.example.org", "grpc": "relay.example.org:443"}
    (home / "state" / "default" / "relay.json").write_text(json.dumps(relay))
    plan = service.make_plan(parse(["service", "install"]), "linux", {})
    assert b'"run"\n' in plan.content
    assert b"--no-browser" not in plan.content


def test_macos_gets_a_launchd_agent() -> None:
    plan = service.make_plan(parse(["service", "install"]), "darwin", {})
    assert plan.path.suffix == ".plist"


def test_elsewhere_it_says_what_to_do_instead() -> None:
    with pytest.raises(CommandError, match="your own login script") as refusal:
        service.make_plan(parse(["service", "install"]), "win32", {})
    assert refusal.value.code is Exit.MISSING
