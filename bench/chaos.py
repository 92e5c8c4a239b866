"""Claim: whatever dies, nothing that a person saw acknowledged is lost or done twice, and every app ends up equal to
the agent.

Real processes under a driver with a seed (tests/chaos, docs/chaos.md). What was drawn for a round is printed when it
went wrong; `--seed S --rounds N --round K` plays that round again, after the one that begins the sessions; `--examine`
ends with the first round that goes wrong, and keeps what all parts had written. The exit code is 1 when anything was
wrong.
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from bench.report import Figures, main, percentile
from tests.chaos.driver import Played, Run, run
from tests.chaos.growth import ends, grown
from tests.chaos.plan import Round, Shape, draw_rounds

_MOST_TOLD = 20


def _tell(plan: Round, played: Played) -> None:
    broken = ", ".join(f"{one.fault.value} {one.target}" for one in plan.breaks) or "nothing breaks"
    print(f"round {plan.number}: {broken}; equal after {played.recovery_seconds} s", file=sys.stderr, flush=True)
    if played.verdict.all:
        print("\n".join([f"  WRONG {what}" for what in played.verdict.all]), file=sys.stderr)
        print(f"  {plan}", file=sys.stderr, flush=True)


def _commit() -> str:
    """Of the code that is run, with "-dirty" when it was changed since; empty outside of a checkout."""
    asked = ("git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")
    with suppress(OSError):
        told = subprocess.run(asked, cwd=Path(__file__).parent, check=False, capture_output=True, text=True)
        return told.stdout.strip()
    return ""


def _told_wounds(run: Run) -> str:
    """Signals by part and kind, then all else that was broken: one line each."""
    parts: dict[str, list[str]] = {}
    for what, count in sorted(run.kills.items()):
        part, _, kind = what.partition(" ")
        parts.setdefault(part, []).append(f"{count} {kind}")
    lines = [f"{part}: {', '.join(kinds)}" for part, kinds in parts.items()]
    faults = ", ".join(f"{count} {fault}" for fault, count in sorted(run.faults.items()))
    return "\n".join([*lines, f"links, databases and disks (relay's: {run.disk}): {faults or 'none'}"])


def _figures(seed: int, shape: Shape, run: Run, seconds: float) -> dict[str, object]:
    played = [one for one in run.rounds if one.number > 0]
    recoveries = [one.recovery_seconds for one in played]
    sizes = [one.sizes for one in run.rounds]
    wrong = {kind: sum(len(getattr(one.verdict, kind)) for one in run.rounds) for kind in vars(run.rounds[0].verdict)}
    told = [f"round {one.number}: {what}" for one in run.rounds for what in one.verdict.all]
    growth = grown(sizes)
    return {
        "commit": _commit(),
        "seed": seed,
        "rounds": len(played),
        "seconds": round(seconds),
        "apps": shape.apps,
        "sessions": shape.slots,
        "kills": dict(sorted(run.kills.items())),
        "faults": dict(sorted(run.faults.items())),
        "relay_disk": run.disk,
        "prompts": run.rounds[-1].acknowledged,
        "decisions": run.rounds[-1].decisions,
        "messages": run.rounds[-1].messages,
        "prompts_by_state": dict(sorted(run.ends_of_prompts.items())),
        "decisions_by_state": dict(sorted(run.ends_of_decisions.items())),
        **wrong,
        "recovery_p50_s": percentile(recoveries, 0.50),
        "recovery_p99_s": percentile(recoveries, 0.99),
        "sizes_first_last": ends(sizes),
        "grown": growth,
        "wrong": told[:_MOST_TOLD],
        "clean": not told and not growth,
    }


@contextmanager
def _stage_folder(*, keep: bool) -> Iterator[Path]:
    if keep:
        folder = Path(mkdtemp(prefix="halyard-chaos-"))
        print(f"everything is in {folder}", file=sys.stderr, flush=True)
        yield folder
        return
    with TemporaryDirectory(prefix="halyard-chaos-", ignore_cleanup_errors=True) as passing:
        yield Path(passing)


def measure(options: argparse.Namespace) -> Figures:
    """Plays the rounds on a stage of their own."""
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    shape = Shape(apps=options.apps, slots=options.sessions)
    plans = draw_rounds(seed, options.rounds, shape)
    if options.round is not None:
        plans = [plans[0], *plans[options.round : options.round + 1]]
    print(f"seed {seed}", file=sys.stderr, flush=True)
    began = time.monotonic()
    # Told to stop, it takes the stage down as after Ctrl+C: what it started would outlive it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _stage_folder(keep=options.examine) as folder:
        came_of = asyncio.run(run(folder, plans, shape, _tell, until_wrong=options.examine))
    figures = _figures(seed, shape, came_of, time.monotonic() - began)
    options.wrong = not figures["clean"]
    print(_told_wounds(came_of))
    return {**figures, "rows": [{key: value for key, value in figures.items() if isinstance(value, int | float)}]}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.chaos", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--seed", type=int, help="any number; drawn and printed when none is given")
    arguments.add_argument("--round", type=int, metavar="K", help="only this round of the run that the seed draws")
    arguments.add_argument("--examine", action="store_true", help="end with the first wrong round and keep its data")
    arguments.add_argument("--apps", type=int, default=2)
    arguments.add_argument("--sessions", type=int, default=3)
    outcome = argparse.Namespace(wrong=True)

    def _measured(options: argparse.Namespace) -> Figures:
        figures = measure(options)
        outcome.wrong = options.wrong
        return figures

    main("chaos", _measured, arguments)
    sys.exit(1 if outcome.wrong else 0)
