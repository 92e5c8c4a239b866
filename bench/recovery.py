"""Claim: whatever died, what an app shows of it is right within 5 s of everything being healthy again.

Real relay, agentd, OpenCode and the app's own link, all with the patience of the product; nobody touches the app while
it waits, but it is in the foreground, mostly with a session on its screen. Each wound is struck several times; seconds
count from when the part that died can be asked again (its socket answers), or the network is back, to when the app
shows it: linked, the workstation online, the agent ready, the turn that was cut off marked so, a session that was begun
meanwhile in the list. A link that is half-open is healthy at once: who dials anew gets through. A part that is away for
longer is dialled less often: `away_seconds` says how long. No baseline: there is nothing to compare a wait with but the
claim.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc.aio

from agentd.demo.provider import opencode_config
from agentd.demo.scenarios import SCENARIOS
from agentd.demo.server import ModelServer
from app_flet import intents
from app_flet.device import Device
from app_flet.glance import Standing, needs, session_lines
from app_flet.links import keep_links
from app_flet.model import LinkState, WorkstationView
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from bench.report import Figures, main, percentile
from halyard.agent.v1 import workstation_pb2, workstation_service_pb2, workstation_service_pb2_grpc
from halyard_client.halyard.agent import v1
from tests.chaos.parts import Part, servers_of
from tests.chaos.proxy import Proxy
from tests.chaos.rig import free_port
from tests.fakes.opencode import find_opencode, person, repository, runs, says, scripted
from tests.flows.stack import AGENTD, IN_A_TERMINAL, surroundings
from wire.pairing import parse_code

PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.02
SETTLING_SECONDS = 3.0
"""Until agentd has heard through the relay that somebody looks, and a relay has answered each side once."""
COMMAND = "echo started; exec sleep 1000"
RELAY = ("serve", "--json", "--no-web-app")


@dataclass(eq=False)
class Scene:
    """Everything that runs, and the one who looks."""

    folder: Path
    relay: Part
    agentd: Part
    device: Device
    phone_link: Proxy
    agentd_link: Proxy
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def view(self) -> WorkstationView:
        return next(iter(self.device.model.workstations.values()))

    @property
    def socket(self) -> Path:
        return self.folder / "state" / "default" / "agentd.sock"

    async def sees(self, condition: Callable[[], bool]) -> float:
        """Returns when the app shows it, in monotonic seconds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
        return time.monotonic()

    def is_linked(self) -> bool:
        linked = all(link.state is LinkState.ONLINE for link in self.device.model.links.values())
        return linked and self.view.is_there and self.view.caught_up

    def is_ready(self) -> bool:
        """Linked, and the agent said to be ready."""
        held = self.view.held.get("workstation")
        known = held.resource.workstation if held else None
        return self.is_linked() and bool(known and known.agents and known.agents[0].state is v1.AgentState.READY)

    def sessions(self) -> int:
        """How many sessions the app lists."""
        return len(session_lines(self.device.model))

    def stands(self) -> Standing | None:
        """How the newest session stands, in the word that its line has."""
        return next((line.standing for line in session_lines(self.device.model)), None)

    async def start(self, part: Part, group: asyncio.TaskGroup) -> float:
        """Starts a part; returns when it said that it can be asked."""
        await part.start()
        group.create_task(part.listen())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await part.ready.wait()
        return time.monotonic()


OneLink = Callable[[Scene], Proxy]
PHONES: OneLink = attrgetter("phone_link")
AGENTDS: OneLink = attrgetter("agentd_link")


async def _relay_away(scene: Scene, group: asyncio.TaskGroup, seconds: float) -> float:
    await scene.sees(scene.is_ready)
    await scene.relay.kill()
    await scene.sees(lambda: not scene.is_linked())
    await asyncio.sleep(seconds)
    healthy = await scene.start(scene.relay, group)
    return await scene.sees(scene.is_ready) - healthy


