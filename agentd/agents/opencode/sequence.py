"""Which durable events are new, repeated or missing. Pure.

Each session numbers its durable events 0, 1, 2 … without holes. A hole therefore means that the connection lost
something, and `/sync/history` must be asked. A session that is met in the middle of its life (its past was read from
listings, not from events) is taken up at the number it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from agentd.agents.opencode.event_schema import (
    Change,
    Durable,
    MessageChanged,
    MessageRemoved,
    PartChanged,
    PartRemoved,
    SessionChanged,
    SessionDeleted,
)


class Verdict(Enum):
    """What to do with an event."""

    APPLY = auto()
    REPEATED = auto()
    """Seen before: drop it."""
    GAP = auto()
    """Something before it is missing: ask the history, which will bring this one again."""
    TAKEN_UP = auto()
    """The first number seen of a session with a past: apply it, and read the session's listing once."""


class SequenceBook:
    """The newest number seen of each session."""

    def __init__(self, last: Mapping[str, int] | None = None) -> None:
        self._last = dict(last or {})

    def judge(self, session_id: str, seq: int) -> Verdict:
        """Returns what to do with the event of this number; does not note it."""
        last = self._last.get(session_id)
        if last is None:
            return Verdict.APPLY if seq == 0 else Verdict.TAKEN_UP
        if seq <= last:
            return Verdict.REPEATED
        return Verdict.APPLY if seq == last + 1 else Verdict.GAP

    def note(self, session_id: str, seq: int) -> None:
        """Notes that everything of the session through this number is applied."""
        self._last[session_id] = max(seq, self._last.get(session_id, -1))

    def forget(self, session_id: str) -> None:
        """Forgets the session's number: the next event takes it up at the one it has."""
        self._last.pop(session_id, None)

    def knows(self, session_id: str) -> bool:
        """Returns whether a number of this session was ever noted."""
        return session_id in self._last

    def last(self) -> Mapping[str, int]:
        """Returns the newest number of every session."""
        return dict(self._last)


def _key(change: Change) -> tuple[str, ...]:
    match change:
        case SessionChanged() | SessionDeleted():
            return ("session",)
        case MessageChanged():
            return ("message", change.info.id)
        case MessageRemoved():
            return ("message", change.message_id)
        case PartChanged():
            return ("part", change.part.message_id, change.part.id)
        case PartRemoved():
            return ("part", change.message_id, change.part_id)


def condense(events: Iterable[Durable]) -> list[Durable]:
    """Returns the events with only the newest of each session, message and part, in the order in which those were
    first met.

    A replay of a running command repeats its whole output hundreds of times; only the last one matters. The parts of
    a message that is removed in the end are left out, since they would bring it back to life.
    """
    newest: dict[tuple[str, ...], Durable] = {}
    for event in events:
        if event.change is not None:
            newest[event.session_id, *_key(event.change)] = event
    removed = {(e.session_id, e.change.message_id) for e in newest.values() if isinstance(e.change, MessageRemoved)}
    deleted = {e.session_id for e in newest.values() if isinstance(e.change, SessionDeleted)}
    return [e for e in newest.values() if not _belongs_to_removed(e, removed, deleted)]


def _belongs_to_removed(event: Durable, removed: set[tuple[str, str]], deleted: set[str]) -> bool:
    if event.session_id in deleted:
        return not isinstance(event.change, SessionDeleted)
    match event.change:
        case PartChanged():
            return (event.session_id, event.change.part.message_id) in removed
        case PartRemoved():
            return (event.session_id, event.change.message_id) in removed
        case _:
            return False
