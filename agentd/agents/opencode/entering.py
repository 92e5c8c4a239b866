"""What a former life knew of a session, taken up when a session is met again."""

from __future__ import annotations

from collections.abc import Iterable

from agentd.agents.agent import Journal
from agentd.agents.opencode import schema
from agentd.agents.opencode.place import Place, last_id_of
from agentd.agents.opencode.room import Room
from agentd.agents.opencode.tail import MAX_EARLY
from halyard.agent.v1 import session_pb2 as pb

_NEWEST = 2 * MAX_EARLY


def resumed(journal: Journal, info: schema.Session) -> Room:
    """Returns the room of a session as the journal tells of it.

    Which prompts were answered is part of that: the history goes on behind their answers, and tells of a prompt once
    more when its turn is over. Nobody shall see it waiting again then.
    """
    place = Place(info.id, info.directory)
    known = journal.known(place.session)
    room = Room.resumed(place, info, known.session if known is not None else pb.Session())
    room.tail.early.update(dict.fromkeys(_answered(journal, place)))
    return room


def _answered(journal: Journal, place: Place) -> Iterable[str]:
    """The ids of the prompts that the newest messages answer, oldest first."""
    names = sorted(name for name in journal.names(f"{place.session}/messages/") if "/parts/" not in name)
    found = [journal.known(name) for name in names[-_NEWEST:]]
    answers = [value.message.answers for value in found if value is not None and value.message.answers]
    return [last_id_of(prompt) for prompt in answers][-MAX_EARLY:]
