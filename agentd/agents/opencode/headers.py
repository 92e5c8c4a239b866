"""Which sessions are followed with what lies in them, and which are told of by their header alone.

A machine may have thousands of old sessions. Every one belongs into the list that a person sees, but to read all their
messages would take minutes and megabytes. A header says that the agent has more (`Session.has_earlier_messages`): it is
read out when somebody looks, and taken into the log once something happens in the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from agentd.agents.agent import Journal
from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Page
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.place import Place, milliseconds
from agentd.agents.opencode.room import GONE_DETAIL, Room
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb

_BATCH = 50
"""So many sessions are looked at before others get their turn."""


async def to_follow(
    listed: Sequence[schema.Session], mirror: Mirror, journal: Journal, most: int
) -> list[schema.Session]:
    """Returns the sessions of `listed` (newest first) that are followed: the `most` newest that nobody put away, and
    those of which the log holds more than a header, or an outdated one.
    """
    current = [info.id for info in listed if not info.time.archived]
    newest = set(current[:most])
    return [
        info
        async for info in _in_batches(listed)
        if info.id in newest or mirror.room(info.id) or _has_more(journal, info)
    ]


def is_unread(journal: Journal, info: schema.Session, *, numbered: bool) -> bool:
    """Returns whether only a listing can tell what is in the session; `numbered`: its history tells what changes."""
    known = _known(journal, info)
    if known is None or _is_header(journal, known) or known.state_detail == GONE_DETAIL:
        return True
    return not numbered and _has_changed(known, info)


async def tell(listed: Sequence[schema.Session], mirror: Mirror, journal: Journal) -> None:
    """Tells the headers of sessions (newest first) that are not followed yet, also of those that soon will be: should
    the reading of their messages be cut short, they are found unread the next time.

    The oldest come first, since a relay whose room ends lets go of what came first.
    """
    async for info in _in_batches(reversed(listed)):
        if mirror.room(info.id) is None:
            _tell(info, journal)


def goes_back_further(journal: Journal, room: Room, page: Page) -> bool:
    """Returns whether OpenCode has messages before those that the log will hold with this page, its newest one."""
    oldest = page.messages[0].info.id if page.messages else ""
    joins_on = journal.known(room.place.message(oldest)) is not None
    return bool(page.older) and (room.has_earlier or not joins_on)


async def _in_batches(sessions: Iterable[schema.Session]) -> AsyncIterator[schema.Session]:
    for count, info in enumerate(sessions, start=1):
        yield info
        if count % _BATCH == 0:
            await asyncio.sleep(0)


def _tell(info: schema.Session, journal: Journal) -> None:
    ours = _known(journal, info) or pb.Session(has_earlier_messages=True)
    header = Room.resumed(Place(info.id, info.directory), info, ours).session()
    journal.put(resource_pb2.Resource(name=header.name, session=header))


def _has_more(journal: Journal, info: schema.Session) -> bool:
    known = _known(journal, info)
    return known is not None and (not _is_header(journal, known) or _has_changed(known, info))


def _is_header(journal: Journal, session: pb.Session) -> bool:
    return session.has_earlier_messages and not journal.names(f"{session.name}/messages/")


def _has_changed(known: pb.Session, info: schema.Session) -> bool:
    return known.update_time.ToMilliseconds() != milliseconds(info.time.updated)


def _known(journal: Journal, info: schema.Session) -> pb.Session | None:
    value = journal.known(f"sessions/{info.id}")
    return value.session if value is not None else None
