"""One device: its identity, what it follows, what it has asked for. Everything a screen needs and nothing of screens.

The only place where events become a new model. Links bring frames in and fetch what must leave; screens listen for
changes and hand over intents. In the web host several screens (tabs) of one browser share one device, because a relay
lets a device have one link at a time.
"""

import secrets
from asyncio import Event, Future, get_running_loop
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from app_flet import events
from app_flet.calling import prompted, view_of
from app_flet.following import Following
from app_flet.intents import Intent
from app_flet.model import FIRST_MESSAGES, MORE_MESSAGES, Model, frozen
from app_flet.pairing import Paired
from app_flet.reading import read
from app_flet.reduce import reduce
from app_flet.store import Store, WorkstationRow
from halyard_client.google.rpc import Status
from halyard_client.halyard.agent.v1 import Call, CallResult
from halyard_client.halyard.link.v1 import AppReply, CallRefused
from wire.calls import Outbox, QueuedCall, uuid7
from wire.errors import Malformed, SealBroken
from wire.identity import Identity

IDENTITY = "identity"
MAX_FINISHED = 64
"""Finished calls that screens may still want to look at; older ones are dropped from memory."""

Clock = Callable[[], int]
"""Unix milliseconds."""


class Refused(Exception):
    """A call was refused or ran out of time; the message is for a person."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class Bell:
    """Wakes everybody who listens right now."""

    def __init__(self) -> None:
        self._events: set[Event] = set()

    @contextmanager
    def listening(self) -> Iterator[Event]:
        """An event that is set by every ring while the context lasts; the listener clears it."""
        event = Event()
        self._events.add(event)
        try:
            yield event
        finally:
            self._events.discard(event)

    def ring(self) -> None:
        """Something happened."""
        for event in self._events:
            event.set()


class Device:
    """See the module."""

    def __init__(self, store: Store, now_ms: Clock, *, relay: str = "") -> None:
        """Restores everything from `store`. `relay`: link there, wherever a workstation says to meet (web host)."""
        self.store = store
        self.now_ms = now_ms
        self._relay = relay
        self.identity = self._own_identity()
        self.outbox = Outbox(store.calls())
        self.due = Bell()
        """Rings when there may be something to send."""
        self.hurried = Bell()
        """Rings when a link that is down should try at once."""
        self.relays_changed = Bell()
        """Rings when links must be made anew."""
        self.focus: tuple[str, str] = ("", "")
        """(workstation, session) on screen; empty strings: lists only."""
        self._listeners: set[Callable[[], None]] = set()
        self._waiting: dict[bytes, Future[bytes]] = {}
        self._reads: set[bytes] = set()
        self._open: dict[tuple[str, str], int] = {}
        self.followings = {row.id: self._follow(row) for row in store.workstations()}
        self.model = Model(device_id=self.identity.device_id, seen=frozen(store.seen()))
        for following in self.followings.values():
            self._restore(following)
        self.happened([events.CallChanged(view_of(call)) for call in self.outbox])

    def _own_identity(self) -> Identity:
        secret = self.store.fact(IDENTITY)
        if secret is None:
            secret = secrets.token_bytes(64)
            self.store.keep_fact(IDENTITY, secret)
        return Identity.from_bytes(secret)

    def _follow(self, row: WorkstationRow) -> Following:
        return Following(self.store, row, self.identity, lambda session: (row.id, session) in self._open)

    def _restore(self, following: Following) -> None:
        row = following.row
        relay = self.relay_of(row)
        known = events.WorkstationKnown(row.id, row.display_name, relay, row.role, row.last_seen_ms, row.as_of_ms)
        self.happened([known, events.RecordsOpened(row.id, self.store.records_beside(row.id))])

    # --- what is known ------------------------------------------------------------------------------------------------

    def happened(self, what: Iterable[events.Event]) -> None:
        """Takes events into the model and tells every screen, once."""
        before = self.model
        for event in what:
            self.model = reduce(self.model, event)
        if self.model is not before:
            for listener in tuple(self._listeners):
                listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after every change, until the function it returns is called."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @property
    def is_paired(self) -> bool:
        """Whether there is any workstation."""
        return bool(self.followings)

    # --- workstations -------------------------------------------------------------------------------------------------

    def relay_of(self, row: WorkstationRow) -> str:
        """Where to meet a workstation."""
        return self._relay or row.relay

    @property
    def relays(self) -> set[str]:
        """Every relay that this device needs a link to."""
        return {self.relay_of(following.row) for following in self.followings.values()}

    def of_relay(self, relay: str) -> list[Following]:
        """The workstations met at `relay`."""
        return [following for following in self.followings.values() if self.relay_of(following.row) == relay]

    def paired(self, paired: Paired) -> str:
        """A workstation introduced itself; returns its id. Pairing again keeps the replica."""
        former = self.followings.get(paired.workstation)
        row = paired.row(former.row if former else None)
        self.store.keep_workstation(row)
        self.followings[row.id] = self._follow(row)
        self._restore(self.followings[row.id])
        self.relays_changed.ring()
        return row.id

    def forget(self, workstation: str) -> None:
        """Takes a workstation off this device, with everything that is here of it."""
        self.followings.pop(workstation, None)
        self.store.forget_workstation(workstation)
        self.happened([events.WorkstationForgotten(workstation)])
        self.relays_changed.ring()

    def hurry(self) -> None:
        """The app came to the foreground or the network changed: links that are down try at once."""
        self.hurried.ring()

    # --- sessions on screen -------------------------------------------------------------------------------------------

    def open_session(self, workstation: str, session: str) -> None:
        """A screen shows a session: its transcript is loaded and the workstation streams it."""
        key = (workstation, session)
        self._open[key] = self._open.get(key, 0) + 1
        if self._open[key] == 1:
            page = self.store.newest(workstation, session, FIRST_MESSAGES)
            self.happened([events.TranscriptOpened(workstation, session, page, self._arrived(workstation, session))])
        self._focus(key)

    def open_older(self, workstation: str, session: str) -> None:
        """The person goes back in a session: the next older messages are loaded."""
        known = self.model.workstations.get(workstation)
        transcript = known.transcripts.get(session) if known else None
        if transcript is not None:
            page = self.store.before(workstation, session, transcript.since, MORE_MESSAGES)
            self.happened([events.TranscriptOpened(workstation, session, page)])

    def _arrived(self, workstation: str, session: str) -> frozenset[bytes]:
        """Prompts that were answered and are in the log, perhaps so far up that they are not loaded."""
        return frozenset(
            call.call_id
            for call in self.model.calls.values()
            if call.workstation == workstation
            and (message := prompted(call)).startswith(f"{session}/")
            and self.store.holds_message(workstation, message)
        )

    def close_session(self, workstation: str, session: str) -> None:
        """A screen left a session; the last one lets go of its transcript."""
        key = (workstation, session)
        self.saw_session(workstation, session)
        self._open[key] = self._open.get(key, 1) - 1
        if self._open[key] <= 0:
            del self._open[key]
            self.happened([events.TranscriptClosed(workstation, session)])
        if self.focus == key:
            self._focus(next(iter(self._open), ("", "")))

    def saw_session(self, workstation: str, session: str) -> None:
        """Remembers that the person has seen the session as it is now."""
        self.store.keep_seen(workstation, session, self.now_ms())
        self.happened([events.SessionSeen(workstation, session, self.now_ms())])

    def _focus(self, key: tuple[str, str]) -> None:
        self.focus = key
        self.due.ring()

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, workstation: str, intent: Intent) -> bytes:
        """Queues a call, durably unless it only reads, and returns its id. It leaves as soon as a link stands."""
        now_ms = self.now_ms()
        call_id = uuid7(now_ms, secrets.token_bytes(10))
        payload = bytes(Call(method=intent.method, request=intent.request))
        if intent.is_read:
            self._reads.add(call_id)
        self._changed(self.outbox.enqueue(call_id, workstation, payload, now_ms + intent.ttl_ms))
        self.due.ring()
        return call_id

    async def ask(self, workstation: str, intent: Intent) -> bytes:
        """Calls and waits; the serialized response. Refused when it was refused or ran out of time."""
        call_id = self.call(workstation, intent)
        answer: Future[bytes] = get_running_loop().create_future()
        self._waiting[call_id] = answer
        try:
            return await answer
        finally:
            self._waiting.pop(call_id, None)

    def take_back(self, call_id: bytes) -> QueuedCall:
        """The call, taken out before it left; CallLeft when it has."""
        call = self.outbox.cancel(call_id)
        self._drop(call_id)
        return call

    def discard(self, call_id: bytes) -> None:
        """The person has seen the end of a call."""
        if self.outbox.discard(call_id) is not None:
            self._drop(call_id)

    def leaving(self, call: QueuedCall) -> QueuedCall:
        """A link is about to send `call`: noted on disk first."""
        left = self.outbox.leave(call.call_id)
        self._changed(left)
        return left

    def stored(self, call_id: bytes) -> None:
        """The relay has it."""
        self._changed(self.outbox.stored(call_id))

    def taken(self, call_id: bytes) -> None:
        """The workstation has it."""
        self._changed(self.outbox.taken(call_id))

    def replied(self, frame: AppReply) -> None:
        """The workstation answered; SealBroken when it was not this workstation."""
        reply, following = frame.reply, self.followings.get(frame.workstation_id)
        call = self.outbox.get(reply.call_id) if reply else None
        if reply is None or call is None or following is None or call.workstation != frame.workstation_id:
            return
        try:
            answer = following.channel.open_reply(call.call_id, call.expires_ms, reply.sealed)
            refused = read(CallResult, answer).error is not None
        except (SealBroken, Malformed):
            return  # a relay cannot answer for a workstation; the real answer comes when the call is repeated
        self._changed(self.outbox.answered(call.call_id, answer, ok=not refused))

    def refused(self, frame: CallRefused) -> None:
        """The relay did not take a call."""
        why = CallResult(error=frame.status or Status(message="The relay refused this."))
        self._changed(self.outbox.refused_by_relay(frame.call_id, bytes(why)))

    def expire(self) -> None:
        """Ends the calls whose time has run out."""
        for call in self.outbox.expire(self.now_ms()):
            self._changed(call)

    def _changed(self, call: QueuedCall | None) -> None:
        if call is None:
            return
        is_read = call.call_id in self._reads
        view = view_of(call)
        if not is_read:
            self.store.keep_call(call)
            self.happened([events.CallChanged(view)])
        waiting = self._waiting.get(call.call_id)
        if view.is_open:
            return
        if waiting is not None and not waiting.done():
            if view.error:
                waiting.set_exception(Refused(view.error, view.reason))
            else:
                waiting.set_result(view.response)
        if is_read or not view.error:
            self._finished(call.call_id, is_read=is_read)

    def _finished(self, call_id: bytes, *, is_read: bool) -> None:
        """What was answered need not be kept; screens may look at the last ones for a while."""
        self.outbox.discard(call_id)
        self._reads.discard(call_id)
        if not is_read:
            self.store.drop_call(call_id)
            done = [key for key, view in self.model.calls.items() if not view.is_open and not view.error]
            self.happened([events.CallDropped(key) for key in done[:-MAX_FINISHED]])

    def _drop(self, call_id: bytes) -> None:
        self.store.drop_call(call_id)
        self.happened([events.CallDropped(call_id)])
