from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.agents.opencode import schema
from agentd.agents.opencode.event_schema import (
    Change,
    Durable,
    MessageRemoved,
    PartChanged,
    PartRemoved,
    SessionChanged,
    SessionDeleted,
)
from agentd.agents.opencode.sequence import SequenceBook, Verdict, condense


def part(session: str, message: str, part_id: str, text: str) -> PartChanged:
    theirs = schema.TextPart(type="text", id=part_id, sessionID=session, messageID=message, text=text)
    return PartChanged(sessionID=session, part=theirs)


def session(session_id: str, title: str) -> SessionChanged:
    info = schema.Session(id=session_id, directory="/p", title=title, time=schema.Span())
    return SessionChanged(sessionID=session_id, info=info)


def numbered(*changes: Change | None, session_id: str = "s") -> list[Durable]:
    return [Durable(session_id, seq, change) for seq, change in enumerate(changes)]


def test_a_new_session_begins_at_zero() -> None:
    assert SequenceBook().judge("s", 0) is Verdict.APPLY


def test_a_session_met_in_the_middle_is_taken_up() -> None:
    assert SequenceBook().judge("s", 7) is Verdict.TAKEN_UP


def test_the_next_number_is_applied_an_old_one_dropped_and_a_later_one_is_a_hole() -> None:
    book = SequenceBook({"s": 4})
    assert book.judge("s", 5) is Verdict.APPLY
    assert book.judge("s", 4) is Verdict.REPEATED
    assert book.judge("s", 6) is Verdict.GAP
    book.note("s", 6)
    book.note("s", 5)
    assert book.last() == {"s": 6}
    assert book.knows("s")
    assert not book.knows("t")


@given(st.lists(st.integers(0, 12), max_size=80))
def test_whatever_arrives_events_are_applied_once_and_in_order(arrivals: list[int]) -> None:
    """Repeated, reordered and missing frames; a hole is filled by a history that holds everything so far."""
    book, applied = SequenceBook({"s": -1}), []
    for seq in arrivals:
        match book.judge("s", seq):
            case Verdict.APPLY:
                applied.append(seq)
                book.note("s", seq)
            case Verdict.GAP:
                missing = [n for n in range(seq + 1) if book.judge("s", n) is not Verdict.REPEATED]
                applied += missing
                book.note("s", seq)
            case verdict:
                assert verdict is Verdict.REPEATED
    assert applied == list(range(len(applied)))


def test_only_the_newest_of_each_thing_is_kept_in_the_order_of_first_sight() -> None:
    events = numbered(
        session("s", "Old"),
        part("s", "m", "p", "a"),
        part("s", "m", "q", "b"),
        part("s", "m", "p", "ab"),
        session("s", "New"),
    )
    kept = condense(events)
    assert [event.seq for event in kept] == [4, 3, 2]


def test_parts_of_a_message_that_is_removed_in_the_end_are_left_out() -> None:
    removed = MessageRemoved(sessionID="s", messageID="m")
    kept = condense(numbered(part("s", "m", "p", "a"), removed, PartRemoved(sessionID="s", messageID="m", partID="p")))
    assert [event.change for event in kept] == [removed]


def test_of_a_deleted_session_only_the_deletion_is_left() -> None:
    deleted = SessionDeleted(sessionID="s")
    kept = condense(
        [*numbered(session("s", "Old"), part("s", "m", "p", "a"), deleted), Durable("t", 0, session("t", "T"))]
    )
    assert [event.session_id for event in kept] == ["s", "t"]
    assert kept[0].change is deleted


def test_kinds_that_are_not_read_are_left_out() -> None:
    assert condense(numbered(None, None)) == []
