"""A night's sleep, a stopped process and a clock that was set are told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agentd import jumps
from agentd.jumps import TICK_SECONDS, Jump, Reading, between

DAY = 86_400.0
START = Reading(wall=1_000_000.0, awake=500.0, elapsed=900.0)


def later(seconds: float = TICK_SECONDS, *, slept: float = 0.0, clock_set: float = 0.0) -> Reading:
    whole = seconds + slept
    return Reading(START.wall + whole + clock_set, START.awake + seconds, START.elapsed + whole)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (later(), Jump()),
        (later(TICK_SECONDS + 3), Jump()),
        (later(clock_set=-2.0), Jump()),
        (later(slept=8 * 3600), Jump(away=8 * 3600)),
        (later(TICK_SECONDS + 600), Jump(away=600.0)),
        (later(clock_set=DAY), Jump(clock_set=DAY)),
        (later(clock_set=-DAY), Jump(clock_set=-DAY)),
        (later(slept=3600, clock_set=-DAY), Jump(away=3600, clock_set=-DAY)),
    ],
    ids=["nothing", "a busy machine", "a slewed clock", "a night", "stopped", "set forward", "set back", "both"],
)
def test_what_happened_between_two_readings(after: Reading, expected: Jump) -> None:
    assert between(START, after) == expected
    assert expected.is_notable == (expected != Jump())


def test_the_clock_that_nobody_can_set_goes_on() -> None:
    before = Reading.now()
    after = Reading.now()
    assert after.elapsed >= before.elapsed
    assert between(before, after, expected=0.0) == Jump()


async def test_jumps_are_told_and_quiet_ticks_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jumps, "TICK_SECONDS", 0.0)
    told: asyncio.Queue[Jump] = asyncio.Queue()

    def readings() -> Iterator[Reading]:
        now = START
        for slept in (0.0, 3600.0, 0.0, 7200.0):
            yield now
            now = replace(now, wall=now.wall + slept, elapsed=now.elapsed + slept)
        while True:
            yield now

    clocks = readings()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        watching = group.create_task(jumps.watch([told.put_nowait], lambda: next(clocks)))
        assert [(await told.get()).away > 3000 for _ in range(2)] == [True, True]
        watching.cancel()
    assert told.empty()
