"""Permissions and questions: passed on when asked, withdrawn when settled, cleared when OpenCode forgets to.

OpenCode goes on listing what a stopped turn waited for (no `replied` event, and a late reply is accepted and does
nothing). Such leftovers are told from live requests by the state of their session and tool call, and are taken off
the list by refusing them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agentd.agents.agent import AgentRefusedError, Journal, ResourceNotFoundError
from agentd.agents.opencode import decisions, schema
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import PermissionReplied, QuestionSettled
from agentd.agents.opencode.mirror import Mirror, Moment
from agentd.agents.opencode.place import last_id_of, session_id_of
from halyard.agent.v1 import decision_pb2

_log = logging.getLogger(__name__)

NO_LONGER_WAITS = "OpenCode no longer waits for this."
RESTARTED = "OpenCode was restarted and no longer waits for this."
SETTLED_ELSEWHERE = "Settled in OpenCode itself: with another request of this session, or at the workstation."


class Waiting:
    """What the sessions of one server wait for."""

    def __init__(self, client: Client, mirror: Mirror, journal: Journal, clock: Clock) -> None:
        self._client = client
        self._mirror = mirror
        self._journal = journal
        self._clock = clock

    def ask(self, request: schema.PermissionRequest | schema.QuestionRequest) -> None:
        """Passes a request on."""
        self._mirror.ask(request, Moment(self._clock.epoch_ms()))

    def settled(self, event: PermissionReplied | QuestionSettled) -> None:
        """Passes on that a request is settled in OpenCode; without effect on what was decided through Halyard."""
        room = self._mirror.room(event.session_id)
        if room is None:
            return
        if isinstance(event, PermissionReplied):
            outcome = decisions.OUTCOMES.get(event.reply, decision_pb2.DECISION_STATE_EXPIRED)
            self._journal.withdraw(room.place.permission(event.request_id), outcome, SETTLED_ELSEWHERE)
            return
        answered = event.answers is not None
        outcome = decision_pb2.DECISION_STATE_ANSWERED if answered else decision_pb2.DECISION_STATE_DENIED
        self._journal.withdraw(room.place.question(event.request_id), outcome, SETTLED_ELSEWHERE)

    def pending(self, session_id: str = "") -> list[str]:
        """Returns the names of what agentd believes to wait, in one session or in all."""
        return [
            name
            for name in self._journal.pending()
            if self._mirror.room(session_id_of(name)) and session_id in ("", session_id_of(name))
        ]

    def expire_all(self, note: str) -> None:
        """Withdraws everything: the process that waited is gone."""
        for name in self.pending():
            self._journal.withdraw(name, decision_pb2.DECISION_STATE_EXPIRED, note)

    async def clear(self, session_id: str, note: str) -> None:
        """Withdraws what a session waited for, and makes OpenCode forget it."""
        for name in self.pending(session_id):
            self._journal.withdraw(name, decision_pb2.DECISION_STATE_EXPIRED, note)
            await self.dismiss(name)

    async def reconcile(
        self, permissions: Sequence[schema.PermissionRequest], questions: Sequence[schema.QuestionRequest]
    ) -> None:
        """Takes over what OpenCode lists as waiting. Statuses must have been read after these lists."""
        alive: set[str] = set()
        listed: list[schema.PermissionRequest | schema.QuestionRequest] = [*permissions, *questions]
        for request in listed:
            room = self._mirror.room(request.session_id)
            if room is None:
                continue
            name = decisions.name_of(request, room.place)
            if self._mirror.still_waits(request):
                alive.add(name)
                self.ask(request)
            else:
                await self.dismiss(name)
        for name in self.pending():
            if name not in alive:
                self._journal.withdraw(name, decision_pb2.DECISION_STATE_EXPIRED, NO_LONGER_WAITS)

    async def dismiss(self, name: str) -> None:
        """Refuses a request that nobody waits for any more, which does nothing but take it off OpenCode's list."""
        room = self._mirror.room(session_id_of(name))
        if room is None:
            return
        try:
            if "/permissions/" in name:
                await self._client.reply_permission(room.place.directory, last_id_of(name), "reject")
            else:
                await self._client.reject_question(room.place.directory, last_id_of(name))
        except (ResourceNotFoundError, AgentRefusedError):
            _log.debug("%s was gone already", name)
