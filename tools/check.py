"""Everything that can be said about the code without running it, side by side: what fails in full, then a verdict."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("wire", "relay", "agentd", "app_flet/src", "tests", "bench", "tools")
CODE = [name for name in FOLDERS if (ROOT / name).is_dir()]


@dataclass(frozen=True)
class Step:
    """One program and what it makes sure of."""

    name: str
    command: list[str]


@dataclass(frozen=True)
class Result:
    """How a step went."""

    step: Step
    ok: bool
    output: str
    seconds: float


def released_contract() -> str | None:
    """The git reference whose contract must stay readable: main, or None outside a repository."""
    for reference in ("origin/main", "main", "HEAD"):
        found = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}"],
            cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if found.returncode == 0:
            return found.stdout.strip()
    return None


def steps() -> list[Step]:
    """Slowest first, so that two workers finish early."""
    found = [
        Step("types (mypy --strict)", ["mypy", *CODE]),
        Step("generated code is current", [sys.executable, "-m", "tools.generate", "--check"]),
        Step("import rules (import-linter)", ["lint-imports", "--no-cache"]),
        Step("lint (ruff)", ["ruff", "check", "."]),
        Step("format (ruff)", ["ruff", "format", "--check", "."]),
        Step("contract lint (buf)", ["buf", "lint"]),
        Step("contract format (buf)", ["buf", "format", "--diff", "--exit-code", "proto", "--path", "proto/halyard"]),
    ]
    reference = released_contract()
    if reference is None:
        print("No git history here: whether the contract stays readable is not checked.")
    else:
        against = f".git#ref={reference}"
        found.append(Step("contract stays readable (buf breaking)", ["buf", "breaking", "--against", against]))
    return found


def perform(step: Step) -> Result:
    """Run one step to its end."""
    began = time.monotonic()
    done = subprocess.run(
        step.command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Result(step, done.returncode == 0, done.stdout, time.monotonic() - began)


def main() -> int:
    """Return 0 when every step passed."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(perform, steps()))
    for result in results:
        if not result.ok:
            print(f"--- {result.step.name}: {' '.join(result.step.command)}\n{result.output}")
    for result in results:
        print(f"{'ok    ' if result.ok else 'FAILED'} {result.seconds:5.1f} s  {result.step.name}")
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
