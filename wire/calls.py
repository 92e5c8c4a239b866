"""The life of a call on both ends: queued once, sent as often as needed, in effect at most once.

    on this device ─► at the relay ─► at the workstation ─► done | refused
           └───────────────┴──────────────────┴───────────► expired

The app's `Outbox` and the workstation's `CallMemory` are counterparts. The author makes the call id (a UUIDv7), repeats
the call on every new link until it is answered, and the workstation answers a repeat from memory. Both sides write what
a method returns to disk before they act on it; then a crash at any point costs a repetition, never an effect.

One case cannot be settled here: the workstation crashed after an effect may have begun and before its answer was noted.
It comes back as `Advice.LOOK_FIRST`; whoever knows the effect must look whether it happened.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from wire.errors import CallExpired, CallLeft, Malformed

CALL_ID_BYTES = 16
REMEMBER_MS = 48 * 3600 * 1000
"""How long the workstation remembers an answer, at least."""
MAX_TTL_MS = 7 * 24 * 3600 * 1000
"""The furthest expiry a workstation accepts; it bounds its memory."""


def uuid7(now_ms: int, random: bytes) -> bytes:
    """A UUIDv7 (RFC 9562 §5.7) as 16 bytes from Unix milliseconds and 10 random bytes, of which it keeps 74 bits."""
    if len(random) != 10 or not 0 <= now_ms < 1 << 48:
        raise Malformed("A UUIDv7 is made of 48 bits of milliseconds and 10 random bytes.")
    rand_a = int.from_bytes(random[:2]) & 0x0FFF
    rand_b = int.from_bytes(random[2:]) & (1 << 62) - 1
    return (now_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b).to_bytes(16)


def uuid7_time_ms(call_id: bytes) -> int:
    """When a UUIDv7 was made, in Unix milliseconds by its author's clock."""
    check_call_id(call_id)
    return int.from_bytes(call_id[:6])


def check_call_id(call_id: bytes) -> bytes:
    """`call_id` itself if it is 16 bytes of a UUIDv7; else Malformed."""
    if len(call_id) != CALL_ID_BYTES or call_id[6] >> 4 != 7 or call_id[8] >> 6 != 0b10:
        raise Malformed("A call id is a UUIDv7 of 16 bytes.")
    return call_id


# --- the author's side ------------------------------------------------------------------------------------------------


class CallState(IntEnum):
    """Where a call is, as its author knows. A call only ever moves up, so late and repeated news change nothing."""

    ON_DEVICE = 1
    AT_RELAY = 2
    AT_WORKSTATION = 3
    EXPIRED = 4
    """No answer in time. If the call never left, nothing was done; else that is likely but not known (`is_certain`)."""
    REFUSED = 5
    DONE = 6

    @property
    def is_final(self) -> bool:
        """True when nothing will be sent any more; an answer that comes after EXPIRED still counts."""
        return self >= CallState.EXPIRED


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """One call in the outbox, as it is kept on disk."""

    call_id: bytes
    workstation: str
    payload: bytes
    """The call in clear; it is sealed anew each time it is sent."""
    expires_ms: int
    state: CallState = CallState.ON_DEVICE
    attempts: int = 0
    """On how many links it was sent."""
    answer: bytes = b""
    """What came back, or why the relay refused it; opaque here."""

    @property
    def is_certain(self) -> bool:
        """False when the call expired after it had left: it may have taken effect, and the person must be told so."""
        return self.state is not CallState.EXPIRED or self.attempts == 0


