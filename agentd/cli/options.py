"""The command line: every command, its flags and its help. Nothing here does anything, so `--help` stays instant."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

DEFAULT_PROFILE = "default"

DESCRIPTION = "Directs coding agents on this machine from a phone, a browser or a shell."
EPILOG = "`agentd up` starts everything. `agentd COMMAND --help` tells more; exit codes are listed in docs/cli.md."


class Options(argparse.Namespace):
    """What was typed, with types. Attributes of other commands than `command` keep their defaults."""

    command: str
    handler: str
    workspace: Path | None = None
    profile: str = DEFAULT_PROFILE
    port: int | None = None
    verbose: int = 0
    json: bool = False
    no_browser: bool = False
    demo: bool = False

    public_url: str = ""
    opencode: Path | None = None
    relay: str = ""
    invite: str = ""
    local_decisions: bool = False
    role: str = "operator"

    action: str = "list"
    device: str = ""
    value: str = ""
    yes: bool = False

    session: str = ""
    text: str = ""
    new: bool = False
    wait: bool = True
    model: str = ""
    mode: str = ""
    all: bool = False
    only_new: bool = False
    permission: str = ""
    copy: bool = False
    decision: str = "once"
    message: str = ""
    service: str | None = None


def _everywhere() -> argparse.ArgumentParser:
    """Flags that every command takes, before or after its name."""
    # SUPPRESS: a flag that is absent after the command must not overwrite the same flag given before it.
    flags = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_argument(
        "-w", "--workspace", type=Path, metavar="DIR", help="folder to work in (default: the current one)"
    )
    flags.add_argument(
        "--profile",
        type=_profile,
        metavar="NAME",
        help="which of several independent agentds is meant (default: default)",
    )
    flags.add_argument("-v", "--verbose", action="count", help="tell more on stderr; twice for debugging")
    flags.add_argument("--json", action="store_true", help="print JSON for scripts")
    return flags


def _starting() -> argparse.ArgumentParser:
    """Flags of the commands that start the whole machinery."""
    flags = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    flags.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="port of the web app; 0 takes any (default: 8787 or the next free one)",
    )
    flags.add_argument("--no-browser", action="store_true", help="do not open a browser")
    flags.add_argument(
        "--demo", action="store_true", help="use the scripted demo model, on a sample project unless -w is given"
    )
    return flags


def _profile(text: str) -> str:
    # Imported only when a profile is named: `--help` needs none of it.
    from agentd.config import state_dir
    from agentd.errors import ConfigError

    try:
        state_dir(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use 0 to 65535")
    return int(text)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


class _Version(argparse.Action):
    """Looks the release up only when it is asked for: importlib.metadata costs more than parsing."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"agentd {version('halyard')}")
        parser.exit()


_Adder = Callable[..., argparse.ArgumentParser]


def build() -> argparse.ArgumentParser:
    """Returns the parser for the whole of `agentd`."""
    everywhere, starting = _everywhere(), _starting()
    parser: argparse.ArgumentParser = _Parser(
        prog="agentd", description=DESCRIPTION, epilog=EPILOG, parents=[everywhere, starting]
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the release and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, summary: str, *more: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=summary, description=summary, parents=[everywhere, *more], argument_default=argparse.SUPPRESS
        )
        command.set_defaults(handler=f"agentd.cli.{name}")
        return command

    _add_processes(add, starting)
    _add_people(add)
    _add_sessions(add)
    _add_service(add, starting)
    return parser


