"""Claim: a day of normal use, 10⁶ events at speed, leaves nothing behind: memory, descriptors, logs and write-ahead
logs of agentd, relay and app end as they were after the first tenth.

Sessions begin, stream words and outputs, ask for permissions, are prompted and decided upon by a real app that looks at
them, goes away and comes back, and are deleted when they are old. What time alone takes away (remembered calls after 48
hours, tokens after a minute) is not waited for; unit tests move the clock.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

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

    def sample(self) -> dict[str, object]:
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


def measure(options: argparse.Namespace) -> Figures:
    """Samples through the day; growth is told from the first to the last."""
    samples: list[dict[str, object]] = []
    with _day() as day:
        while day.events < options.events:
            day.session()
            if day.events >= options.events * (len(samples) + 1) / SAMPLES:
                samples.append(day.sample())
    rows = [{name: value for name, value in sample.items() if name != "files_mb"} for sample in samples]
    return {"events": day.events, "rows": rows, "files_mb": [sample["files_mb"] for sample in samples]}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.day", description=__doc__)
    arguments.add_argument("--events", type=int, default=1_000_000)
    main("day", measure, arguments)
