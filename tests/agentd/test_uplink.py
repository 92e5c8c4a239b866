"""The link through a real relay: what is published, when, and what comes back after an absence of either side."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.config import Config, RelayAddress
from agentd.daemon import Daemon, running
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as ws
from tests.fakes.app_link import AppLink, CallFailed, LinkRefused
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay, relay_process
from tests.fakes.scripted_agent import ScriptedAgent

VIEWER = workstation_pb2.DEVICE_ROLE_VIEWER


@asynccontextmanager
async def desk(config: Config, relay: RelayAddress, agent: ScriptedAgent) -> AsyncIterator[Daemon]:
    async with running(replace(config, relay=relay), lambda _: [agent]) as daemon:
        await agent.started()
        yield daemon


async def up(daemon: Daemon) -> None:
    assert daemon.uplink is not None
    async with asyncio.timeout(30):
        await daemon.uplink.until(ws.LINK_STATE_UP)


def begin(daemon: Daemon, agent: ScriptedAgent, session_id: str, title: str = "") -> str:
    return agent.begin_session(session_id, daemon.projects.list()[0].name, title).name


async def test_a_new_app_reads_history_while_the_workstation_is_off(
    config: Config, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay.address, agent) as daemon:
        app = await pair_app(daemon, relay)
        name = begin(daemon, agent, "s", "Before")
        agent.say(f"{name}/messages/m/parts/p", "Hello")
        async with app.attached():
            await app.until(lambda: f"{name}/messages/m/parts/p" in app.resources)
        begin(daemon, agent, "t", "After")
        async with app.attached():
            await app.until(lambda: "sessions/t" in app.resources)
    app = AppLink.again(app)
    async with app.attached():
        await app.until(lambda: app.caught_up and "sessions/t" in app.resources)
        assert not app.online
        assert app.resources["sessions/t"].session.title == "After"


async def test_a_prompt_waits_at_the_relay_for_the_workstation(
    config: Config, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay.address, agent) as daemon:
        app = await pair_app(daemon, relay)
        name = begin(daemon, agent, "s")
        async with app.attached():
            await app.until(lambda: name in app.resources)
    async with app.attached():
        call = app.prepare("AgentService/Prompt", pb.PromptRequest(session=name, text="Hello"))
        await app.send(call)
        await app.until(lambda: "at the relay" in call.states)
        assert agent.prompts == {}
        async with desk(config, relay.address, agent):
            result = await asyncio.wait_for(call.answer, 30)
            assert app.read_answer(result, pb.PromptResponse).message
            assert call.states == ["on this device", "at the relay", "at the workstation"]
    assert [order.text for order in agent.prompts.values()] == ["Hello"]


async def test_a_relay_that_lost_its_disk_is_refilled(config: Config, tmp_path: Path, agent: ScriptedAgent) -> None:
    async with relay_process(tmp_path / "first") as first:
        address = first.address
        async with desk(config, address, agent) as daemon:
            app = await pair_app(daemon, first)
            begin(daemon, agent, "s", "kept")
            async with app.attached():
                await app.until(lambda: "sessions/s" in app.resources)
    second = relay_process(tmp_path / "second", http=first.http.removeprefix("http://"), grpc=first.grpc)
    async with second, desk(config, address, agent) as daemon:
        fresh = AppLink.again(app)
        # A relay that knows nothing refuses apps until their workstation has listed them.
        assert daemon.uplink is not None
        await daemon.uplink.level()
        async with fresh.attached():
            await fresh.until(lambda: "sessions/s" in fresh.resources)
            assert fresh.resources["sessions/s"].session.title == "kept"


async def test_a_value_that_rots_under_the_relay_is_sent_again(
    config: Config, tmp_path: Path, agent: ScriptedAgent
) -> None:
    async with relay_process(tmp_path / "relay") as relay, desk(config, relay.address, agent) as daemon:
        app = await pair_app(daemon, relay)
        begin(daemon, agent, "s", "kept")
        begin(daemon, agent, "t", "after it")
        async with app.attached():
            await app.until(lambda: "sessions/t" in app.resources)
        entry = daemon.log.entry("sessions/s")
        assert entry is not None
        flip_a_bit(tmp_path / "relay" / "relay.db", entry.seq)
        fresh = AppLink.again(app)
        async with fresh.attached():
            await fresh.until(lambda: {"sessions/s", "sessions/t"} <= set(fresh.resources))
        assert daemon.uplink is not None
        assert daemon.uplink.redials == 1


def flip_a_bit(file: Path, seq: int) -> None:
    """Inside the sealed value at `seq`."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (sealed,) = db.execute("SELECT sealed FROM record WHERE seq = ?", (seq,)).fetchone()
    content = file.read_bytes()
    at = content.index(sealed) + len(sealed) // 2
    with file.open("r+b") as raw:
        raw.seek(at)
        raw.write(bytes([content[at] ^ 1]))


