from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_flet.instants import ago, clock_time, instant, milliseconds, zone

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_survive_the_contract(unix_ms: int) -> None:
    assert milliseconds(instant(unix_ms)) == unix_ms


def test_no_instant_is_zero() -> None:
    assert milliseconds(None) == 0


def test_clock_time_is_told_in_the_zone_of_the_person() -> None:
    noon = milliseconds(datetime(2026, 11, 20, 12, 2, tzinfo=UTC))
    assert clock_time(noon, timedelta(hours=2)) == "14:02"


@pytest.mark.parametrize(
    ("passed", "words"),
    [(0, "now"), (-5, "now"), (MINUTE, "1 min"), (59 * MINUTE, "59 min"), (HOUR, "1 h"), (3 * DAY, "3 d")],
)
def test_ago(passed: int, words: str) -> None:
    assert ago(10 * DAY, 10 * DAY + passed) == words


def test_an_unknown_time_says_nothing() -> None:
    assert ago(0, DAY) == ""


@pytest.mark.parametrize(
    ("left_by_the_page", "hours"),
    [("120", 2), ("-210", -3.5), ("0", 0), ("840", 14), ("841", 0), ("-", 0), ("1e3", 0), ("", 0), (None, 0), (120, 0)],
)
def test_a_browsers_zone_is_taken_only_when_a_clock_could_show_it(left_by_the_page: object, hours: float) -> None:
    assert zone(left_by_the_page) == timedelta(hours=hours)
