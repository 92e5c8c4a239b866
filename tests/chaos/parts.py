"""The processes under the driver: started, wounded, mended, counted."""

import asyncio
import contextlib
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 20.0
LINE_BYTES = 1 << 26


@dataclass
class Life:
    """From one start of a program to its end."""

    excuses: tuple[str, ...] = ()
    """Last words with which it may end."""
    is_doomed: bool = False
    """Somebody from outside brought its end about."""
    log_begins: int = 0
    """Where in its log it begins."""


class Part:
    """One program. What it prints, line by line of JSON, goes to `heard`; the rest to a file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = tuple(command)
        self.environment = dict(environment)
        self.log = log
        self.process: Process | None = None
        self.starts = 0
        self.ready = asyncio.Event()
        """Set by the first line that it prints."""
        self.told: dict[str, Any] = {}
        """That line."""
        self.starting = asyncio.Lock()
        self.crashes: list[str] = []
        """Each end that nobody from outside had brought about."""
        self.life = Life()
        self.may_end = False
        """It ends by itself once it has done what it is for."""

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self.process.pid if self.is_running and self.process else 0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self, *excuses: str) -> None:
        """Starts it; does not wait until it is ready. Its last words of a former life are lost."""
        self.starts += 1
        self.ready.clear()
        with self.log.open("ab") as log:
            self.life = Life(excuses, log_begins=log.tell())
            self.process = await asyncio.create_subprocess_exec(
                *self.command, env=self.environment, stdin=PIPE, stdout=PIPE, stderr=log, limit=LINE_BYTES
            )

    async def listen(self) -> None:
        """Reads what it prints, for as long as this life of it lasts."""
        process, life = self.process, self.life
        assert process is not None
        assert process.stdout is not None
        while (line := await process.stdout.readline()).endswith(b"\n"):
            said = json.loads(line)
            if not self.ready.is_set():
                self.told = said
                self.ready.set()
            self.heard(said)
        code = await process.wait()
        last_words = self._last_words(life)
        is_done = self.may_end and code == 0
        if not (life.is_doomed or is_done or any(excuse in last_words for excuse in life.excuses)):
            self.crashes.append(f"{self.name} ended by itself (exit code {code}): {last_words}")

    def _last_words(self, life: Life) -> str:
        said = self.log.read_bytes()[life.log_begins :].decode(errors="replace")
        lines = [line for line in said.splitlines() if line.strip(" +-|")]
        return lines[-1].strip(" |") if lines else "without a word"

    def heard(self, said: dict[str, Any]) -> None:
        """Made more of by parts that have more to say."""

    def signal(self, number: signal.Signals) -> bool:
        """Whether there was anybody to send it to."""
        if self.process is None or self.process.returncode is not None:
            return False
        with contextlib.suppress(ProcessLookupError):
            self.life.is_doomed |= number in (signal.SIGKILL, signal.SIGTERM)
            self.process.send_signal(number)
            return True
        return False

    async def gone(self) -> None:
        """Returns when it has ended; kills it when it does not in time, which is an error of its own."""
        if self.process is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"{self.name} did not stop within {STOP_SECONDS} s") from None

    async def kill(self) -> None:
        if self.signal(signal.SIGKILL):
            await self.gone()


def servers_of(agentd_pid: int) -> list[psutil.Process]:
    """What this agentd runs OpenCode by: the wardens that guard it from above first, OpenCode itself last."""
    try:
        below = psutil.Process(agentd_pid).children(recursive=True)
    except psutil.Error:
        return []
    return [child for child in below if _serves(child)]


def _serves(process: psutil.Process) -> bool:
    """Whether it is, or guards, an OpenCode. What one of its tools ran may end while it is looked at."""
    try:
        return {"serve", "--hostname", "--port"} <= set(process.cmdline())
    except psutil.Error:
        return False


def size_of(pid: int) -> tuple[float, int]:
    """(resident MB, open descriptors); zeros when it is gone."""
    try:
        process = psutil.Process(pid)
        return round(process.memory_info().rss / 1e6, 1), process.num_fds()
    except psutil.Error:
        return 0.0, 0
