"""What changes on a workstation's link while somebody looks: it is watched, and answers at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from agentd import uplink_session
from agentd.config import Config
from agentd.daemon import Daemon
from halyard.link.v1 import link_service_pb2 as pb
from halyard.link.v1 import record_pb2
from tests.agentd.test_uplink_session import desk, greeted, hear_through
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fakes.scripted_relay import PATIENCE_SECONDS, Attached, ScriptedRelay, scripted_relay


@pytest.fixture
async def relay() -> AsyncIterator[ScriptedRelay]:
    async with scripted_relay() as serving:
        yield serving


async def level(relay: ScriptedRelay, daemon: Daemon, heartbeat_seconds: int = 20) -> Attached:
    """A link over which all that was written has left."""
    link = await greeted(relay, heartbeat_seconds=heartbeat_seconds)
    await hear_through(link, daemon.log.written)
    return link


@pytest.mark.parametrize("looks_at", ["a session", "lists"])
async def test_while_an_app_looks_a_silent_relay_is_asked_and_while_one_only_follows_it_is_not(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch, looks_at: str
) -> None:
    monkeypatch.setattr(uplink_session, "LOOK_SECONDS", 0)
    async with desk(config, relay, agent) as daemon:
        link = await level(relay, daemon, heartbeat_seconds=60)
        link.say(watchers=pb.Watchers(apps=1))
        for _ in range(1_000):
            await asyncio.sleep(0)
        name = agent.begin_session("s", daemon.projects.list()[0].name).name
        await link.hear("publish")
        monkeypatch.setattr(uplink_session, "LOOK_SECONDS", 0.1)
        if looks_at == "lists":
            link.say(watchers=pb.Watchers(apps=1, foreground_apps=1))
        else:
            watch = pb.Watch(focus=daemon.devices._sealer.focus(name), count=1)
            link.say(watchers=pb.Watchers(apps=1, watches=[watch]))
        for _ in range(3):
            await link.hear_until("ping")
            link.say(pong=record_pb2.Pong())
        assert daemon.uplink is not None
        assert daemon.uplink.redials == 0


async def test_how_long_the_relay_takes_to_answer_is_measured_and_what_it_says_unasked_is_no_answer(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_session, "LOOK_SECONDS", 0.2)
    async with desk(config, relay, agent) as daemon:
        link = await level(relay, daemon)
        assert daemon.uplink is not None
        session = daemon.uplink._session
        assert session is not None
        link.say(watchers=pb.Watchers(apps=1, foreground_apps=1))
        await link.hear_until("ping")
        # Much less than the patience of four looks, and much more than an answer takes here.
        await asyncio.sleep(0.3)
        link.say(pong=record_pb2.Pong())
        await link.hear_until("ping")
        slow = session.vigil
        assert slow.slowest_seconds >= 0.3
        link.say(watchers=pb.Watchers(apps=1))
        for _ in range(20):
            link.say(pong=record_pb2.Pong())
        link.say(stored=pb.Stored())
        await asyncio.wait_for(daemon.uplink._changed.wait(), 10)
        assert session.vigil.slowest_seconds >= 0.9 * slow.slowest_seconds, "only the first of them answers something"


async def test_whoever_begins_to_look_is_answered_at_once_with_a_new_head(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_session, "HEAD_SECONDS", 1_000_000)
    async with desk(config, relay, agent) as daemon:
        link = await level(relay, daemon, heartbeat_seconds=60)
        heads = list[bytes]()
        # Their number may be the same again: one looked away and back, or one left as another came.
        for _ in range(3):
            link.say(watchers=pb.Watchers(apps=1, foreground_apps=1))
            publish = (await link.hear_until("publish")).publish
            assert not publish.records
            heads.append(publish.head.sealed)
        assert len(set(heads)) == 3


@pytest.mark.parametrize("looks", [0, 1])
async def test_heartbeats_are_heads_where_an_app_follows_and_fewer_of_them_where_nobody_looks(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    monkeypatch.setattr(uplink_session, "HEAD_SECONDS", 1_000_000)
    monkeypatch.setattr(uplink_session, "POCKET_HEAD_SECONDS", 2.5)
    monkeypatch.setattr(uplink_session, "LOOK_SECONDS", 1_000_000)
    async with desk(config, relay, agent) as daemon:
        link = await level(relay, daemon, heartbeat_seconds=1)
        link.say(watchers=pb.Watchers(apps=1, foreground_apps=looks))
        if looks:
            await link.hear("publish")
        said = list[str]()
        for _ in range(6):
            frame = await link.hear_any()
            assert not frame.publish.records
            said.append("head" if frame.publish.head.sealed else str(frame.WhichOneof("frame")))
            link.say(pong=record_pb2.Pong())
    if looks:
        assert said == ["head"] * 6
    else:
        assert set(said) == {"head", "ping"}
        assert "head head" not in " ".join(said)


async def test_a_head_does_not_wait_for_heartbeats_that_other_frames_put_off(
    config: Config, relay: ScriptedRelay, agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_session, "POCKET_HEAD_SECONDS", 0.5)
    async with desk(config, relay, agent) as daemon:
        link = await level(relay, daemon, heartbeat_seconds=60)
        link.say(watchers=pb.Watchers(apps=1))
        async with asyncio.timeout(PATIENCE_SECONDS):
            for inbox_seq in itertools.count(1):
                link.say(inbox=pb.Inbox(calls=[pb.InboxCall(inbox_seq=inbox_seq, device_id="nobody")]))
                frame = await link.hear_any()
                if frame.publish.head.sealed:
                    break
                assert frame.WhichOneof("frame") == "inbox_ack"
