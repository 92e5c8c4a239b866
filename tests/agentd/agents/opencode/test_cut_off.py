"""What a turn says that ended with the server that ran it."""

from __future__ import annotations

from agentd.agents.opencode import schema
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.room import CUT_OFF_DETAIL
from tests.agentd.agents.opencode import shapes
from tests.agentd.agents.opencode.shapes import LIVE, REPLAYED, SESSION
from tests.fakes.journal import MemoryJournal

DETAIL = (
    "OpenCode was started again in the middle of this turn: it used 5000 MiB of memory. Send the prompt again to go on."
)


def cut_off_for_a_reason(journal: MemoryJournal) -> Mirror:
    mirror = Mirror(journal)
    for change in (*shapes.begun(), shapes.prompt("m3", 3)):
        mirror.apply(change, LIVE)
    mirror.status(shapes.status("busy"))
    mirror.cut_off(SESSION, "it used 5000 MiB of memory.")
    return mirror


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
