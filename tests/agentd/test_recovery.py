"""What a daemon, its relay and its apps recover from together: a lost store, a full disk, a damaged file, a nap."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from agentd import daemon as composition
from agentd import jumps
from agentd.config import Config
from agentd.daemon import running
from agentd.errors import StorageError, StoreDamagedError, StoreUnavailableError
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import decision_pb2
from halyard.agent.v1 import workstation_service_pb2 as workstation
from tests.fakes.app_link import AppLink, CallFailed
from tests.fakes.clocks import Clocks
from tests.fakes.dying_store import FullDisk
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay
from tests.fakes.scripted_agent import ScriptedAgent

HOUR_SECONDS = 3600
PATIENCE_SECONDS = 30.0


@pytest.fixture
def linked(config: Config, relay: RunningRelay) -> Config:
    return replace(config, relay=relay.address)


async def begin(app: AppLink) -> str:
    """A session with one prompt."""
    await app.until(lambda: app.named("projects/"))
    request = pb.StartSessionRequest(project=app.named("projects/")[0].name, title="First", prompt="Hello")
    return (await app.call("AgentService/StartSession", request, pb.StartSessionResponse)).session.name


async def test_a_store_that_was_deleted_begins_another_log_and_every_app_follows_by_itself(
    linked: Config, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    async with running(linked, lambda _: [agent]) as daemon:
        await agent.started()
        app = await pair_app(daemon, relay)
        lost = await pair_app(daemon, relay, display_name="Lost phone")
        daemon.devices.revoke(f"devices/{lost.identity.device_id}")
        attached = app.attached()
        await attached.__aenter__()
        session = await begin(app)
        forgotten = app.prepare("AgentService/Prompt", pb.PromptRequest(session=session, text="Asked before."))
        former = daemon.log.epoch
    for file in linked.state_dir.glob("agentd.sqlite*"):
        file.unlink()
    agent.is_another_process()
    async with running(linked, lambda _: [agent]) as daemon:
        await agent.started()
        agent.ask_again()
        # The link to the relay stood all the while; nobody paired or cleared anything.
        await app.until(lambda: app.replica and app.replica.epoch not in (former, b""))
        assert app.replica is not None
        assert app.replica.epoch == daemon.log.epoch > former
        await app.until(lambda: session in app.resources)
        assert daemon.devices.ids == [app.identity.device_id]
        await app.call("AgentService/Prompt", pb.PromptRequest(session=session, text="Go on."), pb.PromptResponse)
        # It may have been done by the store that was lost: nobody can say, so it is not done twice.
        await app.send(forgotten)
        with pytest.raises(CallFailed) as refused:
            app.read_answer(await forgotten.answer, pb.PromptResponse)
        assert refused.value.reason == "OUTCOME_UNKNOWN"
        assert [order.text for order in agent.prompts.values()] == ["Hello", "Go on."]
        await attached.__aexit__(None, None, None)


async def test_a_store_that_is_deleted_under_it_ends_the_daemon_before_it_acknowledges_anything(
    linked: Config, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        async with running(linked, lambda _: [agent]) as daemon:
            await agent.started()
            app = await pair_app(daemon, relay)
            attached = app.attached()
            await attached.__aenter__()
            session = await begin(app)
            await daemon.log.flush()
            former = daemon.log.epoch
            for file in linked.state_dir.glob("agentd.sqlite*"):
                file.unlink()
            asked = app.prepare(
                "AgentService/Prompt", pb.PromptRequest(session=session, text="Go on."), ttl_seconds=600
            )
            await app.send(asked)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.Event().wait()
    [gone] = ended.value.exceptions
    assert isinstance(gone, StorageError)
    assert "was removed or replaced while agentd ran" in str(gone)
    assert "at the workstation" not in asked.states
    assert [order.text for order in agent.prompts.values()] == ["Hello"]
    agent.is_another_process()
    async with running(linked, lambda _: [agent]) as daemon:
        await agent.started()
        agent.ask_again()
        await app.until(lambda: session in app.resources and app.replica and app.replica.epoch == daemon.log.epoch)
        assert daemon.log.epoch > former
        with pytest.raises(CallFailed) as refused:
            app.read_answer(await asked.answer, pb.PromptResponse)
        assert refused.value.reason == "OUTCOME_UNKNOWN"
        await attached.__aexit__(None, None, None)


async def test_a_full_disk_pauses_what_changes_something_answers_what_reads_and_goes_on(
    linked: Config, relay: RunningRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks: list[FullDisk] = []

    def open_store(path: Path) -> FullDisk:
        disks.append(FullDisk(path))
        return disks[0]

    monkeypatch.setattr(composition, "Store", open_store)
    async with running(linked, lambda _: [agent]) as daemon:
        await agent.started()
        app = await pair_app(daemon, relay)
        async with app.attached():
            session = await begin(app)
            disks[0].full.set()
            request = pb.PromptRequest(session=session, text="While it is full.")
            paused = app.prepare("AgentService/Prompt", request, ttl_seconds=600)
            await app.send(paused)
            await app.until(lambda: "at the relay" in paused.states)
            # A read that came later overtakes it, over the same link.
            status = await app.call(
                "WorkstationService/GetStatus", workstation.GetStatusRequest(), workstation.GetStatusResponse
            )
            assert status.link_state == workstation.LINK_STATE_UP
            assert "at the workstation" not in paused.states
            assert [order.text for order in agent.prompts.values()] == ["Hello"]
            assert "its disk is full. Make room; agentd goes on by itself" in disks[0].trouble
            disks[0].full.clear()
            answer = app.read_answer(await paused.answer, pb.PromptResponse)
            await app.until(lambda: answer.message in app.resources)
            assert [order.text for order in agent.prompts.values()] == ["Hello", "While it is full."]
            assert disks[0].trouble == ""


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """The daemon's clocks, which are looked at more often than usual."""
    monkeypatch.setattr(jumps, "TICK_SECONDS", 0.02)
    return Clocks()


