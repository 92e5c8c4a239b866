from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_flet import events
from app_flet.instants import instant
from app_flet.model import MAX_MESSAGES, MORE_MESSAGES, CallView, Held, LinkState, Model, Page, WorkstationView
from app_flet.reduce import lies_inside, reduce
from halyard_client.halyard.agent import v1
from wire.calls import CallState

W = "workstation-1"
S = "sessions/s1"
M = f"{S}/messages/m1"
P = f"{M}/parts/p1"
AT = datetime(2026, 11, 20, tzinfo=UTC)


def known(*more: events.Event) -> Model:
    model = reduce(Model(), events.WorkstationKnown(W, "bench", "http://relay", "operator"))
    for event in more:
        model = reduce(model, event)
    return model


def opened(*records: Held) -> Model:
    return known(events.TranscriptOpened(W, S, Page(records)))


def text(seq: int, words: str, state: v1.PartState = v1.PartState.OPEN) -> Held:
    return Held(seq, v1.Resource(name=P, part=v1.Part(name=P, state=state, text=v1.Text(text=words))))


def session(seq: int, title: str) -> Held:
    return Held(seq, v1.Resource(name=S, session=v1.Session(name=S, title=title)))


def gone(seq: int, name: str) -> Held:
    return Held(seq, v1.Resource(name=name, deleted=v1.Deleted()))


def delta(offset: int, words: str) -> v1.Delta:
    return v1.Delta(part=P, offset_bytes=offset, text=words, field=v1.DeltaField.TEXT)


def streamed(model: Model, *deltas: v1.Delta) -> Model:
    return reduce(model, events.DeltasOpened(W, S, deltas))


def grown(model: Model) -> bytes | None:
    return model.workstations[W].transcripts[S].grown.get((P, v1.DeltaField.TEXT))


def view(model: Model) -> WorkstationView:
    return model.workstations[W]


def shape(model: Model) -> object:
    """What a model says, without identities."""
    known = model.workstations[W]
    return (
        {name: (held.seq, bytes(held.resource)) for name, held in known.held.items()},
        {
            session: (
                {name: (held.seq, bytes(held.resource)) for name, held in transcript.held.items()},
                dict(transcript.grown),
            )
            for session, transcript in known.transcripts.items()
        },
    )


# --- records ----------------------------------------------------------------------------------------------------------


def test_the_newest_record_of_a_name_wins() -> None:
    model = known(events.RecordsOpened(W, (session(5, "new"), session(3, "old"))))
    assert view(model).held[S].seq == 5


def test_records_inside_a_session_are_held_only_while_it_is_open() -> None:
    part = text(2, "hi")
    assert lies_inside(P) == S
    assert P not in view(known(events.RecordsOpened(W, (part,)))).held
    model = reduce(opened(), events.RecordsOpened(W, (part,)))
    assert view(model).transcripts[S].held[P] is part
    closed = reduce(model, events.TranscriptClosed(W, S))
    assert S not in view(closed).transcripts


def message(at_ms: int, seq: int = 1, call_id: bytes = b"") -> Held:
    """The message that began at `at_ms`."""
    name = f"{S}/messages/m{at_ms:06d}"
    said = v1.Message(name=name, create_time=instant(at_ms), call_id=call_id)
    return Held(seq, v1.Resource(name=name, message=said))


def part_of(said: Held) -> Held:
    name = f"{said.name}/parts/p"
    return Held(said.seq, v1.Resource(name=name, part=v1.Part(name=name, text=v1.Text(text="hi"))))


def test_messages_before_the_page_that_was_opened_stay_in_the_store() -> None:
    page = Page((message(50), message(60)), (50, message(50).name), older=7)
    model = known(events.TranscriptOpened(W, S, page))
    model = reduce(model, events.RecordsOpened(W, (message(40, seq=9), message(70, seq=10), message(50, seq=11))))
    transcript = view(model).transcripts[S]
    assert sorted(held.name for held in transcript.held.values()) == [message(at).name for at in (50, 60, 70)]
    assert transcript.older == 7
    assert transcript.held[message(50).name].seq == 11


