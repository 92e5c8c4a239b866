"""Claim: a session of 5,000 messages and 50 MB of tool output leaves agentd and the app within 200 MB each, and a phone
shows it within 300 ms from its replica.

A real agentd, whose agent is OpenCode's event stream without OpenCode; a real relay; a real app with its store on disk,
each in a process of its own. What a live hint costs the app is measured in a session of 100 and in one of 5,000
messages: the one is the baseline of the other.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.opencode_words import STEPS_PER_TURN
from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main
from bench.spoken_to import SpokenTo, spoken_to
from bench.weight import file_bytes, weight

LONG, SHORT = "ses_long", "ses_short"
SHORT_MESSAGES = 100
LINES = 2
"""Times that a command's output is repeated while it grows."""


@contextmanager
def _agentd(folder: Path, relay: RelayProcess) -> Iterator[SpokenTo]:
    with spoken_to("bench.mirrored_agentd", folder / "agentd", relay.origin, relay.grpc) as process:
        yield process


@contextmanager
def _app(folder: Path, relay: RelayProcess, agentd: SpokenTo) -> Iterator[SpokenTo]:
    """A new app that the workstation has let in."""
    with spoken_to("bench.app_process", folder, relay.http) as app:
        told = agentd.ask("admit", app.first["sign_key"], app.first["agree_key"])
        app.ask("meet", told["sign_key"], told["agree_key"])
        yield app


def _megabytes(told: dict[str, float]) -> dict[str, float]:
    return {"rss_mb": told["rss_mb"], "peak_mb": told["peak_mb"]}


def _long(folder: Path, messages: int, megabytes: float) -> dict[str, object]:
    per_step = int(megabytes * 1e6 * (STEPS_PER_TURN + 1) / STEPS_PER_TURN / messages)
    with relay_process() as relay, _agentd(folder, relay) as agentd, _app(folder / "app", relay, agentd) as app:
        idle = {"agentd": agentd.ask("weigh"), "app": app.ask("weigh")}
        agentd.ask("work", SHORT, SHORT_MESSAGES // (STEPS_PER_TURN + 1), per_step, LINES, 0)
        told = agentd.ask("work", LONG, messages // (STEPS_PER_TURN + 1), per_step, LINES, 0)
        caught_up = app.ask("follow", told["head"])
        after = {"agentd": agentd.ask("weigh"), "app": app.ask("weigh"), "relay": weight(relay.process.pid)}
        app.ask("cut")
        live = {name: app.ask("live", f"sessions/{name}", 2_000) for name in (SHORT, LONG)}
        opened = app.ask("weigh")
    with spoken_to("bench.first_screen", folder / "app", LONG) as screen:
        shown = screen.first
    return {
        "messages": messages,
        "tool_output_mb": megabytes,
        "agentd_idle_mb": idle["agentd"]["rss_mb"],
        "agentd": _megabytes(after["agentd"]),
        "app_idle_mb": idle["app"]["rss_mb"],
        "app_following": _megabytes(after["app"]),
        "app_session_open": _megabytes(opened),
        "app_page_drawn": _megabytes(shown["shown"]),
        "relay": _megabytes(after["relay"]),
        "catch_up_s": round(caught_up["seconds"], 2),
        "first_screen_ms": shown["first_screen_ms"],
        "first_screen_cpu_ms": shown["first_screen_cpu_ms"],
        "older_ms": shown["older_ms"],
        "older_cpu_ms": shown["older_cpu_ms"],
        "live": live,
        "files": file_bytes(folder),
    }


def shown_in(found: dict[str, object], what: str) -> dict[str, dict[str, float]]:
    """One table of times among the figures."""
    told: dict[str, dict[str, float]] = found[what]  # type: ignore[assignment]  # as first_screen tells it
    return told


def measure(options: argparse.Namespace) -> Figures:
    """One long session, all the way."""
    with TemporaryDirectory(prefix="halyard-bench-") as folder:
        found = _long(Path(folder), options.messages, options.megabytes)
    clock, cpu = shown_in(found, "first_screen_ms"), shown_in(found, "first_screen_cpu_ms")
    rows = [
        {"step": step, "best_ms": times["best"], "median_ms": times["median"], "median_cpu_ms": cpu[step]["median"]}
        for step, times in clock.items()
    ]
    return {**found, "rows": rows}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.long_session", description=__doc__)
    arguments.add_argument("--messages", type=int, default=5_000)
    arguments.add_argument("--megabytes", type=float, default=50.0)
    main("long_session", measure, arguments)
