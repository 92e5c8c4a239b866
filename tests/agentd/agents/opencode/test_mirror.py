"""What the mirror tells, without a server: every event in every order that OpenCode was seen to send."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.event_schema import (
    Durable,
    MessageRemoved,
    PartDelta,
    PartRemoved,
    SessionDeleted,
    StatusChanged,
    decode_frame,
)
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.room import MAX_CALLS
from agentd.agents.opencode.tools import CUT_OFF
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, REPLAYED, SESSION, tell
from tests.fakes.journal import MemoryJournal

RECORDED = Path(__file__).parent / "recorded" / "turn.jsonl"


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def mirror(journal: MemoryJournal) -> Mirror:
    return Mirror(journal)


def test_a_recorded_turn_is_told_whole(mirror: Mirror, journal: MemoryJournal) -> None:
    for line in RECORDED.read_text().splitlines():
        event = decode_frame(line).event
        match event:
            case Durable(change=change) if change is not None:
                tell(mirror, change)
            case StatusChanged() | PartDelta():
                tell(mirror, event)
            case schema.PermissionRequest():
                mirror.ask(event, LIVE)
    [session] = [r.session for r in journal.resources.values() if r.HasField("session")]
    session_id = session.name.partition("/")[2]
    assert (session.state, session.title, session.usage.context_tokens) == (pb.SESSION_STATE_IDLE, "do it", 1050)
    states = [(m.role, m.state) for m in journal.messages(session_id)]
    complete = pb.MESSAGE_STATE_COMPLETE
    assert states == [(pb.ROLE_PERSON, complete), (pb.ROLE_AGENT, complete), (pb.ROLE_AGENT, complete)]
    assert journal.texts(session_id) == ["Hello there, I run a command.", "done"]
    assert journal.calls(session_id)[0].output == "hi\na.txt\n"
    [permission] = journal.permissions.values()
    assert journal.resources[permission.part].part.tool_call.command == "echo hi; ls"
    assert journal.stale_deltas == 0


def test_text_grows_by_deltas_and_is_repaired_by_its_end(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.streaming("p"), shapes.delta("p", "Ü"), shapes.delta("p", "b"))
    assert [(d.offset_bytes, d.text) for d in journal.deltas()] == [(0, "Ü"), (2, "b")]
    assert journal.texts(SESSION) == ["Üb"]
    told = len(journal.told)
    mirror.checkpoint()
    assert len(journal.told) == told
    tell(mirror, shapes.delta("p", "c"), shapes.ended("p", "Übc!"))
    assert journal.texts(SESSION) == ["Übc!"]
    assert journal.stale_deltas == 0


def test_deltas_of_unknown_parts_and_other_fields_are_dropped(mirror: Mirror, journal: MemoryJournal) -> None:
    other = PartDelta(sessionID=SESSION, messageID="m2", partID="p", field="arguments", delta="x")
    tell(mirror, shapes.delta("p", "x"), *shapes.begun(), shapes.delta("p", "x"), shapes.streaming("p"), other)
    tell(mirror, shapes.tool("t", "running"), shapes.delta("t", "x"))
    assert journal.deltas() == []


def test_after_a_cut_no_deltas_come_until_the_part_ends(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.streaming("p"), shapes.delta("p", "a"))
    mirror.missed()
    tell(mirror, shapes.delta("p", "c"))
    assert [d.text for d in journal.deltas()] == ["a"]
    assert journal.texts(SESSION) == ["a"]
    tell(mirror, shapes.ended("p", "abc"), shapes.streaming("q"), shapes.delta("q", "d"))
    assert [d.text for d in journal.deltas()] == ["a", "d"]


def test_a_part_that_is_met_in_the_middle_gets_no_deltas(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.status("busy"))
    mirror.apply(shapes.streaming("p"), REPLAYED)
    tell(mirror, shapes.delta("p", "late"))
    assert journal.deltas() == []


def test_a_part_whose_beginning_comes_live_after_a_listing_told_of_it_gets_its_deltas(
    mirror: Mirror, journal: MemoryJournal
) -> None:
    """A reader that is slow to take a session up lists what its connection is still about to tell."""
    tell(mirror, *shapes.begun(), shapes.status("busy"))
    mirror.apply(shapes.streaming("p"), REPLAYED)
    tell(mirror, shapes.streaming("p"), shapes.delta("p", "from the start"))
    assert [(d.offset_bytes, d.text) for d in journal.deltas()] == [(0, "from the start")]
    assert journal.stale_deltas == 0


def test_a_part_whose_beginning_is_repeated_live_gets_its_deltas(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.status("busy"))
    mirror.apply(shapes.streaming("p"), REPLAYED)
    mirror.repeated(shapes.streaming("p"))
    tell(mirror, shapes.delta("p", "from the start"))
    mirror.repeated(shapes.streaming("p"))
    tell(mirror, shapes.delta("p", " on"))
    assert "".join(d.text for d in journal.deltas()) == "from the start on"
    assert journal.stale_deltas == 0


def test_a_part_with_text_from_another_life_gets_no_deltas_from_its_beginning(journal: MemoryJournal) -> None:
    before = Mirror(journal)
    tell(before, *shapes.begun(), shapes.status("busy"), shapes.streaming("p"), shapes.delta("p", "kept"))
    after = Mirror(journal)
    for change in (*shapes.begun(), shapes.streaming("p")):
        after.apply(change, REPLAYED)
    tell(after, shapes.streaming("p"), shapes.delta("p", "more"))
    assert journal.texts(SESSION) == ["kept"]


def test_a_replay_does_not_empty_text_that_had_arrived(journal: MemoryJournal) -> None:
    """OpenCode holds an empty text until the part ends; the journal's is longer."""
    before = Mirror(journal)
    tell(before, *shapes.begun(), shapes.status("busy"), shapes.streaming("p"), shapes.delta("p", "kept"))
    after = Mirror(journal)
    for change in (*shapes.begun(), shapes.streaming("p")):
        after.apply(change, REPLAYED)
    assert journal.texts(SESSION) == ["kept"]
    assert after.is_working(SESSION)


