from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.backoff import CEILING_SECONDS, Backoff


def after_failures(count: int) -> Backoff:
    return list(accumulate(range(count), lambda state, _: state.failed(0.0, 0.5)[1], initial=Backoff()))[-1]


@pytest.mark.parametrize(("failures", "bound"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (5000, 30)])
def test_the_bound_doubles_up_to_half_a_minute(failures: int, bound: float) -> None:
    wait, _ = after_failures(failures).failed(0.0, 0.5)
    assert wait == bound / 2


@given(st.integers(0, 40), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_uniform_below_the_bound(failures: int, draw: float) -> None:
    wait, after = after_failures(failures).failed(0.0, draw)
    assert wait == draw * min(CEILING_SECONDS, 2.0**failures)
    assert after.failures == failures + 1


def test_a_minute_of_health_forgives() -> None:
    assert after_failures(4).connected(100.0).failed(160.0, 0.5)[0] == 0.5


def test_a_link_that_breaks_sooner_does_not() -> None:
    assert after_failures(4).connected(100.0).failed(159.9, 0.5)[0] == 8.0


def test_health_counts_once() -> None:
    _, broken = after_failures(4).connected(100.0).failed(160.0, 0.5)
    assert broken.failed(500.0, 0.5)[0] == 1.0


@pytest.mark.parametrize(("told", "most"), [(0, 30), (1, 4), (4, 4), (12, 12), (3_600, 30)])
def test_a_relay_tells_how_patient_its_devices_must_be_within_reason(told: int, most: float) -> None:
    assert after_failures(9).told(told).failed(0.0, 0.5)[0] == most / 2


def test_what_a_relay_told_outlives_failures_health_and_a_change_of_network() -> None:
    told = Backoff().told(6).failed(0.0, 0.5)[1].connected(1.0).network_changed()
    assert told.failed(0.0, 0.5)[1].ceiling == 6
    assert told.told(0).ceiling == 6


def test_a_change_of_network_starts_afresh() -> None:
    assert after_failures(6).network_changed() == Backoff()
