"""The relay that `agentd up` keeps on this machine: a child process, started again when it ends, stopped in the end.

Its counterpart is `relay serve --json`, which prints one line of JSON once it listens. The child has a session of its
own, so that Ctrl+C in the terminal reaches only agentd, which stops things in order: the links first, then the relay.
Its stdin is a pipe of which only agentd holds the other end: when agentd is killed, the relay stops by itself.
"""

import asyncio
import contextlib
import json
import logging
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from agentd.ended import has_ended, wait_until_ended
from agentd.errors import RelayDamagedError, RelayFailedError
from agentd.private_log import private_log
from agentd.storage import is_full
from wire.backoff import Backoff

logger = logging.getLogger(__name__)

DAMAGED = 3
"""Exit code of a relay whose store is damaged: relay/main.py."""
READY_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class RelayReady:
    """Where a relay listens: `http` is its address on this machine, `grpc` is HOST:PORT, `origin` is in tokens."""

    http: str
    grpc: str
    origin: str
    pid: int


@dataclass(frozen=True)
class RelayCommand:
    """How to start the relay. Port 0 takes any; `settled` fixes what was taken, so that a restart comes back to it."""

    data: Path
    log: Path
    environment: dict[str, str]
    http_port: int = 0
    grpc_port: int = 0
    public_url: str = ""
    admitted: str = ""
    """Device id that needs no invite; on a relay that only this machine reaches, none does."""

    def arguments(self) -> Sequence[str]:
        """Returns the command line."""
        serve = [sys.executable, "-m", "relay.main", "serve", "--json", "--until-stdin-closes"]
        where = [
            "--data",
            str(self.data),
            "--http",
            f"127.0.0.1:{self.http_port}",
            "--grpc",
            f"127.0.0.1:{self.grpc_port}",
        ]
        # A public address means that a proxy of the person's own ends TLS in front of the loopback port.
        proxied = ["--public-url", self.public_url, "--behind-tls-proxy", "--admit", self.admitted]
        return [*serve, *where, *(proxied if self.public_url else [])]

    def settled(self, address: RelayReady) -> "RelayCommand":
        """Returns the command that comes back to `address`."""
        http_port, grpc_port = (int(url.rpartition(":")[2]) for url in (address.http, address.grpc))
        return replace(self, http_port=http_port, grpc_port=grpc_port)


def _unheard(_address: RelayReady) -> None:
    pass


@dataclass
class RelayChild:
    """A running relay and what it takes to start it again."""

    command: RelayCommand
    process: asyncio.subprocess.Process
    address: RelayReady
    damage: RelayDamagedError | None = None
    """Why it is not started again."""

    async def keep(self, started: Callable[[RelayReady], object] = _unheard) -> None:
        """Starts the relay again whenever it ends, at the same address; `started` hears each time.

        Returns only when its store is damaged: a person must see to that, and `damage` tells how.
        """
        backoff = Backoff().connected(asyncio.get_running_loop().time())
        while True:
            code = await self.process.wait()
            if code == DAMAGED:
                self.damage = _damaged(self.command.log)
                return
            delay, backoff = backoff.failed(asyncio.get_running_loop().time(), random.random())  # noqa: S311  # jitter
            logger.warning(
                "The relay ended with code %s; starting it again in %.1f s. Its words: %s",
                code,
                delay,
                self.command.log,
            )
            await asyncio.sleep(delay)
            try:
                self.process, self.address = await _start(self.command)
            except RelayDamagedError as error:
                self.damage = error
                return
            except RelayFailedError as error:
                logger.warning("%s", error)
                continue
            backoff = backoff.connected(asyncio.get_running_loop().time())
            started(self.address)


@contextlib.asynccontextmanager
async def running(command: RelayCommand) -> AsyncIterator[RelayChild]:
    """Yields a relay that listens; stops it in the end. Raises RelayFailedError when it does not come up."""
    process, address = await _start(command)
    child = RelayChild(command.settled(address), process, address)
    try:
        yield child
    finally:
        await _stop(child.process)


async def _start(command: RelayCommand) -> tuple[asyncio.subprocess.Process, RelayReady]:
    await asyncio.to_thread(reap_orphan, command.data)
    with private_log(command.log) as log:
        process = await asyncio.create_subprocess_exec(
            *command.arguments(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=command.environment,
            start_new_session=True,
        )
    try:
        address = await _ready_line(process, command.log)
    except BaseException:
        await _stop(process)
        raise
    _pid_file(command.data).write_text(
        json.dumps({"pid": process.pid, "create_time": psutil.Process(process.pid).create_time()})
    )
    return process, address


async def _ready_line(process: asyncio.subprocess.Process, log: Path) -> RelayReady:
    assert process.stdout is not None  # noqa: S101  # PIPE was asked for
    try:
        async with asyncio.timeout(READY_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise RelayFailedError(f"The relay was not ready after {READY_SECONDS:.0f} seconds; see {log}.") from error
    if not line and await process.wait() == DAMAGED:
        raise _damaged(log)
    if not line:
        # On a full disk there was no room for its words either.
        words = "its disk is full. Make room, then try again." if is_full(log) else _last_words(log)
        raise RelayFailedError(f"The relay did not start: {words} (all of it: {log})")
    told = json.loads(line)
    return RelayReady(http=told["http"], grpc=told["grpc"], origin=told["origin"], pid=process.pid)


def _damaged(log: Path) -> RelayDamagedError:
    return RelayDamagedError(f"{_last_words(log)} Then start `agentd up` again; sessions and pairings are not touched.")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        # Not `asyncio.timeout`: in a task that is being cancelled, that of Python 3.11.2 raises no TimeoutError.
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        logger.warning(
            "The relay did not stop within %.0f s and is killed; its store is safe against that.", STOP_SECONDS
        )
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _pid_file(data: Path) -> Path:
    return data / "relay.pid"


def reap_orphan(data: Path) -> None:
    """Stops the relay of an agentd that was killed: two must not share a store, nor the new one lose its port."""
    try:
        noted = json.loads(_pid_file(data).read_text())
        orphan = psutil.Process(noted["pid"])
        # Pids come round again; only the same pid with the same birth is the same process.
        if orphan.create_time() != noted["create_time"] or has_ended(orphan):
            return
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return
    logger.info("Stopping the relay that a killed agentd left behind (pid %s).", orphan.pid)
    with contextlib.suppress(psutil.NoSuchProcess):
        orphan.terminate()
        if wait_until_ended([orphan], STOP_SECONDS):
            orphan.kill()
