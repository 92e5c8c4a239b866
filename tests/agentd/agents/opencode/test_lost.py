"""OpenCode's own store is deleted or put back to an older copy: what is shown stays, says so, and stays right."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from agentd.agents.agent import ResourceNotFoundError
from agentd.agents.opencode.client import NOTHING_AFTER
from agentd.agents.opencode.event_schema import Durable
from agentd.agents.opencode.lost import Mark, forget_missing, history_from, mark_gone, went_back
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import GONE_DETAIL
from agentd.agents.opencode.schema import MessageWithParts
from halyard.agent.v1 import decision_pb2, session_pb2
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, SESSION
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import Rig, rig, runs, says

FAILED, IDLE = session_pb2.SESSION_STATE_FAILED, session_pb2.SESSION_STATE_IDLE


def test_a_mark_is_read_as_it_was_written_also_by_an_earlier_release() -> None:
    assert Mark.decode(Mark(7, "evt_1").encode()) == Mark(7, "evt_1")
    assert Mark.decode(b"7") == Mark(7)
    assert Mark(7).encode() == b"7"


def test_a_session_went_back_when_its_newest_event_is_missing_or_another_one() -> None:
    events = [
        Durable("same", 3, None, "a"),
        Durable("same", 4, None, "b"),
        Durable("other", 3, None, "x"),
        Durable("noted without an id", 3, None, "c"),
    ]
    marks = {"same": Mark(3, "a"), "other": Mark(3, "a"), "noted without an id": Mark(3), "shorter": Mark(9, "z")}
    assert went_back(marks, events) == {"other", "shorter"}
    assert went_back({}, events) == set()


def test_the_history_is_asked_from_each_mark_on_and_for_the_whole_of_a_session_that_has_only_begun() -> None:
    marks = {"long": Mark(7, "a"), "begun": Mark(0, "b")}
    assert history_from(marks, ["long", "begun", "unknown"]) == {"long": 6, "unknown": NOTHING_AFTER}


def test_a_gone_session_keeps_what_was_heard_and_ends_what_was_under_way() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    mirror.apply(shapes.session(), LIVE)
    mirror.status(shapes.status("busy"))
    for change in shapes.begun():
        mirror.apply(change, LIVE)
    mirror.apply(shapes.streaming("p"), LIVE)
    mirror.grow(shapes.delta("p", "Half a "))
    mirror.apply(shapes.tool("t", "running", "some output"), LIVE)
    mirror.ask(shapes.permission(), LIVE)
    name = f"sessions/{SESSION}"
    mark_gone(journal, name)

    session = journal.session(SESSION)
    assert (session.state, session.state_detail) == (FAILED, GONE_DETAIL)
    answer = journal.messages(SESSION)[-1]
    assert (answer.state, answer.error) == (session_pb2.MESSAGE_STATE_INTERRUPTED, GONE_DETAIL)
    [text, call] = journal.parts(answer.name)
    assert (text.text.text, text.state) == ("Half a ", session_pb2.PART_STATE_INTERRUPTED)
    assert (call.tool_call.output, call.tool_call.state) == ("some output", session_pb2.TOOL_STATE_INTERRUPTED)
    [(outcome, note)] = journal.withdrawn.values()
    assert (outcome, note) == (decision_pb2.DECISION_STATE_EXPIRED, GONE_DETAIL)
    told = len(journal.told)
    mark_gone(journal, name)
    assert len(journal.told) == told


def test_a_gone_session_that_returns_is_not_called_gone() -> None:
    journal = MemoryJournal()
    Mirror(journal).apply(shapes.session(), LIVE)
    mark_gone(journal, f"sessions/{SESSION}")
    Mirror(journal).apply(shapes.session(), LIVE)
    assert (journal.session(SESSION).state, journal.session(SESSION).state_detail) == (IDLE, "")


def test_what_a_whole_listing_does_not_hold_is_forgotten() -> None:
    journal = MemoryJournal()
    mirror = Mirror(journal)
    for change in (*shapes.begun(), shapes.ended("p", "kept"), shapes.ended("q", "gone")):
        mirror.apply(change, LIVE)
    mirror.apply(shapes.prompt("m3", 3), LIVE)
    first = MessageWithParts.model_validate(
        {"info": shapes.prompt("m1", 1).info.model_dump(by_alias=True), "parts": []}
    )
    parts = [shapes.ended("p", "kept").part.model_dump(by_alias=True)]
    info = shapes.answer("m2", "m1", 2).info.model_dump(by_alias=True)
    second = MessageWithParts.model_validate({"info": info, "parts": parts})
    forget_missing(journal, Place(SESSION, "/p"), [first, second])
    assert journal.texts(SESSION) == ["kept"]
    assert [m.name.rpartition("/")[2] for m in journal.messages(SESSION)] == ["m1", "m2"]


async def test_a_session_of_which_only_the_beginning_was_heard_is_followed_again(
    opencode: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path, opencode) as made:
        session = await made.session("Hardly begun")
        await made.stop()
        # As when both were killed between a session's first event and its second.
        made.journal.save(f"opencode/seq/{session}", Mark(0).encode())
        await made.again()
        assert "went back" not in caplog.text
        await made.ask(session, says("Here."))
        assert made.journal.texts(session) == ["Here."]


@pytest.mark.timeout(240)
async def test_a_store_that_was_put_back_is_noticed(
    opencode: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path / "rig", opencode) as made:
        store = tmp_path / "rig" / "home" / ".local" / "share" / "opencode"
        going_back, untouched = await made.session("Going back"), await made.session("Untouched")
        await made.ask(going_back, says("One."))
        await made.ask(untouched, says("Here."))
        await made.stop()
        shutil.copytree(store, tmp_path / "copy")

        await made.again()
        # Nothing was put back yet: the same events have the same ids.
        assert "went back" not in caplog.text
        vanishing = await made.session("Vanishing")
        await made.ask(going_back, says("Two."))
        await made.prompt(vanishing, runs("true"))
        waiting = await made.permission(vanishing)
        await made.stop()
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "copy", store)

        caplog.set_level(logging.WARNING)
        await made.again()
        await _is_as_it_was_before(made, going_back, untouched, caplog)
        await made.marked_gone(vanishing)
        assert waiting.name not in made.journal.pending()
        # Numbers are used a second time from here on, and none is taken for an old one.
        await made.ask(going_back, says("Another two."))
        assert made.journal.texts(going_back) == ["One.", "Another two."]
        with pytest.raises(ResourceNotFoundError):
            await made.prompt(vanishing, says("Nobody hears it."))
        await made.agent.delete(vanishing)
        assert f"sessions/{vanishing}" not in made.journal.resources
        await made.prompt(untouched, says("Goes on."))
        await made.idle(untouched)


async def _is_as_it_was_before(made: Rig, going_back: str, untouched: str, log: pytest.LogCaptureFixture) -> None:
    assert f"{going_back} went back" in log.text
    assert f"{untouched} went back" not in log.text
    assert made.journal.texts(going_back) == ["One."]
    assert made.journal.texts(untouched) == ["Here."]
    assert made.journal.session(going_back).state == IDLE
