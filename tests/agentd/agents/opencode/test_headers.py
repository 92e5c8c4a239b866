"""A log that begins anew, as after its store was deleted, tells of every session that OpenCode has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from agentd.agents.agent import AgentUnavailableError, project_name
from agentd.agents.opencode import headers, schema
from agentd.agents.opencode.adapter import OpenCodeAgent
from agentd.agents.opencode.client import Client, Page
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import Durable
from agentd.agents.opencode.follower import Follower, Following
from agentd.agents.opencode.lost import mark_gone
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import GONE_DETAIL, Room
from halyard.agent.v1 import session_pb2
from tests.agentd.agents.opencode import shapes
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import Rig, rig, says

LISTED = 3
OLD = 300


class Machine(Client):
    """An OpenCode with many sessions, each with more messages than a listing gives."""

    def __init__(self, sessions: Sequence[schema.Session]) -> None:
        super().__init__("http://127.0.0.1:1", "")
        self.held = {info.id: info for info in sessions}
        self.read: list[str] = []
        """Sessions of which messages were asked."""
        self.silent_after = 10**9
        """So many listings of messages are answered."""

    async def all_sessions(self, page_size: int) -> Sequence[schema.Session]:
        return sorted(self.held.values(), key=lambda info: -info.time.updated)

    async def session(self, session_id: str) -> schema.Session:
        return self.held[session_id]

    async def messages(self, session_id: str, limit: int, before: str = "") -> Page:
        if len(self.read) >= self.silent_after:
            raise AgentUnavailableError("It has just ended.")
        self.read.append(session_id)
        info = shapes.answer(f"m_{session_id}", "m0", 2, done=3, finish="stop", sessionID=session_id).info
        return Page(messages=[schema.MessageWithParts(info=info, parts=[])], older="more")

    async def statuses(self, directory: str) -> Mapping[str, schema.Status]:
        return {}

    async def todos(self, session_id: str) -> Sequence[schema.Todo]:
        return []

    async def history(self, after: Mapping[str, int]) -> Sequence[Durable]:
        return []


def session(number: int, **fields: object) -> schema.Session:
    """Session `number`, of which a higher one is newer."""
    times = {"created": 1, "updated": number + 1, **({"archived": 9} if fields.pop("archived", False) else {})}
    base = {"id": f"ses_{number:05d}", "directory": f"/p{number % 2}", "title": f"Title {number}", "time": times}
    return schema.Session.model_validate({**base, **fields})


def follower(client: Client, journal: MemoryJournal) -> Follower:
    return Follower(client, Mirror(journal), journal, Clock(), Following(listed_sessions=LISTED))


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    """OLD old sessions, and the newest five: one is put away, one is a subagent of the oldest of all."""
    newest = [
        session(OLD),
        session(OLD + 1),
        session(OLD + 2, archived=True),
        session(OLD + 3, parentID="ses_00000"),
        session(OLD + 4),
    ]
    made = Machine([*map(session, range(OLD)), *newest])
    yield made
    await made.close()


async def test_every_session_is_told_of_and_only_the_newest_are_read(machine: Machine) -> None:
    journal = MemoryJournal()
    await follower(machine, journal).catch_up()
    told = [name for name in journal.resources if name.count("/") == 1 and name.startswith("sessions/")]
    assert told == [f"sessions/ses_{number:05d}" for number in range(OLD + 5)], "the oldest first"
    assert machine.read == ["ses_00304", "ses_00303", "ses_00301"], "one that was put away does not count"
    old = journal.session("ses_00007")
    assert (old.title, old.state, old.archived) == ("Title 7", session_pb2.SESSION_STATE_IDLE, False)
    assert old.update_time.ToMilliseconds() == 8
    assert old.has_earlier_messages
    assert journal.session("ses_00302").archived
    assert journal.session("ses_00303").parent == "sessions/ses_00000"
    assert {project_name(Path(folder)) for folder in ("/p0", "/p1")} <= {
        name for name in journal.resources if name.startswith("projects/")
    }


async def test_what_is_told_is_not_told_again_nor_followed(machine: Machine) -> None:
    journal = MemoryJournal()
    await follower(machine, journal).catch_up()
    told = len(journal.told)
    mirror = Mirror(journal)
    await Follower(machine, mirror, journal, Clock(), Following(listed_sessions=LISTED)).catch_up()
    assert len(journal.told) == told
    assert len(mirror.rooms()) == LISTED


async def test_an_old_session_in_which_something_happened_while_nobody_listened_is_read(machine: Machine) -> None:
    journal = MemoryJournal()
    await follower(machine, journal).catch_up()
    machine.held["ses_00007"] = session(7, title="Renamed")
    machine.held["ses_00009"] = session(9, time={"created": 1, "updated": 77.5})
    machine.read.clear()
    await follower(machine, journal).catch_up()
    assert journal.session("ses_00007").title == "Renamed"
    assert machine.read == ["ses_00009"]
    assert [message.name for message in journal.messages("ses_00009")] == ["sessions/ses_00009/messages/m_ses_00009"]


async def test_a_reading_that_was_cut_short_is_done_again(machine: Machine) -> None:
    journal = MemoryJournal()
    machine.silent_after = 1
    with pytest.raises(AgentUnavailableError):
        await follower(machine, journal).catch_up()
    machine.silent_after = 10**9
    await follower(machine, journal).catch_up()
    assert machine.read == ["ses_00304", "ses_00303", "ses_00301"]


async def test_an_event_of_an_old_session_brings_its_newest_messages(machine: Machine) -> None:
    journal = MemoryJournal()
    made = follower(machine, journal)
    await made.catch_up()
    machine.read.clear()
    await made._durable(Durable("ses_00007", 41, shapes.prompt("m_ses_00007", 2, "ses_00007")))
    assert machine.read == ["ses_00007"]
    assert [message.name for message in journal.messages("ses_00007")] == ["sessions/ses_00007/messages/m_ses_00007"]
    assert journal.session("ses_00007").has_earlier_messages


def test_a_listing_that_joins_on_to_what_is_known_leaves_nothing_out() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    room = mirror.adopt_session(shapes.session().info)
    info = shapes.prompt("m1", 1)
    page = Page(messages=[schema.MessageWithParts(info=info.info, parts=[])], older="more")
    assert headers.goes_back_further(journal, room, page)
    mirror.apply(info, shapes.LIVE)
    assert not headers.goes_back_further(journal, room, page)
    room.has_earlier = True
    assert headers.goes_back_further(journal, room, page)
    assert not headers.goes_back_further(journal, room, Page(messages=page.messages, older=""))
    assert not headers.goes_back_further(journal, room, Page(messages=[], older=""))


def test_a_session_that_opencode_has_lost_has_nothing_earlier_to_offer() -> None:
    journal = MemoryJournal()
    info = shapes.session().info
    room = Room(Place(info.id, info.directory), info, has_earlier=True)
    assert room.session().has_earlier_messages
    Mirror(journal).adopt_session(info)
    journal.session(info.id).has_earlier_messages = True
    mark_gone(journal, f"sessions/{info.id}")
    assert journal.session(info.id).state_detail == GONE_DETAIL
    assert not journal.session(info.id).has_earlier_messages


@pytest.mark.timeout(240)
async def test_after_the_log_was_lost_an_old_session_is_there_is_read_and_goes_on(
    opencode: Path, tmp_path: Path
) -> None:
    async with rig(tmp_path / "rig", opencode, following=Following(listed_sessions=LISTED)) as made:
        old = await made.session("The oldest")
        for number in range(3):
            await made.ask(old, says(f"Said {number}."))
        client = made.agent._life().client
        newer = [(await client.create_session(str(made.folder), {"title": f"Newer {n}"})).id for n in range(LISTED + 1)]
        await client.archive(newer[0], 1)
        await made.stop()
        made.journal = MemoryJournal()
        made.agent = OpenCodeAgent(made.settings)
        await made.start()
        await _old_session_is_whole(made, old, newer)


async def _old_session_is_whole(made: Rig, old: str, newer: Sequence[str]) -> None:
    assert {f"sessions/{one}" for one in (old, *newer)} <= set(made.journal.resources)
    header = made.journal.session(old)
    assert (header.title, header.has_earlier_messages) == ("The oldest", True)
    assert made.journal.messages(old) == []
    assert made.journal.session(newer[0]).archived
    assert not made.journal.session(newer[-1]).has_earlier_messages, "nothing was said in it, and that was read"
    found, token = list[str](), ""
    while not found or token:
        page = await made.agent.messages(old, 2, token)
        texts = [part.text.text for entry in page.messages for part in entry.parts if part.text.text]
        found, token = [*texts, *found], page.next_page_token
    assert [text for text in found if text.startswith("Said")] == ["Said 0.", "Said 1.", "Said 2."]
    await made.ask(old, says("Goes on."))
    assert made.journal.texts(old) == ["Said 0.", "Said 1.", "Said 2.", "Goes on."]
    assert not made.journal.session(old).has_earlier_messages