def test_a_commands_output_is_passed_on_once(mirror: Mirror, journal: MemoryJournal) -> None:
    """As measured: 453 repetitions of up to 22 KB are 5.4 MB; what is told stays below twice the output."""
    tell(mirror, *shapes.begun(), shapes.status("busy"), shapes.tool("t", "running"))
    output = ""
    for number in range(453):
        output += f"line {number} of a long command that goes on and on\n"
        tell(mirror, shapes.tool("t", "running", output))
    tell(mirror, shapes.tool("t", "completed", output))
    grown = journal.deltas(resource_pb2.DELTA_FIELD_OUTPUT)
    assert "".join(d.text for d in grown) == output
    assert journal.stale_deltas == 0
    told = sum(t.ByteSize() for t in journal.told if not isinstance(t, str))
    assert told < 2 * len(output) + len(grown) * 120
    assert journal.calls(SESSION)[0].output == output


def test_a_call_that_is_ended_after_a_crash_keeps_the_output_that_had_arrived(journal: MemoryJournal) -> None:
    before = Mirror(journal)
    tell(before, *shapes.begun(), shapes.status("busy"), shapes.tool("t", "running", "started\n"))
    state: JsonValue = {"status": "error", "input": {"command": "x"}, "error": CUT_OFF}
    after = Mirror(journal)
    tell(after, *shapes.begun(), shapes.part("t", "m2", "tool", tool="bash", callID="c1", state=state))
    [call] = journal.calls(SESSION)
    assert (call.state, call.output, call.output_bytes) == (pb.TOOL_STATE_INTERRUPTED, "started\n", 8)


def test_a_call_that_was_cut_off_does_not_run_again_because_of_a_record_from_before(
    mirror: Mirror, journal: MemoryJournal
) -> None:
    tell(mirror, *shapes.begun(), shapes.status("busy"), shapes.tool("t", "running", "started\n"))
    mirror.cut_off(SESSION)
    told = len(journal.told)
    mirror.apply(shapes.tool("t", "running", "started\n"), REPLAYED)
    assert journal.told[told:] == []
    mirror.apply(shapes.tool("t", "completed", "started\nended\n"), REPLAYED)
    assert [call.state for call in journal.calls(SESSION)] == [pb.TOOL_STATE_COMPLETE]


