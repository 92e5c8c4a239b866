"""The `opencode serve` process: started on a free loopback port, in a process group of its own, and reaped with all
its children.

A killed server leaves the commands it ran as orphans, some in process groups of their own. What finds them is a mark
in the environment that every descendant inherits. Limits: POSIX; a program that clears its environment escapes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode import launch
from agentd.agents.opencode.client import Client

_log = logging.getLogger(__name__)

_PASSWORD_BYTES = 32
# SIGINT lets OpenCode end its running command; what takes longer is killed.
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.1
_HEALTH_SECONDS = 5.0
_MARK_BYTES = 16


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

    def __init__(self, process: asyncio.subprocess.Process, endpoint: Endpoint, mark: str) -> None:
        self._process = process
        self.endpoint = endpoint
        self.mark = mark
        self.client = Client(endpoint.url, endpoint.password)

    @classmethod
    async def start(cls, binary: Path, folder: Path, environment: Mapping[str, str], log: Path) -> OpenCodeProcess:
        """Starts a server in `folder`; what it prints goes to the file `log`. Raises AgentUnavailableError.

        `environment` is made by `launch.environment`. The server does not answer yet: see `wait_until_healthy`.
        """
        port = free_port()
        with log.open("ab") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *launch.arguments(binary, port),
                    cwd=folder,
                    env=dict(environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                raise AgentUnavailableError(
                    f"OpenCode cannot be started: {error}. Check {binary} and {folder}."
                ) from error
        endpoint = Endpoint(f"http://127.0.0.1:{port}", environment[launch.ACCESS_VARIABLE])
        return cls(process, endpoint, environment[launch.MARK_VARIABLE])

    @property
    def pid(self) -> int:
        """Returns the process id, which is also the id of its group."""
        return self._process.pid

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
        try:
            async with asyncio.timeout(within):
                while self._process.returncode is None:
                    try:
                        return (await self.client.health(_HEALTH_SECONDS)).version
                    except AgentUnavailableError:
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
        """Ends the server and everything it started, in order: SIGINT, then SIGKILL to the whole group."""
        await self.client.close()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                _log.warning("OpenCode did not stop when asked and is killed")
        await asyncio.to_thread(reap, self.mark)
        await self._process.wait()


def draw_password() -> str:
    """Returns a password for a server."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def draw_mark() -> str:
    """Returns a mark by which a server and everything it starts is found again, also after agentd was killed."""
    return secrets.token_hex(_MARK_BYTES)


def reap(mark: str) -> int:
    """Kills every process that carries the mark; returns how many there were."""
    wanted = [process for process in psutil.process_iter() if _carries(process, mark)]
    for process in wanted:
        try:
            process.kill()
        except psutil.Error:
            continue
    return len(wanted)


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(launch.MARK_VARIABLE) == mark
    except (psutil.Error, OSError):
        return False
