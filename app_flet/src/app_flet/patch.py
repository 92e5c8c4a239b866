"""Unified diffs as rows: what kind of line, its numbers, its text. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_HEADS = (
    "diff --git",
    "index ",
    "--- ",
    "+++ ",
    "Index: ",
    "=====",
    "new file",
    "deleted file",
    "similarity ",
    "rename ",
)


class LineKind(StrEnum):
    """What a line of a diff is."""

    HUNK = "hunk"
    CONTEXT = "context"
    ADDED = "added"
    TAKEN = "taken"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff; `number` is its place in the new file, or in the old one for a line taken away."""

    kind: LineKind
    text: str
    number: int = 0


def lines(patch: str) -> Iterator[Line]:
    """The lines of a unified diff, without file heads."""
    old = new = 0
    in_hunk = False
    for raw in patch.splitlines():
        hunk = _HUNK.match(raw)
        if hunk:
            old, new, in_hunk = int(hunk[1]), int(hunk[2]), True
            yield Line(LineKind.HUNK, raw.strip())
        elif not in_hunk and raw.startswith(_HEADS):
            continue
        elif raw.startswith("+"):
            yield Line(LineKind.ADDED, raw[1:], new)
            new += 1
        elif raw.startswith("-"):
            yield Line(LineKind.TAKEN, raw[1:], old)
            old += 1
        elif raw.startswith("\\"):
            yield Line(LineKind.NOTE, raw[2:])
        else:
            yield Line(LineKind.CONTEXT, raw[1:], new)
            old, new = old + 1, new + 1
