"""Prompts that OpenCode lets drop are answered all the same.

A turn that a refusal ends takes down with it what was said meanwhile: OpenCode keeps those prompts and never begins to
answer them. Handed over again under its own id, the newest is answered, and with it all before it. What a person
stopped stays stopped and what failed stays failed: the prompts behind it say so, and wait for the person.
"""

from __future__ import annotations

import logging

from agentd.agents.agent import AgentRefusedError, Journal, ResourceNotFoundError, SessionBusyError
from agentd.agents.opencode import schema
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.prompting import wake_body
from agentd.agents.opencode.room import Room
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb

_log = logging.getLogger(__name__)


def dropped(room: Room) -> schema.UserMessage | None:
    """Returns the newest prompt that nobody works on although nothing says why. A subagent's prompts are its parent's
    matter.
    """
    waiting = room.tail.unanswered()
    is_explained = room.failure or room.activity.state != pb.SESSION_STATE_IDLE
    if not waiting or waiting[-1].id in room.stopped or is_explained or room.info.parent_id:
        return None
    return waiting[-1]


def was_left_open(journal: Journal, room: Room) -> bool:
    """Returns whether a turn of this session was cut off, whatever the session says: a stopped turn is idle before its
    last records come, and of one that began and was cut off while nobody listened only the history tells. Readers then
    believe that the newest prompt is about to be worked on, or that its answer is being written; of a server that has
    just started neither is true. A call, too, waits for its last record, and may be all that is left open.
    """
    if room.tail.answers:
        return True
    messages = (name for name in journal.names(f"{room.place.session}/messages/") if "/parts/" not in name)
    for known in map(journal.known, sorted(messages, reverse=True)):
        state = known.message.state if known is not None else pb.MESSAGE_STATE_UNSPECIFIED
        if state in (pb.MESSAGE_STATE_QUEUED, pb.MESSAGE_STATE_WRITING) or _has_open_part(journal, known):
            return True
        if known is not None and known.message.role == pb.ROLE_PERSON and state == pb.MESSAGE_STATE_COMPLETE:
            # Answered, and what answers it was looked at already. A prompt that was stopped may stand before an answer.
            return False
    return False


def _has_open_part(journal: Journal, message: resource_pb2.Resource | None) -> bool:
    parts = map(journal.known, journal.names(f"{message.name}/parts/") if message is not None else ())
    return any(known is not None and known.part.state == pb.PART_STATE_OPEN for known in parts)


class Waking:
    """Hands dropped prompts over again, each once in the life of a server."""

    def __init__(self, client: Client, mirror: Mirror) -> None:
        self._client = client
        self._mirror = mirror
        self._woken: set[str] = set()

    async def wake(self, session_id: str) -> None:
        """A turn of this session is over: what was said meanwhile begins now, unless it has begun by itself."""
        room = self._mirror.room(session_id)
        prompt = dropped(room) if room is not None else None
        if room is None or prompt is None or prompt.id in self._woken:
            return
        try:
            async with self._client.handing_over(session_id):
                await self._hand_over(room, prompt)
        except (AgentRefusedError, ResourceNotFoundError, SessionBusyError) as error:
            _log.warning("a prompt that was dropped could not be handed over again: %s", error)

    async def _hand_over(self, room: Room, prompt: schema.UserMessage) -> None:
        begun = room.info.id in await self._client.statuses(room.place.directory)
        if not begun and await self._is_newest(prompt):
            await self._client.prompt(room.info.id, wake_body(prompt))
            self._woken.add(prompt.id)

    async def _is_newest(self, prompt: schema.UserMessage) -> bool:
        """Handed over again, a prompt gets the time of now: behind a newer one, which is answered with it anyway, it
        would seem to have been said later.
        """
        page = await self._client.messages(prompt.session_id, 1)
        return [message.info.id for message in page.messages] == [prompt.id]
