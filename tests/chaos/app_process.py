"""`python -m tests.chaos.app_process STORE ROUTES`: an app without a screen, in a process of its own.

The app's own store, device, link and reducers; what a person does comes in as lines of JSON, what a person sees goes
out as such. ROUTES is a JSON object {"port": port}: this process reaches the relay through the driver's proxy while it
calls it by its own address, as a name server might have it.

In:  {"pair": {"relay", "code", "name"}} · {"say": {"session" | "project", "text"}} · {"open": [session]} ·
     {"decides": {token: {"allow", "delay", "word"}}} · {"delete" | "stop": session} · {"looks": bool} ·
     {"dump": number}
Out: see `AppRemote`, which reads it.
"""

import asyncio
import json
import sqlite3
import sys
import time
from base64 import b64encode
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from app_flet import intents, pairing
from app_flet.device import Device
from app_flet.links import keep_links
from app_flet.model import FIRST_MESSAGES
from app_flet.reduce import lies_inside
from app_flet.store import Store
from halyard_client.halyard.agent import v1
from tests.chaos.app_eyes import Eyes
from tests.chaos.hastened import hasten_app
from tests.chaos.screen_comparison import unlike_disk, unlike_records
from tests.chaos.words import colour_for, token_in
from wire.pairing import parse_code


class RoutedLoop(asyncio.SelectorEventLoop):
    """Connects to another port of this machine than it is told."""

    routes: dict[int, int]

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        return await super().create_connection(protocol_factory, host, self.routes.get(port, port), **options)


