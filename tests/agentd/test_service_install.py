import configparser
import plistlib
from pathlib import Path

from agentd.cli.outcome import Exit
from agentd.service_install import Plan, Service, as_shell, launchd_plan, remove, service_name, systemd_plan, write

SERVICE = Service(
    name="halyard-agentd",
    command=["/opt/my tools/agentd", "--profile", "default", "up"],
    folder=Path("/home/ada"),
    log=Path("/home/ada/agentd.log"),
    environment={"PATH": "/usr/bin", "LANG": 'a"b%c'},
)


def test_several_profiles_are_several_services() -> None:
    assert service_name("default", "default") == "halyard-agentd"
    assert service_name("lab", "default") == "halyard-agentd-lab"


def test_a_systemd_unit_says_what_to_start_and_when_not_to_try_again() -> None:
    plan = systemd_plan(SERVICE, Path("/home/ada/.config"))
    assert plan.path == Path("/home/ada/.config/systemd/user/halyard-agentd.service")
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]  # systemd's keys are case-sensitive
    unit.read_string(plan.content.decode())
    assert unit["Service"]["ExecStart"] == '"/opt/my tools/agentd" "--profile" "default" "up"'
    prevented = {Exit(int(code)) for code in unit["Service"]["RestartPreventExitStatus"].split()}
    assert prevented == {Exit.USAGE, Exit.ALREADY_RUNNING, Exit.MISSING, Exit.DAMAGED}
    assert unit["Service"]["Restart"] == "on-failure"
    # A hindrance that passes only tomorrow must not have used up all tries today.
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert "StartLimitBurst" not in unit["Unit"]
    assert unit["Service"]["RestartSec"] == "15"
    assert unit["Service"]["KillMode"] == "mixed"
    assert unit["Install"]["WantedBy"] == "default.target"
    assert 'Environment="LANG=a\\"b%%c"\n' in plan.content.decode()


def test_dollars_are_only_doubled_where_systemd_reads_them() -> None:
    service = Service("n", ["/bin/x", "$HOME"], Path("/"), Path("/l"), {"A": "$B"})
    unit = systemd_plan(service, Path("/c")).content.decode()
    assert 'ExecStart="/bin/x" "$$HOME"' in unit
    assert 'Environment="A=$B"' in unit


def test_a_launchd_agent_is_restarted_only_after_a_failure() -> None:
    plan = launchd_plan(SERVICE, Path("/Users/ada"))
    assert plan.path == Path("/Users/ada/Library/LaunchAgents/org.halyard.halyard-agentd.plist")
    told = plistlib.loads(plan.content)
    assert told["ProgramArguments"] == SERVICE.command
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["ThrottleInterval"] == 60
    assert told["RunAtLoad"] is True


def test_writing_and_removing(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "deep" / "unit", b"[Unit]\n", enable=[], disable=[])
    write(plan)
    assert plan.path.read_bytes() == b"[Unit]\n"
    assert [entry.name for entry in plan.path.parent.iterdir()] == ["unit"]
    assert remove(plan) is True
    assert remove(plan) is False


def test_commands_are_shown_as_people_type_them() -> None:
    assert as_shell([["systemctl", "--user", "daemon-reload"], ["echo", "a b"]]) == (
        "systemctl --user daemon-reload && echo 'a b'"
    )
