"""Token buckets: never more than the burst plus what time refills."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.limits import Rate
from relay.rates import Bucket, Buckets

RATE = Rate(burst=5, per_second=2)


def test_a_burst_then_one_at_a_time() -> None:
    buckets = Buckets(RATE)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [0.0] * 5
    assert buckets.take("a", 0.0) == pytest.approx(0.5)
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == pytest.approx(0.5)


def test_full_buckets_are_forgotten() -> None:
    buckets = Buckets(RATE)
    buckets.take("a", 0.0)
    buckets.take("b", 10.0)
    buckets.sweep(10.0)
    assert len(buckets) == 1


def test_the_table_is_bounded() -> None:
    buckets = Buckets(RATE, max_buckets=3)
    for key in "abcd":
        buckets.take(key, 0.0)
    assert len(buckets) == 3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_never_more_than_burst_and_refill(times: list[float]) -> None:
    bucket = Bucket(RATE)
    admitted = [now for now in sorted(times) if bucket.take(now) == 0.0]
    for index, start in enumerate(admitted):
        for count, now in enumerate(admitted[index:], start=1):
            assert count <= RATE.burst + (now - start) * RATE.per_second + 1e-3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_waiting_as_told_is_enough(times: list[float]) -> None:
    bucket = Bucket(RATE)
    now = 0.0
    for later in sorted(times):
        now = max(now, later)
        if wait := bucket.take(now):
            now += wait
            assert bucket.take(now) == 0.0