def _add_processes(add: _Adder, starting: argparse.ArgumentParser) -> None:
    up = add("up", "Start everything on this machine: relay, daemon, web app; paired and opened.", starting)
    up.add_argument(
        "--public-url",
        metavar="URL",
        help="https address under which a proxy of yours serves the app, for phones elsewhere",
    )
    run = add("run", "Run the daemon alone, against a relay elsewhere.")
    run.add_argument("--relay", metavar="URL", help="address of the relay; remembered")
    run.add_argument("--invite", metavar="CODE", help="invite from the relay's operator; needed once")
    run.add_argument("--demo", action="store_true", help="use the scripted demo model")
    for command in (up, run):
        command.add_argument(
            "--local-decisions",
            action="store_true",
            help="let `agentd approve` and other local programs decide; see docs/threat-model.md",
        )
    add("stop", "Stop the running agentd in order.")
    add("status", "Show what runs: agents, link, devices.")
    doctor = add("doctor", "Probe every hop from here to the model and say what to do about what fails.")
    doctor.add_argument("--copy", action="store_true", help="put the report into the clipboard, too")
    for command in (up, run, doctor):
        command.add_argument("--opencode", type=Path, metavar="FILE", help="the OpenCode binary to run")
    add("whoami", "Show who this machine is: name, id, fingerprint, relay.")


def _add_people(add: _Adder) -> None:
    pair = add("pair", "Show a code and a QR that let an app in.")
    pair.add_argument(
        "--role", choices=("operator", "approver", "viewer"), help="what the app may do (default: operator)"
    )
    devices = add("devices", "List the apps that may direct this machine; revoke, rename, or change the role of one.")
    actions = ("list", "revoke", "rename", "role")
    devices.add_argument("action", nargs="?", default="list", choices=actions, help="default: list")
    devices.add_argument("device", nargs="?", metavar="NAME", help="the app's name, or the beginning of its id")
    devices.add_argument(
        "value", nargs="?", metavar="NEW", help="the new name, or the new role: operator, approver, viewer"
    )
    logout = add("logout", "Forget this machine's identity, devices and log. Sessions stay with the agent.")
    logout.add_argument("--yes", action="store_true", help="do not ask")


def _add_sessions(add: _Adder) -> None:
    sessions = add("sessions", "List sessions, newest first.")
    sessions.add_argument("--all", action="store_true", help="also archived ones and those of subagents")
    prompt = add("prompt", "Say something to an agent and print what it answers.")
    prompt.add_argument("text", metavar="TEXT", help="what to say; - reads it from stdin")
    prompt.add_argument(
        "-s", "--session", metavar="ID", help="which session (default: the newest of this folder; see --new)"
    )
    prompt.add_argument("-n", "--new", action="store_true", help="begin a new session")
    prompt.add_argument("-m", "--model", help="model id, for example anthropic/claude-sonnet-4-5")
    prompt.add_argument("--mode", help="mode id, for example plan")
    prompt.add_argument("--no-wait", dest="wait", action="store_false", help="end as soon as the agent has it")
    watch = add("watch", "Follow what happens, in one session or in all.")
    watch.add_argument("session", nargs="?", metavar="ID", help="only this session")
    watch.add_argument("--only-new", action="store_true", help="do not begin with what is there already")
    approve = add(
        "approve",
        "Decide what an agent waits for; without arguments, list it. Needs an agentd started with --local-decisions.",
    )
    approve.add_argument("permission", nargs="?", metavar="ID", help="the permission's id, or the beginning of it")
    decisions = ("once", "always", "deny")
    approve.add_argument("decision", nargs="?", default="once", choices=decisions, help="default: once")
    approve.add_argument("--message", metavar="TEXT", help="with deny: a word to the agent, which then goes on")
    attach = add("attach", "Open your own OpenCode terminal on the managed server: one conversation with the phone.")
    attach.add_argument("session", nargs="?", metavar="ID", help="session to open (default: OpenCode's choice)")


def _add_service(add: _Adder, starting: argparse.ArgumentParser) -> None:
    service = add("service", "Start agentd at login (systemd user unit on Linux, launchd agent on macOS).", starting)
    service.add_argument("action", choices=("install", "uninstall"))
    service.add_argument(
        "service",
        nargs="?",
        default=None,
        choices=("up", "run"),
        help="what to start (default: run when a relay is configured, else up)",
    )


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Returns the options; ends the process for --help and for a command line that makes no sense."""
    return build().parse_args(arguments, namespace=Options())
