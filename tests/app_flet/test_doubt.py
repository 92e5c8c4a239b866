"""A link that died unheard, as one does while a phone sleeps or changes its network, is noticed at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from app_flet import dialling, doubt, link, links, watch
from app_flet.device import Device
from app_flet.dialling import HeardConnection
from app_flet.doubt import Doubt
from app_flet.link import Link
from app_flet.lookers import Lookers
from app_flet.model import LinkState
from app_flet.route import Page, Place
from app_flet.watch import Watch
from app_flet.whereabouts import Whereabouts
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link.v1 import AttachAppResponse, Focus, Pong
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import Stage, staged
from tests.app_flet.test_link import S, level, linked, until
from tests.app_flet.workstation import Workstation, now, resource
from tests.chaos.proxy import Proxy
from wire import vigil

PATIENCE_SECONDS = 30
"""Less than the minute after which a silent link is dead in any case."""
GOODBYE_SECONDS = 9
"""Less than a WebSocket waits for a good-bye by itself: nobody must wait for one from the dead."""


@dataclass
class Sleeper:
    """A device's clock on the wall, which goes on while the device sleeps."""

    slept_ms: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.slept_ms


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubt, "PROBE_SECONDS", 0.5)
    monkeypatch.setattr(dialling, "CLOSE_SECONDS", 0.1)
    monkeypatch.setattr(links, "TICK_SECONDS", 0.02)


@pytest.fixture
async def network(harbour: Harbour) -> AsyncIterator[Proxy]:
    """What lies between the device and the harbour. To be asked for before any device."""
    async with Proxy("127.0.0.1", int(harbour.origin.rpartition(":")[2])).serving() as proxy:
        harbour.origin = f"http://127.0.0.1:{proxy.port}"
        yield proxy


def die_unheard(network: Proxy) -> None:
    """What stands is dead, and nobody is told; what is dialled from now on passes."""
    network.silence()
    network.clear()


