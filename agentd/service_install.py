"""Starting agentd at login: a systemd user unit on Linux, a launchd agent on macOS. Made purely, then written."""

import plistlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentd.cli.outcome import Exit

RETRY_SECONDS = 15
"""Between two tries of systemd, for ever: a full disk may be emptied only tomorrow."""
LAUNCHD_RETRY_SECONDS = 60
"""Between two starts by launchd, at least: it knows no exit codes. Who ran for longer is started again at once."""
_HOPELESS = (Exit.USAGE, Exit.ALREADY_RUNNING, Exit.MISSING, Exit.DAMAGED)


@dataclass(frozen=True)
class Service:
    """What is to be started at login."""

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """A file to write, and the commands that make the system take note of it (and of its removal)."""

    path: Path
    content: bytes
    enable: Sequence[Sequence[str]]
    disable: Sequence[Sequence[str]]


def service_name(profile: str, default_profile: str) -> str:
    """Returns the name of a profile's service; several profiles are several services."""
    return "halyard-agentd" if profile == default_profile else f"halyard-agentd-{profile}"


def systemd_plan(service: Service, config_home: Path) -> Plan:
    """Returns the plan for a systemd user manager whose units lie under `config_home`/systemd/user."""
    unit = f"{service.name}.service"
    systemctl = ("systemctl", "--user")
    return Plan(
        path=config_home / "systemd" / "user" / unit,
        content=_unit(service).encode(),
        enable=((*systemctl, "daemon-reload"), (*systemctl, "enable", "--now", unit)),
        disable=((*systemctl, "disable", "--now", unit), (*systemctl, "daemon-reload")),
    )


def launchd_plan(service: Service, home: Path) -> Plan:
    """Returns the plan for launchd."""
    label = f"org.halyard.{service.name}"
    path = home / "Library" / "LaunchAgents" / f"{label}.plist"
    return Plan(
        path=path,
        content=_plist(service, label),
        enable=(("launchctl", "load", "-w", str(path)),),
        disable=(("launchctl", "unload", "-w", str(path)),),
    )


def _unit(service: Service) -> str:
    environment = "".join(
        f"Environment={_systemd_quoted(f'{name}={value}')}\n" for name, value in sorted(service.environment.items())
    )
    command = " ".join(_systemd_quoted(word.replace("$", "$$")) for word in service.command)
    # KillMode=mixed: agentd stops its agents in order; only what outlives it is killed.
    return f"""\
[Unit]
Description=Halyard: remote control for coding agents ({service.name})
StartLimitIntervalSec=0

[Service]
ExecStart={command}
WorkingDirectory={_systemd_path(service.folder)}
{environment}Restart=on-failure
RestartSec={RETRY_SECONDS}
# Another agentd of this profile runs, something is missing, a store is damaged: only a person can help there.
RestartPreventExitStatus={" ".join(str(int(code)) for code in _HOPELESS)}
KillMode=mixed
TimeoutStopSec=45
UMask=0077

[Install]
WantedBy=default.target
"""


def _systemd_quoted(word: str) -> str:
    """Returns a word in quotes, `%` doubled (systemd.unit(5)); `$` means something in ExecStart= only."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _systemd_path(path: Path) -> str:
    return str(path).replace("%", "%%")


def _plist(service: Service, label: str) -> bytes:
    return plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(service.command),
            "WorkingDirectory": str(service.folder),
            "EnvironmentVariables": dict(service.environment),
            "RunAtLoad": True,
            # Restarted when it fails, left alone after an orderly end.
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": LAUNCHD_RETRY_SECONDS,
            "StandardErrorPath": str(service.log),
            "StandardOutPath": str(service.log),
        }
    )


def write(plan: Plan) -> None:
    """Writes the plan's file, whole or not at all."""
    plan.path.parent.mkdir(parents=True, exist_ok=True)
    draft = plan.path.with_name(f".{plan.path.name}.new")
    draft.write_bytes(plan.content)
    draft.replace(plan.path)


def remove(plan: Plan) -> bool:
    """Deletes the plan's file; returns whether there was one."""
    existed = plan.path.exists()
    plan.path.unlink(missing_ok=True)
    return existed


def as_shell(commands: Sequence[Sequence[str]]) -> str:
    """Returns commands as a person types them."""
    return " && ".join(shlex.join(command) for command in commands)
