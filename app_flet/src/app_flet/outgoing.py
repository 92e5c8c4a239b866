"""What this device asks of workstations: on disk before it leaves, sent until it is answered, in the order of making.

The disk comes first, always. What a person wrote is in exactly one place at any moment, as a draft or as a call,
however the app dies: moving it from one to the other is one transaction. A call that has left is noted as such before
it does, because it may then take effect; until that moment it can be changed or taken back here, afterwards only the
workstation can say whether it was in time (`withdraw`).
"""

import secrets
import sqlite3
from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Callable, Iterable

from app_flet import events, intents
from app_flet.bell import Bell
from app_flet.calling import reason_of, view_of
from app_flet.intents import Intent
from app_flet.model import CallView
from app_flet.reading import read
from app_flet.store import Store
from app_flet.underway import WITHDRAWN
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent.v1 import Call, CallResult
from halyard_client.halyard.link.v1 import AppReply, CallRefused
from wire.calls import CallState, Outbox, QueuedCall, uuid7
from wire.errors import CallLeft, Malformed, SealBroken
from wire.sealing import Channel

MAX_FINISHED = 64
"""Finished calls that screens may still want to look at; older ones are dropped from memory."""
MAX_CALL_BYTES = 240 * 1024
"""A relay takes 256 KiB; with more it would end the link, which would send the call again."""
PASSING = frozenset({"NOT_A_MEMBER", "RATE_LIMITED"})
"""Why a relay does not take a call for now. It may have lost its store: only a workstation says whom it lists."""
TOO_LONG = "This is too long to be sent at once. Put it into a file of the project, and let the agent read that."

Clock = Callable[[], int]
"""Unix milliseconds."""


