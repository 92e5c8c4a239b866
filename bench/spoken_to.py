"""A process that a bench speaks to over its pipes: a line in, a line of JSON out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SpokenTo:
    """One such process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.first = self._heard()
        """What it said when it was ready."""

    def ask(self, *words: object) -> dict[str, Any]:
        """Says a line and returns the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A process of the bench ended; its reasons stand above.")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def spoken_to(module: str, *arguments: object) -> Iterator[SpokenTo]:
    """`python -m module arguments` until the block ends."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield SpokenTo(process)
    finally:
        process.terminate()
        process.wait(timeout=30)
