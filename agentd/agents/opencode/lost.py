"""What happened to OpenCode's own store behind our back: deleted, or put back to an older copy.

Sessions that are no more are marked, never taken away: what was heard of them is the last copy there is. Sessions that
went back are read anew, since numbers that were used twice would hide everything that comes. Who tells the two from a
store that just went on is `went_back`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agentd.agents.agent import Journal
from agentd.agents.opencode import schema
from agentd.agents.opencode.client import NOTHING_AFTER, Client
from agentd.agents.opencode.event_schema import Durable
from agentd.agents.opencode.mirror import Mirror, Moment
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.room import GONE_DETAIL
from halyard.agent.v1 import decision_pb2, resource_pb2
from halyard.agent.v1 import session_pb2 as pb

_UNDER_WAY = (pb.MESSAGE_STATE_QUEUED, pb.MESSAGE_STATE_WRITING)
_OPEN_TOOLS = (pb.TOOL_STATE_PENDING, pb.TOOL_STATE_RUNNING)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest event of a session that was taken over. An earlier release noted no id."""

    seq: int
    event_id: str = ""

    def encode(self) -> bytes:
        """Returns what the journal keeps."""
        return f"{self.seq} {self.event_id}".strip().encode()

    @classmethod
    def decode(cls, saved: bytes) -> Mark:
        """Returns what `encode` made."""
        seq, _, event_id = saved.decode().partition(" ")
        return cls(int(seq), event_id)


def history_from(marks: Mapping[str, Mark], listed: Iterable[str]) -> Mapping[str, int]:
    """Returns what to ask the history: the events of `marks` from each mark's own number on, none of others. PURE.

    `listed`: every session that there is; of one that it is not asked about, the history tells all.
    """
    others = dict.fromkeys((session_id for session_id in listed if session_id not in marks), NOTHING_AFTER)
    # Nothing comes before 0, and OpenCode refuses to be asked for what comes after -1.
    return others | {session_id: mark.seq - 1 for session_id, mark in marks.items() if mark.seq > 0}


def went_back(marks: Mapping[str, Mark], events: Iterable[Durable]) -> set[str]:
    """Returns the sessions of `marks` that are not a continuation of what was taken over. PURE.

    `events`: the history of these sessions, each from its mark's own number on.
    """
    found = {(event.session_id, event.seq): event.id for event in events}
    return {session_id for session_id, mark in marks.items() if not _continues(found.get((session_id, mark.seq)), mark)}


def _continues(found_id: str | None, mark: Mark) -> bool:
    return found_id is not None and (not mark.event_id or found_id == mark.event_id)


async def read_again(
    client: Client, mirror: Mirror, journal: Journal, info: schema.Session, moment: Moment, page_size: int
) -> None:
    """Puts what OpenCode has of a session now in the place of what was known of it."""
    messages: list[schema.MessageWithParts] = []
    older = ""
    while True:
        page = await client.messages(info.id, page_size, older)
        messages = [*page.messages, *messages]
        older = page.older
        if not older:
            break
    forget_missing(journal, Place(info.id, info.directory), messages)
    mirror.enter_anew(info)
    mirror.adopt_listing(info.id, messages, moment)


def forget_missing(journal: Journal, place: Place, messages: Iterable[schema.MessageWithParts]) -> None:
    """Forgets messages and parts that a whole listing of the session does not hold."""
    held: set[str] = set()
    for entry in messages:
        held.add(place.message(entry.info.id))
        held.update(place.part(entry.info.id, part.id) for part in entry.parts)
    gone = [name for name in journal.names(f"{place.session}/messages/") if name not in held]
    for name in sorted(gone, key=len):
        if journal.known(name) is not None:
            journal.delete(name)


def mark_gone(journal: Journal, session: str) -> None:
    """Says of a session ("sessions/{s}") and of everything in it that was under way that OpenCode has it no more."""
    value = journal.known(session)
    if value is None or value.session.state_detail == GONE_DETAIL:
        return
    for name in journal.pending():
        if name.startswith(f"{session}/"):
            journal.withdraw(name, decision_pb2.DECISION_STATE_EXPIRED, GONE_DETAIL)
    for name in journal.names(f"{session}/messages/"):
        below = journal.known(name)
        if below is not None and _interrupt(below):
            journal.put(below)
    value.session.state = pb.SESSION_STATE_FAILED
    value.session.state_detail = GONE_DETAIL
    value.session.ClearField("retry_time")
    value.session.has_earlier_messages = False
    journal.put(value)


def _interrupt(value: resource_pb2.Resource) -> bool:
    """Returns whether the message or part was under way; then it says now that it was cut off."""
    if value.HasField("message") and value.message.state in _UNDER_WAY:
        value.message.state = pb.MESSAGE_STATE_INTERRUPTED
        value.message.error = GONE_DETAIL
        return True
    if value.HasField("part") and value.part.state == pb.PART_STATE_OPEN:
        value.part.state = pb.PART_STATE_INTERRUPTED
        if value.part.tool_call.state in _OPEN_TOOLS:
            value.part.tool_call.state = pb.TOOL_STATE_INTERRUPTED
        return True
    return False
