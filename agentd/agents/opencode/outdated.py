"""Which events tell of a past that is known to be over. Pure.

A session that is listed is often ahead of the stream, and of the history: what happened before the listing still waits
to be read. Told then, it would show a person for a moment what was, as if it were. Only what OpenCode never does marks
an event as outdated: a part that is closed opens again, a message that has an end loses it, a session was changed
earlier.
"""

from __future__ import annotations

from agentd.agents.agent import Journal
from agentd.agents.opencode import schema, translate
from agentd.agents.opencode.event_schema import Change, MessageChanged, PartChanged, SessionChanged
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.room import Room
from agentd.agents.opencode.tail import is_finished
from agentd.agents.opencode.tools import output_of
from halyard.agent.v1 import session_pb2 as pb

_ENDED = (pb.MESSAGE_STATE_COMPLETE, pb.MESSAGE_STATE_FAILED, pb.MESSAGE_STATE_STOPPED)
_OPEN = ("pending", "running")


def is_outdated(change: Change, mirror: Mirror, journal: Journal, *, live: bool) -> bool:
    """Returns whether what is told of the session, message or part is newer than this event.

    Not `live`: it is of the history, which is read after a listing of sessions and before one of messages.
    """
    match change:
        case SessionChanged(info=info):
            room = mirror.room(info.id)
            return room is not None and _is_earlier(info, room.info)
        case MessageChanged(info=schema.AssistantMessage() as info) if live:
            room = mirror.room(info.session_id)
            known = journal.known(room.place.message(info.id)) if room is not None and not is_finished(info) else None
            return known is not None and known.message.state in _ENDED
        case PartChanged(part=part) if live:
            room = mirror.room(part.session_id)
            return room is not None and _is_closed_already(part, room, journal)
        case _:
            return False


def _is_earlier(info: schema.Session, known: schema.Session) -> bool:
    """A session gets its title, and counts tokens, without being changed otherwise; both only become more."""
    if info.time.updated != known.time.updated:
        return info.time.updated < known.time.updated
    is_untitled = not translate.title(info) and bool(translate.title(known))
    return is_untitled or info.tokens.output < known.tokens.output


def _is_closed_already(part: schema.Part, room: Room, journal: Journal) -> bool:
    is_call = isinstance(part, schema.ToolPart) and part.state.status in _OPEN
    if not (is_call or translate.is_growing(part)):
        return False
    known = journal.known(room.place.part(part.message_id, part.id))
    if known is None or known.part.state != pb.PART_STATE_OPEN:
        return known is not None and known.part.state == pb.PART_STATE_COMPLETE
    return isinstance(part, schema.ToolPart) and _is_behind(part.state, known.part.tool_call)


def _is_behind(state: schema.ToolState, known: pb.ToolCall) -> bool:
    if known.state == pb.TOOL_STATE_RUNNING and state.status == "pending":
        return True
    output = output_of(state)
    return len(output) < len(known.output) and known.output.startswith(output)