class Person:
    """Does what it is told, and decides what it was told to."""

    def __init__(self, device: Device, disk: Path, group: asyncio.TaskGroup) -> None:
        self._device = device
        self._disk = disk
        self._group = group
        self._decides: dict[str, dict[str, Any]] = {}
        self._decided: set[str] = set()
        self._beginnings: list[str] = []
        """Prompts that are to begin a session, while there is no project to begin it in."""
        self._opened: list[str] = []
        self._screens: Counter[str] = Counter()
        """How many show each of them."""
        self._eyes = Eyes(device, self._opened, tell)
        self._changed = asyncio.Event()
        device.listen(self._changed.set)
        device.lookers.came(self)

    async def look(self) -> None:
        """Tells what is on screen, and acts on it, each time it has changed."""
        while True:
            self._eyes.look()
            self._begin()
            self._decide()
            await self._changed.wait()
            self._changed.clear()
            # What a person can tell apart: the states of one frame are seen together.
            await asyncio.sleep(0.01)

    async def do(self, told: dict[str, Any]) -> None:
        match told:
            case {"pair": {"relay": relay, "code": code, "name": name}}:
                await self._pair(relay, code, name)
            case {"say": {"session": session, "text": text}}:
                self._turn_to(session)
                self._device.call(self._workstation, intents.prompt(session, text))
            case {"say": {"text": text}}:
                self._beginnings.append(text)
                self._changed.set()
            case {"open": sessions}:
                self._open(sessions)
            case {"decides": decides}:
                self._decides |= decides
                self._changed.set()
            case {"stop": session}:
                self._device.call(self._workstation, intents.interrupt(session))
            case {"delete": session}:
                self._device.call(self._workstation, intents.delete_session(session))
            case {"looks": True}:
                self._device.lookers.came(self)
                self._device.hurry()
            case {"looks": False}:
                self._device.lookers.left(self)
            case {"dump": number}:
                self._dump(number)

    @property
    def _workstation(self) -> str:
        return next(iter(self._device.followings))

    async def _pair(self, relay: str, code: str, name: str) -> None:
        guise = pairing.Guise(name, "test")
        met = await pairing.pair(relay, parse_code(code), self._device.identity, guise, now_ms)
        tell({"paired": self._device.paired(met)})

    def _open(self, sessions: list[str]) -> None:
        for gone in [session for session in self._opened if session not in sessions]:
            self._opened.remove(gone)
            for _ in range(self._screens.pop(gone)):
                self._device.close_session(self._workstation, gone)
        for session in [session for session in sessions if session not in self._opened]:
            self._opened.append(session)
            self._turn_to(session)

    def _turn_to(self, session: str) -> None:
        """Another screen shows an opened session, on top: only what is on top streams."""
        if session in self._opened:
            self._screens[session] += 1
            self._device.open_session(self._workstation, session)

    def _begin(self) -> None:
        project = self._eyes.project()
        while project and self._beginnings:
            self._device.call(self._workstation, intents.start_session(project, self._beginnings.pop(0)))

    def _decide(self) -> None:
        for held in self._eyes.asks():
            ask = held.resource.permission or held.resource.question
            token = token_in(self._eyes.words_of(held))
            if ask is None or ask.state is not v1.DecisionState.PENDING or token not in self._decides:
                continue
            if held.name not in self._decided:
                self._decided.add(held.name)
                self._group.create_task(self._decide_late(held.name, self._decides[token]))

    async def _decide_late(self, name: str, decide: dict[str, Any]) -> None:
        await asyncio.sleep(decide["delay"])
        resource = self._eyes.resource(name)
        ask = resource and (resource.permission or resource.question)
        if not ask:
            return
        if isinstance(ask, v1.Permission):
            outcome, answers = v1.DecisionState.ALLOWED_ONCE if decide["allow"] else v1.DecisionState.DENIED, []
            made = intents.decide(ask, outcome, now_ms(), decide["word"])
        elif decide["allow"]:
            outcome, answers = v1.DecisionState.ANSWERED, [[colour_for(token_in(one.text))] for one in ask.prompts]
            made = intents.answer(ask, answers, now_ms())
        else:
            outcome, answers = v1.DecisionState.DENIED, []
            made = intents.dismiss(ask, now_ms())
        # Told first: it is known of every call that was made, whenever this process dies.
        tell(
            {"tapped": name, "chose": [outcome.name, decide["word"] if isinstance(ask, v1.Permission) else "", answers]}
        )
        self._device.call(self._workstation, made)

    def _dump(self, number: int) -> None:
        """Everything on this app's disk that its person could see, and whether the screen agrees with it."""
        shown, stored = list(self._eyes.everything()), stored_resources(self._disk)
        sessions = tuple(f"{session}/" for session in self._opened)
        inside = {name for name in stored if name.startswith(sessions)}
        beside = {name for name in stored if lies_inside(name) is None}
        # A long conversation is on screen in part: its end.
        expected = beside | {name for name in inside if not _is_long(name.split("/messages/")[0], inside)}
        differing = unlike_disk(shown, stored, expected) + unlike_records(self._eyes.words(), shown, stored)
        resources = [b64encode(stored[name][1]).decode() for name in sorted(inside | beside)]
        tell({"dump": number, "resources": resources, "differs_from_disk": differing})


def _is_long(session: str, names: set[str]) -> bool:
    messages = f"{session}/messages/"
    return sum(name.startswith(messages) and "/parts/" not in name for name in names) > FIRST_MESSAGES


def stored_resources(disk: Path) -> dict[str, tuple[int, bytes]]:
    """Name → (seq, resource), past the app's own reading."""
    with closing(sqlite3.connect(f"file:{disk}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT seq, resource FROM record").fetchall()
    return {v1.Resource.parse(data).name: (seq, data) for seq, data in rows}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def live(path: Path) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    device = Device(Store(path), now_ms)
    async with asyncio.TaskGroup() as group:
        person = Person(device, path, group)
        tasks = [group.create_task(keep_links(device)), group.create_task(person.look())]
        tell({"ready": True})
        while line := await reader.readline():
            await person.do(json.loads(line))
        for task in tasks:
            task.cancel()


def main() -> None:
    hasten_app()
    RoutedLoop.routes = {int(port): to for port, to in json.loads(sys.argv[2]).items()}
    with asyncio.Runner(loop_factory=RoutedLoop) as runner:
        runner.run(live(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