class Refused(Exception):
    """A call was refused or ran out of time; the message is for a person."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class Outgoing:
    """All calls of one device. See the module."""

    def __init__(
        self,
        store: Store,
        now_ms: Clock,
        channel_of: Callable[[str], Channel | None],
        tell: Callable[[Iterable[events.Event]], None],
    ) -> None:
        """Restores the calls from `store`. `tell` takes what happened into the model."""
        self._store = store
        self._now_ms = now_ms
        self._channel_of = channel_of
        self._tell = tell
        self.outbox = Outbox(store.calls())
        self.due = Bell()
        """Rings when there may be something to send."""
        self._waiting: dict[bytes, Future[bytes]] = {}
        self._reads: set[bytes] = set()
        self._finished: deque[bytes] = deque()

    @property
    def has_to_leave(self) -> bool:
        """Whether anything is on this device only."""
        return any(call.state is CallState.ON_DEVICE for call in self.outbox)

    def recover(self) -> None:
        """The disk refused a change: goes on from what it holds. Whatever is unanswered will be sent again."""
        reads = [call for call in self.outbox if call.call_id in self._reads]
        self.outbox = Outbox([*self._store.calls(), *reads])
        self._tell([events.CallChanged(view_of(call)) for call in self._store.calls()])

    # --- what a person does -------------------------------------------------------------------------------------------

    def call(self, workstation: str, intent: Intent, *, draft: str = "", instead_of: bytes = b"") -> bytes:
        """Queues a call, durably unless it only reads, and returns its id. It leaves as soon as a link stands.

        `draft`: the place whose draft this says; it is emptied in the same transaction. `instead_of`: a call that is
        over and that this one repeats; it goes in the same transaction. sqlite3.Error when the disk takes nothing,
        Refused when no relay would take the call: then nothing was queued.
        """
        now_ms = self._now_ms()
        call_id = uuid7(now_ms, secrets.token_bytes(10))
        payload = bytes(Call(method=intent.method, request=intent.request))
        if len(payload) > MAX_CALL_BYTES:
            raise Refused(TOO_LONG, "TOO_LARGE")
        queued = self.outbox.enqueue(call_id, workstation, payload, now_ms + intent.ttl_ms)
        if intent.is_read:
            self._reads.add(call_id)
        else:
            self._keep_new(queued, draft, instead_of)
        self.due.ring()
        return call_id

    def _keep_new(self, queued: QueuedCall, draft: str, instead_of: bytes) -> None:
        try:
            with self._store.transaction(durable=True):
                self._store.keep_call(queued)
                if draft:
                    self._store.keep_draft(draft, "")
                if instead_of:
                    self._store.drop_call(instead_of)
        except sqlite3.Error:
            self.outbox.cancel(queued.call_id)
            raise
        gone = [events.CallDropped(instead_of)] if instead_of and self.outbox.discard(instead_of) else []
        self._tell([*gone, events.CallChanged(view_of(queued))])

    async def ask(self, workstation: str, intent: Intent) -> bytes:
        """Calls and waits; the serialized response. Refused when it was refused or ran out of time."""
        call_id = self.call(workstation, intent)
        answer: Future[bytes] = get_running_loop().create_future()
        self._waiting[call_id] = answer
        try:
            return await answer
        finally:
            self._waiting.pop(call_id, None)

    def take_back(self, call_id: bytes, *, draft: str = "", text: str = "") -> None:
        """Takes out a call that has not left, or is over. CallLeft when it is on its way.

        `draft` and `text`: what it said becomes the beginning of the draft at that place, in the same transaction.
        """
        call = self.outbox.get(call_id)
        if call is None or (call.attempts and not call.state.is_final):
            raise CallLeft("This has just left, so it can no longer be changed here. Withdraw it instead.")
        with self._store.transaction(durable=True):
            self._store.drop_call(call_id)
            if draft:
                self._store.keep_draft(draft, "\n\n".join(filter(None, [text, self._store.draft(draft)])))
        if self.outbox.discard(call_id) is None:
            self.outbox.cancel(call_id)
        self._tell([events.CallDropped(call_id)])

    def withdraw(self, call_id: bytes) -> None:
        """Wants a call back: at once if it has not left, else by asking the workstation whether it is in time."""
        call = self.outbox.get(call_id)
        if call is None or call.state.is_final or self._withdrawal_of(call_id):
            return
        if not call.attempts:
            self.take_back(call_id)
            return
        ttl_ms = max(call.expires_ms - self._now_ms(), intents.READ_TTL_MS)
        self.call(call.workstation, intents.withdraw(call_id, call.expires_ms, ttl_ms))

    def _withdrawal_of(self, call_id: bytes) -> bool:
        asked = (Call.parse(call.payload) for call in self.outbox if not call.state.is_final)
        return any(intents.withdrawn_call(call.method, call.request) == call_id for call in asked)

    def discard(self, call_id: bytes) -> None:
        """The person has seen the end of a call."""
        call = self.outbox.get(call_id)
        if call is not None and call.state.is_final:
            self.take_back(call_id)

    # --- what a link tells --------------------------------------------------------------------------------------------

    def leaving(self, call: QueuedCall) -> None:
        """A link is about to send `call`: noted on disk first. sqlite3.Error: do not send it."""
        self._changed(self.outbox.leave(call.call_id), durable=True)

    def stored(self, call_id: bytes) -> None:
        """The relay has it."""
        self._changed(self.outbox.stored(call_id) or self._stored_again(call_id))

    def _stored_again(self, call_id: bytes) -> QueuedCall | None:
        """A relay that had lost it has it once more: that is where it is shown again."""
        call = self.outbox.get(call_id)
        return call if call is not None and call.state is CallState.AT_RELAY else None

    def taken(self, call_id: bytes) -> None:
        """The workstation has it."""
        self._changed(self.outbox.taken(call_id))

    def replied(self, frame: AppReply) -> None:
        """The workstation answered; what it did not seal is skipped."""
        reply, channel = frame.reply, self._channel_of(frame.workstation_id)
        call = self.outbox.get(reply.call_id) if reply else None
        if reply is None or call is None or channel is None or call.workstation != frame.workstation_id:
            return
        try:
            answer = channel.open_reply(call.call_id, call.expires_ms, reply.sealed)
            refused = read(CallResult, answer).error is not None
        except (SealBroken, Malformed):
            return  # a relay cannot answer for a workstation; the real answer comes when the call is repeated
        self._changed(self.outbox.answered(call.call_id, answer, ok=not refused))

    def refused(self, frame: CallRefused) -> None:
        """The relay did not take a call: now, or ever."""
        if frame.status is not None and reason_of(frame.status) in PASSING:
            self.outbox.turned_away(frame.call_id)
            return
        why = CallResult(error=frame.status or Status(message="The relay refused this."))
        self._changed(self.outbox.refused_by_relay(frame.call_id, bytes(why)))

    def expire(self) -> None:
        """Ends the calls whose time has run out; sqlite3.Error when the disk does not take that: then `recover`."""
        # Whoever waits for a read is told in any case: that needs no disk.
        for call in sorted(self.outbox.expire(self._now_ms()), key=lambda call: call.call_id not in self._reads):
            self._changed(call)

    def _changed(self, call: QueuedCall | None, *, durable: bool = False) -> None:
        if call is None:
            return
        view = view_of(call)
        if call.call_id in self._reads:
            self._reads.difference_update([] if view.is_open else [call.call_id])
        else:
            self._keep(call, view, durable=durable)
        if not view.is_open:
            self._answer_whoever_waits(view)

    def _keep(self, call: QueuedCall, view: CallView, *, durable: bool) -> None:
        """What was answered need not be kept; screens may look at the last answers for a while."""
        is_settled = _is_settled(view)
        with self._store.transaction(durable=durable):
            if is_settled:
                self._store.drop_call(call.call_id)
            else:
                self._store.keep_call(call)
        self._tell([events.CallChanged(view)])
        if is_settled:
            self.outbox.discard(call.call_id)
            self._put_away(view)

    def _put_away(self, view: CallView) -> None:
        if view.error:
            self._tell([events.CallDropped(view.call_id)])
            return
        self._finished.append(view.call_id)
        excess = max(0, len(self._finished) - MAX_FINISHED)
        self._tell([events.CallDropped(self._finished.popleft()) for _ in range(excess)])

    def _answer_whoever_waits(self, view: CallView) -> None:
        waiting = self._waiting.get(view.call_id)
        if waiting is None or waiting.done():
            return
        if view.error:
            waiting.set_exception(Refused(view.error, view.reason))
        else:
            waiting.set_result(view.response)


def _is_settled(view: CallView) -> bool:
    """Nothing is left for the person to see: it was answered; or it was a decision that was taken back and stands open
    again; or a change that is shown in no place of its own, as a withdrawal.
    """
    if view.is_open or not view.error:
        return not view.is_open
    if view.method not in (intents.PROMPT, intents.START_SESSION, *intents.DECISIONS):
        return True  # whoever asked for it was told at once
    return view.reason == WITHDRAWN and view.method in intents.DECISIONS
