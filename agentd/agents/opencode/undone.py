"""Which messages a revert has undone. OpenCode names the first of them; the journal knows where they stand."""

from __future__ import annotations

from agentd.agents.agent import Journal
from agentd.agents.opencode.room import Room
from agentd.agents.opencode.tail import Stand
from halyard.agent.v1 import resource_pb2


def renew(journal: Journal, room: Room) -> None:
    """Marks messages as undone, or as no longer undone, when the session's revert is another than before."""
    revert = room.info.revert
    first = journal.known(room.place.message(revert.message_id)) if revert is not None else None
    undone_from = _stand(first) if first is not None else None
    if undone_from == room.undone_from:
        return
    room.undone_from = undone_from
    for name in journal.names(f"{room.place.session}/messages/"):
        if "/parts/" not in name:
            _mark(journal, room, name)


def _mark(journal: Journal, room: Room, name: str) -> None:
    known = journal.known(name)
    if known is not None and known.message.reverted != room.is_reverted(_stand(known)):
        marked = resource_pb2.Resource(name=name)
        marked.message.CopyFrom(known.message)
        marked.message.reverted = not known.message.reverted
        journal.put(marked)


def _stand(value: resource_pb2.Resource) -> Stand:
    return float(value.message.create_time.ToMilliseconds()), value.name.rpartition("/")[2]