async def asked(app: AppLink, agent: ScriptedAgent) -> tuple[str, str]:
    """A session with one prompt, and what its agent waits for."""
    session = await begin(app)
    permission = f"{session}/permissions/p"
    agent.ask(permission)
    await app.until(lambda: permission in app.resources)
    return session, permission


async def test_a_machine_that_wakes_up_makes_its_link_anew_at_once_and_ends_what_is_late(
    linked: Config, relay: RunningRelay, agent: ScriptedAgent, clocks: Clocks
) -> None:
    async with running(linked, lambda _: [agent], clocks) as daemon:
        await agent.started()
        app = await pair_app(daemon, relay)
        assert daemon.uplink is not None
        async with app.attached():
            session, permission = await asked(app, agent)
            assert daemon.uplink.redials == 0
            # Longer than anybody had to decide. The link that stands is taken for dead, as it would be.
            clocks.sleep(25 * HOUR_SECONDS)
            await daemon.uplink.until(workstation.LINK_STATE_WAITING)
            await daemon.uplink.until(workstation.LINK_STATE_UP)
            # Once more than needed: for the relay that night did not pass, so it corrects the workstation's clock.
            assert daemon.uplink.redials > 0
            await app.until(lambda: app.resources[permission].permission.state == decision_pb2.DECISION_STATE_EXPIRED)
            await app.call("AgentService/Prompt", pb.PromptRequest(session=session, text="Awake."), pb.PromptResponse)
    assert [order.text for order in agent.prompts.values()] == ["Hello", "Awake."]
    assert agent.effects == {permission: "DECISION_STATE_DENIED"}


@pytest.mark.parametrize("hours", [-25, 25], ids=["back", "forward"])
async def test_a_clock_that_is_set_ends_no_decision_and_no_link(
    linked: Config, relay: RunningRelay, agent: ScriptedAgent, clocks: Clocks, hours: int
) -> None:
    async with running(linked, lambda _: [agent], clocks) as daemon:
        await agent.started()
        app = await pair_app(daemon, relay)
        assert daemon.uplink is not None
        async with app.attached():
            _, permission = await asked(app, agent)

            def until_seconds() -> int:
                return app.resources[permission].permission.expire_time.seconds

            moved = until_seconds() + hours * HOUR_SECONDS
            clocks.set_by(hours * HOUR_SECONDS)
            await app.until(lambda: abs(until_seconds() - moved) < 60)
            assert app.resources[permission].permission.state == decision_pb2.DECISION_STATE_PENDING
            assert daemon.uplink.redials == 0
    assert agent.effects == {}


async def test_a_file_that_is_damaged_under_it_ends_the_daemon_with_a_sentence(
    config: Config, agent: ScriptedAgent
) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        async with running(config, lambda _: [agent]) as daemon:
            await agent.started()
            await daemon.log.flush()
            for file in config.state_dir.glob("agentd.sqlite*"):
                _scribble(file)
            with contextlib.suppress(StoreUnavailableError):
                agent.ask("sessions/s1/permissions/p1")
            await asyncio.Event().wait()
    [damaged] = ended.value.exceptions
    assert isinstance(damaged, StoreDamagedError)
    assert "Move it away" in str(damaged)


def _scribble(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as content:
        content.write(b"\xa5" * size)
