"""The relay loses its store, or goes back to an old one, between a real workstation and the real app (no screen)."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.config import Config, RelayAddress
from agentd.daemon import Daemon, running
from app_flet import intents
from app_flet.believing import WARNINGS
from app_flet.device import Device
from app_flet.glance import role_in
from app_flet.links import keep_links
from app_flet.model import LinkState, Model
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from halyard.agent.v1 import workstation_pb2
from relay.server import Relay
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent
from tests.relay.peers import relay_here
from wire.calls import CallState
from wire.log import Verdict
from wire.pairing import parse_code

PATIENCE_SECONDS = 60


class Shore:
    """One workstation or two, and one app, whose relay comes and goes at one address."""

    def __init__(self, folder: Path) -> None:
        self.agent, self.smith = ScriptedAgent(), ScriptedAgent()
        self.data = folder / "relay"
        self._ports = ("127.0.0.1:0", "127.0.0.1:0")
        (folder / "project").mkdir()
        self._config = Config(state_dir=folder / "state", display_name="desk", default_project=folder / "project")
        self._device_file = folder / "device.sqlite"
        self.device: Device
        self.workstation = ""

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[RunningRelay]:
        """The relay serves meanwhile, where it served before."""
        http, grpc = self._ports
        async with relay_process(self.data, http=http, grpc=grpc) as serving:
            self._ports = (serving.http.rpartition("/")[2], serving.grpc)
            self._config = replace(self._config, relay=serving.address)
            yield serving

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """The workstation is there meanwhile."""
        async with running(self._config, lambda _: [self.agent]) as daemon:
            await self.agent.started()
            yield daemon

    @asynccontextmanager
    async def forge(self) -> AsyncIterator[Daemon]:
        """Another workstation is there meanwhile."""
        config = replace(self._config, state_dir=self._config.state_dir.with_name("forge"), display_name="forge")
        async with running(config, lambda _: [self.smith]) as daemon:
            await self.smith.started()
            yield daemon

    def daemon_at(self, relay: Relay) -> AbstractAsyncContextManager[Daemon]:
        """The workstation is there meanwhile, linked to a relay in this process."""
        self._config = replace(self._config, relay=RelayAddress(relay.addresses.origin, relay.addresses.grpc))
        return self.daemon()

    async def pair(self, origin: str, daemon: Daemon) -> None:
        """The app is let in, by the code that a person would type."""
        store = Store(self._device_file)
        self.device = Device(store, lambda: time.time_ns() // 1_000_000, relay=origin)
        self.workstation = await self.meet(origin, daemon)

    async def meet(self, origin: str, daemon: Daemon) -> str:
        """One workstation more lets the app in; returns its id."""
        pairing = daemon.pairing.pair(workstation_pb2.DEVICE_ROLE_OPERATOR)
        shown = (await anext(pairing)).code.code
        guise = Guise("Phone", "android")
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(
                pair(origin, parse_code(shown), self.device.identity, guise, self.device.now_ms)
            )
            async for _ in pairing:
                pass
        return self.device.paired(joining.result())

    @asynccontextmanager
    async def app(self) -> AsyncIterator[None]:
        """The app keeps its link up meanwhile."""
        async with asyncio.TaskGroup() as group:
            links = group.create_task(keep_links(self.device))
            yield
            links.cancel()

    async def until(self, condition: Callable[[Model], object]) -> None:
        """Returns once the app shows this; a link that is down is tried at once, as when a person looks."""
        changed = asyncio.Event()
        unlisten = self.device.listen(changed.set)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition(self.device.model):
                    changed.clear()
                    if any(link.state is not LinkState.ONLINE for link in self.device.model.links.values()):
                        self.device.hurry()
                    await changed.wait()
        finally:
            unlisten()

    def held(self) -> dict[bytes, int]:
        """The replica: key → seq."""
        return {key: seq for seq, key in self.device.store.seqs(self.workstation)}

    def warning(self, model: Model) -> str:
        """What the app says of the workstation."""
        return model.workstations[self.workstation].warning

    def lose_the_relays_store(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            (self.data / f"relay.db{suffix}").unlink(missing_ok=True)

    async def run_relay_command(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "relay.main", *arguments, "--data", str(self.data)]
        done = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def shore(tmp_path: Path) -> Shore:
    return Shore(tmp_path)


async def test_calls_that_a_relay_acknowledged_and_lost_are_made_once_and_in_order(shore: Shore) -> None:
    prompts = [f"prompt {number}" for number in range(3)]
    async with shore.relay() as relay:
        async with shore.daemon() as daemon:
            await shore.pair(relay.origin, daemon)
            session = shore.agent.begin_session("s", daemon.projects.list()[0].name).name
            async with shore.app():
                await shore.until(lambda model: session in model.workstations[shore.workstation].held)
        # The workstation is away: the relay alone has the calls, and says that it has them.
        async with shore.app():
            calls = [shore.device.call(shore.workstation, intents.prompt(session, text)) for text in prompts]
            await shore.until(lambda model: all(model.calls[call].state is CallState.AT_RELAY for call in calls))
    shore.lose_the_relays_store()
    async with shore.relay(), shore.app(), shore.daemon():
        await shore.until(lambda model: all(model.calls[call].state is CallState.DONE for call in calls))
    assert [asked[1] for asked in shore.agent.asked if asked[0] == "prompt"] == prompts


async def test_what_is_said_to_a_workstation_that_is_not_back_yet_waits_for_it(shore: Shore) -> None:
    async with shore.relay() as relay, shore.daemon() as daemon, shore.forge() as other:
        await shore.pair(relay.origin, daemon)
        forge = await shore.meet(relay.origin, other)
        here = shore.agent.begin_session("here", daemon.projects.list()[0].name).name
        there = shore.smith.begin_session("there", other.projects.list()[0].name).name
        async with shore.app():
            await shore.until(lambda model: here in model.workstations[shore.workstation].held)
            await shore.until(lambda model: there in model.workstations[forge].held)
    async with shore.relay(), shore.app():
        first = shore.device.call(forge, intents.prompt(there, "before the loss"))
        await shore.until(lambda model: model.calls[first].state is CallState.AT_RELAY)
    shore.lose_the_relays_store()
    async with shore.relay(), shore.app(), shore.daemon():
        await shore.until(lambda model: model.workstations[forge].unlisted)
        second = shore.device.call(forge, intents.prompt(there, "while only the other one is back"))
        beside = shore.device.call(shore.workstation, intents.prompt(here, "to the one that is back"))
        await shore.until(lambda model: model.calls[beside].state is CallState.DONE)
        waiting = [shore.device.model.calls[call] for call in (first, second)]
        assert [(call.state, call.error) for call in waiting] == [(CallState.ON_DEVICE, "")] * 2
        assert role_in(shore.device.model, forge) == "operator"
        async with shore.forge():
            await shore.until(lambda model: all(model.calls[c].state is CallState.DONE for c in (first, second)))
    said = [asked[1] for asked in shore.smith.asked if asked[0] == "prompt"]
    assert said == ["before the loss", "while only the other one is back"]


async def test_more_than_a_relay_takes_at_once_is_made_in_order_all_the_same(shore: Shore) -> None:
    prompts = [f"prompt {number}" for number in range(130)]
    async with shore.relay() as relay, shore.daemon() as daemon:
        await shore.pair(relay.origin, daemon)
        session = shore.agent.begin_session("s", daemon.projects.list()[0].name).name
        for text in prompts:
            shore.device.call(shore.workstation, intents.prompt(session, text))
        async with shore.app():
            await shore.until(lambda model: not any(call.is_open for call in model.calls.values()))
    assert [asked[1] for asked in shore.agent.asked if asked[0] == "prompt"] == prompts
    assert [call.error for call in shore.device.model.calls.values() if call.error] == []


async def test_calls_made_while_the_relays_disk_is_full_are_made_in_order_when_there_is_room(
    shore: Shore, tmp_path: Path
) -> None:
    prompts = [f"prompt {number}" for number in range(3)]
    async with relay_here(tmp_path / "relay") as relay, shore.daemon_at(relay) as daemon:
        await shore.pair(relay.addresses.origin, daemon)
        session = shore.agent.begin_session("s", daemon.projects.list()[0].name).name
        await daemon_is_level(daemon)
        async with shore.app():
            await shore.until(lambda model: session in model.workstations[shore.workstation].held)
            full = relay.services.store._writer.execute("PRAGMA page_count").fetchone()[0]
            relay.services.store._writer.execute(f"PRAGMA max_page_count = {full}")
            text = "x" * 50_000
            calls = [shore.device.call(shore.workstation, intents.prompt(session, words + text)) for words in prompts]
            await shore.until(lambda model: any("disk is full" in link.detail for link in model.links.values()))
            # It will pass: the person must not be told to pair again.
            assert {link.state for link in shore.device.model.links.values()} == {LinkState.OFFLINE}
            assert [shore.device.model.calls[call].state for call in calls] == [CallState.ON_DEVICE] * 3
            relay.services.store._writer.execute("PRAGMA max_page_count = 1000000")
            await shore.until(lambda model: all(model.calls[call].state is CallState.DONE for call in calls))
    assert [asked[1].strip("x") for asked in shore.agent.asked if asked[0] == "prompt"] == prompts


async def test_a_relay_that_went_back_to_an_old_copy_is_noticed_and_then_right(shore: Shore, tmp_path: Path) -> None:
    copy = str(tmp_path / "backup.db")
    async with shore.relay() as relay, shore.daemon() as daemon:
        await shore.pair(relay.origin, daemon)
        session = shore.agent.begin_session("s", daemon.projects.list()[0].name).name
        async with shore.app():
            shore.agent.say(f"{session}/messages/m/parts/1", "in the backup")
            await shore.until(lambda model: session in model.workstations[shore.workstation].held)
            await daemon_is_level(daemon)
            await shore.run_relay_command("backup", copy)
            for part in range(2, 12):
                shore.agent.say(f"{session}/messages/m/parts/{part}", "not in the backup")
            await daemon_is_level(daemon)
            head = daemon.log.head.seq
            await shore.until(lambda _: max(shore.held().values()) == head)
            before = shore.held()
    await shore.run_relay_command("restore", copy)
    async with shore.relay(), shore.app():
        # What is here stays, and the person is told that the relay is behind.
        await shore.until(lambda model: shore.warning(model) == WARNINGS[Verdict.ROLLED_BACK])
        assert shore.held() == before
        async with shore.daemon() as daemon:
            await shore.until(lambda model: shore.warning(model) == "")
            shore.agent.say(f"{session}/messages/m/parts/12", "after the restore")
            await daemon_is_level(daemon)
            head = daemon.log.head.seq
            await shore.until(lambda _: max(shore.held().values()) == head)
    after = shore.held()
    assert all(after[key] >= seq for key, seq in before.items())
    assert shore.warning(shore.device.model) == ""


async def daemon_is_level(daemon: Daemon) -> None:
    """The relay has everything."""
    assert daemon.uplink is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        await daemon.uplink.level()
