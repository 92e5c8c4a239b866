"""The workstation's side of the link as a dialogue (docs/link-protocol.md §2); the relay says what a test tells it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agentd.config import Config
from agentd.daemon import Daemon, running
from agentd.uplink_session import PAGE
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as ws
from halyard.link.v1 import link_service_pb2 as pb
from halyard.link.v1 import record_pb2
from tests.fakes.clocks import Clocks
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.scripted_relay import Attached, ScriptedRelay, scripted_relay
from wire import sealing
from wire.identity import Identity

LIMITS = {"max_items": 512, "max_frame_bytes": 1024 * 1024, "max_record_bytes": 256 * 1024}


@pytest.fixture
async def relay() -> AsyncIterator[ScriptedRelay]:
    async with scripted_relay() as serving:
        yield serving


@asynccontextmanager
async def desk(config: Config, relay: ScriptedRelay, agent: ScriptedAgent) -> AsyncIterator[Daemon]:
    async with running(replace(config, relay=relay.address), lambda _: [agent]) as daemon:
        await agent.started()
        yield daemon


async def greeted(relay: ScriptedRelay, stored_through: int = 0, *, heartbeat_seconds: int = 20) -> Attached:
    """A link whose handshake is done."""
    link = await relay.attached()
    await link.hear("hello")
    link.welcome(stored_through=stored_through, heartbeat_seconds=heartbeat_seconds, **LIMITS)
    await link.hear("members")
    return link


async def hear_through(link: Attached, seq: int) -> list[record_pb2.Record]:
    """All records up to `seq`, in the order in which they came."""
    records: list[record_pb2.Record] = []
    through = 0
    while through < seq:
        publish = (await link.hear_until("publish")).publish
        records += publish.records
        through = max(through, publish.through)
    return records


async def test_it_begins_with_who_it_is_and_who_may_follow(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        link = await relay.attached()
        hello = (await link.hear("hello")).hello
        assert hello.head.log_epoch == daemon.log.epoch
        link.welcome(**LIMITS)
        members = (await link.hear("members")).members
        assert list(members.device_ids) == []
        device = daemon.devices.add(
            Identity.from_bytes(secrets.token_bytes(64)).public, "Phone", "test", workstation_pb2.DEVICE_ROLE_VIEWER
        )
        listed = (await link.hear_until("members")).members
        assert list(listed.device_ids) == [device.name.removeprefix("devices/")]
        assert listed.revision > members.revision


async def test_what_is_above_stored_through_comes_in_order_and_no_more(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        link = await greeted(relay)
        records = await hear_through(link, daemon.log.written)
        seqs = [record.seq for record in records]
        assert seqs == sorted(seqs)
        link.hang_up()
        link = await greeted(relay, stored_through=seqs[0])
        assert [record.seq for record in await hear_through(link, seqs[-1])] == seqs[1:]


async def test_frames_are_bounded_in_items_and_bytes(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        name = agent.begin_session("s", daemon.projects.list()[0].name).name
        for number in range(2 * PAGE):
            agent.close_part(f"{name}/messages/m/parts/{number:03}", "x" * 9_000)
        await daemon.log.flush()
        link = await relay.attached()
        await link.hear("hello")
        link.welcome(max_items=50, max_frame_bytes=200_000, max_record_bytes=100_000)
        through = 0
        while through < daemon.log.written:
            publish = (await link.hear_until("publish")).publish
            assert len(publish.records) <= 50
            assert publish.ByteSize() <= 200_000
            through = publish.through


async def test_hints_that_gathered_while_the_relay_stored_nothing_are_dropped_where_they_are_too_many(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        name = agent.begin_session("s", daemon.projects.list()[0].name).name
        link = await greeted(relay)
        await hear_through(link, daemon.log.written)
        long, short = f"{name}/messages/m/parts/long", f"{name}/messages/m/parts/short"
        agent.open_part(long)
        agent.grow(long, "", "x")
        await link.hear_until("publish")
        link.say(watchers=pb.Watchers(apps=1, watches=[pb.Watch(focus=daemon.devices._sealer.focus(name), count=1)]))
        # What stands there is recorded for whoever begins to look; hints for it wait until that is stored.
        publish = (await link.hear_until("publish")).publish
        for number in range(50):
            agent.grow(long, "x" * (1 + 8_000 * number), "x" * 8_000)
        link.say(stored=pb.Stored(through=publish.through))
        agent.open_part(short)
        agent.grow(short, "", "a few words")
        sizes: list[int] = []
        while not sizes or min(sizes) > 1_000:
            publish = (await link.hear_until("publish")).publish
            sizes += [len(hints.sealed) for hints in publish.volatile]
            link.say(stored=pb.Stored(through=publish.through))
        assert max(sizes) <= LIMITS["max_record_bytes"]


async def test_overwritten_values_are_not_sent_and_the_stretch_reaches_all_the_same(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        name = agent.begin_session("s", daemon.projects.list()[0].name).name
        for number in range(100):
            await agent.rename("s", f"Title {number}")
        await daemon.log.flush()
        link = await greeted(relay)
        key = daemon.log.entry(name)
        records = await hear_through(link, daemon.log.written)
        assert key is not None
        assert [record.seq for record in records].count(key.seq) == 1
        assert len(records) < 20


async def test_silence_is_broken_by_pings(config: Config, relay: ScriptedRelay, agent: ScriptedAgent) -> None:
    async with desk(config, relay, agent):
        link = await relay.attached()
        await link.hear("hello")
        link.welcome(heartbeat_seconds=1, **LIMITS)
        await link.hear_until("ping")
        link.say(pong=record_pb2.Pong())
        await link.hear_until("ping")


async def test_a_pong_tells_the_relays_time(config: Config, relay: ScriptedRelay, agent: ScriptedAgent) -> None:
    async with desk(config, relay, agent) as daemon:
        link = await greeted(relay, heartbeat_seconds=1)
        await hear_through(link, daemon.log.written)
        pong = record_pb2.Pong()
        pong.server_time.FromSeconds(pong_s := int(Clocks()().wall) + 86_400)
        link.say(pong=pong)
        # What is answered to the next frame comes after this one.
        link.say(watchers=pb.Watchers(apps=1, foreground_apps=1))
        await link.hear_until("publish")
        assert daemon.uplink is not None
        assert abs(daemon.uplink._access.now_ms() - pong_s * 1000) < 60_000
        # A relay of another make says nothing of its time.
        link.say(pong=record_pb2.Pong())


async def test_a_link_that_is_half_open_is_given_up_and_dialled_again(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent):
        link = await relay.attached()
        await link.hear("hello")
        # From here on the relay takes everything and says nothing, as a network does that forgot one direction.
        link.welcome(heartbeat_seconds=1, **LIMITS)
        again = await relay.attached()
        await again.hear("hello")


async def test_who_knows_that_the_relay_is_back_need_not_wait_and_disturbs_no_link_that_stands(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        assert daemon.uplink is not None
        link = await greeted(relay)
        daemon.uplink.hurry()
        link.say(going_away=record_pb2.GoingAway(reconnect_after_ms=30_000))
        await daemon.uplink.until(ws.LINK_STATE_WAITING)
        assert daemon.uplink.redials == 0
        daemon.uplink.hurry()
        await (await relay.attached()).hear("hello")


async def test_how_patient_it_must_be_is_told_by_the_relay_and_kept(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        assert daemon.uplink is not None
        link = await relay.attached()
        await link.hear("hello")
        link.welcome(reconnect_ceiling_seconds=7, **LIMITS)
        await link.hear("members")
        link.hang_up()
        await daemon.uplink.until(ws.LINK_STATE_WAITING)
        assert daemon.uplink._backoff.ceiling == 7


async def test_a_relay_that_goes_away_is_dialled_again(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent):
        link = await greeted(relay)
        link.say(going_away=record_pb2.GoingAway(reconnect_after_ms=1))
        again = await relay.attached()
        await again.hear("hello")


async def test_frames_of_a_later_release_are_skipped(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        link = await greeted(relay)
        link.say()
        agent.begin_session("after", daemon.projects.list()[0].name)
        await hear_through(link, daemon.log.written)


async def test_while_somebody_looks_heads_come_and_can_be_opened(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        link = await greeted(relay)
        await hear_through(link, daemon.log.written)
        link.say(watchers=pb.Watchers(apps=1))
        agent.begin_session("s", daemon.projects.list()[0].name)
        publish = (await link.hear_until("publish")).publish
        ring = sealing.KeyRing(b"n" * 32, tuple(_keys(daemon)))
        head = sealing.open_head(ring, sealing.Origin(daemon.identity.device_id, daemon.log.epoch), publish.head.sealed)
        assert head.seq == daemon.log.head.seq


def _keys(daemon: Daemon) -> list[sealing.EpochKey]:
    app = Identity.from_bytes(secrets.token_bytes(64))
    daemon.devices.add(app.public, "Phone", "test", workstation_pb2.DEVICE_ROLE_VIEWER)
    entry = daemon.log.entry(f"grants/{app.device_id}")
    assert entry is not None
    channel = sealing.Channel(app, daemon.identity.public)
    return list(channel.open_grant(daemon.log.epoch, entry.body).keys)


async def test_a_call_is_acknowledged_once_it_is_on_disk_and_a_strangers_too(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent):
        link = await greeted(relay)
        call = pb.InboxCall(inbox_seq=7, device_id="x" * 26, call=record_pb2.SealedCall(call_id=b"1" * 16))
        link.say(inbox=pb.Inbox(calls=[call]))
        assert (await link.hear_until("inbox_ack")).inbox_ack.through == 7


async def test_a_relay_that_claims_more_than_was_written_cannot_make_it_spin(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        epochs = [daemon.log.epoch]
        for _ in range(2):
            link = await relay.attached()
            hello = (await link.hear("hello")).hello
            assert hello.head.log_epoch == epochs[-1]
            link.welcome(stored_through=2**63, **LIMITS)
            assert daemon.uplink is not None
            async with asyncio.timeout(30):
                await daemon.uplink.until(ws.LINK_STATE_WAITING)
            epochs.append(daemon.log.epoch)
        assert epochs == sorted(set(epochs))


async def test_how_long_the_relay_acknowledges_nothing_is_counted_from_when_it_could(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent
) -> None:
    async with desk(config, relay, agent) as daemon:
        uplink = daemon.uplink
        assert uplink is not None
        assert uplink.stalled_seconds == 0, "no link, nothing to wait for"
        link = await greeted(relay)
        await hear_through(link, daemon.log.written)
        session, clock_ms = uplink._session, uplink._clock_ms
        assert session is not None
        session._stored_at -= 1_000
        assert uplink.stalled_seconds < 500, "what was written just now waits since just now"
        uplink._clock_ms = lambda: clock_ms() + 5_000_000
        assert 1_000 <= uplink.stalled_seconds < 5_000, "what was written before the link began waits since then"
        link.say(stored=pb.Stored(through=1))
        await until_stored(daemon, 1)
        assert uplink.stalled_seconds < 500, "it goes on"
        session._stored_at -= 1_000
        link.say(stored=pb.Stored(through=daemon.log.written))
        await until_stored(daemon, daemon.log.written)
        assert uplink.stalled_seconds == 0


async def until_stored(daemon: Daemon, seq: int) -> None:
    """Returns once the workstation knows that the relay has everything up to `seq`."""
    assert daemon.uplink is not None
    async with asyncio.timeout(30):
        while daemon.uplink.stored_through < seq:
            await daemon.uplink._changed.wait()
