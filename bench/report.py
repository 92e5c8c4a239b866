"""What every bench prints: a table for people and, with --json, one JSON object on the last line.

A bench whose claim has a threshold names what was not met, and exits with 1 then.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Figures = Mapping[str, object]


def machine() -> dict[str, object]:
    """The machine a figure comes from: no figure is worth anything without it."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor() or "unknown",
    )
    memory_gib = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": memory_gib,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie; values need no order. Empty: nan."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main(
    name: str, measure: Callable[[argparse.Namespace], Figures], parser: argparse.ArgumentParser | None = None
) -> None:
    """Runs one bench as a program: `measure` returns its figures, rows under "rows" are printed as a table.

    Sentences under "unmet" say which thresholds were not met; with any, it exits with 1.
    """
    parser = parser or argparse.ArgumentParser(prog=f"bench.{name}")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    figures = {"bench": name, "machine": machine(), **measure(options)}
    _print_rows(figures.get("rows"))
    unmet = figures.get("unmet")
    for sentence in unmet if isinstance(unmet, list) else ():
        print(f"Not met: {sentence}")
    if options.json:
        print(json.dumps(figures))
    if unmet:
        sys.exit(1)


def _print_rows(rows: object) -> None:
    if not isinstance(rows, list) or not rows:
        return
    heads = list(rows[0])
    table = [heads, *[[_cell(row.get(head)) for head in heads] for row in rows]]
    widths = [max(len(line[i]) for line in table) for i in range(len(heads))]
    for line in table:
        columns = zip(line, widths, strict=True)
        print("  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(columns)))


def _cell(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
