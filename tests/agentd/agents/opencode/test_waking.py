"""What a server that has just started finds left open."""

from __future__ import annotations

from agentd.agents.opencode.event_schema import MessageChanged
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.waking import was_left_open
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
