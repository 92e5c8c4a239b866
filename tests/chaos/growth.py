"""Whether a process grows from round to round. Pure."""

from collections.abc import Mapping, Sequence
from statistics import median

Sizes = Mapping[str, tuple[float, int]]
"""Process → (resident MB, open descriptors)."""

MORE_DESCRIPTORS = 12
MORE_MEMORY_MB = 40.0
LEAST_ROUNDS = 20
# OpenCode is not ours, and is restarted at a ceiling of its own.
NOT_OURS = ("opencode",)


def grown(rounds: Sequence[Sizes]) -> list[str]:
    """Processes that are larger in the last rounds than in the first ones; nothing can be said of a few rounds.

    The median of a tenth of all rounds at either end: a single round may catch a process in the middle of something.
    """
    if len(rounds) < LEAST_ROUNDS:
        return []
    tenth = max(3, len(rounds) // 10)
    found = []
    for name in sorted({name for sizes in rounds for name in sizes} - set(NOT_OURS)):
        first, last = _median(name, rounds[1 : tenth + 1]), _median(name, rounds[-tenth:])
        if first and last and last[0] > first[0] + MORE_MEMORY_MB:
            found.append(f"{name} grew from {first[0]} MB to {last[0]} MB")
        if first and last and last[1] > first[1] + MORE_DESCRIPTORS:
            found.append(f"{name} had {first[1]} descriptors, then {last[1]}")
    return found


def ends(rounds: Sequence[Sizes]) -> dict[str, dict[str, list[float]]]:
    """Process → {"rss_mb": [first, last], "descriptors": [first, last]}."""
    names = sorted({name for sizes in rounds for name in sizes})
    seen = {name: [sizes[name] for sizes in rounds if name in sizes] for name in names}
    return {
        name: {"rss_mb": [found[0][0], found[-1][0]], "descriptors": [found[0][1], found[-1][1]]}
        for name, found in seen.items()
    }


def _median(name: str, rounds: Sequence[Sizes]) -> tuple[float, float] | None:
    found = [sizes[name] for sizes in rounds if name in sizes]
    return (median(size for size, _ in found), median(count for _, count in found)) if found else None
