"""This device's side of the way to a workstation: what is wrong with it, and what to do. Pure questions to the model.

The other side is examined by the workstation itself (`WorkstationService.Diagnose`), in the same words, so that both
stand in one report.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from app_flet.digest import counted
from app_flet.glance import UNLISTED, UNLISTED_ADVICE, unlisted_line, workstation_name
from app_flet.instants import MINUTE_MS, ago, clock_time
from app_flet.model import LinkState, LinkView, Model, WorkstationView
from halyard_client.halyard.agent import v1
from wire.redaction import Redactor

SLOW_MS = 1_000
WAITING_MS = 2 * MINUTE_MS
"""A call that is under way for longer deserves a look while the workstation is there."""
AGAIN = "Pair this device again."
SILENCE_ADVICE = (
    "If its network has changed or was gone, it links again by itself within a minute. If this stays, look whether "
    "that machine sleeps or is cut off."
)
MARKS = {v1.CheckState.OK: "ok  ", v1.CheckState.WARNING: "look", v1.CheckState.FAILED: "FAIL"}
_REDACTOR = Redactor()
RANKS = (v1.CheckState.FAILED, v1.CheckState.WARNING)


def ok(name: str, message: str) -> v1.Check:
    """All is well."""
    return v1.Check(id=name, state=v1.CheckState.OK, message=message)


def warning(name: str, message: str, advice: str) -> v1.Check:
    """It works, but deserves a look."""
    return v1.Check(id=name, state=v1.CheckState.WARNING, message=message, advice=advice)


def failed(name: str, message: str, advice: str) -> v1.Check:
    """It does not work."""
    return v1.Check(id=name, state=v1.CheckState.FAILED, message=message, advice=advice)


def skipped(name: str, message: str) -> v1.Check:
    """Cannot be known from here."""
    return v1.Check(id=name, state=v1.CheckState.SKIPPED, message=message)


def worst(checks: Iterable[v1.Check]) -> v1.CheckState:
    """FAILED when any failed, else WARNING when any deserves a look, else OK."""
    states = {check.state for check in checks}
    return next((state for state in RANKS if state in states), v1.CheckState.OK)


def own_checks(model: Model, workstation: str, now_ms: int, zone: timedelta) -> tuple[v1.Check, ...]:
    """From this device outwards to the workstation's door, without secrets; nothing for one that it does not know."""
    known = model.workstations.get(workstation)
    if known is None:
        return ()
    link = model.links.get(known.relay, LinkView(LinkState.OFFLINE))
    found = (
        _link(known, link, now_ms, zone),
        _clock(model.clock_offset_ms, link),
        _replica(known, link, now_ms, zone),
        _calls(model, known, now_ms),
        _workstation(known, link, now_ms),
    )
    return tuple(map(_clean, found))


def _clean(check: v1.Check) -> v1.Check:
    """The relay's own words are among what is said; the workstation has cleaned its side before it left."""
    return replace(check, message=_REDACTOR.clean(check.message), advice=_REDACTOR.clean(check.advice))


def _link(known: WorkstationView, link: LinkView, now_ms: int, zone: timedelta) -> v1.Check:
    if link.state is LinkState.REFUSED:
        advice = UNLISTED_ADVICE.format(name=workstation_name(known)) if unlisted_line(known) else AGAIN
        return failed("app", link.detail or f"{known.relay} refuses this device.", advice)
    if link.state is not LinkState.ONLINE:
        why = link.detail or f"{known.relay} is not reached."
        advice = "Check this device's network, then whether the relay runs; the app keeps trying by itself."
        return failed("app", why, advice)
    round_trip = "" if link.round_trip_ms is None else f", {link.round_trip_ms} ms there and back"
    told = (
        f"linked to {known.relay} since {clock_time(link.since_ms, zone)} ({_for(link.since_ms, now_ms)}){round_trip}"
    )
    if (link.round_trip_ms or 0) > SLOW_MS:
        return warning("app", f"The way to the relay is slow: {told}.", "Try another network.")
    return ok("app", told)


def _for(since_ms: int, now_ms: int) -> str:
    passed = ago(since_ms, now_ms)
    return f"for {passed}" if passed not in ("", "now") else "just now"


