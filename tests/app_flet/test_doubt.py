"""A link that died unheard, as one does while a phone sleeps or changes its network, is noticed at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from app_flet import dialling, doubt, link
from app_flet.device import Device
from app_flet.doubt import Doubt
from app_flet.link import Link
from app_flet.model import LinkState
from app_flet.whereabouts import Whereabouts
from tests.app_flet.harbour import Harbour, Workstation
from tests.app_flet.harness import staged
from tests.app_flet.test_link import level, linked, until
from tests.chaos.proxy import Proxy

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
    monkeypatch.setattr(link, "TICK_SECONDS", 0.02)


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
            page = stage.session.page
            await stage.session.dispatch_event(page._i, "app_lifecycle_state_change", {"state": "resume"})
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