class Outbox:
    """An app's calls. Every method that changes a call returns it as it now is; None says that nothing changed.

    Write the returned call to disk first, then act: above all, write what `leave` returns before sending it.
    """

    def __init__(self, calls: Iterable[QueuedCall] = ()) -> None:
        """Restores the outbox from disk; `calls` in the order in which they were queued."""
        self._calls = {call.call_id: call for call in calls}
        self._sent_on_this_link: set[bytes] = set()
        self._turned_away: set[bytes] = set()

    def __iter__(self) -> Iterator[QueuedCall]:
        """All calls, oldest first."""
        return iter(tuple(self._calls.values()))

    def get(self, call_id: bytes) -> QueuedCall | None:
        """The call with this id."""
        return self._calls.get(call_id)

    def enqueue(self, call_id: bytes, workstation: str, payload: bytes, expires_ms: int) -> QueuedCall:
        """A new call at the end of the queue; Malformed when its id is no UUIDv7 or is taken."""
        if check_call_id(call_id) in self._calls:
            raise Malformed("This call id is taken; a call id is made for one call only.")
        return self._put(QueuedCall(call_id, workstation, payload, expires_ms))

    def edit(self, call_id: bytes, payload: bytes) -> QueuedCall:
        """The call with another payload; CallLeft once it was sent."""
        return self._put(replace(self._still_here(call_id), payload=payload))

    def cancel(self, call_id: bytes) -> QueuedCall:
        """The call, taken out of the queue; CallLeft once it was sent."""
        return self._calls.pop(self._still_here(call_id).call_id)

    def discard(self, call_id: bytes) -> QueuedCall | None:
        """The final call that the person has seen the end of, taken out; None when it is not final."""
        call = self._calls.get(call_id)
        return self._calls.pop(call_id) if call and call.state.is_final else None

    def link_began(self) -> None:
        """A new link stands: whatever is unanswered will be sent again, since nobody knows what the old one lost."""
        self._sent_on_this_link.clear()
        self._turned_away.clear()

    def doubt(self) -> None:
        """What a workstation has taken and not answered is sent again on this link, too: its answer may have been on a
        link of the workstation's own that broke. The workstation answers a repeat from memory. What the relay turned
        away is tried again with it.
        """
        taken = {call.call_id for call in self._calls.values() if call.state is CallState.AT_WORKSTATION}
        self._sent_on_this_link -= taken | self._turned_away
        self._turned_away.clear()

    def due(self, now_ms: int) -> list[QueuedCall]:
        """What to send on this link now, oldest first; calls to one workstation must keep this order."""
        unsent, held_up = list[QueuedCall](), set[str]()
        for call in self._calls.values():
            if call.state.is_final or call.expires_ms <= now_ms:
                continue
            if call.call_id in self._turned_away:
                held_up.add(call.workstation)
            elif call.call_id not in self._sent_on_this_link and call.workstation not in held_up:
                unsent.append(call)
        return unsent

    def leave(self, call_id: bytes) -> QueuedCall:
        """The call, about to be handed to the link: no longer editable from here on."""
        self._sent_on_this_link.add(call_id)
        call = self._calls[call_id]
        return self._put(replace(call, attempts=call.attempts + 1))

    def stored(self, call_id: bytes) -> QueuedCall | None:
        """The relay has it on disk."""
        return self._rise(call_id, CallState.AT_RELAY)

    def taken(self, call_id: bytes) -> QueuedCall | None:
        """The workstation has it on disk."""
        return self._rise(call_id, CallState.AT_WORKSTATION)

    def answered(self, call_id: bytes, answer: bytes, *, ok: bool) -> QueuedCall | None:
        """The workstation answered; `ok` False when the answer is a refusal."""
        return self._rise(call_id, CallState.DONE if ok else CallState.REFUSED, answer)

    def turned_away(self, call_id: bytes) -> None:
        """The relay does not take it now, for a reason that passes. It stays where it is, and what was queued behind it
        for the same workstation stays, too, until there is `doubt` or another link.
        """
        self._turned_away.add(call_id)

    def refused_by_relay(self, call_id: bytes, why: bytes) -> QueuedCall | None:
        """The relay did not take it. Final only if this was its one attempt: an earlier one may have got through."""
        call = self._calls.get(call_id)
        if call is None or call.attempts > 1 or call.state is not CallState.ON_DEVICE:
            return None
        return self._rise(call_id, CallState.REFUSED, why)

    def expire(self, now_ms: int) -> list[QueuedCall]:
        """The calls whose time has just run out; see `QueuedCall.is_certain`."""
        late = [call for call in self._calls.values() if not call.state.is_final and call.expires_ms <= now_ms]
        return [self._put(replace(call, state=CallState.EXPIRED)) for call in late]

    def _still_here(self, call_id: bytes) -> QueuedCall:
        call = self._calls.get(call_id)
        if call is None or call.attempts or call.state.is_final:
            raise CallLeft("This was already sent or is over; stop or correct it with a new message instead.")
        return call

    def _rise(self, call_id: bytes, state: CallState, answer: bytes = b"") -> QueuedCall | None:
        call = self._calls.get(call_id)
        # DONE and REFUSED are both last words: the first one heard stands.
        if call is None or call.state >= state or call.state > CallState.EXPIRED:
            return None
        return self._put(replace(call, state=state, answer=answer))

    def _put(self, call: QueuedCall) -> QueuedCall:
        self._calls[call.call_id] = call
        return call


