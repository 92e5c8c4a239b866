"""An app in its process, as the driver knows it: what its person saw, over all its lives."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from halyard.agent.v1 import resource_pb2
from tests.chaos.choices import Choice, Tap
from tests.chaos.histories import PartLook, SessionLook, illegal_parts, illegal_sessions
from tests.chaos.parts import Part

DUMP_SECONDS = 20.0


@dataclass
class Seen:
    """What the person in front of one app was shown, from the beginning."""

    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Call id → the last that was shown of it, in the order in which they were made."""
    call_histories: dict[str, list[str]] = field(default_factory=dict)
    deliveries: dict[str, list[str]] = field(default_factory=dict)
    """Call id of a prompt → every state in which it was shown."""
    asks: dict[str, list[str]] = field(default_factory=dict)
    """Name of a permission or question → every state in which it was shown."""
    tapped: dict[str, Choice] = field(default_factory=dict)
    """Name of a permission or question → what its person chose about it."""
    cursors: list[tuple[str, int]] = field(default_factory=list)
    """Where in the log the app was, each time it moved: (epoch, through)."""
    messages: dict[str, list[str]] = field(default_factory=dict)
    """Name of a message → every state in which it was shown."""
    answers: set[str] = field(default_factory=set)
    """Which of them are the agent's."""
    parts: dict[str, PartLook] = field(default_factory=dict)
    """Name of a part → how it was shown last."""
    sessions: dict[str, SessionLook] = field(default_factory=dict)
    """Name of a session → how it was shown last."""
    details: dict[str, str] = field(default_factory=dict)
    """Name of a session → the longest that was ever said of its state."""
    backwards: list[str] = field(default_factory=list)
    """What was shown otherwise than it may follow on what was shown before."""

    def takes(self, said: dict[str, Any], app: str, life: int) -> bool:
        """Takes over what an app told in its how-manieth life; False when it is no news of its screen."""
        match said:
            case {"call": call_id}:
                self.calls[call_id] = said
                _append(self.call_histories.setdefault(call_id, []), said["state"])
            case {"shown": key, "state": state}:
                _append(self.deliveries.setdefault(key, []), state)
            case {"ask": name, "state": state}:
                _append(self.asks.setdefault(name, []), state)
            case {"tapped": name, "chose": [outcome, message, answers]}:
                self.tapped[name] = Choice(outcome, message, tuple(tuple(values) for values in answers))
            case {"at": [epoch, through]}:
                self.cursors.append((epoch, through))
            case {"message": name, "state": state, "role": role}:
                _append(self.messages.setdefault(name, []), state)
                if role == "AGENT":
                    self.answers.add(name)
            case {"part": name, "state": state, "tool": tool, "words": words}:
                self._saw_part(name, PartLook(state, tool, words, life), app)
            case {"session": name, "state": state, "detail": detail, "title": title, "counts": counts}:
                self._saw_session(name, SessionLook(state, detail, title, tuple(counts)), app)
            case {"backwards": what}:
                self.backwards.append(f"{app}: {what}")
            case _:
                return False
        return True

    def taps(self, app: str) -> list[Tap]:
        """Its decisions and answers, in the order in which they were made."""
        return [
            Tap(app, call["call"], call["about"], self.tapped[call["about"]], call["state"], call["reason"])
            for call in self.calls.values()
            if call.get("about")
        ]

    def _saw_part(self, name: str, look: PartLook, app: str) -> None:
        """Judged at once: a part is looked at with each word, and only the last look is kept."""
        former = self.parts.get(name, look)
        self.parts[name] = look
        self.backwards += [f"{app}: {what}" for what in illegal_parts(name, [former, look])]

    def _saw_session(self, name: str, look: SessionLook, app: str) -> None:
        looks = [*filter(None, [self.sessions.get(name)]), look]
        self.sessions[name] = look
        self.details[name] = max(self.details.get(name, ""), look.detail, key=len)
        self.backwards += [f"{app}: {what}" for what in illegal_sessions(name, looks)]