async def _agentd_killed(scene: Scene, group: asyncio.TaskGroup, seconds: float) -> float:
    await _a_tool_runs(scene)
    await scene.agentd.kill()
    return await _agentd_back(scene, group, seconds)


async def _both_killed(scene: Scene, group: asyncio.TaskGroup, seconds: float) -> float:
    await _a_tool_runs(scene)
    # Stopped first: it would start another one at once.
    scene.agentd.signal(signal.SIGSTOP)
    servers_of(scene.agentd.pid)[-1].kill()
    await scene.agentd.kill()
    return await _agentd_back(scene, group, seconds)


async def _agentd_back(scene: Scene, group: asyncio.TaskGroup, seconds: float) -> float:
    await asyncio.sleep(seconds)
    await scene.agentd.start()
    group.create_task(scene.agentd.listen())
    healthy = await _socket_answers(scene)
    right = await scene.sees(lambda: scene.is_ready() and scene.stands() is Standing.INTERRUPTED)
    return max(0.0, right - healthy)


async def _socket_answers(scene: Scene) -> float:
    """When agentd can be asked, which is before its agent is ready."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(str(scene.socket))
                writer.close()
                return time.monotonic()
            await asyncio.sleep(POLL_SECONDS)


async def _network_cut(scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    before = await _looks_at_a_session(scene)
    for link in (scene.phone_link, scene.agentd_link):
        link.cut()
    _begin_session(scene)
    await scene.sees(lambda: not scene.is_linked())
    await asyncio.sleep(seconds)
    for link in (scene.phone_link, scene.agentd_link):
        link.clear()
    healthy = time.monotonic()
    return await scene.sees(lambda: scene.is_ready() and scene.sessions() > before) - healthy


async def _half_open(link: OneLink, scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    await _looks_at_a_session(scene)
    return await _silenced(link(scene), scene, seconds)


async def _half_open_again(link: OneLink, scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    await _looks_at_a_session(scene)
    await _silenced(link(scene), scene, seconds)
    return await _silenced(link(scene), scene, seconds)


async def _half_open_under_lists(link: OneLink, scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    await _looks_at_lists(scene)
    return await _silenced(link(scene), scene, seconds)


async def _silenced(link: Proxy, scene: Scene, seconds: float) -> float:
    before = scene.sessions()
    link.silence()
    _begin_session(scene)
    await asyncio.sleep(seconds)
    link.clear()
    healthy = time.monotonic()
    return await scene.sees(lambda: scene.is_ready() and scene.sessions() > before) - healthy


async def _half_open_unseen(
    link: OneLink, scene: Scene, _: asyncio.TaskGroup, seconds: float, *, tells: bool = False
) -> float:
    """The link dies with the app in a pocket; counted from when it is taken out, so many `seconds` later.

    `tells`: until the app says that the workstation does not answer, which is right too.
    """
    await _looks_at_lists(scene)
    before = scene.sessions()
    scene.device.lookers.left(scene)
    await asyncio.sleep(SETTLING_SECONDS)
    link(scene).silence()
    link(scene).clear()
    await asyncio.sleep(seconds)
    scene.device.lookers.came(scene)
    scene.device.hurry()
    looked = time.monotonic()
    _begin_session(scene)
    said = await scene.sees(lambda: scene.view.silent) - looked if tells else 0.0
    right = await scene.sees(lambda: scene.is_ready() and scene.sessions() > before) - looked
    return said or right


async def _opencode_hangs(scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    before = await _looks_at_a_session(scene)
    server = servers_of(scene.agentd.pid)[-1]
    server.suspend()
    _begin_session(scene)
    await asyncio.sleep(seconds)
    if server.is_running():
        server.resume()
        healthy = time.monotonic()
    else:
        healthy = await _agent_answers(scene)
    return max(0.0, await scene.sees(lambda: scene.is_ready() and scene.sessions() > before) - healthy)


async def _opencode_killed(scene: Scene, _: asyncio.TaskGroup, seconds: float) -> float:
    await _a_tool_runs(scene)
    servers_of(scene.agentd.pid)[-1].send_signal(signal.SIGKILL)
    await asyncio.sleep(seconds)
    healthy = await _agent_answers(scene)
    right = await scene.sees(lambda: scene.is_ready() and scene.stands() is Standing.INTERRUPTED)
    return max(0.0, right - healthy)


async def _agent_answers(scene: Scene) -> float:
    """When agentd itself first says that its agent is ready again."""
    async with asyncio.timeout(PATIENCE_SECONDS), grpc.aio.insecure_channel(f"unix:{scene.socket}") as channel:
        stub = workstation_service_pb2_grpc.WorkstationServiceStub(channel)
        while True:
            status = await stub.GetStatus(workstation_service_pb2.GetStatusRequest())
            if status.workstation.agents[0].state == workstation_pb2.AGENT_STATE_READY:
                return time.monotonic()
            await asyncio.sleep(POLL_SECONDS)


def _begin_session(scene: Scene) -> None:
    project = next(name for name in scene.view.held if name.startswith("projects/"))
    scene.device.call(scene.view.id, intents.start_session(project, scripted(says("Begun."))))


async def _looks_at_a_session(scene: Scene) -> int:
    """A session is on the app's screen, and agentd knows of it. Returns how many sessions there are."""
    await scene.sees(scene.is_ready)
    if not scene.sessions():
        _begin_session(scene)
        await scene.sees(lambda: scene.sessions() > 0)
    if scene.device.focus == ("", ""):
        scene.device.open_session(scene.view.id, session_lines(scene.device.model)[0].name)
    await asyncio.sleep(SETTLING_SECONDS)
    return scene.sessions()