# --- the workstation's side -------------------------------------------------------------------------------------------


class Step(StrEnum):
    """How far the workstation is with a call."""

    TAKEN = "taken"
    """On disk; nothing done yet."""
    STARTED = "started"
    """Its effect may have begun."""
    UNCERTAIN = "uncertain"
    """Was started when the process died."""
    ANSWERED = "answered"
    """Its answer is on disk."""


class Advice(StrEnum):
    """What to do with a call that has just arrived."""

    TAKE = "take"
    """New: `take` it."""
    WAIT = "wait"
    """A repeat of one that waits or is being worked on; its answer will follow."""
    LOOK_FIRST = "look first"
    """Started before a crash and not answered: find out whether it happened, then `answer` or `not_done`."""
    ANSWER = "answer"
    """A repeat: send the remembered answer."""
    REFUSE_EXPIRED = "refuse expired"
    """New, and too late: nothing was done. `take` it and `answer` with the refusal, so that it stays refused."""
    REFUSE_UNKNOWN = "refuse unknown"
    """So old that it may be one that was answered and forgotten: refuse it, saying that the outcome is not known."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One call at the workstation, as it is kept on disk."""

    device: str
    call_id: bytes
    expires_ms: int
    request: bytes
    """The opened call; opaque here."""
    step: Step = Step.TAKEN
    answer: bytes = b""
    answered_ms: int = 0


def advise(known: Remembered | None, expires_ms: int, now_ms: int, horizon_ms: int = 0) -> Advice:
    """The decision on an arriving call, given what is remembered of it; Malformed when it expires too far away.

    `horizon_ms` is the latest expiry of any forgotten call: what expires no later may be one of those, whatever the
    clock says now, because a clock can be set back.
    """
    if known is None:
        if expires_ms <= horizon_ms:
            return Advice.REFUSE_UNKNOWN
        if expires_ms <= now_ms:
            return Advice.REFUSE_EXPIRED
        if expires_ms > now_ms + MAX_TTL_MS:
            raise Malformed("This call expires more than a week from now; check the clocks of both devices.")
        return Advice.TAKE
    return {Step.ANSWERED: Advice.ANSWER, Step.UNCERTAIN: Advice.LOOK_FIRST}.get(known.step, Advice.WAIT)


