"""The checker knows a process that grows."""

from tests.chaos.growth import Size, Sizes, ends, grown


def of(name: str, *sizes: Size) -> list[Sizes]:
    return [{name: size} for size in sizes]


def test_a_process_that_stays_as_it_is_does_not_grow() -> None:
    assert grown(of("relay", *(Size(60.0 + n % 7, 25 + n % 3, n // 5) for n in range(100)))) == []


def test_a_leak_of_memory_or_of_descriptors_is_caught() -> None:
    assert len(grown(of("relay", *(Size(60.0 + n, 25) for n in range(100))))) == 1
    assert len(grown(of("relay", *(Size(60.0, 25 + n) for n in range(100))))) == 1


def test_a_life_that_begins_larger_than_the_lives_before_is_caught() -> None:
    """Within a life it gains more than it keeps for the next one, which hides what it keeps."""
    larger = [Size(60.0 + 3 * (n // 5) + 6 * (n % 5), 25, n // 5) for n in range(60)]
    assert grown(of("app0", *larger)) == ["app0, when it began, grew from 66.0 MB to 90.0 MB"]
    more = [Size(60.0, 25 + (n // 5) + 3 * (n % 5), n // 5) for n in range(60)]
    assert grown(of("app0", *more)) == ["app0, when it began, had 27 descriptors, then 35"]


def test_of_opencode_the_descriptors_are_judged() -> None:
    assert grown(of("opencode", *(Size(300.0 + 9 * n, 25, n // 5) for n in range(100)))) == []
    assert len(grown(of("opencode", *(Size(300.0, 25 + n, 0) for n in range(100))))) == 1


def test_one_large_round_is_not_growth() -> None:
    assert grown(of("relay", *[Size(60.0, 25)] * 50, Size(600.0, 250))) == []


def test_nothing_is_said_of_a_few_rounds() -> None:
    assert grown(of("relay", *(Size(60.0 + 9 * n, 25, n) for n in range(7)))) == []


def test_a_process_that_was_away_in_some_rounds_is_judged_by_the_others() -> None:
    assert ends([{"relay": Size(60.0, 25, 1)}, {}, {"relay": Size(61.0, 26, 2)}]) == {
        "relay": {"rss_mb": [60.0, 61.0], "descriptors": [25, 26], "lives": [2]}
    }