def test_older_messages_come_when_they_are_asked_for() -> None:
    model = known(events.TranscriptOpened(W, S, Page((message(50),), (50, message(50).name), older=7)))
    earlier = Page((message(30), message(40)), (30, message(30).name), older=5)
    transcript = view(reduce(model, events.TranscriptOpened(W, S, earlier))).transcripts[S]
    assert [held.name for held in transcript.held.values()] == [message(at).name for at in (50, 30, 40)]
    assert (transcript.since, transcript.older) == (earlier.since, 5)


def test_a_session_that_stays_open_does_not_gather_messages_for_ever() -> None:
    model = opened()
    for at_ms in range(MAX_MESSAGES + 1):
        said = message(at_ms, call_id=b"mine" if at_ms == 3 else b"")
        model = reduce(model, events.RecordsOpened(W, (said, part_of(said))))
    transcript = view(model).transcripts[S]
    kept = MAX_MESSAGES - MORE_MESSAGES
    assert len(transcript.held) == 2 * kept
    assert transcript.older == MORE_MESSAGES + 1
    assert transcript.since == (MORE_MESSAGES + 1, message(MORE_MESSAGES + 1).name)
    assert transcript.arrived == {b"mine"}


def test_what_a_person_asked_for_is_not_let_go_at_once() -> None:
    model = known(events.TranscriptOpened(W, S, Page((message(9_000),), (9_000, message(9_000).name))))
    earlier = tuple(message(at_ms) for at_ms in range(2 * MAX_MESSAGES))
    model = reduce(model, events.TranscriptOpened(W, S, Page(earlier, (0, message(0).name))))
    model = reduce(model, events.RecordsOpened(W, (message(9_001, seq=2),)))
    assert len(view(model).transcripts[S].held) == 2 * MAX_MESSAGES + 2


def test_permissions_are_held_beside_transcripts() -> None:
    assert lies_inside(f"{S}/permissions/p1") is None
    assert lies_inside(f"{S}/todos") == S


def test_what_lies_below_a_deleted_session_is_gone_with_it() -> None:
    permission = f"{S}/permissions/x"
    asked = Held(2, v1.Resource(name=permission, permission=v1.Permission(name=permission)))
    model = opened(text(3, "hi"))
    model = reduce(model, events.RecordsOpened(W, (session(1, "t"), asked)))
    model = reduce(model, events.RecordsOpened(W, (gone(9, S),)))
    assert view(model).held[S].is_gone
    assert permission not in view(model).held
    assert not view(model).transcripts[S].held


def test_an_event_about_an_unknown_workstation_changes_nothing() -> None:
    model = Model()
    assert reduce(model, events.RecordsOpened(W, (session(1, "t"),))) is model
    assert reduce(model, events.PresenceChanged(W, online=True, last_seen_ms=1)) is model


@st.composite
def logs(draw: st.DrawFn) -> list[Held]:
    """A log as a workstation writes it: seqs ascend, names repeat, sessions end and never come back."""
    names = [S, P, f"{M}/parts/p2", M, f"{S}/permissions/x", "projects/a", "sessions/s2"]
    picks = draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 9)), max_size=24))
    records: list[Held] = []
    ended: set[str] = set()
    for seq, (name, number) in enumerate(picks, 1):
        if number == 0 and name in (S, "sessions/s2"):
            ended.add(name)
        records.append(gone(seq, name) if name in ended else _value(seq, name, number))
    return records


def _value(seq: int, name: str, number: int) -> Held:
    words = "x" * number
    values: dict[str, v1.Resource] = {
        P: v1.Resource(name=name, part=v1.Part(name=name, state=v1.PartState.OPEN, text=v1.Text(text=words))),
        M: v1.Resource(name=name, message=v1.Message(name=name, error=words)),
        "projects/a": v1.Resource(name=name, project=v1.Project(name=name, path=words)),
    }
    session = v1.Resource(name=name, session=v1.Session(name=name, title=words))
    permission = v1.Resource(name=name, permission=v1.Permission(name=name, title=words))
    part = v1.Resource(name=name, part=v1.Part(name=name, text=v1.Text(text=words)))
    fallback = permission if "/permissions/" in name else part if "/parts/" in name else session
    return Held(seq, values.get(name, fallback))