def _clock(offset_ms: int, link: LinkView) -> v1.Check:
    if offset_ms:
        minutes = max(1, round(abs(offset_ms) / MINUTE_MS))
        message = f"This device's clock is {minutes} min {'behind' if offset_ms > 0 else 'ahead of'} the relay's."
        return warning("clock", message, "Set this device's clock. Until then the app goes by the relay's.")
    if link.state is not LinkState.ONLINE:
        return skipped("clock", "No relay tells its time right now.")
    return ok("clock", "the same as the relay's, within a minute")


def _replica(known: WorkstationView, link: LinkView, now_ms: int, zone: timedelta) -> v1.Check:
    as_of = f"as of {clock_time(known.as_of_ms, zone)} ({_back(known.as_of_ms, now_ms)})" if known.as_of_ms else ""
    if known.warning:
        return warning("replica", known.warning, f"What is shown is {as_of or 'incomplete'}.")
    if link.state is LinkState.ONLINE and not known.caught_up:
        return warning("replica", "Still catching up with the relay.", "Wait a moment and look again.")
    if not as_of:
        return warning("replica", "Nothing has come from this workstation yet.", "Is agentd running there?")
    return ok("replica", f"what is shown is {as_of}")


def _back(at_ms: int, now_ms: int) -> str:
    passed = ago(at_ms, now_ms)
    return "now" if passed == "now" else f"{passed} ago"


def _calls(model: Model, known: WorkstationView, now_ms: int) -> v1.Check:
    waiting = [call for call in model.calls.values() if call.workstation == known.id and call.is_open]
    if not waiting:
        return ok("calls", "nothing waits to be sent or answered")
    oldest_ms = min(call.created_ms for call in waiting)
    told = f"{counted(len(waiting), 'call')} under way, the oldest {_back(oldest_ms, now_ms)}"
    if now_ms - oldest_ms > WAITING_MS and known.online:
        return warning("calls", f"{told}.", "They are kept and sent again; agentd may be starting or busy.")
    return ok("calls", f"{told}; they are kept on this device until they are answered")


def _workstation(known: WorkstationView, link: LinkView, now_ms: int) -> v1.Check:
    name = workstation_name(known)
    if known.removed:
        return failed("agentd", f"{name} no longer lists this device.", "Run `agentd pair` there and pair again.")
    if unlisted_line(known):
        return failed("agentd", UNLISTED.format(name=name), UNLISTED_ADVICE.format(name=name))
    if link.state is not LinkState.ONLINE:
        return skipped("agentd", f"Whether {name} is there cannot be known without the relay.")
    if known.is_there:
        return ok("agentd", f"{name} is linked to the relay")
    if known.online:
        heard = f"; last heard {_back(known.as_of_ms, now_ms)}" if known.as_of_ms else ""
        return warning("agentd", f"{name} is linked to the relay and does not answer{heard}.", SILENCE_ADVICE)
    seen = f", last seen {_back(known.last_seen_ms, now_ms)}" if known.last_seen_ms else ""
    advice = "Wake that machine, check its network, and start agentd there; `agentd doctor` says more on the spot."
    return failed("agentd", f"{name} is offline{seen}.", advice)


def report(title: str, own: Iterable[v1.Check], theirs: Iterable[v1.Check]) -> str:
    """Both sides as one text, for whoever helps."""
    lines = [title, "", "This device"]
    lines += [line for check in own for line in _lines(check)]
    told = [line for check in theirs for line in _lines(check)]
    lines += ["", "Workstation", *(told or ["-     not asked"])]
    return "\n".join(lines) + "\n"


def _lines(check: v1.Check) -> Iterable[str]:
    took = f" ({took_ms(check)} ms)" if check.duration is not None else ""
    yield f"{MARKS.get(check.state, '-   ')}  {check.id:<8} {check.message}{took}"
    if check.advice:
        yield f"{'':14} → {check.advice}"


def took_ms(check: v1.Check) -> int:
    """How long a probe took."""
    return round(check.duration.total_seconds() * 1000) if check.duration is not None else 0