@pytest.mark.parametrize("happens", ["foreground", "slept", "moved"])
async def test_a_link_that_died_unheard_is_made_anew(
    network: Proxy,
    paired: Device,
    harbour: Harbour,
    bench: Workstation,
    happens: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = paired.now_ms.own_ms = Sleeper()
    async with staged(paired, served_by=harbour.origin, linked=True) as stage, asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        die_unheard(network)
        if happens == "slept":
            clock.slept_ms += 20_000
        elif happens == "moved":
            monkeypatch.setattr(Whereabouts, "_look", lambda _: "198.51.100.7")
        else:
            await lifecycle(stage, "resume")
        async with asyncio.timeout(GOODBYE_SECONDS):
            await until(paired, lambda model: model.links[harbour.origin].state is not LinkState.ONLINE)
        await until(paired, lambda model: model.links[harbour.origin].state is LinkState.ONLINE)
        assert len(harbour.hellos) == 2


async def test_dialling_that_died_unheard_begins_anew(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "OPEN_SECONDS", 2 * PATIENCE_SECONDS)
    network.silence()
    # A draw that no person lives to see the end of: only who is in a hurry dials again.
    one = Link(paired, harbour.origin, draw=lambda: 1e9)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        running = group.create_task(one.run())
        await network.connected(1)
        network.clear()
        paired.hurry()
        await until(paired, level(bench))
        running.cancel()


async def test_a_link_that_lives_is_left_alone(paired: Device, harbour: Harbour, bench: Workstation) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        for pings in (1, 2, 3):
            paired.hurry()
            await harbour.until(lambda pings=pings: harbour.pings == pings)  # type: ignore[misc]  # bound now
        await harbour.presence(bench, online=False)
        await until(paired, lambda model: not model.workstations[bench.id].online)
    assert len(harbour.hellos) == 1


async def test_what_waited_in_the_devices_own_buffers_proves_nothing() -> None:
    one, hurried = Doubt(unanswered=0), asyncio.Event()
    hurried.set()

    async def ask() -> None:
        one.asked()
        asyncio.get_running_loop().call_soon(one.heard)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await one.watch(hurried, ask)
    assert one.is_open
    assert one.unanswered == 1


# --- while somebody looks ---------------------------------------------------------------------------------------------


async def lifecycle(stage: Stage, state: str) -> None:
    """What the system tells an app that leaves the foreground, or returns to it."""
    await stage.session.dispatch_event(stage.session.page._i, "app_lifecycle_state_change", {"state": state})


async def test_a_link_that_dies_unheard_while_somebody_looks_is_made_anew(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)
    async with staged(paired, served_by=harbour.origin, linked=True), asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        await harbour.until(lambda: harbour.pings >= 2)
        assert len(harbour.hellos) == 1, "a relay that answers is left alone"
        die_unheard(network)
        bench.write(resource("sessions/s9", session=v1.Session(name="sessions/s9", title="meanwhile")))
        await until(paired, lambda model: "sessions/s9" in model.workstations[bench.id].held)


async def test_a_link_that_is_given_up_leaves_no_mark_on_its_task(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a task that counts as cancelled, the timeouts of Python 3.11.2 cancel it: nothing would be dialled again."""
    counts: list[int] = []

    @asynccontextmanager
    async def dialled(relay: str) -> AsyncIterator[HeardConnection]:
        async with dialling.dial(relay) as socket:
            try:
                yield socket
            finally:
                task = asyncio.current_task()
                assert task is not None
                counts.append(task.cancelling())

    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(link, "dial", dialled)
    paired.lookers.came("a screen")
    async with asyncio.timeout(PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        die_unheard(network)
        await harbour.until(lambda: len(harbour.hellos) == 2)
    assert counts[0] == 0


async def test_a_large_frame_that_takes_long_is_life(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.2)
    paired.lookers.came("a screen")
    async with asyncio.timeout(2 * PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        network.weather.bytes_a_second = 200_000
        title = "long " * 150_000
        await harbour.publish(bench, resource("sessions/s9", session=v1.Session(name="sessions/s9", title=title)))
        await until(paired, lambda model: "sessions/s9" in model.workstations[bench.id].held)
        assert len(harbour.hellos) == 1


async def test_a_network_that_is_slow_is_given_the_time_that_it_needs(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (watch, vigil):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    network.weather.delay = 0.2  # of each piece, each way: longer than the least patience of four looks
    paired.lookers.came("a screen")
    async with asyncio.timeout(PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        await harbour.until(lambda: harbour.pings == 3)
    assert len(harbour.hellos) == 1


async def test_in_the_background_the_workstation_streams_nothing_and_the_session_stays_open(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage, asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        stage.screen.go(Place(Page.SESSION, bench.id, session=S))
        await harbour.until(lambda: bool(harbour.readers[0].focus.focus))
        for state in ("hide", "pause"):
            await lifecycle(stage, state)
        await harbour.until(lambda: not harbour.readers[0].focus.focus)
        assert S in paired.model.workstations[bench.id].transcripts
        await lifecycle(stage, "resume")
        await harbour.until(lambda: bool(harbour.readers[0].focus.focus))


async def test_a_workstation_is_told_that_somebody_looks_at_lists(
    paired: Device, harbour: Harbour, bench: Workstation
) -> None:
    async with staged(paired, served_by=harbour.origin, linked=True) as stage, asyncio.timeout(PATIENCE_SECONDS):
        await until(paired, level(bench))
        await harbour.until(lambda: harbour.readers[0].focus == Focus(foreground=True))
        await lifecycle(stage, "hide")
        await harbour.until(lambda: harbour.readers[0].focus == Focus())
        await lifecycle(stage, "show")
        await harbour.until(lambda: harbour.readers[0].focus == Focus(foreground=True))
        await harbour.cut()
        await harbour.until(lambda: len(harbour.hellos) == 2 and bool(harbour.readers))
        await harbour.until(lambda: harbour.readers[0].focus == Focus(foreground=True))


@pytest.mark.parametrize("why", ["somebody looks", "foreground"])
async def test_nobody_waits_for_the_goodbye_of_a_relay_that_is_silent(
    network: Proxy, paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(dialling, "CLOSE_SECONDS", 2 * PATIENCE_SECONDS)
    if why == "somebody looks":
        monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)
        paired.lookers.came("a screen")
    async with asyncio.timeout(PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        die_unheard(network)
        if why == "foreground":
            paired.hurry()
        await harbour.until(lambda: len(harbour.hellos) == 2)


async def test_what_a_relay_says_unasked_is_no_round_trip(
    paired: Device, harbour: Harbour, bench: Workstation, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[float] = []
    monkeypatch.setattr(Watch, "answered", lambda _, seconds: measured.append(seconds))
    async with asyncio.timeout(PATIENCE_SECONDS), linked(paired):
        await until(paired, level(bench))
        for _ in range(3):
            await harbour.broadcast(bench, AttachAppResponse(pong=Pong(server_time=now())))
        await harbour.presence(bench, online=False)
        await until(paired, lambda model: not model.workstations[bench.id].online)
    assert len(measured) == 1, "the Welcome answered the Hello"


async def test_nobody_is_asked_anything_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0)
    somebody, asked, heard = asyncio.Event(), asyncio.Event(), 0

    async def ask() -> None:
        nonlocal heard
        heard += 1
        asked.set()

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        keeping = group.create_task(Watch().keep(somebody, lambda: heard, ask))
        for _ in range(2):
            for _ in range(100):
                await asyncio.sleep(0)
            assert not asked.is_set()
            somebody.set()
            await asked.wait()
            somebody.clear()
            asked.clear()
        keeping.cancel()


def test_whoever_has_two_windows_looks_until_both_are_gone() -> None:
    told: list[tuple[bool, bool]] = []

    def tell() -> None:
        told.append((lookers.somebody.is_set(), lookers.all_left))

    lookers = Lookers(tell)
    tell()
    for screen in ("one", "two", "two"):
        lookers.came(screen)
    lookers.left("two")
    lookers.left("two")
    lookers.left("one")
    lookers.came("one")
    assert told == [(False, False), (True, False), (False, True), (True, False)], "without a screen nobody left"
