"""What a turn says that ended with the server that ran it."""

from __future__ import annotations

from agentd.agents.opencode import schema
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.room import CUT_OFF_DETAIL
from halyard.agent.v1 import session_pb2 as pb
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import REPLAYED, SESSION, tell
from tests.fakes.journal import MemoryJournal

DETAIL = (
    "OpenCode was started again in the middle of this turn: it used 5000 MiB of memory. Send the prompt again to go on."
)


def cut_off_for_a_reason(journal: MemoryJournal) -> Mirror:
    mirror = Mirror(journal)
    tell(mirror, *shapes.begun(), shapes.prompt("m3", 3), shapes.status("busy"))
    mirror.cut_off(SESSION, "it used 5000 MiB of memory.")
    return mirror


def test_a_crash_marks_everything_that_ran_and_keeps_what_had_arrived() -> None:
    mirror = Mirror(journal := MemoryJournal())
    tell(mirror, *shapes.begun(), shapes.status("busy"), shapes.streaming("p"), shapes.delta("p", "half"))
    tell(mirror, shapes.tool("t", "running", "so far"), shapes.prompt("m3", 3))
    mirror.cut_off(SESSION)
    assert journal.session(SESSION).state == pb.SESSION_STATE_INTERRUPTED
    text, call = journal.parts(f"sessions/{SESSION}/messages/m2")
    assert (text.text.text, text.state) == ("half", pb.PART_STATE_INTERRUPTED)
    assert (call.tool_call.output, call.tool_call.state) == ("so far", pb.TOOL_STATE_INTERRUPTED)
    states = [m.state for m in journal.messages(SESSION)]
    assert states == [pb.MESSAGE_STATE_COMPLETE, pb.MESSAGE_STATE_INTERRUPTED, pb.MESSAGE_STATE_INTERRUPTED]
    tell(mirror, shapes.status("idle"))
    assert journal.session(SESSION).state == pb.SESSION_STATE_INTERRUPTED
    tell(mirror, shapes.status("busy"), shapes.status("idle"))
    assert journal.session(SESSION).state == pb.SESSION_STATE_IDLE


def test_the_reason_is_said_in_the_session_and_by_the_prompts_that_nobody_began() -> None:
    cut_off_for_a_reason(journal := MemoryJournal())
    assert journal.session(SESSION).state_detail == DETAIL
    assert journal.messages(SESSION)[-1].error == DETAIL


def test_the_reason_stays_whatever_the_next_server_lists() -> None:
    mirror = cut_off_for_a_reason(journal := MemoryJournal())
    endless = schema.MessageWithParts(info=shapes.answer("m2", "m1", 2).info, parts=[])
    mirror.adopt_listing(SESSION, [endless], REPLAYED)
    mirror.cut_off(SESSION)
    assert journal.session(SESSION).state_detail == DETAIL


def test_the_next_turn_has_its_own_end() -> None:
    mirror = cut_off_for_a_reason(journal := MemoryJournal())
    mirror.status(shapes.status("busy"))
    assert journal.session(SESSION).state_detail == ""
    mirror.cut_off(SESSION)
    assert journal.session(SESSION).state_detail == CUT_OFF_DETAIL
