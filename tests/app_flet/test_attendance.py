"""When a workstation counts as one that does not answer, over any history of looks, heads and backlogs."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app_flet.attendance import ANSWERS_MS, RENEWS_MS, Attendance, seconds_left

STEPS = st.lists(
    st.tuples(st.integers(1, 60_000), st.sampled_from(["asked", "again", "behind", "heard"])),
    max_size=20,
)


def over(steps: list[tuple[int, str]], began: Attendance) -> tuple[Attendance, dict[str, int]]:
    """What comes of it, and when each kind of step was last taken."""
    found, last = began, {"now": 1_000}
    for passed_ms, step in steps:
        last["now"] += passed_ms
        last[step] = last["now"]
        found = getattr(found, step)(last["now"])
    return found, last


@given(STEPS)
def test_nobody_is_missed_whom_nobody_asked(steps: list[tuple[int, str]]) -> None:
    found, last = over([step for step in steps if step[1] != "asked"], Attendance())
    assert not found.misses(last["now"] + 1_000_000)
    assert seconds_left([found.due_ms], last["now"]) == math.inf


@given(STEPS)
def test_who_is_asked_has_the_time_of_an_answer_and_no_more_than_that_of_a_renewal(
    steps: list[tuple[int, str]],
) -> None:
    found, last = over(steps, Attendance().asked(1_000))
    newest = max(at for step, at in last.items() if step != "now") if len(last) > 1 else 1_000
    assert not found.misses(newest + ANSWERS_MS - 1)
    assert found.misses(newest + RENEWS_MS)


@given(STEPS, st.integers(0, ANSWERS_MS))
def test_whoever_waits_until_then_finds_it_missing(steps: list[tuple[int, str]], early_ms: int) -> None:
    found, _ = over(steps, Attendance().asked(1_000))
    now_ms = found.due_ms - early_ms
    left = seconds_left([found.due_ms, 0], now_ms)
    assert left == (early_ms / 1_000 if early_ms else math.inf)
    assert found.misses(now_ms + early_ms)


def test_an_answer_that_waits_behind_a_backlog_is_not_late() -> None:
    found = Attendance().asked(0 + 1)
    for now_ms in range(1_000, 60_000, 1_000):
        assert not found.misses(now_ms)
        found = found.behind(now_ms)
    assert found.misses(59_000 + ANSWERS_MS)


def test_a_backlog_that_follows_an_answer_makes_the_next_one_due_no_sooner() -> None:
    found = Attendance().asked(1).heard(1_000).behind(2_000)
    assert not found.misses(1_000 + RENEWS_MS - 1)