async def _looks_at_lists(scene: Scene) -> None:
    """No session is on the app's screen, and agentd knows of it."""
    await scene.sees(scene.is_ready)
    if scene.device.focus != ("", ""):
        scene.device.close_session(*scene.device.focus)
    await asyncio.sleep(SETTLING_SECONDS)


async def _a_tool_runs(scene: Scene) -> None:
    """A new session is in the middle of a command that was allowed."""
    await scene.sees(scene.is_ready)
    before = scene.sessions()
    project = next(name for name in scene.view.held if name.startswith("projects/"))
    text = scripted(runs(COMMAND), says("Never."))
    scene.device.call(scene.view.id, intents.start_session(project, text))
    await scene.sees(lambda: scene.sessions() > before and bool(needs(scene.device.model)))
    permission = needs(scene.device.model)[0].record.resource.permission
    assert permission is not None
    outcome = v1.DecisionState.ALLOWED_ONCE
    scene.device.call(scene.view.id, intents.decide(permission, outcome, scene.device.now_ms(), ""))
    await scene.sees(lambda: scene.stands() is Standing.WORKING and not needs(scene.device.model))


WOUNDS: dict[str, tuple[Callable[[Scene, asyncio.TaskGroup, float], Awaitable[float]], float]] = {
    "relay killed": (_relay_away, 1.0),
    "relay away for 15 s": (_relay_away, 15.0),
    "relay away for a minute": (_relay_away, 60.0),
    "agentd killed in a tool": (_agentd_killed, 1.0),
    "OpenCode killed in a tool": (_opencode_killed, 0.5),
    "agentd and OpenCode killed in a tool": (_both_killed, 1.0),
    "OpenCode hangs for 10 s": (_opencode_hangs, 10.0),
    "network cut for 1 s": (_network_cut, 1.0),
    "network cut for a minute": (_network_cut, 60.0),
    "app's link half-open": (partial(_half_open, PHONES), 0.0),
    "app's link half-open twice in a row": (partial(_half_open_again, PHONES), 0.0),
    "agentd's link half-open": (partial(_half_open, AGENTDS), 0.0),
    "agentd's link half-open twice in a row": (partial(_half_open_again, AGENTDS), 0.0),
    "agentd's link half-open, only lists on screen": (partial(_half_open_under_lists, AGENTDS), 0.0),
    "app's link half-open before anybody looks": (partial(_half_open_unseen, PHONES), 3.0),
    "agentd's link half-open before anybody looks": (partial(_half_open_unseen, AGENTDS), 3.0),
    "agentd's link half-open before anybody looks, until that is said": (
        partial(_half_open_unseen, AGENTDS, tells=True),
        3.0,
    ),
}


