"""A session that is met in the middle, because its beginning fell into a cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Client, Page
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import Durable
from agentd.agents.opencode.follower import Follower, Following
from agentd.agents.opencode.mirror import Mirror
from halyard.agent.v1.resource_pb2 import Resource
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.journal import MemoryJournal

ENTRY = schema.MessageWithParts(
    info=shapes.answer("m2", "m1", 2).info,
    parts=[shapes.ended("p1", "First I say it.").part, shapes.tool("p2", "running", "so far").part],
)


class Listing(Client):
    """A server of which only the listings are asked."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "")

    async def history(self, after: Mapping[str, int]) -> Sequence[Durable]:
        return [Durable(SESSION, 41, shapes.session(tokens={"output": 450}))]

    async def session(self, session_id: str) -> schema.Session:
        return shapes.session(session_id).info

    async def messages(self, session_id: str, limit: int, before: str = "") -> Page:
        return Page(messages=[ENTRY], older="")

    async def statuses(self, directory: str) -> Mapping[str, schema.Status]:
        return {SESSION: shapes.status("busy").status}

    async def todos(self, session_id: str) -> Sequence[schema.Todo]:
        return []


async def test_the_part_that_is_heard_of_first_keeps_its_place_behind_those_before_it() -> None:
    journal = MemoryJournal()
    mirror, client = Mirror(journal), Listing()
    mirror.apply(shapes.session(), LIVE)
    follower = Follower(client, mirror, journal, Clock(), Following())
    await follower._durable(Durable(SESSION, 41, shapes.tool("p2", "running", "so far")))
    parts = journal.parts(f"sessions/{SESSION}/messages/m2")
    assert [part.text.text or part.tool_call.output for part in parts] == ["First I say it.", "so far"]
    # And the next number joins on.
    await follower._durable(Durable(SESSION, 42, shapes.tool("p2", "completed", "so far, and no further")))
    assert journal.calls(SESSION)[0].output == "so far, and no further"
    await client.close()


async def test_what_the_history_tells_of_a_session_is_not_shown_over_a_newer_listing_of_it() -> None:
    """A turn counts its tokens without an event: the last event of a session is behind what is listed of it."""
    journal = MemoryJournal()
    mirror, client = Mirror(journal), Listing()
    follower = Follower(client, mirror, journal, Clock(), Following())
    follower._note(Durable(SESSION, 40, None))
    mirror.adopt_session(shapes.session(tokens={"output": 500}).info)
    await follower._replay()
    told = [value.session for value in journal.told if isinstance(value, Resource) and value.HasField("session")]
    assert {one.usage.output_tokens for one in told} == {500}
    assert follower._book.last()[SESSION] == 41
    await client.close()