@dataclass(frozen=True)
class Dump:
    """Everything that an app shows."""

    resources: tuple[resource_pb2.Resource, ...]
    differs_from_disk: tuple[str, ...]


class AppRemote(Part):
    """See the module."""

    def __init__(self, number: int, python: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.number = number
        self._python = python
        self.store = folder / f"app{number}.sqlite"
        super().__init__(f"app{number}", (), environment, folder / f"app{number}.log")
        self.seen = Seen()
        self.opened: list[str] = []
        self.decides: dict[str, dict[str, Any]] = {}
        self.paired = asyncio.Event()
        self.changed = asyncio.Event()
        self._now: dict[str, Any] = {}
        self._dumps: dict[int, asyncio.Future[Dump]] = {}
        self._number_of_dumps = 0

    def route(self, port: int, to: int) -> None:
        """Where it finds what it believes to be at `port`."""
        module = ("-m", "tests.chaos.app_process")
        self.command = (self._python, *module, str(self.store), json.dumps({port: to}))

    async def start(self, *excuses: str) -> None:
        self._now = {}
        await super().start(*excuses)
        self.say({"open": self.opened})
        self.say({"decides": self.decides})

    def say(self, what: dict[str, Any]) -> None:
        """Tells the person at it what to do; lost when it is dead, as is all that nobody saw acknowledged."""
        if self.process is not None and self.process.stdin is not None and self.is_running:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")

    def open(self, sessions: list[str]) -> None:
        """Has these sessions on screen, and no other."""
        self.opened = sessions
        self.say({"open": sessions})

    def decide(self, decides: dict[str, dict[str, Any]]) -> None:
        """From now on, decides like this."""
        self.decides = decides
        self.say({"decides": decides})

    async def dump(self) -> Dump | None:
        """Everything that it shows now; None when it cannot be asked."""
        self._number_of_dumps += 1
        answer: asyncio.Future[Dump] = asyncio.get_running_loop().create_future()
        self._dumps[self._number_of_dumps] = answer
        self.say({"dump": self._number_of_dumps})
        try:
            async with asyncio.timeout(DUMP_SECONDS):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._dumps.clear()

    @property
    def unsettled(self) -> str:
        """Why it is not at rest; empty when it is."""
        stands = self._now.get("stands", {})
        if not self.is_running or not self.ready.is_set():
            return f"{self.name} does not run"
        if self._now.get("links") != ["online"]:
            return f"{self.name} is not linked: {self._now.get('links')}"
        if not stands.get("is_there") or not stands.get("caught_up"):
            return f"{self.name} is not caught up: {stands}"
        if self._now.get("open_calls") != 0:
            waiting = [call for call in self.seen.calls.values() if call["state"] in _OPEN]
            return f"{self.name} has {self._now.get('open_calls')} open calls: {waiting[-3:]}"
        pending = [name for name, states in self.seen.asks.items() if states[-1] == "PENDING"]
        return f"{self.name} is asked: {pending}" if pending else ""

    @property
    def warning(self) -> str:
        return str(self._now.get("stands", {}).get("warning", ""))

    def heard(self, said: dict[str, Any]) -> None:
        self.changed.set()
        if self.seen.takes(said, self.name, self.starts):
            return
        match said:
            case {"paired": _}:
                self.paired.set()
            case {"dump": number, "resources": resources, "differs_from_disk": differing}:
                found = tuple(resource_pb2.Resource.FromString(b64decode(one)) for one in resources)
                answer = self._dumps.get(number)
                if answer is not None and not answer.done():
                    answer.set_result(Dump(found, tuple(differing)))
            case _:
                self._now |= said


_OPEN = ("ON_DEVICE", "AT_RELAY", "AT_WORKSTATION")


def _append(history: list[str], state: str) -> None:
    if not history or history[-1] != state:
        history.append(state)