def test_an_output_that_drops_its_beginning_is_told_whole_at_the_next_checkpoint(
    mirror: Mirror, journal: MemoryJournal
) -> None:
    tell(mirror, *shapes.begun(), shapes.tool("t", "running", "one\n"), shapes.tool("t", "running", "…two\n"))
    assert journal.deltas(resource_pb2.DELTA_FIELD_OUTPUT) == []
    assert journal.calls(SESSION)[0].output == "one\n"
    mirror.checkpoint()
    assert journal.calls(SESSION)[0].output == "…two\n"


def test_an_output_too_long_to_grow_is_told_cut_at_the_next_checkpoint(mirror: Mirror, journal: MemoryJournal) -> None:
    long = "x" * 60_000
    tell(mirror, *shapes.begun(), shapes.tool("t", "running", "x"), shapes.tool("t", "running", long))
    assert journal.deltas(resource_pb2.DELTA_FIELD_OUTPUT) == []
    mirror.checkpoint()
    [call] = journal.calls(SESSION)
    assert call.output_bytes == 60_000
    assert "bytes cut" in call.output


def test_parts_keep_their_place_through_a_restart(journal: MemoryJournal) -> None:
    tell(Mirror(journal), *shapes.begun(), shapes.ended("p", "a"), shapes.ended("q", "b"))
    tell(Mirror(journal), *shapes.begun(), shapes.ended("r", "c"), shapes.ended("p", "a2"))
    assert [(p.text.text, p.index) for p in journal.parts(f"sessions/{SESSION}/messages/m2")] == [
        ("a2", 0),
        ("b", 1),
        ("c", 2),
    ]


def test_a_prompt_waits_until_it_is_answered(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, shapes.session(), shapes.status("busy"), shapes.prompt("m1", 1), shapes.prompt("m3", 3))
    waiting = pb.MESSAGE_STATE_QUEUED
    assert [m.state for m in journal.messages(SESSION)] == [waiting, waiting]
    tell(mirror, shapes.answer("m4", "m3", 4))
    assert [m.state for m in journal.messages(SESSION)[:2]] == [pb.MESSAGE_STATE_COMPLETE] * 2


def test_a_prompt_that_failed_says_why_whichever_event_comes_first(journal: MemoryJournal) -> None:
    for early in (True, False):
        mirror = Mirror(journal)
        tell(mirror, shapes.session(), shapes.prompt("m1", 1), shapes.status("busy"))
        if early:
            mirror.failed(shapes.failed("ModelNotFound", "no such model"))
        tell(mirror, shapes.status("idle"))
        if not early:
            mirror.failed(shapes.failed("ModelNotFound", "no such model"))
        [prompt] = journal.messages(SESSION)
        assert (prompt.state, prompt.error) == (pb.MESSAGE_STATE_FAILED, "no such model")
        assert journal.session(SESSION).state == pb.SESSION_STATE_FAILED
        assert journal.session(SESSION).state_detail == "no such model"
        tell(mirror, shapes.status("busy"))
        assert journal.session(SESSION).state_detail == ""


def test_an_error_of_no_session_is_passed_over(mirror: Mirror, journal: MemoryJournal) -> None:
    mirror.failed(shapes.failed("X"))
    assert journal.told == []


def test_a_retry_closes_the_text_of_the_failed_try(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.status("busy"), shapes.streaming("p"), shapes.delta("p", "half"))
    tell(mirror, shapes.status("retry", attempt=2, message="busy provider", next=5000))
    session = journal.session(SESSION)
    assert (session.state, session.retry_time.seconds) == (pb.SESSION_STATE_RETRYING, 5)
    assert session.state_detail == "busy provider (attempt 2)"
    [part] = journal.parts(f"sessions/{SESSION}/messages/m2")
    assert (part.text.text, part.state) == ("half", pb.PART_STATE_INTERRUPTED)


