"""Notices that time jumped: the machine slept, this process was stopped, or the clock was set.

Timers run on a clock that stands still while the machine sleeps, so after a night a link that died hours ago would be
waited for another minute. Deadlines of people run on the clock on the wall, which somebody may set. PURE but for
`watch`; what follows from a jump is up to those who listen.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

TICK_SECONDS = 5.0
NOTABLE_SECONDS = 10.0
"""What a busy machine may be late by, and a clock be slewed by, without anything having happened."""

_ELAPSED = time.CLOCK_BOOTTIME if sys.platform.startswith("linux") else time.CLOCK_MONOTONIC

_log = logging.getLogger(__name__)


def elapsed_seconds() -> float:
    """Seconds since some moment in the past; goes on while the machine sleeps, and nobody can set it."""
    return time.clock_gettime(_ELAPSED)


@dataclass(frozen=True, slots=True)
class Reading:
    """Three clocks at one moment, in seconds."""

    wall: float
    awake: float
    """Stands still while the machine sleeps."""
    elapsed: float
    """Goes on while it sleeps."""

    @classmethod
    def now(cls) -> "Reading":
        """What the clocks of this machine say."""
        return cls(time.time_ns() / 1e9, time.monotonic(), elapsed_seconds())


@dataclass(frozen=True, slots=True)
class Jump:
    """What happened between two readings, in seconds."""

    away: float = 0.0
    """Beyond what was expected: the machine slept, or the process was stopped."""
    clock_set: float = 0.0
    """How far the clock on the wall was set forward; negative: back."""

    @property
    def is_notable(self) -> bool:
        """Whether anything must follow from it."""
        return self.away > 0 or self.clock_set != 0


def between(before: Reading, after: Reading, expected: float = TICK_SECONDS) -> Jump:
    """What happened meanwhile, when the second reading was due `expected` seconds after the first."""
    away = after.elapsed - before.elapsed - expected
    clock_set = (after.wall - before.wall) - (after.elapsed - before.elapsed)
    return Jump(
        away if away > NOTABLE_SECONDS else 0.0,
        clock_set if abs(clock_set) > NOTABLE_SECONDS else 0.0,
    )


async def watch(listeners: list[Callable[[Jump], None]], read: Callable[[], Reading] = Reading.now) -> None:
    """Tells every jump to all listeners, within a few seconds of its end, until cancelled."""
    before = read()
    while True:
        await asyncio.sleep(TICK_SECONDS)
        after = read()
        jump = between(before, after, TICK_SECONDS)
        before = after
        if jump.is_notable:
            _log.warning("Time jumped: away for %.0f s, clock set by %+.0f s.", jump.away, jump.clock_set)
            for listener in listeners:
                listener(jump)