async def test_a_relay_that_restarts_is_dialled_again(config: Config, tmp_path: Path, agent: ScriptedAgent) -> None:
    async with relay_process(tmp_path / "relay") as first:
        pass
    second = relay_process(tmp_path / "relay", http=first.http.removeprefix("http://"), grpc=first.grpc)
    async with desk(config, first.address, agent) as daemon:
        assert daemon.uplink is not None
        async with asyncio.timeout(30):
            await daemon.uplink.until(ws.LINK_STATE_WAITING)
        assert "cannot be used" in daemon.uplink.status.detail
        assert daemon.uplink.status.reason == "UNAVAILABLE"
        async with second:
            await up(daemon)
            assert daemon.uplink.status.detail == ""


async def test_a_store_restored_from_an_old_copy_begins_a_new_log(
    config: Config, relay: RunningRelay, tmp_path: Path, agent: ScriptedAgent
) -> None:
    async with desk(config, relay.address, agent) as daemon:
        app = await pair_app(daemon, relay)
        begin(daemon, agent, "old")
        await daemon.log.flush()
        await up(daemon)
    shutil.copytree(config.state_dir, tmp_path / "backup")
    async with desk(config, relay.address, agent) as daemon:
        before = daemon.log.epoch
        for number in range(5):
            begin(daemon, agent, f"new{number}")
        async with app.attached():
            await app.until(lambda: "sessions/new4" in app.resources)
    shutil.rmtree(config.state_dir)
    shutil.move(tmp_path / "backup", config.state_dir)
    async with desk(config, relay.address, agent) as daemon:
        async with app.attached():
            await app.until(lambda: app.replica and app.replica.epoch != before)
            await app.until(lambda: "sessions/old" in app.resources)
            assert "sessions/new4" not in app.resources
        assert daemon.log.epoch != before


async def test_hints_are_sent_only_while_somebody_looks(
    daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    app = await pair_app(daemon, relay)
    name = begin(daemon, agent, "s")
    unseen, seen = f"{name}/messages/m/parts/unseen", f"{name}/messages/m/parts/seen"
    async with app.attached():
        agent.open_part(unseen)
        await app.until(lambda: unseen in app.resources)
        agent.grow(unseen, "", "nobody looks")
        await app.focus(name)
        agent.open_part(seen)
        await app.until(lambda: seen in app.resources)
        agent.grow(seen, "", "somebody looks")
        await app.until(lambda: app.text(seen) == "somebody looks")
        assert {delta.part for delta in app.hints} <= {seen}
        # Whoever comes late begins with a record that holds what arrived before.
        await app.until(lambda: app.text(unseen) == "nobody looks")


async def test_a_revoked_device_is_out_at_once_and_others_go_on(
    daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    stays, goes = await pair_app(daemon, relay, display_name="A"), await pair_app(daemon, relay, display_name="B")
    async with stays.attached(), goes.attached():
        await stays.until(lambda: len(stays.named("devices/")) == 2)
        await goes.until(lambda: goes.ring)
        request = ws.RevokeDeviceRequest(device=f"devices/{goes.identity.device_id}")
        await stays.call("WorkstationService/RevokeDevice", request, ws.RevokeDeviceResponse)
        begin(daemon, agent, "secret")
        await stays.until(lambda: "sessions/secret" in stays.resources)
        await goes.until(lambda: goes.closed)
        assert "sessions/secret" not in goes.resources
        assert [value.device.display_name for value in stays.named("devices/")] == ["A"]
        assert stays.ring is not None
        assert goes.ring is not None
        assert stays.ring.newest.number == goes.ring.newest.number + 1
    with pytest.raises(LinkRefused) as refused:
        async with goes.attached():
            pass
    assert refused.value.reason in ("REVOKED", "NOT_A_MEMBER")


async def test_keys_turn_under_a_reader_without_a_gap(
    daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent
) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        await app.until(lambda: app.ring)
        for number in range(3):
            begin(daemon, agent, f"s{number}")
            daemon.devices.turn_keys()
        begin(daemon, agent, "last")
        await app.until(lambda: "sessions/last" in app.resources)
        assert {f"sessions/s{number}" for number in range(3)} <= app.resources.keys()
        assert app.ring is not None
        assert app.ring.newest.number == 4


async def test_a_viewer_reads_and_no_more(daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent) -> None:
    app = await pair_app(daemon, relay, role=VIEWER)
    assert app.role == "viewer"
    name = begin(daemon, agent, "s")
    async with app.attached():
        await app.until(lambda: name in app.resources)
        with pytest.raises(CallFailed) as refused:
            await app.call("AgentService/Prompt", pb.PromptRequest(session=name, text="x"), pb.PromptResponse)
        assert refused.value.reason == "ROLE_INSUFFICIENT"


async def test_the_reader_can_date_what_it_shows(daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        begin(daemon, agent, "s")
        await app.until(lambda: "sessions/s" in app.resources)
        await app.until(lambda: app.freshness.covered)


async def test_a_burst_of_many_records_arrives_whole(daemon: Daemon, relay: RunningRelay, agent: ScriptedAgent) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        name = begin(daemon, agent, "s")
        for number in range(1_000):
            agent.close_part(f"{name}/messages/m/parts/p{number:04}", "x" * 2_000)
        await app.until(lambda: len(app.named(f"{name}/messages/")) == 1_000)
