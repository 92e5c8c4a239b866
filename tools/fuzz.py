"""Coverage-guided fuzzing of every decoder and state machine: `python -m tools.fuzz [TARGET...] --seconds 600`.

Drives the targets of tests/fuzz with atheris (libFuzzer), one process after the other, and says for each how many
inputs ran, what they covered, and whether one made it raise. docs/fuzzing.md tells what is covered and what was found.
"""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INSTRUMENTED = ["wire", "relay", "agentd", "app_flet", "halyard_client", "betterproto2"]
LONGEST_INPUT = 4096
SLOWEST_SECONDS = 25
MEMORY_MB = 1500
MISSING = "atheris is not installed: pip install --require-hashes -r requirements/fuzz.txt (Linux on x86-64)."

_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")


@dataclass(frozen=True)
class Outcome:
    """What came of fuzzing one target. `edges` and `features` are libFuzzer's counts of what was reached."""

    target: str
    seconds: float
    runs: int
    edges: int
    features: int
    found: list[str]


def drive(name: str, arguments: list[str]) -> None:
    """Fuzzes one target in this process until libFuzzer has enough; it ends the process itself."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit(MISSING)
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        targets: Any = importlib.import_module("tests.fuzz.targets")
    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[name].run)
    atheris.Fuzz()


def fuzz(name: str, seconds: int, corpus: Path, artifacts: Path) -> Outcome:
    """Fuzzes one target for so long, beginning with its seeds and what `corpus` holds; new inputs stay there."""
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    _sow(name, corpus)
    known = set(artifacts.iterdir())
    command = [sys.executable, "-m", "tools.fuzz", "--drive", name, str(corpus), f"-artifact_prefix={artifacts}/"]
    command += [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", f"-timeout={SLOWEST_SECONDS}"]
    command += [f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-close_fd_mask=1"]
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL, stderr=log, env=_environment())
        log.seek(0)
        told = log.read()
    if done.returncode and MISSING in told:
        sys.exit(MISSING)
    if done.returncode:
        print(told[-6000:], file=sys.stderr)
    runs, covered = _RUNS.findall(told), _COVERED.findall(told)
    edges, features = covered[-1] if covered else (0, 0)
    # A slow input is no defect by itself; one that takes SLOWEST_SECONDS raises.
    kept = sorted(str(path) for path in set(artifacts.iterdir()) - known if not path.name.startswith("slow-unit"))
    if done.returncode and not kept:
        kept = [f"ended with {done.returncode}, without an input"]
    return Outcome(
        name, round(time.monotonic() - began, 1), int(runs[-1]) if runs else 0, int(edges), int(features), kept
    )


def _sow(name: str, corpus: Path) -> None:
    """Seeds in files; written by a child, so that this process needs nothing that is fuzzed."""
    program = (
        "import sys, pathlib; from tests.fuzz.targets import TARGETS, found; folder = pathlib.Path(sys.argv[2])\n"
        "for at, data in enumerate([*TARGETS[sys.argv[1]].seeds(), *found(sys.argv[1])]):\n"
        "    (folder / f'seed-{at:03}').write_bytes(data)\n"
    )
    subprocess.run([sys.executable, "-c", program, name, str(corpus)], cwd=ROOT, check=True, env=_environment())


def _environment() -> dict[str, str]:
    roots = [str(ROOT), str(ROOT / "gen"), str(ROOT / "app_flet" / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))}


def shares() -> dict[str, int]:
    """Every target and its share of a whole run."""
    program = "import json; from tests.fuzz.targets import TARGETS; "
    program += "print(json.dumps({name: target.share for name, target in TARGETS.items()}))"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, env=_environment(), capture_output=True, text=True
    )
    found: dict[str, int] = json.loads(told.stdout)
    return found


def main() -> int:
    """Returns 1 when a target raised."""
    if sys.argv[1:2] == ["--drive"]:
        drive(sys.argv[2], sys.argv[3:])
        return 0
    known = shares()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all by default: {', '.join(known)}")
    parser.add_argument("--seconds", type=int, default=600, help="for all together")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps what was reached, for the next run")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(known):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    chosen = {name: known[name] for name in options.targets or known}
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="halyard-fuzz-") as scratch:
        kept = options.corpus or Path(scratch)
        for name, share in chosen.items():
            seconds = max(1, options.seconds * share // sum(chosen.values()))
            outcome = fuzz(name, seconds, kept / "corpus" / name, (options.corpus or Path.cwd()) / "crashes" / name)
            outcomes.append(outcome)
            print(f"{name:16} {outcome.runs:9} runs {outcome.edges:6} edges {outcome.seconds:7.1f} s", flush=True)
            for path in outcome.found:
                print(f"  raised: {path}", flush=True)
    total = sum(outcome.runs for outcome in outcomes)
    print(f"{total} runs in {sum(outcome.seconds for outcome in outcomes):.0f} s")
    if options.json:
        print(json.dumps({"runs": total, "targets": [asdict(outcome) for outcome in outcomes]}))
    return any(outcome.found for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
