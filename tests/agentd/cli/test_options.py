from pathlib import Path

import pytest

from agentd.cli.options import build, parse


def test_flags_may_stand_before_or_after_the_command() -> None:
    before = parse(["-w", "/p", "--profile", "lab", "--json", "up"])
    after = parse(["up", "-w", "/p", "--profile", "lab", "--json"])
    assert (before.workspace, before.profile, before.json) == (Path("/p"), "lab", True)
    assert vars(before) == vars(after)


def test_a_flag_before_the_command_survives_the_absence_after_it() -> None:
    assert parse(["--demo", "up"]).demo is True
    assert parse(["--port", "9000", "up"]).port == 9000
    assert parse(["up"]).demo is False


def test_verbosity_is_counted() -> None:
    assert parse(["-vv", "status"]).verbose == 2


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["up", f"--port={port}"])
    assert end.value.code == 2
    assert "is not a port" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["b d", "", "../x", "-x", "x" * 33])
def test_what_cannot_name_a_profile_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse([f"--profile={name}", "status"])
    assert end.value.code == 2
    assert "cannot name a profile" in capsys.readouterr().err


def test_without_a_command_it_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse([])
    assert end.value.code == 2
    assert "agentd --help" in capsys.readouterr().err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("agentd ")


@pytest.mark.parametrize(
    ("typed", "attribute", "value"),
    [
        (["devices"], "action", "list"),
        (["devices", "revoke", "Pixel 9"], "device", "Pixel 9"),
        (["devices", "rename", "Pixel 9", "Old phone"], "value", "Old phone"),
        (["prompt", "fix it"], "text", "fix it"),
        (["prompt", "--no-wait", "fix it"], "wait", False),
        (["approve", "per_1", "deny", "--message", "no"], "decision", "deny"),
        (["run", "--relay", "https://relay.example.org"], "relay", "https://relay.example.org"),
        (["up", "--local-decisions"], "local_decisions", True),
        (["service", "install"], "action", "install"),
        (["pair", "--role", "viewer"], "role", "viewer"),
    ],
)
def test_arguments_arrive(typed: list[str], attribute: str, value: object) -> None:
    assert getattr(parse(typed), attribute) == value


def test_every_command_has_a_module_that_runs_it() -> None:
    from importlib import import_module

    commands = next(action for action in build()._actions if action.dest == "command").choices
    assert commands is not None
    for name in commands:
        assert callable(import_module(parse([name, *_required(name)]).handler).run)


def _required(name: str) -> list[str]:
    return {"prompt": ["hello"], "service": ["install"]}.get(name, [])