class CallMemory:
    """A workstation's calls, filed by (device, call id): one device cannot touch another's.

    Every method returns the call as it now is; write it to disk, then act: acknowledge after `take`, begin the effect
    after `start`, reply after `answer`. Reads that may be repeated freely need not be remembered at all.
    """

    def __init__(self, calls: Iterable[Remembered] = (), horizon_ms: int = 0) -> None:
        """Restores the memory from disk, in the order of arrival. What was started is uncertain now."""
        self._calls = {(call.device, call.call_id): _after_crash(call) for call in calls}
        self.horizon_ms = horizon_ms

    def __iter__(self) -> Iterator[Remembered]:
        """All calls in the order of arrival."""
        return iter(tuple(self._calls.values()))

    def get(self, device: str, call_id: bytes) -> Remembered | None:
        """What is remembered of a call."""
        return self._calls.get((device, call_id))

    def advise(self, device: str, call_id: bytes, expires_ms: int, now_ms: int) -> Advice:
        """What to do with a call that has just arrived and was opened."""
        return advise(self.get(device, check_call_id(call_id)), expires_ms, now_ms, self.horizon_ms)

    def take(self, device: str, call_id: bytes, expires_ms: int, request: bytes) -> Remembered:
        """A new call, to be written down; one that is known stays as it is."""
        return self.get(device, call_id) or self._put(Remembered(device, check_call_id(call_id), expires_ms, request))

    def waiting(self) -> list[Remembered]:
        """What was taken and not started, in the order of arrival: the work to do, also after a restart."""
        return [call for call in self._calls.values() if call.step is Step.TAKEN]

    def uncertain(self) -> list[Remembered]:
        """What a crash left open, in the order of arrival: look at these before doing anything that is waiting."""
        return [call for call in self._calls.values() if call.step is Step.UNCERTAIN]

    def start(self, device: str, call_id: bytes, now_ms: int) -> Remembered:
        """The effect is about to begin. CallExpired when it is too late; CallLeft when it began before."""
        call = self._calls[device, call_id]
        if call.step is not Step.TAKEN:
            raise CallLeft("This call was started before; look what came of it instead of starting it again.")
        if call.expires_ms <= now_ms:
            raise CallExpired("This call waited too long and was not carried out; send it again if it is still wanted.")
        return self._put(replace(call, step=Step.STARTED))

    def not_done(self, device: str, call_id: bytes) -> Remembered:
        """Somebody looked: an uncertain call had no effect, so it waits again."""
        call = self._calls[device, call_id]
        return self._put(replace(call, step=Step.TAKEN)) if call.step is Step.UNCERTAIN else call

    def answer(self, device: str, call_id: bytes, answer: bytes, now_ms: int) -> Remembered:
        """The call with its answer; the first one stands, so reply with what this returns."""
        call = self._calls[device, call_id]
        if call.step is Step.ANSWERED:
            return call
        return self._put(replace(call, step=Step.ANSWERED, answer=answer, answered_ms=now_ms))

    def withdraw(self, device: str, call_id: bytes, expires_ms: int, answer: bytes, now_ms: int) -> Remembered | None:
        """The call, answered with `answer` before it began; None when it is too late. Repeating it changes nothing.

        One that has not arrived is remembered until it expires at `expires_ms`, and answered when it comes.
        """
        call = self.get(device, check_call_id(call_id))
        if call is None and expires_ms <= self.horizon_ms:
            return None  # it may have been done, answered and forgotten
        if call is None:
            call = self.take(device, call_id, min(expires_ms, now_ms + MAX_TTL_MS), b"")
        if call.step is Step.TAKEN:
            return self.answer(device, call_id, answer, now_ms)
        return call if call.step is Step.ANSWERED and call.answer == answer else None

    def forget(self, now_ms: int) -> list[Remembered]:
        """The calls that need no longer be remembered, taken out. Write `horizon_ms` in the same transaction."""
        old = [call for call in self._calls.values() if _is_forgettable(call, now_ms)]
        for call in old:
            del self._calls[call.device, call.call_id]
            self.horizon_ms = max(self.horizon_ms, call.expires_ms)
        return old

    def _put(self, call: Remembered) -> Remembered:
        self._calls[call.device, call.call_id] = call
        return call


def _after_crash(call: Remembered) -> Remembered:
    return replace(call, step=Step.UNCERTAIN) if call.step is Step.STARTED else call


def _is_forgettable(call: Remembered, now_ms: int) -> bool:
    # An unexpired call could still be replayed, however long ago it was answered.
    return call.step is Step.ANSWERED and max(call.answered_ms + REMEMBER_MS, call.expires_ms) <= now_ms
