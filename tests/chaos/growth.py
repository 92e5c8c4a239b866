"""Whether a process grows from round to round. Pure."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple


class Size(NamedTuple):
    """How large a process is."""

    rss_mb: float
    descriptors: int
    life: int = 0
    """Another number for each process that had its name."""


Sizes = Mapping[str, Size]
"""By name of the process."""

MORE_DESCRIPTORS = 12
MORE_MEMORY_MB = 40.0
LEAST_ROUNDS = 20
# At the same age two lives differ by what one of them happens to be at, and by a store that is a little larger.
MORE_DESCRIPTORS_AT_FIRST = 6
MORE_MEMORY_AT_FIRST_MB = 20.0
LEAST_LIVES = 8
# OpenCode's memory is not ours, follows what it was just asked for, and has a ceiling of its own.
MEMORY_IS_NOT_OURS = ("opencode",)


def grown(rounds: Sequence[Sizes]) -> list[str]:
    """Processes that are larger late in the run than early: over all rounds, and at the first look of a life.

    Most are killed every few rounds and begin small again; what their data makes of them shows when they begin. Nothing
    can be said of a few rounds or lives. The median of a tenth at either end: a single look may catch a process in the
    middle of something.
    """
    found = []
    for name in sorted({name for sizes in rounds for name in sizes}):
        looks = [sizes[name] for sizes in rounds[1:] if name in sizes]
        if len(looks) >= LEAST_ROUNDS:
            found += _larger(name, looks, MORE_MEMORY_MB, MORE_DESCRIPTORS)
        first_looks = list({size.life: size for size in reversed(looks)}.values())[::-1]
        if len(first_looks) >= LEAST_LIVES:
            began = f"{name}, when it began,"
            found += _larger(began, first_looks, MORE_MEMORY_AT_FIRST_MB, MORE_DESCRIPTORS_AT_FIRST)
    return found


def _larger(name: str, looks: Sequence[Size], memory_mb: float, descriptors: int) -> list[str]:
    tenth = max(3, len(looks) // 10)
    first, last = _median(looks[:tenth]), _median(looks[-tenth:])
    found = []
    if last.rss_mb > first.rss_mb + memory_mb and not name.startswith(MEMORY_IS_NOT_OURS):
        found.append(f"{name} grew from {first.rss_mb} MB to {last.rss_mb} MB")
    if last.descriptors > first.descriptors + descriptors:
        found.append(f"{name} had {first.descriptors} descriptors, then {last.descriptors}")
    return found


def ends(rounds: Sequence[Sizes]) -> dict[str, dict[str, list[float]]]:
    """Process → {"rss_mb": [first, last], "descriptors": [first, last], "lives": [number]}."""
    names = sorted({name for sizes in rounds for name in sizes})
    seen = {name: [sizes[name] for sizes in rounds if name in sizes] for name in names}
    return {
        name: {
            "rss_mb": [found[0].rss_mb, found[-1].rss_mb],
            "descriptors": [found[0].descriptors, found[-1].descriptors],
            "lives": [len({size.life for size in found})],
        }
        for name, found in seen.items()
    }


def _median(looks: Sequence[Size]) -> Size:
    return Size(median(size.rss_mb for size in looks), int(median(size.descriptors for size in looks)))
