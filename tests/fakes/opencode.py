"""The real OpenCode behind the real adapter, with the scripted model instead of an intelligent one.

`Rig` is what tests of the adapter and flows across processes share. Nothing here reads or writes the person's own
OpenCode: home and data live in a scratch folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from agentd.agents.agent import PromptOrder, StartOrder
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.opencode.follower import Following
from agentd.agents.opencode.life import Settings
from agentd.agents.opencode.room import GONE_DETAIL
from agentd.agents.supervision import Policy
from agentd.demo.provider import opencode_config
from agentd.demo.scenarios import SCENARIOS
from agentd.demo.script import AnyStep, Call, Conversation, Say, Script, Turn
from agentd.demo.server import ModelServer
from halyard.agent.v1 import decision_pb2, session_pb2, workstation_pb2
from tests.fakes.journal import WAIT_SECONDS, MemoryJournal

ROOT = Path(__file__).resolve().parents[2]
NO_MODELS = Path(__file__).with_name("no_models.json")
INSTALL = "OpenCode is missing: run `npm ci` in the project's folder, or `npm install -g opencode-ai@1`."
READY = workstation_pb2.AGENT_STATE_READY
IDLE = session_pb2.SESSION_STATE_IDLE
_STOP_SECONDS = 20.0
# Quick enough for tests; the product's own are in the classes' defaults.
QUICK = Policy(health_interval=0.5, health_timeout=5.0, backoff_first=0.1, backoff_most=0.5)


def find_opencode(named: Path | None = None) -> Path:
    """The OpenCode to test with: the one named, this checkout's, or the one on PATH. Fails the test when there is
    none.
    """
    beside = ROOT / "node_modules" / ".bin" / "opencode"
    found = named or (beside if beside.exists() else None) or shutil.which("opencode")
    if found is None:
        pytest.fail(INSTALL, pytrace=False)
    return Path(found)


def environment(home: Path) -> dict[str, str]:
    """An environment in which OpenCode finds nobody's settings and asks no network.

    It knows no model but those that its configuration defines: reading its catalogue of everybody's models costs a
    second and a half of processor time at each start.
    """
    return {
        "PATH": f"{Path(shutil.which('git') or '/usr/bin/git').parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_MODELS_PATH": str(NO_MODELS),
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    }


def person(home: Path, configuration: Mapping[str, object] | None = None) -> Path:
    """A home whose owner has configured OpenCode, and used it before.

    At its first start OpenCode installs its plugin interface from npm, in the background, unless a lock file says that
    it did. That is nothing tests need: it takes seconds of processor time, the network, and as long as it lasts the
    server does not end when it is interrupted.
    """
    folder = home / ".config" / "opencode"
    (folder / "node_modules").mkdir(parents=True)
    lock = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "opencode.json").write_text(json.dumps(configuration or {}))
    return home


def repository(folder: Path, files: dict[str, str] | None = None) -> Path:
    """A Git repository with these files committed. OpenCode names a project by its first commit, so each gets its
    own.
    """
    folder.mkdir(parents=True)
    for name, text in {"README.md": f"# {folder}\n", **(files or {})}.items():
        (folder / name).write_text(text)
    who = ("-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", str(folder))):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return folder.resolve()


def turn(*steps: AnyStep) -> Turn:
    return Turn(steps=steps)


def says(text: str) -> Turn:
    return turn(Say(say=text))


def calls(tool: str, **arguments: str) -> Turn:
    return turn(Call(call=tool, arguments={**arguments}))


def runs(command: str) -> Turn:
    return calls("bash", command=command, description="Runs it")


def scripted(*turns: Turn, words: str = "Do it.") -> str:
    """A prompt that makes the scripted model answer with these turns."""
    return f"{words}\n{Script(turns=turns).directive()}"


@dataclass
class Running:
    """A coroutine that runs beside the test until it is stopped. The fixture that starts it owns it."""

    _task: asyncio.Task[None]

    @classmethod
    def start(cls, coroutine: Coroutine[object, object, None]) -> Running:
        return cls(asyncio.get_running_loop().create_task(coroutine))

    async def stop(self) -> None:
        """Cancels it and passes on what it failed with."""
        self._task.cancel()
        async with asyncio.timeout(_STOP_SECONDS):
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


@dataclass
class Rig:
    """A running adapter and what a test needs beside it."""

    model: ModelServer
    settings: Settings
    journal: MemoryJournal
    agent: OpenCodeAgent
    folder: Path
    asked: list[Conversation] = field(default_factory=list)
    running: Running | None = None
    sessions: int = 0
    newest: dict[str, str] = field(default_factory=dict)
    """Session → the message id of its newest prompt."""

    @property
    def pid(self) -> int:
        """The process id of the running OpenCode; 0 while there is none."""
        return self.agent._current.process.pid if self.agent._current else 0

    async def start(self) -> None:
        """Starts the adapter and waits until it can be asked."""
        self.running = Running.start(self.agent.run(self.journal))
        await self.agent.ready()

    async def stop(self) -> None:
        if self.running is not None:
            running, self.running = self.running, None
            await running.stop()

    async def again(self) -> None:
        """Begins another life of agentd with the same journal, as after a restart."""
        await self.stop()
        self.agent = OpenCodeAgent(self.settings)
        await self.start()

    async def session(self, title: str = "") -> str:
        self.sessions += 1
        order = StartOrder(folder=self.folder, token=f"{id(self):x}{self.sessions:x}", title=title)
        return (await self.agent.start_session(order)).name.removeprefix("sessions/")

    def order(self, session_id: str, text: str) -> PromptOrder:
        self.newest[session_id] = self.agent.draw_message_id(time.time_ns() // 1_000_000)
        return PromptOrder(session_id, self.newest[session_id], text)

    async def prompt(self, session_id: str, *turns: Turn, words: str = "Do it.") -> PromptOrder:
        order = self.order(session_id, scripted(*turns, words=words))
        await self.agent.prompt(order)
        return order

    async def until(self, holds: Callable[[MemoryJournal], bool], what: str) -> None:
        await self.journal.until(holds, what)

    async def idle(self, session_id: str, state: session_pb2.SessionState = IDLE) -> None:
        """Waits until the turn of the newest prompt has ended this way."""
        prompt = f"sessions/{session_id}/messages/{self.newest[session_id]}"

        def over(journal: MemoryJournal) -> bool:
            answered = any(message.answers == prompt for message in journal.messages(session_id))
            return journal.session(session_id).state == state and (answered or state != IDLE)

        await self.until(over, f"session {session_id} in state {session_pb2.SessionState.Name(state)}")

    async def ask(self, session_id: str, *turns: Turn) -> session_pb2.Session:
        """Prompts and waits for the end of the turn."""
        await self.prompt(session_id, *turns)
        await self.idle(session_id)
        return self.journal.session(session_id)

    async def permission(self, session_id: str) -> decision_pb2.Permission:
        """Waits until the session asks for a permission and returns it."""

        def asked(journal: MemoryJournal) -> list[str]:
            return [n for n in journal.pending() if n.startswith(f"sessions/{session_id}/permissions/")]

        await self.until(lambda journal: bool(asked(journal)), f"a permission of {session_id}")
        return self.journal.permissions[asked(self.journal)[0]]

    async def question(self, session_id: str) -> decision_pb2.Question:
        """Waits until the session asks a question and returns it."""

        def asked(journal: MemoryJournal) -> list[str]:
            return [n for n in journal.pending() if n.startswith(f"sessions/{session_id}/questions/")]

        await self.until(lambda journal: bool(asked(journal)), f"a question of {session_id}")
        return self.journal.questions[asked(self.journal)[0]]

    async def run_a_command(self) -> tuple[str, psutil.Process]:
        """A session whose command runs until it is ended, and the process that it is."""
        session = await self.session()
        program = ["sleep", str(1000 + self.sessions)]
        await self.prompt(session, runs(f"echo started; exec {' '.join(program)}"), says("Never."))
        await self.allow(await self.permission(session))
        await self.until(lambda j: "started" in j.calls(session)[0].output, "the command to start")
        found: list[psutil.Process] = []
        async with asyncio.timeout(WAIT_SECONDS):
            # The shell is about to become it.
            while not found:
                await asyncio.sleep(0.02)
                found = [child for child in self.family() if _command_line(child) == program]
        return session, found[0]

    def family(self) -> list[psutil.Process]:
        """The running OpenCode, and everything it started."""
        server = psutil.Process(self.pid)
        return [server, *server.children(recursive=True)]

    async def another_life(self, former_pid: int) -> None:
        """Waits until another OpenCode than this one can be asked."""
        await self.until(lambda j: j.agent.state == READY and self.pid not in (0, former_pid), "another life")

    async def marked_gone(self, session_id: str) -> None:
        """Waits until the session says that OpenCode has lost it."""
        await self.until(lambda j: j.session(session_id).state_detail == GONE_DETAIL, f"{session_id} to be marked")
        assert self.journal.session(session_id).state == session_pb2.SESSION_STATE_FAILED

    async def allow(self, permission: decision_pb2.Permission) -> None:
        await self.agent.decide(permission.name, decision_pb2.DECISION_STATE_ALLOWED_ONCE, "")


@contextlib.asynccontextmanager
async def rig(
    scratch: Path, opencode: Path, *, policy: Policy = QUICK, following: Following | None = None
) -> AsyncIterator[Rig]:
    """A running adapter on a repository of its own in `scratch`."""
    home = person(scratch / "home")
    asked: list[Conversation] = []
    async with ModelServer(SCENARIOS, asked.append).serving() as model:
        settings = Settings(
            binary=opencode,
            folder=repository(scratch / "project"),
            log=scratch / "opencode.log",
            environment=environment(home),
            extra_config=opencode_config(model.base_url),
            policy=policy,
            following=following or Following(),
        )
        made = Rig(model, settings, MemoryJournal(), OpenCodeAgent(settings), settings.folder, asked)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def prompts_seen(asked: Sequence[Conversation], words: str) -> int:
    """How many prompts with these words the model was asked to answer for the first time."""
    return sum(c.turn_index == 0 and bool(c.tools) and words in c.prompt for c in asked)
