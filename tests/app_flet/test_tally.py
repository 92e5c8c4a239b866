"""A replica's digest keeps step with it, whatever came by the log and whatever was read out on request."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app_flet.tally import FIRST_WAIT_MS, LONGEST_WAIT_MS, Rereading, Tally
from wire.digest import Digest
from wire.log import Record, Replica

KEY = b"k" * 32
steps = st.lists(
    st.tuples(
        st.sampled_from(["log", "log", "log", "page", "forget", "restart"]), st.integers(0, 4), st.integers(1, 30)
    ),
    max_size=40,
)


@given(steps)
def test_it_adds_up_to_the_newest_that_the_log_told_of_each_key(taken: list[tuple[str, int, int]]) -> None:
    replica, tally, told = Replica[None](bytes(16)), Tally(KEY, b"", ()), dict[bytes, int]()

    def held(key: bytes) -> int:
        known = replica.get(key)
        return known.seq if known else 0

    for step, number, seq in taken:
        key = bytes([number]) * 16
        match step:
            case "log":
                tally.count(key, held(key), seq)
                replica.apply([Record(seq, key, None)])
                told[key] = max(seq, told.get(key, 0))
            case "page":
                before = held(key)
                if replica.apply([Record(seq, key, None)]):
                    tally.set_apart(key, before)
            case "forget":
                tally.forget([key], held)
                replica.forget([key])
                told.pop(key, None)
            case "restart":
                places = [(record.seq, record.key) for record in replica]
                summed = Tally(KEY, b"", places, tally.apart)
                assert summed.value == tally.value
                tally = Tally(KEY, tally.value, places, tally.apart)
    whole = Digest(KEY)
    for key, seq in told.items():
        whole.swap(key, 0, seq)
    assert tally.value == whole.value
    assert tally.reach >= max(told.values(), default=0)


def test_a_log_is_read_again_ever_less_often_and_goes_on_where_a_link_broke() -> None:
    rereading, now, begun = Rereading(), 0, list[int]()
    for _ in range(20_000):
        if rereading.begin(now):
            begun.append(now)
            rereading.reached(7)
            assert (rereading.through, rereading.begin(now + LONGEST_WAIT_MS)) == (7, False)
            rereading.ended()
        now += 60_000
    assert rereading.is_done
    waits = [after - before for before, after in pairwise(begun)]
    assert waits[0] == FIRST_WAIT_MS
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_MS
