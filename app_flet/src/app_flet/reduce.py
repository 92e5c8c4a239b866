"""What happened → what is known. Pure: no I/O, no clock, no ids of its own.

Rules, all of which hold for any order and repetition of records:

1. Of one name, the record with the highest seq wins.
2. What lies below a deleted session is gone with it, whichever arrives first. A deleted session never comes back.
3. Streamed text is a hint. It shows while it joins on to what is held; the record that closes its part replaces it.
4. Records inside a session matter only while that session is open on a screen; the store has them all.
5. Of a long session only the newest messages are here, and those that were asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from app_flet import events
from app_flet.instants import milliseconds
from app_flet.model import (
    MAX_MESSAGES,
    MORE_MESSAGES,
    CallView,
    GrowthKey,
    Held,
    LinkState,
    LinkView,
    Model,
    Since,
    Transcript,
    WorkstationView,
    frozen,
)
from halyard_client.halyard.agent.v1 import Delta, DeltaField, PartState, Resource
from wire import names
from wire.calls import CallState

INSIDE_A_SESSION = frozenset({names.Kind.MESSAGE, names.Kind.PART, names.Kind.TODOS})
"""Kinds that only an opened session shows."""


def reduce(model: Model, event: events.Event) -> Model:
    """The model after `event`; the same object when nothing changed."""
    match event:
        case events.CallChanged() | events.CallDropped():
            return replace(model, calls=_calls(model.calls, event))
        case events.LinkChanged() | events.LinkMeasured():
            return _of_link(model, event)
        case events.SessionSeen(workstation, session, at_ms):
            return replace(model, seen=frozen({**model.seen, (workstation, session): at_ms}))
        case events.ClockJudged(offset_ms):
            return replace(model, clock_offset_ms=offset_ms)
        case events.WorkstationKnown() | events.WorkstationForgotten():
            return _paired(model, event)
    known = model.workstations.get(event.workstation)
    if known is None:
        return model
    if isinstance(event, events.WorkstationUnlisted):
        return _unlisted(model, known)
    changed = _of_workstation(known, event)
    return model if changed is known else _with(model, changed)


def _of_workstation(known: WorkstationView, event: events.OfWorkstation) -> WorkstationView:
    match event:
        case events.RecordsOpened(_, records):
            return _records_opened(known, records)
        case events.DeltasOpened(_, session, deltas):
            return _deltas_opened(known, session, deltas)
        case events.TranscriptOpened():
            return _transcript_opened(known, event)
        case events.TranscriptClosed(_, session):
            return replace(known, transcripts=frozen({k: v for k, v in known.transcripts.items() if k != session}))
        case events.TranscriptWhole(_, session):
            return _whole(known, session)
        case events.LogReset():
            empty = frozen({session: Transcript() for session in known.transcripts})
            return replace(known, held=frozen(), transcripts=empty, caught_up=False)
        case _:
            return _standing(known, event)


def _whole(known: WorkstationView, session: str) -> WorkstationView:
    transcript = known.transcripts.get(session)
    if transcript is None:
        return known
    return replace(known, transcripts=frozen({**known.transcripts, session: replace(transcript, whole=True)}))


def _standing(known: WorkstationView, event: events.OfStanding) -> WorkstationView:
    match event:
        case events.PresenceChanged(_, online, last_seen_ms):
            last_seen_ms = max(known.last_seen_ms, last_seen_ms)
            return replace(known, online=online, last_seen_ms=last_seen_ms, removed=False, unlisted=False)
        case events.WorkstationRemoved():
            return replace(known, removed=True, online=False)
        case events.WorkstationWarned(_, warning):
            return known if known.warning == warning else replace(known, warning=warning)
        case events.SilenceJudged(_, is_silent):
            return known if known.silent is is_silent else replace(known, silent=is_silent)
        case events.CaughtUp():
            return known if known.caught_up else replace(known, caught_up=True)
        case events.GapJudged(_, has_gap):
            return known if known.has_gap is has_gap else replace(known, has_gap=has_gap)
        case events.AsOf(_, time_ms):
            return replace(known, as_of_ms=time_ms) if time_ms > known.as_of_ms else known
        case _:
            assert_never(event)


def _with(model: Model, workstation: WorkstationView) -> Model:
    return replace(model, workstations=frozen({**model.workstations, workstation.id: workstation}))


def _known(model: Model, event: events.WorkstationKnown) -> Model:
    former = model.workstations.get(event.workstation)
    fresh = former or WorkstationView(event.workstation, event.display_name, event.relay, event.role)
    last_seen_ms = max(fresh.last_seen_ms, event.last_seen_ms)
    as_of_ms = max(fresh.as_of_ms, event.as_of_ms)
    return _with(
        model,
        replace(
            fresh,
            display_name=event.display_name,
            relay=event.relay,
            role=event.role,
            last_seen_ms=last_seen_ms,
            as_of_ms=as_of_ms,
            removed=False,
            unlisted=False,
        ),
    )


def _paired(model: Model, event: events.WorkstationKnown | events.WorkstationForgotten) -> Model:
    """Which workstations there are."""
    if isinstance(event, events.WorkstationKnown):
        return _known(model, event)
    rest = {key: value for key, value in model.workstations.items() if key != event.workstation}
    return replace(model, workstations=frozen(rest))


def _unlisted(model: Model, known: WorkstationView) -> Model:
    """What waited at the relay for the workstation is there no more; it will be sent from here again."""
    fresh = known if known.unlisted and not known.online else replace(known, unlisted=True, online=False)
    marked = model if fresh is known else _with(model, fresh)
    lost = {k: c for k, c in model.calls.items() if c.workstation == known.id and c.state is CallState.AT_RELAY}
    here = {call_id: replace(call, state=CallState.ON_DEVICE) for call_id, call in lost.items()}
    return replace(marked, calls=frozen({**model.calls, **here})) if here else marked


def _of_link(model: Model, event: events.LinkChanged | events.LinkMeasured) -> Model:
    if isinstance(event, events.LinkMeasured):
        return _link_measured(model, event)
    return _link_changed(model, event.relay, LinkView(event.state, event.at_ms, event.detail))


def _link_changed(model: Model, relay: str, link: LinkView) -> Model:
    former = model.links.get(relay)
    if former is not None and (former.state, former.detail) == (link.state, link.detail):
        return model
    linked = replace(model, links=frozen({**model.links, relay: link}))
    if link.state is LinkState.ONLINE:
        return linked
    return replace(linked, workstations=frozen({k: _cut_off(v, relay) for k, v in model.workstations.items()}))


def _link_measured(model: Model, event: events.LinkMeasured) -> Model:
    link = model.links.get(event.relay)
    if link is None or link.round_trip_ms == event.round_trip_ms:
        return model
    measured = replace(link, round_trip_ms=event.round_trip_ms)
    return replace(model, links=frozen({**model.links, event.relay: measured}))


def _cut_off(known: WorkstationView, relay: str) -> WorkstationView:
    return replace(known, online=False, caught_up=False) if known.relay == relay else known


def _calls(calls: Mapping[bytes, CallView], event: events.CallChanged | events.CallDropped) -> Mapping[bytes, CallView]:
    if isinstance(event, events.CallChanged):
        return frozen({**calls, event.call.call_id: event.call})
    return frozen({call_id: call for call_id, call in calls.items() if call_id != event.call_id})


# --- records ----------------------------------------------------------------------------------------------------------


def lies_inside(name: str) -> str | None:
    """The session whose transcript `name` belongs to; None for what is held beside transcripts."""
    parsed = names.parse(name)
    return f"sessions/{parsed.ids[0]}" if parsed.kind in INSIDE_A_SESSION else None


def _records_opened(known: WorkstationView, records: tuple[Held, ...]) -> WorkstationView:
    if not records:
        return known
    beside, inside = _sorted_by_session(records)
    held = _newer(known.held, beside)
    transcripts = dict(known.transcripts)
    for session in inside.keys() & transcripts.keys():
        transcripts[session] = _into(transcripts[session], inside[session])
    return _without_the_deleted(replace(known, held=frozen(held), transcripts=frozen(transcripts)))


def _transcript_opened(known: WorkstationView, event: events.TranscriptOpened) -> WorkstationView:
    former, page = known.transcripts.get(event.session, Transcript()), event.page
    # Whoever asks for older messages is to keep them, beside as many new ones as before.
    asked_for = sum(record.resource.message is not None for record in page.records)
    begun = replace(
        former,
        since=page.since,
        older=page.older,
        most=max(MAX_MESSAGES, _messages(former) + asked_for + MORE_MESSAGES),
        arrived=former.arrived | event.arrived,
    )
    opened = _into(begun, list(page.records))
    return _without_the_deleted(replace(known, transcripts=frozen({**known.transcripts, event.session: opened})))


def _messages(transcript: Transcript) -> int:
    return sum(record.resource.message is not None for record in transcript.held.values())


def _sorted_by_session(records: Iterable[Held]) -> tuple[list[Held], dict[str, list[Held]]]:
    beside: list[Held] = []
    inside: dict[str, list[Held]] = {}
    for record in records:
        session = lies_inside(record.name)
        (beside if session is None else inside.setdefault(session, [])).append(record)
    return beside, inside


def _newer(held: Mapping[str, Held], records: Iterable[Held]) -> dict[str, Held]:
    merged = dict(held)
    for record in records:
        former = merged.get(record.name)
        if former is None or record.seq > former.seq:
            merged[record.name] = record
    return merged


def _without_the_deleted(known: WorkstationView) -> WorkstationView:
    gone = {name for name, record in known.held.items() if record.is_gone and name.startswith("sessions/")}
    if not gone:
        return known
    held = {name: r for name, r in known.held.items() if name in gone or names.session_of(name) not in gone}
    transcripts = {name: Transcript() if name in gone else value for name, value in known.transcripts.items()}
    return replace(known, held=frozen(held), transcripts=frozen(transcripts))


# --- streamed text ----------------------------------------------------------------------------------------------------


def _into(transcript: Transcript, records: list[Held]) -> Transcript:
    here = [record for record in records if not _is_before(record, transcript.since)]
    held = _newer(transcript.held, here)
    grown = {key: data for key, data in transcript.grown.items() if _still_grows(held.get(key[0]), key[1], data)}
    return _let_go(replace(transcript, held=frozen(held), grown=frozen(grown)))


def stands(record: Held) -> Since:
    """Where a message stands in its session."""
    message = record.resource.message
    return (milliseconds(message.create_time) if message else 0, record.name)


def _is_before(record: Held, since: Since) -> bool:
    return record.resource.message is not None and stands(record) < since


def _let_go(transcript: Transcript) -> Transcript:
    """Without the oldest messages, when there are more than a screen needs."""
    messages = [record for record in transcript.held.values() if record.resource.message is not None]
    if len(messages) <= transcript.most:
        return transcript
    messages.sort(key=stands)
    excess = len(messages) - (transcript.most - MORE_MESSAGES)
    gone = {record.name for record in messages[:excess]}
    ids = {bytes(record.resource.message.call_id) for record in messages[:excess] if record.resource.message}
    held = {name: record for name, record in transcript.held.items() if name.partition("/parts/")[0] not in gone}
    return replace(
        transcript,
        held=frozen(held),
        since=stands(messages[excess]),
        older=transcript.older + excess,
        arrived=transcript.arrived | (ids - {b""}),
    )


def _still_grows(part: Held | None, field: DeltaField, data: bytes) -> bool:
    """A record that is still open and holds no more than the beginning of what streamed in leaves it standing."""
    if part is None or part.is_gone or not is_open(part.resource):
        return False
    recorded = recorded_text(part.resource, field)
    return len(recorded) < len(data) and data.startswith(recorded)


def _deltas_opened(known: WorkstationView, session: str, deltas: Iterable[Delta]) -> WorkstationView:
    transcript = known.transcripts.get(session)
    if transcript is None:
        return known
    grown = dict(transcript.grown)
    for delta in deltas:
        _grow(grown, transcript.held.get(delta.part), delta)
    if grown == transcript.grown:
        return known
    fresh = replace(transcript, grown=frozen(grown))
    return replace(known, transcripts=frozen({**known.transcripts, session: fresh}))


def _grow(grown: dict[GrowthKey, bytes], part: Held | None, delta: Delta) -> None:
    if part is None or part.is_gone or not is_open(part.resource):
        return
    key = (delta.part, delta.field)
    data = grown.get(key, recorded_text(part.resource, delta.field))
    text = delta.text.encode()
    # A hint that begins beyond what is held has lost its neighbour; one that ends within it is a repeat.
    if delta.offset_bytes <= len(data) < delta.offset_bytes + len(text):
        grown[key] = data[: delta.offset_bytes] + text


def is_open(part: Resource) -> bool:
    """Whether more of a part may come: the part says so, or it is a tool call that still runs."""
    return part.part is not None and part.part.state is PartState.OPEN


def recorded_text(part: Resource, field: DeltaField) -> bytes:
    """The field of a part that `field` names, in UTF-8; empty when the part has none."""
    content = part.part
    if content is None:
        return b""
    if field is DeltaField.OUTPUT:
        return content.tool_call.output.encode() if content.tool_call else b""
    words = content.text or content.reasoning
    return words.text.encode() if words else b""
