"""Hints leave early, together, in order, whole, and never before the record that opened their part."""

from hypothesis import given
from hypothesis import strategies as st

from agentd.coalesce import MAX_GATHER_SECONDS, MAX_WAITING_BYTES, MIN_GATHER_SECONDS, Coalescer, gather_seconds
from halyard.agent.v1 import resource_pb2 as pb

SESSION = "sessions/s"
GATHER = 0.02


def delta(part: str, offset: int, text: str) -> pb.Delta:
    return pb.Delta(part=f"{SESSION}/{part}", offset_bytes=offset, text=text, field=pb.DELTA_FIELD_TEXT)


def told(batches: dict[str, pb.DeltaBatch]) -> list[tuple[str, int, str]]:
    return [(d.part, d.offset_bytes, d.text) for batch in batches.values() for d in batch.deltas]


def test_the_first_hint_of_a_burst_leaves_at_once_and_the_rest_together() -> None:
    out = Coalescer(stored_through=9)
    assert out.due_at() is None
    out.add(delta("p", 0, "He"), SESSION, 5)
    assert (out.due_at() or 0.0) <= 100.0
    assert told(out.take(100.0, GATHER)) == [(f"{SESSION}/p", 0, "He")]
    out.add(delta("p", 2, "ll"), SESSION, 5)
    out.add(delta("p", 4, "o"), SESSION, 5)
    assert out.due_at() == 100.0 + GATHER
    assert told(out.take(100.0 + GATHER, GATHER)) == [(f"{SESSION}/p", 2, "llo")]
    assert out.due_at() is None


def test_a_hint_waits_for_the_record_that_opened_its_part() -> None:
    out = Coalescer(stored_through=4)
    out.add(delta("new", 0, "x"), SESSION, 5)
    out.add(delta("old", 0, "y"), SESSION, 4)
    assert told(out.take(1.0, GATHER)) == [(f"{SESSION}/old", 0, "y")]
    assert out.due_at() is None
    out.stored(5)
    assert told(out.take(2.0, GATHER)) == [(f"{SESSION}/new", 0, "x")]


def test_sessions_are_kept_apart() -> None:
    out = Coalescer(stored_through=0)
    out.add(delta("p", 0, "x"), "sessions/a", 0)
    out.add(delta("q", 0, "y"), "sessions/b", 0)
    assert sorted(out.take(1.0, GATHER)) == ["sessions/a", "sessions/b"]


def test_nothing_is_kept_when_nobody_looks() -> None:
    out = Coalescer(stored_through=0)
    out.add(delta("p", 0, "x"), SESSION, 0)
    out.clear()
    assert out.due_at() is None


def test_what_waits_is_bounded() -> None:
    out = Coalescer(stored_through=0)
    chunk = "x" * 64_000
    for number in range(10):
        out.add(delta("p", number * len(chunk), chunk), SESSION, 0)
    waiting = sum(len(text) for _, _, text in told(out.take(1.0, GATHER)))
    assert waiting <= MAX_WAITING_BYTES + len(chunk)


def test_a_slow_link_gets_fewer_frames() -> None:
    assert gather_seconds(0.0) == MIN_GATHER_SECONDS
    assert MIN_GATHER_SECONDS < gather_seconds(0.005) < MAX_GATHER_SECONDS
    assert gather_seconds(1.0) == MAX_GATHER_SECONDS


@given(st.lists(st.tuples(st.sampled_from("pq"), st.text(max_size=5), st.booleans()), max_size=40))
def test_all_text_arrives_in_order(hints: list[tuple[str, str, bool]]) -> None:
    out = Coalescer(stored_through=0)
    sent: dict[str, str] = {"p": "", "q": ""}
    received: dict[str, str] = {"p": "", "q": ""}
    now = 0.0
    for part, text, flush in hints:
        out.add(delta(part, len(sent[part].encode()), text), SESSION, 0)
        sent[part] += text
        if flush:
            now += 1.0
            _receive(received, told(out.take(now, GATHER)))
    _receive(received, told(out.take(now + 1.0, GATHER)))
    assert received == sent


def _receive(received: dict[str, str], hints: list[tuple[str, int, str]]) -> None:
    for name, offset, text in hints:
        part = name.rpartition("/")[2]
        assert offset == len(received[part].encode())
        received[part] += text
