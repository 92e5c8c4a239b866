"""`agentd attach`: the person's own OpenCode terminal, on the managed server: one conversation with the phone.

A second server would not do, because two of them do not hear each other's events.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psutil

from agentd import config
from agentd.agents.opencode.launch import ACCESS_VARIABLE
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import print_json, short_id
from agentd.cli.profile import daemon, session_name, workspace
from halyard.agent.v1 import workstation_service_pb2 as service


@dataclass(frozen=True)
class ManagedServer:
    """The OpenCode that agentd runs."""

    program: Sequence[str]
    """How OpenCode is called: its binary, or an interpreter and its script."""
    url: str
    password: str


async def run(options: Options) -> Exit:
    """Replaces this process by OpenCode; with --json prints the address instead, without the password."""
    if not options.json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "OpenCode's screen needs a terminal, and this is none. With --json, only the address is printed."
        raise CommandError(Exit.USAGE, message)
    async with daemon(options) as agentd:
        pid = (await agentd.workstation.GetStatus(service.GetStatusRequest())).pid
        session = await session_name(agentd, options.session) if options.session else ""
    server = find_server(pid)
    if options.json:
        print_json({"url": server.url, "session": session})
    else:
        _become(server, session, workspace(options))
    return Exit.OK


def _become(server: ManagedServer, session: str, folder: Path) -> NoReturn:
    chosen = ("--session", short_id(session)) if session else ()
    command = [*server.program, "attach", server.url, "--dir", str(folder), *chosen]
    # The password goes by environment: a command line can be read by every user of this machine.
    environment = {**config.environment(), ACCESS_VARIABLE: server.password}
    os.execvpe(command[0], command, environment)  # noqa: S606  # no shell is wanted


def find_server(agentd_pid: int) -> ManagedServer:
    """Returns the OpenCode server among agentd's children; CommandError while there is none.

    Its password is read from the process's own environment, the only place that has it: in a file it could be stolen.
    """
    for child in psutil.Process(agentd_pid).children():
        try:
            server = server_of(child.cmdline(), child.environ())
        except psutil.Error:
            continue
        if server is not None:
            return server
    raise CommandError(Exit.UNAVAILABLE, "OpenCode is not running yet. `agentd status` says how it is; then try again.")


def server_of(command: Sequence[str], environment: dict[str, str]) -> ManagedServer | None:
    """Returns the server that a process with this command line and environment is; None when it is something else."""
    if "serve" not in command or "--port" not in command or ACCESS_VARIABLE not in environment:
        return None
    port = command[command.index("--port") + 1]
    return ManagedServer(command[: command.index("serve")], f"http://127.0.0.1:{port}", environment[ACCESS_VARIABLE])
