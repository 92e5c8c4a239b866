"""Run every program of `bench/` in turn: `python -m tools.bench [NAME...]`. Each prints figures beside a baseline."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def programs() -> list[str]:
    """Names of the measuring programs: the modules that can be run."""
    return sorted(path.stem for path in (ROOT / "bench").glob("*.py") if '__name__ == "__main__"' in path.read_text())


def main(wanted: list[str]) -> int:
    """Return the number of programs that failed."""
    unknown = set(wanted) - set(programs())
    if unknown:
        print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(programs())}.")
        return 1
    failed = 0
    for name in wanted or programs():
        print(f"== bench.{name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=ROOT, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
