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
from pathlib import Path
from statistics import median

from app_flet.device import Device
from app_flet.store import Store
from bench.weight import weight
from tests.app_flet.harness import staged

OPENINGS = 9


class Steps:
    """Times between steps, in ms, over many openings."""

    def __init__(self) -> None:
        self._at = time.perf_counter()
        self._times: defaultdict[str, list[float]] = defaultdict(list)

    def begin(self) -> None:
        """An opening begins."""
        self._began = self._at = time.perf_counter()

    def done(self, step: str) -> None:
        """The step before this moment is over."""
        now = time.perf_counter()
        self._times[step].append((now - self._at) * 1e3)
        self._at = now

    def shown(self) -> None:
        """The person sees what they asked for."""
        self._times["all"].append((time.perf_counter() - self._began) * 1e3)

    def told(self) -> dict[str, dict[str, float]]:
        """First, best and median of each step; the first is in none of the others."""
        return {
            step: {"first": round(times[0], 1), "best": round(min(times[1:]), 1), "median": round(median(times[1:]), 1)}
            for step, times in self._times.items()
        }


async def _open(folder: Path, session_id: str, steps: Steps, older: Steps) -> dict[str, float]:
    gc.collect()
    steps.begin()
    store = Store(folder / "device.sqlite")
    steps.done("open store")
    device = Device(store, lambda: time.time_ns() // 1_000_000)
    steps.done("make model")
    workstation = next(iter(device.followings))
    async with staged(device, f"/w/{workstation}/s/{session_id}") as stage:
        steps.done("load and draw page")
        steps.shown()
        weighed = weight()
        older.begin()
        await stage.tap("transcript-older")
        older.done("show older")
    store.close()
    return weighed


async def _main(folder: Path, session_id: str) -> None:
    steps, older = Steps(), Steps()
    weighed = [await _open(folder, session_id, steps, older) for _ in range(OPENINGS)]
    told = {"first_screen_ms": steps.told(), "older_ms": older.told(), "shown": weighed[-1]}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
