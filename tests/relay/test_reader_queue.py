"""The queue policy: flat memory, nothing that must arrive is dropped, hints go first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.reader_queue import HOPELESS_FACTOR, Hopeless, Kind, ReaderQueue


def test_first_in_first_out() -> None:
    queue = ReaderQueue(100)
    for frame in (b"a", b"b", b"c"):
        assert queue.offer(Kind.MUST, frame)
    assert [queue.take() for _ in range(4)] == [b"a", b"b", b"c", None]


def test_hints_are_dropped_when_full() -> None:
    queue = ReaderQueue(10)
    assert queue.offer(Kind.STORED, bytes(8))
    assert not queue.offer(Kind.HINT, bytes(8))
    assert queue.dropped == 1


def test_what_is_stored_drives_hints_out_before_it_is_refused() -> None:
    queue = ReaderQueue(10)
    queue.offer(Kind.HINT, bytes(9))
    assert queue.offer(Kind.STORED, b"record")
    assert queue.take() == b"record"
    queue.offer(Kind.STORED, bytes(8))
    assert not queue.offer(Kind.STORED, bytes(8))


def test_an_empty_queue_takes_a_frame_of_any_size() -> None:
    queue = ReaderQueue(10)
    assert queue.offer(Kind.STORED, bytes(1_000))


def test_a_peer_that_reads_nothing_is_hopeless() -> None:
    queue = ReaderQueue(10)
    for _ in range(HOPELESS_FACTOR):
        queue.offer(Kind.MUST, bytes(10))
    with pytest.raises(Hopeless):
        queue.offer(Kind.MUST, bytes(10))


_FRAMES = st.lists(st.one_of(st.none(), st.tuples(st.sampled_from(Kind), st.binary(max_size=40))), max_size=80)


@given(_FRAMES)
def test_memory_is_bounded_and_what_must_arrive_arrives_in_order(steps: list[tuple[Kind, bytes] | None]) -> None:
    queue = ReaderQueue(60)
    promised: list[bytes] = []
    came: list[bytes] = []
    for number, step in enumerate(steps):
        if step is None:
            frame = queue.take()
            came += [frame] if frame is not None else []
            continue
        kind, frame = step[0], b"%d:" % number + step[1]
        try:
            taken = queue.offer(kind, frame)
        except Hopeless:
            break
        if taken and kind is not Kind.HINT:
            promised.append(frame)
        assert taken or kind is not Kind.MUST
        assert queue.nbytes <= HOPELESS_FACTOR * 60 + 43
    while (frame := queue.take()) is not None:
        came.append(frame)
    assert [frame for frame in came if frame in promised] == promised
    assert queue.nbytes == 0
