"""A clock that is a day off, or is set while the link stands, on the phone or the desk: both work, by a real relay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentd.config import Config
from agentd.daemon import Daemon, running
from app_flet import attendance, intents
from app_flet.device import Device
from app_flet.glance import clock_line
from app_flet.model import Model
from app_flet.pairing import Guise, pair
from app_flet.store import Store
from halyard.agent.v1 import workstation_pb2, workstation_service_pb2
from halyard_client.halyard.agent import v1
from tests.adversary.scene import PATIENCE_SECONDS
from tests.app_flet.test_link import linked
from tests.fakes.clocks import Clocks
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent
from wire.calls import CallState
from wire.pairing import parse_code

DAY_SECONDS = 86_400.0
OFF = pytest.mark.parametrize("off_seconds", [-DAY_SECONDS, DAY_SECONDS], ids=["a day behind", "a day ahead"])
SET = pytest.mark.parametrize("by_seconds", [-DAY_SECONDS, DAY_SECONDS], ids=["set back", "set forward"])


class Both:
    """A desk and a phone."""

    def __init__(self, daemon: Daemon, agent: ScriptedAgent, phone: Device) -> None:
        self.daemon, self.agent, self.phone = daemon, agent, phone
        self._rounds = 0
        self.desk = daemon.identity.device_id

    async def until(self, condition: Callable[[Model], bool]) -> None:
        changed = asyncio.Event()
        unlisten = self.phone.listen(changed.set)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(self.phone.model):
                changed.clear()
                await changed.wait()
        unlisten()

    async def over(self, call_id: bytes) -> None:
        await self.until(lambda model: not model.calls[call_id].is_open)

    async def works(self) -> None:
        """Reads, prompts and decides."""
        self._rounds += 1
        self.agent.asked.clear()
        session = self.agent.begin_session(f"s{self._rounds}", self.daemon.projects.list()[0].name).name
        asked = f"{session}/permissions/p"
        self.agent.ask(asked)
        await self.until(lambda model: asked in model.workstations[self.desk].held)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.phone.ask(self.desk, intents.list_messages(session))
        permission = self.phone.model.workstations[self.desk].held[asked].resource.permission
        assert permission is not None
        decide = intents.decide(permission, v1.DecisionState.ALLOWED_ONCE, self.phone.now_ms())
        for call in (self.phone.call(self.desk, intents.prompt(session, "Hello")), self.phone.call(self.desk, decide)):
            await self.over(call)
            assert self.phone.model.calls[call].state is CallState.DONE, self.phone.model.calls[call].error
        assert {"prompt", "decide"} <= {asked[0] for asked in self.agent.asked}


@asynccontextmanager
async def paired(folder: Path, relay: RunningRelay, *, desk: Clocks, phone: Clocks) -> AsyncIterator[Both]:
    agent, project = ScriptedAgent(), folder / "project"
    project.mkdir()
    config = Config(folder / "state", display_name="desk", default_project=project, relay=relay.address)
    async with running(config, lambda _: [agent], desk) as daemon:
        await agent.started()
        assert daemon.uplink is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await daemon.uplink.until(workstation_service_pb2.LINK_STATE_UP)
        device = Device(Store(folder / "phone.sqlite"), phone.wall_ms, relay=relay.origin)
        events = daemon.pairing.pair(workstation_pb2.DEVICE_ROLE_OPERATOR)
        code = parse_code((await anext(events)).code.code)
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(pair(relay.http, code, device.identity, Guise("P", "test"), device.now_ms))
            async for _ in events:
                pass
        device.paired(joining.result())
        async with linked(device):
            yield Both(daemon, agent, device)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RunningRelay]:
    async with relay_process(tmp_path / "relay") as serving:
        yield serving


@OFF
async def test_a_phone_whose_clock_is_wrong_pairs_and_works_and_says_so(
    tmp_path: Path, relay: RunningRelay, off_seconds: float
) -> None:
    async with paired(tmp_path, relay, desk=Clocks(), phone=Clocks(off_seconds)) as both:
        await both.works()
        assert abs(both.phone.model.clock_offset_ms + off_seconds * 1000) < 60_000
        assert "clock is 1 d" in clock_line(both.phone.model)


@OFF
async def test_a_desk_whose_clock_is_wrong_pairs_and_works(
    tmp_path: Path, relay: RunningRelay, off_seconds: float
) -> None:
    async with paired(tmp_path, relay, desk=Clocks(off_seconds), phone=Clocks()) as both:
        await both.works()
        assert clock_line(both.phone.model) == ""


@SET
async def test_a_desk_whose_clock_is_set_while_its_link_stands_works(
    tmp_path: Path, relay: RunningRelay, by_seconds: float
) -> None:
    """As by a machine that boots a day behind, links, and then hears the time from the network: and the other way."""
    desk = Clocks(-by_seconds)
    async with paired(tmp_path, relay, desk=desk, phone=Clocks()) as both:
        assert both.daemon.uplink is not None
        dialled = both.daemon.uplink.redials
        for _ in range(2):
            desk.set_by(by_seconds)
            await both.works()
        assert both.daemon.uplink.redials == dialled


@SET
async def test_a_desk_whose_clock_is_set_answers_whoever_looks(
    tmp_path: Path, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch, by_seconds: float
) -> None:
    monkeypatch.setattr(attendance, "ANSWERS_MS", 2 * attendance.RENEWS_MS)
    desk = Clocks()
    async with paired(tmp_path, relay, desk=desk, phone=Clocks()) as both:
        await both.until(lambda model: model.workstations[both.desk].as_of_ms > 0)
        desk.set_by(by_seconds)
        belief, began_ms = both.phone.followings[both.desk].belief, both.phone.now_ms()
        both.phone.lookers.came("a screen")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not began_ms < belief.answer_due_ms < began_ms + attendance.ANSWERS_MS:  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0.01)


@SET
async def test_a_phone_whose_clock_is_set_while_its_link_stands_works(
    tmp_path: Path, relay: RunningRelay, by_seconds: float
) -> None:
    phone = Clocks(-by_seconds)
    async with paired(tmp_path, relay, desk=Clocks(), phone=phone) as both:
        for _ in range(2):
            phone.set_by(by_seconds)
            await both.works()