@asynccontextmanager
async def _scene(folder: Path, group: asyncio.TaskGroup) -> AsyncIterator[Scene]:
    http, door = free_port(), free_port()
    phone_link, agentd_link = Proxy("127.0.0.1", http), Proxy("127.0.0.1", door)
    async with ModelServer(SCENARIOS).serving() as model, phone_link.serving(), agentd_link.serving():
        machine = dict(surroundings(person(folder / "home", opencode_config(model.base_url)), folder / "state"))
        project = repository(folder / "project", {"note.txt": "one\n"})
        origin = f"http://127.0.0.1:{phone_link.port}"
        places = (
            *("--data", str(folder / "relay"), "--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{door}"),
            *("--public-url", origin, "--public-grpc", f"127.0.0.1:{agentd_link.port}"),
        )
        relay = Part("relay", (AGENTD[0], "-m", "relay.main", *RELAY, *places), machine, folder / "relay.log")
        run = (*AGENTD, "run", "--json", "-w", str(project), "--relay", origin, "--opencode", str(find_opencode()))
        agentd = Part("agentd", run, machine, folder / "agentd.log")
        device = Device(Store(folder / "device.sqlite"), lambda: time.time_ns() // 1_000_000, relay=origin)
        scene = Scene(folder, relay, agentd, device, phone_link, agentd_link)
        device.listen(scene.changed.set)
        device.lookers.came(scene)
        try:
            for part in (relay, agentd):
                await scene.start(part, group)
            await _let_in(scene, origin, machine, group)
            yield scene
        finally:
            for part in (agentd, relay):
                part.signal(signal.SIGTERM)
                await part.gone()


async def _let_in(scene: Scene, origin: str, machine: dict[str, str], group: asyncio.TaskGroup) -> None:
    shown = Part("pair", (*IN_A_TERMINAL, *AGENTD, "pair", "--json"), machine, scene.folder / "pair.log")
    await scene.start(shown, group)
    code = parse_code(shown.told["code"]["code"])
    scene.device.paired(await pair(origin, code, scene.device.identity, Guise("Bench", "linux"), scene.device.now_ms))
    await shown.gone()


async def _measure(options: argparse.Namespace) -> Figures:
    rows: list[dict[str, object]] = []
    with TemporaryDirectory() as folder:
        async with asyncio.TaskGroup() as group:
            async with _scene(Path(folder), group) as scene:
                links = group.create_task(keep_links(scene.device))
                for name in options.only or WOUNDS:
                    strike, away = WOUNDS[name]
                    waits = [await strike(scene, group, away) for _ in range(options.times)]
                    rows.append(_row(name, away, waits))
                links.cancel()
            scene.device.store.close()
    return {"times": options.times, "rows": rows}


def _row(name: str, away: float, waits: list[float]) -> dict[str, object]:
    return {
        "wound": name,
        "away_seconds": away,
        "right_after_p50_s": round(percentile(waits, 0.5), 2),
        "right_after_max_s": round(max(waits), 2),
        "within_5_s": sum(wait <= 5.0 for wait in waits),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.recovery", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often each wound is struck")
    parser.add_argument("--only", action="append", choices=WOUNDS, metavar="WOUND", help="this wound; can be repeated")
    main("recovery", lambda options: asyncio.run(_measure(options)), parser)
