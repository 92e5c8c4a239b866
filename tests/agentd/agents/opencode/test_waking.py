"""What a server that has just started finds left open, and what is handed over again when a turn is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Client, Page
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import MessageChanged
from agentd.agents.opencode.follower import Follower, Following
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.waking import Waking, was_left_open
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, REPLAYED, SESSION
from tests.fakes.journal import MemoryJournal


def heard(journal: MemoryJournal, *changes: MessageChanged, live: bool) -> Mirror:
    mirror = Mirror(journal)
    mirror.apply(shapes.session(), LIVE)
    for change in changes:
        mirror.apply(change, LIVE if live else REPLAYED)
    return mirror


def is_open(journal: MemoryJournal, mirror: Mirror) -> bool:
    room = mirror.room(SESSION)
    assert room is not None
    return was_left_open(journal, room)


def test_a_turn_that_began_and_was_cut_off_while_nobody_listened_is_found() -> None:
    """agentd and the server died together, and only the history of the next server tells of the turn."""
    journal = MemoryJournal()
    heard(journal, shapes.prompt("m1", 1), shapes.answer("m2", "m1", 2, done=3), live=True)
    mirror = heard(journal, shapes.prompt("m3", 4), shapes.answer("m4", "m3", 5), live=False)
    assert is_open(journal, mirror)


def test_a_prompt_that_waits_is_found_and_what_is_answered_is_left_alone() -> None:
    journal = MemoryJournal()
    answered = heard(journal, shapes.prompt("m1", 1), shapes.answer("m2", "m1", 2, done=3), live=True)
    assert not is_open(journal, answered)
    answered.apply(shapes.prompt("m3", 4), LIVE)
    assert is_open(journal, heard(journal, live=True))


def test_a_call_that_still_runs_is_found_although_its_message_says_that_it_was_cut_off() -> None:
    """agentd stopped the turn before it ended; the server was killed before its last records."""
    journal = MemoryJournal()
    stopped = heard(journal, shapes.prompt("m1", 1), shapes.answer("m2", "m1", 2), live=True)
    stopped.status(shapes.status("busy"))
    stopped.apply(shapes.tool("t", "running"), LIVE)
    stopped.status(shapes.status("idle"))
    # Every change of a message tells the others that are open again, as they stand now.
    stopped.apply(shapes.prompt("m1", 1), LIVE)
    assert is_open(journal, heard(journal, live=True))


class Resting(Client):
    """A server that works at nothing and holds these prompts."""

    def __init__(self, *held: MessageChanged) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.held = held
        self.handed_over: list[JsonValue] = []

    async def statuses(self, directory: str) -> Mapping[str, schema.Status]:
        return {}

    async def session(self, session_id: str) -> schema.Session:
        return shapes.session(session_id).info

    async def messages(self, session_id: str, limit: int, before: str = "") -> Page:
        return Page(messages=[schema.MessageWithParts(info=m.info, parts=[]) for m in self.held[-limit:]], older="")

    async def prompt(self, session_id: str, body: Mapping[str, JsonValue]) -> None:
        self.handed_over.append(body["messageID"])


@asynccontextmanager
async def resting(*held: MessageChanged) -> AsyncIterator[Resting]:
    client = Resting(*held)
    yield client
    await client.close()


async def test_a_prompt_that_was_dropped_is_handed_over_again_unless_a_newer_one_is_there() -> None:
    dropped, newer = shapes.prompt("m1", 1), shapes.prompt("m2", 2)
    mirror = heard(MemoryJournal(), dropped, live=True)
    async with resting(dropped, newer) as ahead:
        await Waking(ahead, mirror).wake(SESSION)
        assert ahead.handed_over == []
    async with resting(dropped) as alone:
        await Waking(alone, mirror).wake(SESSION)
        assert alone.handed_over == ["m1"]


async def test_nothing_is_handed_over_again_beside_what_is_being_said() -> None:
    """Stored after the look whether there is a newer prompt, it would come before what was said earlier."""
    dropped, newer = shapes.prompt("m1", 1), shapes.prompt("m2", 2)
    mirror = heard(MemoryJournal(), dropped, live=True)
    async with resting(dropped) as client:
        async with asyncio.TaskGroup() as tasks, client.handing_over(SESSION):
            tasks.create_task(Waking(client, mirror).wake(SESSION))
            await asyncio.sleep(0.01)
            client.held = (dropped, newer)
        assert client.handed_over == []


async def test_what_was_stopped_stays_stopped_though_its_turn_is_heard_of_later() -> None:
    """The stream is behind: of the turn that was stopped as it began it tells only now."""
    said, journal = shapes.prompt("m1", 1), MemoryJournal()
    mirror = heard(journal, said, live=True)
    room = mirror.room(SESSION)
    assert room is not None
    room.stopped = frozenset({"m1"})
    for status in ("busy", "idle"):
        mirror.status(shapes.status(status))
        assert [message.state for message in journal.messages(SESSION)] == [pb.MESSAGE_STATE_STOPPED]
    async with resting(said) as client:
        await Waking(client, mirror).wake(SESSION)
        assert client.handed_over == []


@pytest.mark.parametrize("worked", [True, False])
async def test_only_the_end_of_a_turn_drops_a_prompt(worked: bool) -> None:
    """Stopped while it rests, a session is said to be idle once more, while what was just said to it begins."""
    said, journal = shapes.prompt("m1", 1), MemoryJournal()
    mirror = heard(journal, said, live=True)
    if worked:
        mirror.status(shapes.status("busy"))
    async with resting(said) as client:
        await Follower(client, mirror, journal, Clock(), Following())._status(shapes.status("idle"))
        assert client.handed_over == (["m1"] if worked else [])
