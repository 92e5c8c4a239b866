"""What a person has, as real processes: a relay, agentd with its OpenCode, and a scripted model in this process.

The model alone is ours, so that a test can hold an answer half-way (`Hold`) and let it go on.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from agentd.demo.provider import opencode_config
from agentd.demo.scenarios import SCENARIOS
from agentd.demo.script import Conversation
from agentd.demo.server import ModelServer
from agentd.ended import has_ended
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import environment, find_opencode, person, repository
from tests.fakes.relay_process import RunningRelay, relay_process

START_SECONDS = 60.0
STOP_SECONDS = 30.0
AGENTD = (sys.executable, "-m", "agentd.main")
# Gives the command a terminal of its own: to agentd's socket, a person is who has one.
IN_A_TERMINAL = (sys.executable, "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)")


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, object]:
        """The one line of JSON that it printed."""
        told: dict[str, object] = json.loads(self.out)
        return told


@dataclass
class Workstation:
    """agentd as a process, that can be stopped, killed and started again on the same state."""

    folder: Path
    project: Path
    environment: Mapping[str, str]
    relay: RunningRelay
    arguments: tuple[str, ...] = ()
    process: Process | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "state" / "default" / "agentd.sock"

    async def start(self) -> None:
        """Starts agentd and waits until its agent can be asked."""
        with (self.folder / "agentd.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *AGENTD,
                *("run", "--json", "-w", str(self.project), "--relay", self.relay.origin),
                *("--opencode", str(find_opencode()), *self.arguments),
                env=self.environment,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await self.process.stdout.readline()
        assert line, (self.folder / "agentd.log").read_text()

    async def stop(self) -> None:
        """As Ctrl+C does."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self.process.wait()
            except TimeoutError:
                await self.kill()
                raise

    async def kill(self) -> None:
        """As a power cut does, except that the machine and what agentd started stay up."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def command(self, *arguments: str, terminal: bool = False) -> Done:
        """Runs `agentd …` to its end, as a program or as a person in a terminal."""
        process = await self.open(*arguments, terminal=terminal)
        async with asyncio.timeout(START_SECONDS):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def open(self, *arguments: str, terminal: bool = False) -> Process:
        """Starts `agentd …`."""
        return await asyncio.create_subprocess_exec(
            *(IN_A_TERMINAL if terminal else ()),
            *AGENTD,
            *arguments,
            cwd=self.project,
            env=self.environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )

    @asynccontextmanager
    async def pairing(self, role: str = "operator") -> AsyncIterator[str]:
        """The code that `agentd pair`, typed in a terminal, shows; leave it when somebody was let in by it."""
        process = await self.open("pair", "--json", "--role", role, terminal=True)
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            shown = json.loads(await process.stdout.readline())
            assert "code" in shown, shown
            yield shown["code"]["code"]
            await process.communicate()
        assert process.returncode == 0

    async def pair(self, name: str, role: str = "operator") -> AppLink:
        """An app that has just been let in."""
        async with self.pairing(role) as code:
            return await AppLink.pair(self.relay.http, code, display_name=name)


@dataclass
class Stack:
    """Everything together."""

    model: ModelServer
    relay: RunningRelay
    workstation: Workstation
    asked: list[Conversation] = field(default_factory=list)
    """What the model was asked, in order."""

    def times_asked(self, words: str) -> int:
        """How often the model was asked to begin an answer to a prompt with these words."""
        return sum(bool(c.tools) and c.turn_index == 0 and words in c.prompt for c in self.asked)


@asynccontextmanager
async def running_stack(
    folder: Path, *arguments: str, served: AbstractAsyncContextManager[RunningRelay] | None = None
) -> AsyncIterator[Stack]:
    """A relay, a model and a workstation, in `folder`; nothing of it is left in the end. `served`: which relay."""
    asked: list[Conversation] = []
    served = served or relay_process(folder / "relay")
    async with served as relay, ModelServer(SCENARIOS, asked.append).serving() as model:
        home = person(folder / "home", opencode_config(model.base_url))
        project = repository(folder / "project", {"note.txt": "one\n"})
        workstation = Workstation(folder, project, surroundings(home, folder / "state"), relay, arguments)
        await workstation.start()
        try:
            yield Stack(model, relay, workstation, asked)
        finally:
            await workstation.stop()


def surroundings(home: Path, state: Path) -> dict[str, str]:
    """An environment in which neither agentd nor OpenCode finds anything of whoever runs the tests."""
    return {**environment(home), "HALYARD_STATE_DIR": str(state)}


def family_of(pid: int) -> list[psutil.Process]:
    """All processes that descend from this one, right now."""
    return psutil.Process(pid).children(recursive=True)


async def all_gone(family: list[psutil.Process]) -> None:
    """Returns once none of them runs any more; TimeoutError when some go on."""
    async with asyncio.timeout(STOP_SECONDS):
        while not all(map(has_ended, family)):  # noqa: ASYNC110 - the process table wakes nobody
            await asyncio.sleep(0.05)


def left_running(marker: str) -> list[str]:
    """Command lines of live processes whose environment or arguments name `marker` (a scratch folder)."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join([*process.cmdline(), *process.environ().values()])
            if marker in told and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
