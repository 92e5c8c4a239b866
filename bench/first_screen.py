"""A process that opens a session from a device's file, as a person does who taps it, and tells how long it took.

    python -m bench.first_screen FOLDER SESSION_ID

No link, no network: everything comes from the replica. The first of several openings warms up what an app that is open
has warmed up long before; it is told apart.
"""

import asyncio
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from app_flet.device import Device
from app_flet.store import Store
from bench.weight import weight
from tests.app_flet.harness import staged

OPENINGS = 9


class Steps:
    """Times between steps, in ms, over many openings; by the clock or, on a busy machine, of CPU."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = self._at = now()
        self._times: defaultdict[str, list[float]] = defaultdict(list)

    def begin(self) -> None:
        """An opening begins."""
        self._began = self._at = self._now()

    def done(self, step: str) -> None:
        """The step before this moment is over."""
        now = self._now()
        self._times[step].append((now - self._at) * 1e3)
        self._at = now

    def shown(self) -> None:
        """The person sees what they asked for."""
        self._times["all"].append((self._now() - self._began) * 1e3)

    def told(self) -> dict[str, dict[str, float]]:
        """First, best and median of each step; the first is in none of the others."""
        return {
            step: {"first": round(times[0], 1), "best": round(min(times[1:]), 1), "median": round(median(times[1:]), 1)}
            for step, times in self._times.items()
        }


def _each(all_steps: Sequence[Steps], what: Callable[[Steps], None]) -> None:
    for steps in all_steps:
        what(steps)


async def _open(folder: Path, session_id: str, opening: Sequence[Steps], older: Sequence[Steps]) -> dict[str, float]:
    gc.collect()
    _each(opening, Steps.begin)
    store = Store(folder / "device.sqlite")
    _each(opening, lambda steps: steps.done("open store"))
    device = Device(store, lambda: time.time_ns() // 1_000_000)
    _each(opening, lambda steps: steps.done("make model"))
    workstation = next(iter(device.followings))
    async with staged(device, f"/w/{workstation}/s/{session_id}") as stage:
        _each(opening, lambda steps: steps.done("load and draw page"))
        _each(opening, Steps.shown)
        weighed = weight()
        _each(older, Steps.begin)
        await stage.tap("transcript-older")
        _each(older, lambda steps: steps.done("show older"))
    store.close()
    return weighed


async def _main(folder: Path, session_id: str) -> None:
    opening, older = ([Steps(time.perf_counter), Steps(time.process_time)] for _ in range(2))
    weighed = [await _open(folder, session_id, opening, older) for _ in range(OPENINGS)]
    told = {
        "first_screen_ms": opening[0].told(),
        "first_screen_cpu_ms": opening[1].told(),
        "older_ms": older[0].told(),
        "older_cpu_ms": older[1].told(),
        "shown": weighed[-1],
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
