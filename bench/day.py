"""Claim: a day of normal use, 10⁶ events at speed, leaves nothing behind: memory, descriptors, logs and write-ahead
logs of agentd, relay and app end as they were after the first tenth.

Sessions begin, stream words and outputs, ask for permissions, are prompted and decided upon by a real app that looks at
them, goes away and comes back, and are deleted when they are old. What grew after half-way is said, and exits with 1:
by then the sessions that are kept have turned over several times, and with 10⁶ events the relay's store has filled up
to what it keeps of a workstation; with many fewer it is still filling, and is said to grow. What time alone takes away
(remembered calls after 48 hours, tokens after a minute) is not waited for; unit tests move the clock.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main
from bench.spoken_to import SpokenTo, spoken_to
from bench.weight import file_bytes, weight

TURNS = 25
"""Turns of one session."""
OUTPUT_BYTES, LINES, DELTAS = 3_000, 5, 20
LIVE_SESSIONS = 20
"""A person deletes what is older."""
SAMPLES = 10
GROWN_SHARE = 0.05
"""An allocator's and a database's own coming and going stays below this share, what leaks passes it in time."""
GROWN_MEMORY_MB, GROWN_FILE_MB = 3.0, 1.0
"""Less is noise: a garbage collection that has not come yet; a checkpoint that comes later."""


@dataclass
class Day:
    """The three programs, and the sessions that are alive."""

    folder: Path
    relay: RelayProcess
    agentd: SpokenTo
    app: SpokenTo
    events: int = 0
    begun: int = 0
    alive: list[str] = field(default_factory=list)

    def session(self) -> None:
        """One session from its beginning to its last turn, as a person with a phone goes through it."""
        self.begun += 1
        session_id = f"ses_{self.begun}"
        self.alive.append(session_id)
        self._work(session_id, 1)
        self.app.ask("look", f"sessions/{session_id}")
        self.agentd.ask("ask", session_id)
        self.app.ask("decide", f"sessions/{session_id}")
        head = self._work(session_id, TURNS // 2)
        self.app.ask("prompt", f"sessions/{session_id}")
        self.app.ask("follow", head)
        self.app.ask("leave", f"sessions/{session_id}")
        self.app.ask("cut")
        head = self._work(session_id, TURNS - TURNS // 2 - 1)
        self.app.ask("follow", head)
        if len(self.alive) > LIVE_SESSIONS:
            self.agentd.ask("delete", self.alive.pop(0))

    def _work(self, session_id: str, turns: int) -> int:
        told = self.agentd.ask("work", session_id, turns, OUTPUT_BYTES, LINES, DELTAS)
        self.events = told["events"]
        return int(told["head"])

    def sample(self) -> dict[str, Any]:
        """What everything weighs now."""
        data = Path(self.relay.process.cmdline()[self.relay.process.cmdline().index("--data") + 1])
        weighed = {
            "agentd": self.agentd.ask("weigh"),
            "relay": weight(self.relay.process.pid),
            "app": self.app.ask("weigh"),
        }
        flat = {f"{part}_{what}": value for part, told in weighed.items() for what, value in told.items()}
        files = {
            name: round(size / 1e6, 2) for where in (self.folder, data) for name, size in file_bytes(where).items()
        }
        return {"events": self.events, "sessions": self.begun, **flat, "files_mb": files}


@contextmanager
def _day() -> Iterator[Day]:
    with TemporaryDirectory(prefix="halyard-bench-") as place, relay_process() as relay:
        folder = Path(place)
        with (
            spoken_to("bench.mirrored_agentd", folder / "agentd", relay.origin, relay.grpc) as agentd,
            spoken_to("bench.app_process", folder / "app", relay.http) as app,
        ):
            told = agentd.ask("admit", app.first["sign_key"], app.first["agree_key"])
            app.ask("meet", told["sign_key"], told["agree_key"])
            app.ask("follow", 1)
            yield Day(folder, relay, agentd, app)


def grown(half: Mapping[str, Any], end: Mapping[str, Any]) -> list[str]:
    """What grew between two samples, in words: memory and files beyond noise, descriptors at all."""
    said = []
    for name in half:
        if name.endswith("_rss_mb") and _is_more(half[name], end[name], GROWN_MEMORY_MB):
            said.append(f"{name.removesuffix('_rss_mb')} grew from {half[name]} to {end[name]} MB after half-way.")
        if name.endswith("_descriptors") and end[name] > half[name]:
            part = name.removesuffix("_descriptors")
            said.append(f"{part} had {half[name]} descriptors half-way and {end[name]} at the end.")
    for name, size in end["files_mb"].items():
        before = half["files_mb"].get(name, 0.0)
        if _is_more(before, size, GROWN_FILE_MB):
            said.append(f"{name} grew from {before} to {size} MB after half-way.")
    return said


def _is_more(before: float, after: float, noise: float) -> bool:
    return after - before > max(noise, GROWN_SHARE * before)


def measure(options: argparse.Namespace) -> Figures:
    """Samples through the day, and what grew in its second half."""
    samples: list[dict[str, Any]] = []
    with _day() as day:
        while day.events < options.events:
            day.session()
            if day.events >= options.events * (len(samples) + 1) / SAMPLES:
                samples.append(day.sample())
    rows = [{name: value for name, value in sample.items() if name != "files_mb"} for sample in samples]
    files = [sample["files_mb"] for sample in samples]
    unmet = grown(samples[len(samples) // 2 - 1], samples[-1])
    return {"events": day.events, "rows": rows, "files_mb": files, "unmet": unmet}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.day", description=__doc__)
    arguments.add_argument("--events", type=int, default=1_000_000)
    main("day", measure, arguments)