@given(logs(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_and_repetition_of_records_gives_the_same_model(
    log: list[Held], random: Random, batches: int
) -> None:
    straight = reduce(opened(), events.RecordsOpened(W, tuple(log)))
    shuffled = [*log, *random.sample(log, k=len(log) // 2)]
    random.shuffle(shuffled)
    model = opened()
    for at in range(batches):
        model = reduce(model, events.RecordsOpened(W, tuple(shuffled[at::batches])))
    assert shape(model) == shape(straight)


# --- streamed text ----------------------------------------------------------------------------------------------------


def test_streamed_text_joins_on_to_the_record() -> None:
    model = streamed(opened(text(1, "Hä")), delta(3, "lly"), delta(6, "ard"))
    assert grown(model) == "Hällyard".encode()


def test_a_hint_beyond_what_is_held_waits_for_the_record() -> None:
    model = opened(text(1, "Ha"))
    assert streamed(model, delta(5, "ard")) is model


def test_a_repeated_hint_changes_nothing() -> None:
    model = streamed(opened(text(1, "Ha")), delta(2, "ly"))
    assert streamed(model, delta(2, "ly")) is model


def test_a_hint_that_overlaps_adds_only_what_is_new() -> None:
    assert grown(streamed(opened(text(1, "Ha")), delta(1, "alyard"))) == b"Halyard"


def test_an_open_record_behind_the_stream_leaves_it_standing_and_a_closing_one_ends_it() -> None:
    model = streamed(opened(text(1, "Ha")), delta(2, "lyard"))
    checkpoint = reduce(model, events.RecordsOpened(W, (text(2, "Haly"),)))
    assert grown(checkpoint) == b"Halyard"
    closed = reduce(checkpoint, events.RecordsOpened(W, (text(3, "Halyards", v1.PartState.COMPLETE),)))
    assert grown(closed) is None
    assert streamed(closed, delta(8, "!")) is closed


def test_a_record_that_says_something_else_wins_over_the_stream() -> None:
    model = streamed(opened(text(1, "Ha")), delta(2, "lyard"))
    assert grown(reduce(model, events.RecordsOpened(W, (text(2, "Other"),)))) is None


def test_output_of_a_tool_streams_into_its_own_field() -> None:
    call = v1.Part(name=P, state=v1.PartState.OPEN, tool_call=v1.ToolCall(tool="bash", output="1\n"))
    model = opened(Held(1, v1.Resource(name=P, part=call)))
    hint = v1.Delta(part=P, offset_bytes=2, text="2\n", field=v1.DeltaField.OUTPUT)
    assert streamed(model, hint).workstations[W].transcripts[S].grown[(P, v1.DeltaField.OUTPUT)] == b"1\n2\n"


@given(st.text(min_size=1, max_size=60), st.data())
def test_whatever_is_lost_or_repeated_the_closing_record_has_the_last_word(whole: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    offsets = [len("".join(pieces[:at]).encode()) for at in range(len(pieces))]
    hints = [delta(offset, piece) for offset, piece in zip(offsets, pieces, strict=True)]
    arriving = data.draw(st.lists(st.sampled_from(hints), max_size=12))
    model = opened(text(1, ""))
    for hint in arriving:
        model = streamed(model, hint)
        shown = grown(model)
        assert shown is None or whole.encode().startswith(shown)
    model = reduce(model, events.RecordsOpened(W, (text(2, whole, v1.PartState.COMPLETE),)))
    assert grown(model) is None


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_a_link_that_breaks_takes_its_workstations_offline_and_no_other() -> None:
    model = known(events.WorkstationKnown("w2", "other", "http://elsewhere", "viewer"))
    for workstation in (W, "w2"):
        model = reduce(model, events.PresenceChanged(workstation, online=True, last_seen_ms=7))
    model = reduce(model, events.LinkChanged("http://relay", LinkState.OFFLINE, 9, "gone"))
    assert not view(model).online
    assert view(model).last_seen_ms == 7
    assert model.workstations["w2"].online


def test_a_round_trip_is_known_for_as_long_as_the_link_stands() -> None:
    measured = events.LinkMeasured("http://relay", 12)
    assert not known(measured).links
    model = known(events.LinkChanged("http://relay", LinkState.ONLINE, 1), measured)
    assert model.links["http://relay"].round_trip_ms == 12
    assert reduce(model, measured) is model
    gone = reduce(model, events.LinkChanged("http://relay", LinkState.OFFLINE, 2))
    assert gone.links["http://relay"].round_trip_ms is None


def test_a_reset_log_empties_the_workstation_and_keeps_what_is_open_open() -> None:
    model = reduce(opened(text(1, "hi")), events.RecordsOpened(W, (session(2, "t"),)))
    model = reduce(model, events.LogReset(W))
    assert not view(model).held
    assert not view(model).transcripts[S].held


def test_pairing_again_keeps_the_replica_and_lifts_the_removal() -> None:
    model = known(events.RecordsOpened(W, (session(2, "t"),)), events.WorkstationRemoved(W))
    assert view(model).removed
    model = reduce(model, events.WorkstationKnown(W, "bench 2", "http://relay", "viewer"))
    assert not view(model).removed
    assert view(model).role == "viewer"
    assert S in view(model).held


def test_a_relay_that_does_not_list_this_device_has_nothing_of_it_and_removes_nothing() -> None:
    calls = [
        events.CallChanged(CallView(bytes([at]), workstation, "m", b"", state, 1))
        for at, (workstation, state) in enumerate(
            [(W, CallState.AT_RELAY), (W, CallState.AT_WORKSTATION), ("other", CallState.AT_RELAY)]
        )
    ]
    model = known(events.PresenceChanged(W, online=True, last_seen_ms=1), *calls, events.WorkstationUnlisted(W))
    assert (view(model).unlisted, view(model).removed, view(model).online) == (True, False, False)
    states = [call.state for call in model.calls.values()]
    assert states == [CallState.ON_DEVICE, CallState.AT_WORKSTATION, CallState.AT_RELAY]
    assert reduce(model, events.WorkstationUnlisted(W)) is model
    assert reduce(model, events.WorkstationUnlisted("other")) is model
    listed = reduce(model, events.PresenceChanged(W, online=False, last_seen_ms=1))
    assert not view(listed).unlisted
    assert not view(reduce(model, events.WorkstationKnown(W, "bench", "http://relay", "viewer"))).unlisted


def test_what_a_workstation_took_back_is_not_given_back_by_a_relay_that_lists_nobody() -> None:
    assert view(known(events.WorkstationRemoved(W), events.WorkstationUnlisted(W))).removed


def test_as_of_only_moves_forward() -> None:
    model = known(events.AsOf(W, 20))
    assert reduce(model, events.AsOf(W, 10)) is model


@pytest.mark.parametrize(
    "event",
    [
        events.WorkstationWarned(W, ""),
        events.TranscriptClosed("nobody", S),
        events.LinkChanged("http://relay", LinkState.ONLINE, 5),
    ],
)
def test_what_changes_nothing_gives_the_same_model(event: events.Event) -> None:
    model = known(events.LinkChanged("http://relay", LinkState.ONLINE, 1))
    assert reduce(model, event) is model


def test_a_forgotten_workstation_is_gone() -> None:
    assert not reduce(known(), events.WorkstationForgotten(W)).workstations


def test_sessions_seen_and_calls_are_kept_by_key() -> None:
    model = known(events.SessionSeen(W, S, 5))
    assert model.seen[(W, S)] == 5
    assert replace(model, seen=model.seen).seen is model.seen
