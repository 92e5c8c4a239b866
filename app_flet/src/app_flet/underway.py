"""Calls on their way: how far they are, what a person may still do about them, and which came too late. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app_flet import intents
from app_flet.instants import clock_time, milliseconds
from app_flet.model import CallView, Held, Model
from halyard_client.halyard.agent import v1
from wire.calls import CallState


class Way(StrEnum):
    """What a person may do about a call."""

    EDIT = "edit"
    """Take it back into the field it came from."""
    CANCEL = "cancel"
    """Take it back; it has not left."""
    WITHDRAW = "withdraw"
    """Ask the workstation to take it back; it has left."""
    RETRY = "retry"
    """Say the same again."""
    DISCARD = "discard"
    """Put away what failed."""


PLACES = {
    CallState.ON_DEVICE: "on this device",
    CallState.AT_RELAY: "at the relay",
    CallState.AT_WORKSTATION: "at the workstation",
    CallState.DONE: "taken",
}
WITHDRAWN = "WITHDRAWN"
"""Reason of a call that was taken back in time."""
WITHDRAWING = "taking it back; it may still be carried out"
TOO_LATE = frozenset({"ALREADY_DECIDED", "EXPIRED", "NOT_FOUND"})
"""Reasons after which nobody waits for this decision any more."""


def withdrawing(model: Model) -> frozenset[bytes]:
    """The calls that this device has asked to have back, and does not know yet whether in time."""
    asked = (call for call in model.calls.values() if call.is_open)
    return frozenset(filter(None, (intents.withdrawn_call(call.method, call.request) for call in asked)))


def ways_on(call: CallView, *, is_withdrawing: bool = False) -> tuple[Way, ...]:
    """What a person may do about `call`, the likeliest first."""
    if not call.is_open:
        return (Way.RETRY, Way.EDIT, Way.DISCARD) if call.error else ()
    if not call.has_left:
        return (Way.EDIT, Way.CANCEL)
    if call.state is CallState.AT_WORKSTATION or is_withdrawing:
        return ()
    return (Way.WITHDRAW,)


def place(call: CallView, *, is_withdrawing: bool = False) -> str:
    """Where a call is, in words; why it failed when it did."""
    if call.error:
        return call.error
    where = PLACES.get(call.state, "")
    return f"{where} · {WITHDRAWING}" if is_withdrawing and call.is_open else where


def suffix(call_id: bytes) -> str:
    """What tells the controls of one call from those of another: the end of its id, which is random."""
    return call_id.hex()[-8:]


# --- decisions that came too late -------------------------------------------------------------------------------------

_CHOICES = {
    v1.DecisionState.ALLOWED_ONCE: "Allow once",
    v1.DecisionState.ALLOWED_ALWAYS: "Always",
    v1.DecisionState.DENIED: "Deny",
}
_BECAME = {
    v1.DecisionState.ALLOWED_ONCE: "allowed once",
    v1.DecisionState.ALLOWED_ALWAYS: "always allowed",
    v1.DecisionState.DENIED: "denied",
    v1.DecisionState.ANSWERED: "answered",
}


@dataclass(frozen=True, slots=True)
class Late:
    """A decision or answer of this device that came too late. Compared by its call."""

    call: CallView
    about: str
    """Name of the permission or question."""
    record: Held | None
    """What became of it, as far as it is known."""


def subject(call: CallView) -> str:
    """Name of the permission or question that a call decides; empty for other calls."""
    if call.method == intents.DECIDE:
        return v1.DecideRequest.parse(call.request).permission
    return v1.AnswerRequest.parse(call.request).question if call.method == intents.ANSWER else ""


def is_too_late(call: CallView) -> bool:
    """Whether nobody waits any more for what `call` says."""
    return bool(call.error) and (call.reason in TOO_LATE or call.state is CallState.EXPIRED)


def late_decisions(model: Model, workstation: str = "", session: str = "") -> tuple[Late, ...]:
    """What this device decided too late and the person has not put away, oldest first; not what still waits."""
    found = []
    for call in model.calls.values():
        about = subject(call)
        if not about or not is_too_late(call) or workstation not in ("", call.workstation):
            continue
        if session and not about.startswith(f"{session}/"):
            continue
        known = model.workstations.get(call.workstation)
        record = known.held.get(about) if known else None
        if not _still_waits(record) and not _is_own(call, record):
            found.append(Late(call, about, record))
    return tuple(found)


def _asked(record: Held | None) -> v1.Permission | v1.Question | None:
    return (record.resource.permission or record.resource.question) if record else None


def _still_waits(record: Held | None) -> bool:
    asked = _asked(record)
    return asked is not None and asked.state is v1.DecisionState.PENDING


def _is_own(call: CallView, record: Held | None) -> bool:
    """The answer got lost, its effect did not: this very call decided it."""
    asked = _asked(record)
    return asked is not None and asked.decision is not None and bytes(asked.decision.call_id) == call.call_id


def late_words(late: Late, zone: timedelta) -> str:
    """What to say of it: what the person chose, who was first, with what, and when."""
    chosen = _CHOICES.get(v1.DecideRequest.parse(late.call.request).outcome, "") if _is_decision(late.call) else ""
    yours = f"Your “{chosen}” came too late" if chosen else "Your answer came too late"
    return f"{yours}: {_what_became(late, zone)}"


def _is_decision(call: CallView) -> bool:
    return call.method == intents.DECIDE


def _what_became(late: Late, zone: timedelta) -> str:
    asked = _asked(late.record)
    if asked is not None and asked.decision is not None:
        return _told(asked.state, asked.decision.decided_by, milliseconds(asked.decision.decide_time), zone)
    facts: Mapping[str, str] = late.call.facts
    when_ms = facts.get("decide_time_ms", "")
    if facts.get("decided_by") and when_ms.isdecimal():
        outcome = facts.get("outcome", "decided")
        return f"{outcome} by {facts['decided_by']} at {clock_time(int(when_ms), zone)}."
    return late.call.error


def _told(state: v1.DecisionState, by: str, when_ms: int, zone: timedelta) -> str:
    when = clock_time(when_ms, zone)
    if state is v1.DecisionState.EXPIRED:
        return f"nobody had decided by {when}, and the agent waits no more."
    return f"{_BECAME.get(state, 'decided')} by {by or 'somebody'} at {when}."
