"""The checker knows a process that grows."""

from tests.chaos.growth import ends, grown


def test_a_process_that_stays_as_it_is_does_not_grow() -> None:
    assert grown([{"relay": (60.0 + n % 7, 25 + n % 3)} for n in range(100)]) == []


def test_a_leak_of_memory_or_of_descriptors_is_caught() -> None:
    assert len(grown([{"relay": (60.0 + n, 25)} for n in range(100)])) == 1
    assert len(grown([{"relay": (60.0, 25 + n)} for n in range(100)])) == 1


def test_one_large_round_is_not_growth() -> None:
    assert grown([*({"relay": (60.0, 25)} for _ in range(50)), {"relay": (600.0, 250)}]) == []


def test_a_process_that_was_away_in_some_rounds_is_judged_by_the_others() -> None:
    assert ends([{"relay": (60.0, 25)}, {}, {"relay": (61.0, 26)}]) == {
        "relay": {"rss_mb": [60.0, 61.0], "descriptors": [25, 26]}
    }
