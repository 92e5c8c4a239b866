"""A desk and a phone with an enemy between them: a real daemon with a scripted agent, a real app without a screen."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agentd.config import Config
from agentd.daemon import Daemon, running
from app_flet import intents
from app_flet.device import Device
from app_flet.model import CallView, Model, WorkstationView
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from halyard.agent.v1 import workstation_pb2
from halyard.link.v1 import record_pb2
from halyard_client.halyard.agent import v1
from tests.adversary.malicious_relay import MaliciousRelay, malicious_relay
from tests.app_flet.test_link import linked
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import CallState
from wire.identity import Identity
from wire.pairing import parse_code

PATIENCE_SECONDS = 60.0


class PhoneClock:
    """The phone's clock: the real one, and what a test adds."""

    ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


@dataclass
class Scene:
    """Everything, linked and paired. `session` is on the phone's screen."""

    relay: MaliciousRelay
    daemon: Daemon
    agent: ScriptedAgent
    phone: Device
    clock: PhoneClock
    session: str = "sessions/s"

    @property
    def model(self) -> Model:
        return self.phone.model

    @property
    def desk(self) -> str:
        return self.daemon.identity.device_id

    @property
    def view(self) -> WorkstationView:
        """What the phone shows of the workstation."""
        return self.model.workstations[self.desk]

    def title(self, name: str = "sessions/s") -> str:
        """The title that the phone shows for a session; empty when it shows none."""
        record = self.view.held.get(name)
        return record.resource.session.title if record and record.resource.session else ""

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns once the phone shows it."""
        changed = asyncio.Event()
        unlisten = self.phone.listen(changed.set)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():
                    changed.clear()
                    await changed.wait()
        finally:
            unlisten()

    async def over(self, call_id: bytes) -> CallView:
        """The call once it is over."""
        await self.until(lambda: not self.model.calls[call_id].is_open)
        return self.model.calls[call_id]

    def prompt(self, text: str) -> bytes:
        return self.phone.call(self.desk, intents.prompt(self.session, text))

    def decide(self, name: str, outcome: v1.DecisionState) -> bytes:
        record = self.view.held[name].resource.permission
        assert record is not None
        return self.phone.call(self.desk, intents.decide(record, outcome, self.clock()))

    async def settled(self) -> None:
        """A prompt of the phone arrived: everything that was handed over before it is over."""
        word = f"settled {secrets.token_hex(4)}"
        call = self.prompt(word)
        assert (await self.over(call)).state is CallState.DONE
        assert self.heard(word) == 1

    def heard(self, text: str) -> int:
        """How often the agent got this prompt."""
        return sum(asked[:2] == ("prompt", text) for asked in self.agent.asked)

    async def rename(self, title: str) -> None:
        """The workstation writes a new value under an old name, and it is at the relay."""
        at = self.daemon.log.written
        await self.agent.rename(self.session.removeprefix("sessions/"), title)
        await self.relay.until(lambda: self.relay.disk.through > at)

    def record(self, name: str = "sessions/s") -> record_pb2.Record:
        """The newest record of a name on the relay's disk; a relay knows which it is only by watching what changes."""
        entry = self.daemon.log.entry(name)
        assert entry is not None
        return next(record for record in self.relay.disk.records.values() if record.seq == entry.seq)


@asynccontextmanager
async def scene(folder: Path, relay: MaliciousRelay, *, phone: Identity | None = None) -> AsyncIterator[Scene]:
    """A desk that writes `sessions/s`, and a phone that has read it."""
    agent, clock = ScriptedAgent(), PhoneClock()
    project = folder / "project"
    project.mkdir(exist_ok=True)
    config = Config(state_dir=folder / "state", display_name="desk", default_project=project, relay=relay.address)
    async with running(config, lambda _: [agent]) as daemon:
        await agent.started()
        relay.workstation_id = daemon.identity.device_id
        agent.begin_session("s", daemon.projects.list()[0].name, "first title")
        store = Store(folder / "phone.sqlite")
        if phone is not None:
            store.keep_fact("identity", phone.to_bytes())
        device = Device(store, clock, relay=relay.origin)
        relay.app_id = device.identity.device_id
        await introduce(daemon, relay, device)
        async with linked(device):
            it = Scene(relay, daemon, agent, device, clock)
            await it.until(lambda: it.title() == "first title" and it.view.as_of_ms)
            device.open_session(it.desk, it.session)
            yield it
        store.close()


async def introduce(daemon: Daemon, relay: MaliciousRelay, device: Device) -> None:
    """Pairs, by the code that a person would type."""
    events = daemon.pairing.pair(workstation_pb2.DEVICE_ROLE_OPERATOR)
    code = parse_code((await anext(events)).code.code)
    guise = Guise("A phone with a private name", "android")
    async with asyncio.TaskGroup() as group:
        joining = group.create_task(pair(relay.origin, code, device.identity, guise, device.now_ms))
        async for _ in events:
            pass
    device.paired(joining.result())


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Scene]:
    """The scene with its relay."""
    async with malicious_relay() as relay, scene(folder, relay) as it:
        yield it


async def heartbeats(at: Scene, ahead_ms: int) -> None:
    """Time passes on the phone, in steps as small as those in which it looks."""
    for _ in range(ahead_ms // 15_000):
        at.clock.ahead_ms += 15_000
        at.phone.outgoing.due.ring()
        await at.relay.until(lambda: True)
        await at.settled()
