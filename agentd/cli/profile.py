"""From what was typed to what is meant: the profile's daemon, the folder, the session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentd import config
from agentd.cli.options import Options
from agentd.cli.outcome import CommandError, Exit
from agentd.cli.socket_client import Daemon, connected
from halyard.agent.v1 import agent_service_pb2 as service


@asynccontextmanager
async def daemon(options: Options) -> AsyncIterator[Daemon]:
    """Yields the running agentd of the profile; CommandError when there is none."""
    async with connected(config.load(options.profile).socket_path) as agentd:
        yield agentd


def workspace(options: Options) -> Path:
    """Returns the folder to work in, absolute; CommandError when it is none."""
    folder = (options.workspace or Path()).expanduser().resolve()
    if not folder.is_dir():
        raise CommandError(Exit.MISSING, f"{folder} is not a folder. Name one with -w DIR.")
    return folder


async def session_name(agentd: Daemon, typed: str) -> str:
    """Returns the session typed as "sessions/ID", ID, or the beginning of one; CommandError unless it is just one."""
    everything = service.ListSessionsRequest(include_archived=True, include_children=True, page_size=500)
    names = [session.name for session in (await agentd.agents.ListSessions(everything)).sessions]
    wanted = f"sessions/{typed.removeprefix('sessions/')}"
    found = [wanted] if wanted in names else [name for name in names if name.startswith(wanted)]
    if len(found) != 1:
        how_many = "No session has" if not found else "More than one session has"
        raise CommandError(
            Exit.NOT_FOUND, f"{how_many} an id that begins with {typed!r}. `agentd sessions` lists them."
        )
    return found[0]