def test_an_answer_that_ends_closes_what_it_left_open(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(
        mirror, *shapes.begun(), shapes.streaming("p"), shapes.delta("p", "half"), shapes.answer("m2", "m1", 2, done=3)
    )
    [part] = journal.parts(f"sessions/{SESSION}/messages/m2")
    assert (part.text.text, part.state) == ("half", pb.PART_STATE_INTERRUPTED)


def test_an_answer_that_was_stopped_before_its_first_word_stays_cut_off(mirror: Mirror, journal: MemoryJournal) -> None:
    """OpenCode leaves it without an end and without an error; it must not look as if a later turn wrote it."""
    states = [(pb.ROLE_PERSON, pb.MESSAGE_STATE_COMPLETE), (pb.ROLE_AGENT, pb.MESSAGE_STATE_INTERRUPTED)]

    def shown() -> list[tuple[pb.Role, pb.MessageState]]:
        return [(m.role, m.state) for m in journal.messages(SESSION)]

    tell(mirror, shapes.session(), shapes.status("busy"), shapes.prompt("m1", 1), shapes.answer("m2", "m1", 2))
    tell(mirror, shapes.status("idle"))
    mirror.checkpoint()
    # Its last records may be on their way.
    assert shown()[1] == (pb.ROLE_AGENT, pb.MESSAGE_STATE_WRITING)
    mirror.checkpoint()
    assert shown() == states
    # The next turn is busy before its answer begins.
    tell(mirror, shapes.status("busy"), shapes.prompt("m3", 3), shapes.answer("m2", "m1", 2))
    assert shown()[:2] == states
    tell(mirror, shapes.answer("m4", "m3", 4))
    entries = [
        schema.MessageWithParts(info=shapes.prompt("m1", 1).info, parts=[]),
        schema.MessageWithParts(
            info=shapes.answer("m2", "m1", 2).info, parts=[shapes.streaming("p", "m2", "half").part]
        ),
        schema.MessageWithParts(info=shapes.answer("m4", "m3", 4).info, parts=[shapes.streaming("q", "m4").part]),
    ]
    mirror.adopt_listing(SESSION, entries, REPLAYED)
    assert shown()[:2] == states
    assert shown()[3] == (pb.ROLE_AGENT, pb.MESSAGE_STATE_WRITING)
    assert [part.state for part in journal.all_parts(SESSION)] == [pb.PART_STATE_INTERRUPTED, pb.PART_STATE_OPEN]


def test_an_answer_that_comes_before_its_turn_is_not_told_as_cut_off(mirror: Mirror, journal: MemoryJournal) -> None:
    """As when a turn is stopped while it begins: idle, then its answer, then busy, then its end."""
    tell(mirror, shapes.session(), shapes.prompt("m1", 1), shapes.status("idle"), shapes.answer("m2", "m1", 2))
    tell(mirror, shapes.status("busy"), shapes.answer("m2", "m1", 2))
    told = [
        value.message
        for value in journal.told
        if isinstance(value, resource_pb2.Resource) and value.name.endswith("/m2")
    ]
    assert {message.state for message in told} == {pb.MESSAGE_STATE_WRITING}


def test_an_answer_that_comes_without_a_turn_is_told_as_cut_off_at_the_second_checkpoint(
    mirror: Mirror, journal: MemoryJournal
) -> None:
    tell(mirror, shapes.session(), shapes.prompt("m1", 1), shapes.status("idle"), shapes.answer("m2", "m1", 2))
    mirror.checkpoint()
    assert journal.messages(SESSION)[-1].state == pb.MESSAGE_STATE_WRITING
    mirror.checkpoint()
    assert journal.messages(SESSION)[-1].state == pb.MESSAGE_STATE_INTERRUPTED


def test_a_revert_marks_messages_and_taking_it_back_unmarks_them(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.prompt("m3", 3), shapes.session(revert={"messageID": "m2"}))
    assert [m.reverted for m in journal.messages(SESSION)] == [False, True, True]
    tell(mirror, shapes.session())
    assert not any(m.reverted for m in journal.messages(SESSION))


def test_what_is_removed_is_gone(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun(), shapes.ended("p", "a"), shapes.ended("q", "b"))
    tell(mirror, PartRemoved(sessionID=SESSION, messageID="m2", partID="p"))
    assert journal.texts(SESSION) == ["b"]
    tell(mirror, MessageRemoved(sessionID=SESSION, messageID="m2"))
    assert [m.name for m in journal.messages(SESSION)] == [f"sessions/{SESSION}/messages/m1"]
    tell(mirror, SessionDeleted(sessionID=SESSION))
    assert journal.resources == {}
    assert mirror.room(SESSION) is None


def test_what_belongs_to_no_known_session_is_passed_over(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, *shapes.begun()[1:], shapes.ended("p", "a"), shapes.status("busy"), shapes.delta("p", "x"))
    mirror.ask(shapes.permission(), LIVE)
    assert journal.told == []


def test_changes_of_all_turns_are_counted(mirror: Mirror, journal: MemoryJournal) -> None:
    def changed(*names: str) -> dict[str, list[dict[str, str | int]]]:
        return {"diffs": [{"file": name, "additions": 2, "deletions": 1} for name in names]}

    tell(mirror, shapes.session(), shapes.prompt("m1", 1, summary={**changed("a", "b")}))  # type: ignore[dict-item]
    tell(mirror, shapes.prompt("m2", 2, summary={**changed("b")}))  # type: ignore[dict-item]
    assert journal.session(SESSION).changes == pb.ChangeCount(files=2, additions=6, deletions=3)
    again = Mirror(journal)
    tell(again, shapes.session())
    assert journal.session(SESSION).changes.files == 2


def test_a_listed_request_lives_only_while_its_turn_and_its_call_do(mirror: Mirror) -> None:
    request = shapes.permission()
    assert not mirror.still_waits(request)
    tell(mirror, *shapes.begun(), shapes.tool("t", "running"))
    assert not mirror.still_waits(request)
    tell(mirror, shapes.status("busy"))
    assert mirror.still_waits(request)
    assert mirror.still_waits(shapes.permission(call="not told yet"))
    tell(mirror, shapes.tool("t", "error"))
    assert not mirror.still_waits(request)


def test_a_family_is_a_session_and_all_its_subagents(mirror: Mirror) -> None:
    tell(
        mirror,
        shapes.session("a"),
        shapes.session("b", parentID="a"),
        shapes.session("c", parentID="b"),
        shapes.session("d"),
    )
    assert mirror.family("a") == ["a", "b", "c"]
    assert mirror.directories() == {"/p"}
    assert not mirror.anyone_working()


def test_of_a_long_session_only_its_end_is_remembered(mirror: Mirror, journal: MemoryJournal) -> None:
    tell(mirror, shapes.session(), shapes.status("busy"))
    for turn in range(200):
        prompt_id, answer_id = f"p{turn}", f"a{turn}"
        tell(mirror, shapes.prompt(prompt_id, 10 * turn + 1), shapes.answer(answer_id, prompt_id, 10 * turn + 2))
        tell(mirror, shapes.tool(f"t{turn}", "completed", "out", message_id=answer_id, call=f"c{turn}"))
        tell(mirror, shapes.answer(answer_id, prompt_id, 10 * turn + 2, done=10 * turn + 3))
    room = mirror.room(SESSION)
    assert room is not None
    assert (room.tail.prompts, room.tail.answers, room.growing) == ({}, {}, {})
    assert len(room.calls) == MAX_CALLS
    assert {m.state for m in journal.messages(SESSION)} == {pb.MESSAGE_STATE_COMPLETE}
    tell(mirror, shapes.session(revert={"messageID": "p100"}))
    assert sum(m.reverted for m in journal.messages(SESSION)) == 200
    tell(mirror, shapes.session())
    assert not any(m.reverted for m in journal.messages(SESSION))
