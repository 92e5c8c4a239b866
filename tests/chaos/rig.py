"""The whole stage as real processes: relay, agentd with OpenCode, model, apps, and a proxy on every link."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from agentd.demo.provider import opencode_config
from tests.chaos.app_remote import AppRemote
from tests.chaos.disk import Disk, small_disk
from tests.chaos.parts import Part, servers_of
from tests.chaos.plan import Shape
from tests.chaos.proxy import Proxy
from tests.fakes.opencode import environment, find_opencode, person, repository

START_SECONDS = 120.0
_NO_ROOM = ("its disk is full. Make room", "No space left on device. Make room")
"""With what a relay ends that is started on a full disk."""
_IN_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


@dataclass
class Rig:
    """Everything that runs."""

    folder: Path
    project: Path
    disk: Disk
    relay: Part
    agentd: Part
    model: Part
    apps: list[AppRemote]
    proxies: dict[str, Proxy]
    """By name of the link: "link agentd", "link app0" …"""
    relay_http: str
    group: asyncio.TaskGroup

    @property
    def effects(self) -> Path:
        return self.project / "effects.txt"

    @property
    def journal(self) -> Path:
        return self.folder / "model.jsonl"

    @property
    def relay_data(self) -> Path:
        return self.disk.folder / "relay"

    def parts(self) -> Iterator[Part]:
        """All that may be killed."""
        yield from (self.relay, self.agentd, *self.apps)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts() if part.name == name)

    @property
    def opencode(self) -> psutil.Process | None:
        """The agent's server, while agentd runs one."""
        return next(reversed(servers_of(self.agentd.pid)), None) if self.agentd.pid else None

    @property
    def warden(self) -> psutil.Process | None:
        """The process right above the agent's server: it sees to it that nothing outlives agentd."""
        found = servers_of(self.agentd.pid) if self.agentd.pid else []
        return found[-2] if len(found) > 1 else None

    async def start(self, part: Part) -> None:
        """Starts a part, unless it runs, and listens to it."""
        async with part.starting:
            if not part.is_running:
                await part.start(*(_NO_ROOM if part is self.relay and self.disk.hinders() else ()))
                self.group.create_task(part.listen())

    def fill_disk(self) -> None:
        """The relay can write no more. It may say so and end, if it is just starting."""
        self.disk.fill(self.relay.pid)
        if self.disk.hinders(self.relay.pid):
            self.relay.life.excuses = _NO_ROOM

    async def ready(self, part: Part) -> None:
        """Returns once it runs as it should; AssertionError when it ends instead, with where its last words are."""
        async with asyncio.timeout(START_SECONDS):
            while not part.ready.is_set():
                assert part.is_running, f"{part.name} ended at once; {part.log} says why"
                await asyncio.sleep(0.05)

    async def set(self) -> None:
        """Starts everything, and lets every app in."""
        await self.start(self.relay)
        await self.ready(self.relay)
        for part in (self.agentd, *self.apps):
            await self.start(part)
        for part in (self.agentd, *self.apps):
            await self.ready(part)
        # The relay it was told is remembered, and it must start again while the relay is away.
        self.agentd.command = tuple(word for word in self.agentd.command if word not in ("--relay", self.relay_http))
        # One after the other: the newest pairing takes over from an older one.
        for app in self.apps:
            await self.pair(app)

    async def pair(self, app: AppRemote) -> None:
        """Lets an app in, with the code that `agentd pair` shows in a terminal."""
        agentd = (sys.executable, "-m", "agentd.main", "pair", "--json")
        pair = Part("pair", (sys.executable, "-c", _IN_A_TERMINAL, *agentd), self.agentd.environment, app.log)
        pair.may_end = True
        await self.start(pair)
        await self.ready(pair)
        origin = self.relay_http
        app.say({"pair": {"relay": origin, "code": pair.told["code"]["code"], "name": app.name}})
        async with asyncio.timeout(START_SECONDS):
            await app.paired.wait()
        await pair.gone()

    async def stop(self) -> None:
        """Stops everything in order, as an operator does."""
        for part in self.parts():
            part.signal(signal.SIGCONT)
        for app in self.apps:
            await app.kill()
        for part in (self.agentd, self.relay, self.model):
            part.signal(signal.SIGTERM)
            await part.gone()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running_rig(folder: Path, shape: Shape) -> AsyncIterator[Rig]:
    """The stage in `folder`, with every app paired; nothing of it is left in the end."""
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk"))
        rig = await _built(folder, shape, disk, stack)
        try:
            await rig.set()
            yield rig
        finally:
            await rig.stop()


async def _built(folder: Path, shape: Shape, disk: Disk, stack: AsyncExitStack) -> Rig:
    group = await stack.enter_async_context(asyncio.TaskGroup())
    http, grpc = free_port(), free_port()
    names = ["agentd", *(f"app{n}" for n in range(shape.apps))]
    proxies = {f"link {n}": Proxy("127.0.0.1", grpc if n == "agentd" else http) for n in names}
    for proxy in proxies.values():
        await stack.enter_async_context(proxy.serving())
    model = Part(
        "model",
        _module("tests.chaos.model_process", str(folder / "model.jsonl")),
        _surroundings(),
        folder / "model.log",
    )
    await model.start()
    group.create_task(model.listen())
    async with asyncio.timeout(START_SECONDS):
        await model.ready.wait()
    home = person(folder / "home", opencode_config(str(model.told["base_url"])))
    project = repository(folder / "project", {"note.txt": "one\n"})
    relay_http = f"http://127.0.0.1:{http}"
    dialled = f"127.0.0.1:{proxies['link agentd'].port}"
    relay = Part(
        "relay",
        _hastened(
            *("relay.main", "serve", "--json", "--no-web-app", "--data", str(disk.folder / "relay")),
            *("--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{grpc}", "--public-grpc", dialled),
        ),
        _surroundings(),
        folder / "relay.log",
    )
    agentd = Part(
        "agentd",
        _hastened(
            *("agentd.main", "-v", "run", "--json", "-w", str(project), "--relay", relay_http),
            *("--opencode", str(find_opencode())),
        ),
        {**environment(home), **_source_roots(), "HALYARD_STATE_DIR": str(folder / "state")},
        folder / "agentd.log",
    )
    apps = [AppRemote(n, sys.executable, folder, _surroundings()) for n in range(shape.apps)]
    for app in apps:
        app.route(http, proxies[f"link {app.name}"].port)
    return Rig(folder, project, disk, relay, agentd, model, apps, proxies, relay_http, group)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-m", name, *arguments


def _hastened(module: str, *arguments: str) -> tuple[str, ...]:
    return _module("tests.chaos.hastened", module, *arguments)


def _source_roots() -> dict[str, str]:
    """Where tests and programs are found: as pytest has it, also for children."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _surroundings() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **_source_roots()}


def opencode_client(server: psutil.Process) -> httpx.AsyncClient:
    """A client of the agent's own server, past everything of ours: address and password are read off the process.

    Raises psutil.Error when it has ended meanwhile.
    """
    line = server.cmdline()
    if "--port" not in line:
        # What has ended and is not reaped yet has no command line.
        raise psutil.ZombieProcess(server.pid)
    port = line[line.index("--port") + 1]
    password = server.environ()["OPENCODE_SERVER_PASSWORD"]
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=("opencode", password), timeout=10)
