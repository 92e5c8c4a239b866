"""`agentd service install|uninstall`: start at login. Prints what it wrote, and what is left to type."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agentd import config
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import print_json
from agentd.cli.profile import workspace
from agentd.service_install import Plan, Service, as_shell, launchd_plan, remove, service_name, systemd_plan, write

# What an agent needs to find its tools and its keys; the rest of a shell's environment is nobody's business at login.
_PASSED_ON = ("PATH", "LANG", "SHELL", "HALYARD_STATE_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_TELL_SECONDS = 30.0


def run(options: Options) -> Exit:
    """Writes or removes the service and tells the system."""
    plan = make_plan(options, sys.platform, config.environment())
    if options.action == "install":
        write(plan)
        said, commands = f"Wrote {plan.path}:\n\n{plan.content.decode()}", plan.enable
    else:
        existed = plan.path.exists()
        said, commands = (
            f"Removed {plan.path}." if existed else f"There was no service: {plan.path} does not exist.",
            plan.disable if existed else (),
        )
    # To be disabled, a service must still be there; to be enabled, it must be there already.
    told = _tell(commands)
    if options.action == "uninstall":
        remove(plan)
    if options.json:
        print_json({"path": str(plan.path), "told": told, "commands": [list(command) for command in commands]})
    else:
        print(said)
        print(
            "It is known to the system now." if told else f"The system could not be told. Type: {as_shell(commands)}"
        ) if commands else None
    return Exit.OK


def make_plan(options: Options, platform: str, environment: dict[str, str]) -> Plan:
    """Returns what to write on this platform; CommandError where there is nothing that could be written."""
    profile = config.load(options.profile)
    what = options.service or ("run" if profile.relay else "up")
    command = [
        _agentd(),
        "--profile",
        profile.profile,
        *(("-w", str(workspace(options))) if options.workspace else ()),
        what,
    ]
    if what == "up":
        command += [
            "--no-browser",
            *(("--port", str(options.port)) if options.port is not None else ()),
            *(("--demo",) if options.demo else ()),
        ]
    service = Service(
        name=service_name(profile.profile, config.DEFAULT_PROFILE),
        command=command,
        folder=workspace(options) if options.workspace else Path.home(),
        log=profile.state_dir / "agentd.log",
        environment={name: environment[name] for name in _PASSED_ON if name in environment},
    )
    if platform == "darwin":
        return launchd_plan(service, Path.home())
    if platform == "linux":
        return systemd_plan(service, Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"))
    raise CommandError(
        Exit.MISSING,
        f"Halyard cannot install a service on {platform} yet. Start `agentd {what}` from your own login script.",
    )


def _agentd() -> str:
    # The script of this very installation: at login, PATH may lead to another one.
    beside_python = Path(sys.executable).with_name("agentd")
    return str(beside_python) if beside_python.exists() else shutil.which("agentd") or "agentd"


def _tell(commands: Sequence[Sequence[str]]) -> bool:
    for command in commands:
        program = shutil.which(command[0])
        if program is None:
            return False
        done = subprocess.run([program, *command[1:]], capture_output=True, timeout=_TELL_SECONDS, check=False)
        if done.returncode != 0:
            return False
    return True
