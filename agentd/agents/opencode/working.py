"""What OpenCode is asked for because no event tells it in time: who works, and what a turn that is over has used."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from agentd.agents.agent import AgentRefusedError, ResourceNotFoundError
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.event_schema import StatusChanged
from agentd.agents.opencode.mirror import Mirror

_log = logging.getLogger(__name__)


async def tell_who_works(client: Client, mirror: Mirror, sessions: Iterable[str]) -> None:
    """Tells the mirror which turns run where these sessions are. Ask the history before: what has no end in it and
    whose session is not busy even now does have one, and its event is on the way.
    """
    rooms = [mirror.room(session_id) for session_id in sessions]
    for directory in sorted({room.place.directory for room in rooms if room is not None}):
        try:
            for session_id, status in (await client.statuses(directory)).items():
                mirror.status(StatusChanged(sessionID=session_id, status=status))
        except AgentRefusedError as error:
            _log.warning("%s cannot be followed: %s", directory, error)


async def renew_session(client: Client, mirror: Mirror, session_id: str) -> None:
    """Takes over a session's record once its turn is over: OpenCode counts what the last step used without telling of
    it, and tells it with the next turn.
    """
    if mirror.room(session_id) is None:
        return
    try:
        info = await client.session(session_id)
    except (ResourceNotFoundError, AgentRefusedError) as error:
        _log.debug("session %s cannot be read: %s", session_id, error)
        return
    if mirror.room(session_id) is not None:
        mirror.adopt_session(info)
