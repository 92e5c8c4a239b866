"""The relay stops: a loaded app reads on, drafts, queues and decides. It is back, having lost its whole database: all
that was said arrives, once and in order, and what was under way when it stopped is answered.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agentd.config import Config
from agentd.daemon import Daemon, running
from app_flet import intents
from app_flet.device import Device
from app_flet.pairing import Guise, pair
from app_flet.route import Page, Place
from app_flet.store import Store
from halyard.agent.v1 import workstation_pb2, workstation_service_pb2
from tests.app_flet.conftest import now_ms
from tests.app_flet.harness import Stage, staged
from tests.app_flet.test_link import until
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import CallState
from wire.pairing import parse_code

S = "sessions/ses_1"
README = "Raise the sail first.\n"


@dataclass
class Fleet:
    """A relay in a process of its own, a workstation in this one."""

    folder: Path
    daemon: Daemon
    agent: ScriptedAgent
    first: RunningRelay
    relays: AsyncExitStack

    async def relay_stops(self) -> None:
        await self.relays.aclose()

    async def relay_is_back_with_nothing(self) -> None:
        """At the same ports; its database is gone."""
        (self.folder / "relay").rename(self.folder / "lost")
        http = self.first.http.removeprefix("http://")
        await self.relays.enter_async_context(relay_process(self.folder / "relay", http=http, grpc=self.first.grpc))
        uplink = self.daemon.uplink
        assert uplink is not None
        uplink.redial("The relay is back.")
        await uplink.until(workstation_service_pb2.LINK_STATE_UP)
        await uplink.level()


@asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[Fleet]:
    project = folder / "project"
    project.mkdir()
    (project / "README.md").write_text(README)
    agent = ScriptedAgent()
    async with AsyncExitStack() as relays:
        first = await relays.enter_async_context(relay_process(folder / "relay"))
        config = Config(state_dir=folder / "state", display_name="desk", default_project=project, relay=first.address)
        async with running(config, lambda _: [agent]) as daemon:
            await agent.started()
            work(agent, daemon.projects.list()[0].name)
            yield Fleet(folder, daemon, agent, first, relays)


def work(agent: ScriptedAgent, project: str) -> None:
    """A session with something said in it, and a permission that waits."""
    agent.begin_session("ses_1", project, "Rig the mast")
    agent.say_as_agent(f"{S}/messages/m1", "The halyard is **taut**.")
    agent.ask(f"{S}/permissions/p1", "make mast")


async def paired_with(ships: Fleet, path: Path) -> Device:
    device = Device(Store(path), now_ms)
    shown = ships.daemon.pairing.pair(workstation_pb2.DEVICE_ROLE_OPERATOR)
    code = parse_code((await anext(shown)).code.code)
    async with asyncio.TaskGroup() as group:
        joining = group.create_task(
            pair(ships.first.origin, code, device.identity, Guise("Test phone", "android"), device.now_ms)
        )
        async for _ in shown:
            pass
    device.paired(joining.result())
    return device


def shows(stage: Stage, *texts: str) -> Callable[[], bool]:
    return lambda: all(text in stage.text() for text in texts)


def pages(device: Device, project: str) -> dict[Place, tuple[str, ...]]:
    """Every page, and what it shows of what was loaded."""
    workstation = next(iter(device.followings))
    return {
        Place(Page.NOW): ("Rig the mast", "make mast", "desk"),
        Place(Page.SESSIONS): ("Rig the mast",),
        Place(Page.SESSION, workstation, session=S): ("The halyard is **taut**.", "make mast"),
        Place(Page.REVIEW, workstation, session=S): ("ses_1",),
        Place(Page.FILES, workstation, project=project): ("README.md",),
        Place(Page.FILES, workstation, project=project, path="README.md"): ("Raise the sail first.",),
        Place(Page.WORKSTATIONS): ("desk",),
        Place(Page.WORKSTATION, workstation): ("Scripted", "Test phone"),
    }


async def visit(stage: Stage, place: Place, *texts: str) -> None:
    stage.screen.go(place)
    await stage.settle()
    try:
        await stage.until(shows(stage, *texts))
    except TimeoutError:
        raise AssertionError(f"{place} shows {stage.text()!r}, not {texts}") from None


async def test_with_the_relay_stopped_a_loaded_app_reads_drafts_and_queues_and_all_arrives_afterwards(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path) as ships:
        device = await paired_with(ships, tmp_path / "app.sqlite")
        (project,) = (value.name for value in ships.daemon.projects.list())
        everywhere = pages(device, project)
        session = Place(Page.SESSION, next(iter(device.followings)), session=S)
        async with staged(device, linked=True) as stage:
            for place, texts in everywhere.items():
                await visit(stage, place, *texts)
            ships.agent.gate.clear()
            slow = device.call(session.workstation, intents.prompt(S, "Slow"))
            await until(device, lambda model: model.calls[slow].state is CallState.AT_WORKSTATION)
            await ships.relay_stops()
            await stage.until(lambda: "offline-line" in stage.ids())
            for place, texts in everywhere.items():
                await visit(stage, place, *texts)
                assert shows(stage, " — as of ")() or place.page in (Page.WORKSTATIONS, Page.SESSIONS), place
            await visit(stage, session, *everywhere[session])
            stage.screen.shifted_ms = 0
            await stage.tap("allow-once")
            await stage.type("composer", "First")
            await stage.tap("send")
            await stage.type("composer", "Second")
            await stage.tap("send")
            await stage.type("composer", "half a thought")
            assert shows(stage, "You allowed this once · on this device", "First", "Second")()
        device.store.close()
        again = Device(Store(tmp_path / "app.sqlite"), now_ms)
        async with staged(again, f"/w/{session.workstation}/s/ses_1", linked=True) as stage:
            assert shows(stage, "The halyard is **taut**.", "First", "Second", "on this device")()
            assert stage.field("composer") == "half a thought"
            ships.agent.gate.set()
            await ships.relay_is_back_with_nothing()
            again.hurry()
            await ships.agent.heard("Second")
            await until(again, lambda _: not again.store.calls())
            await stage.until(lambda: "decision:p1" not in stage.ids() and "offline-line" not in stage.ids())
        assert [asked for asked in ships.agent.asked if asked[0] in ("prompt", "decide")] == [
            ("prompt", "Slow", "first"),
            ("decide", f"{S}/permissions/p1", "DECISION_STATE_ALLOWED_ONCE", ""),
            ("prompt", "First", "first"),
            ("prompt", "Second", "first"),
        ]
