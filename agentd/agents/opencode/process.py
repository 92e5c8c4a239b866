"""The `opencode serve` process: started on a free loopback port, and reaped with all that it started.

A killed server leaves the commands it ran as orphans, in sessions of their own. Two things end them. A warden
(`agents/warden.py`) between agentd and the server ends whatever descends from it, also when agentd itself is killed.
And a mark in the environment, which every descendant inherits, finds at the next start what killed wardens left.
Limits: POSIX; without Linux, a program that clears its environment escapes both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from agentd.agents import warden
from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode import launch
from agentd.agents.opencode.client import Client
from agentd.ended import wait_until_ended
from agentd.private_log import private_log

_log = logging.getLogger(__name__)

_PASSWORD_BYTES = 32
# SIGINT lets OpenCode end its running command; what takes longer is killed.
STOP_SECONDS = 5.0
# What the warden gets beyond that. Longer takes only a process that the kernel itself cannot end yet.
_REAP_SECONDS = 5.0
_SPAWN_SECONDS = 10.0
_POLL_SECONDS = 0.1
# OpenCode listens a moment before it serves, and never answers what it was asked in between: ask again soon, at first.
_FIRST_HEALTH_SECONDS, _HEALTH_SECONDS = 0.5, 5.0
_MARK_BYTES = 16
# How a warden's command line tells it apart, also that of another release.
_WARDEN = "/agents/warden.py"
# What forks while it is looked for is found in the next round.
_REAP_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the managed server is reached."""

    url: str
    password: str


def free_port() -> int:
    """Returns a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class OpenCodeProcess:
    """A running server."""

    def __init__(self, process: asyncio.subprocess.Process, pid: int, endpoint: Endpoint, mark: str) -> None:
        """`process` is the warden; `pid` is the server."""
        self._process = process
        self.pid = pid
        self.endpoint = endpoint
        self.mark = mark
        self.client = Client(endpoint.url, endpoint.password)

    @classmethod
    async def start(cls, binary: Path, folder: Path, environment: Mapping[str, str], log: Path) -> OpenCodeProcess:
        """Starts a server in `folder`; what it prints goes to the file `log`. Raises AgentUnavailableError.

        `environment` is made by `launch.environment`. The server does not answer yet: see `wait_until_healthy`.
        """
        port = free_port()
        try:
            process = await _start_warden(launch.arguments(binary, port), folder, environment, log)
            pid = await _server_pid(process)
        except OSError as error:
            raise AgentUnavailableError(f"OpenCode cannot be started: {error}. Check {binary} and {folder}.") from error
        endpoint = Endpoint(f"http://127.0.0.1:{port}", environment[launch.ACCESS_VARIABLE])
        return cls(process, pid, endpoint, environment[launch.MARK_VARIABLE])

    @property
    def is_running(self) -> bool:
        """Returns whether the process has not ended yet."""
        return self._process.returncode is None

    def memory_bytes(self) -> int:
        """Returns the resident size of the server; 0 when it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    async def wait_until_healthy(self, within: float) -> str:
        """Returns the version as soon as the server answers; raises AgentUnavailableError when it ends or takes too
        long.
        """
        patience = _FIRST_HEALTH_SECONDS
        try:
            async with asyncio.timeout(within):
                while self._process.returncode is None:
                    asked_at = time.monotonic()
                    try:
                        return (await self.client.health(patience)).version
                    except AgentUnavailableError:
                        if time.monotonic() - asked_at >= patience:
                            patience = min(2 * patience, _HEALTH_SECONDS)
                        await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AgentUnavailableError(f"OpenCode did not answer within {within:.0f} s of its start.") from None
        raise AgentUnavailableError(
            f"OpenCode ended right after its start (exit code {self._process.returncode}). Its log says why."
        )

    async def wait(self) -> int:
        """Returns the exit code when the process ends; negative is a signal."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ends the server and everything it started: asked first, killed when it takes too long."""
        await self.client.close()
        await _let_go(self._process)
        await asyncio.to_thread(reap, self.mark)


async def _start_warden(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """Returns the warden that starts the server. -I and -S keep it small: it imports nothing but the interpreter."""
    with private_log(log) as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", warden.__file__, str(STOP_SECONDS), *command),
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )


async def _server_pid(process: asyncio.subprocess.Process) -> int:
    """Returns what the warden tells of the server; OSError when it could not be started."""
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    try:
        async with asyncio.timeout(_SPAWN_SECONDS):
            word, _, rest = (await process.stdout.readline()).decode().strip().partition(" ")
    except BaseException:
        await _let_go(process)
        raise
    if word != "pid":
        await process.wait()
        raise OSError(rest or "its warden ended")
    return int(rest)


async def _let_go(process: asyncio.subprocess.Process) -> None:
    """Makes the warden end everything, and returns when it has."""
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    process.stdin.close()
    try:
        # Not `asyncio.timeout`: in a task that is being cancelled, that of Python 3.11.2 raises no TimeoutError.
        await asyncio.wait_for(process.wait(), STOP_SECONDS + _REAP_SECONDS)
    except TimeoutError:
        _log.warning("What OpenCode started does not end; it is killed once more")
        process.kill()
        await process.wait()


def draw_password() -> str:
    """Returns a password for a server."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def draw_mark() -> str:
    """Returns a mark by which a server and everything it starts is found again, also after agentd was killed."""
    return secrets.token_hex(_MARK_BYTES)


def reap(mark: str) -> int:
    """Kills every process that carries the mark, until none is left; returns how many there were.

    A warden is left to end the rest at first, for it alone finds those whose environment is cleared. psutil compares
    start times before it kills: a pid that came round again is not hit.
    """
    count = 0
    for turn in range(_REAP_ROUNDS):
        wanted = [process for process in psutil.process_iter() if _carries(process, mark)]
        count += len(wanted)
        for process in (one for one in wanted if turn or not _is_warden(one)):
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not wanted:
            break
        wait_until_ended(wanted, _REAP_SECONDS)
    return count


def _is_warden(process: psutil.Process) -> bool:
    try:
        return any(word.endswith(_WARDEN) for word in process.cmdline())
    except psutil.Error:
        return False


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(launch.MARK_VARIABLE) == mark
    except (psutil.Error, OSError):
        return False
