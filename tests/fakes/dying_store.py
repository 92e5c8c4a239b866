"""A store whose process dies: at a commit of the test's choice, as by a power cut, or for as long as a disk is full."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from agentd.store import Statement, Store


class DyingStore(Store):
    """Commits one write at a time, and dies before one of them: that one and all later ones are lost.

    Whoever waits for them waits for ever, as in a process that is gone; `died` tells the test to leave.
    """

    def __init__(self, path: Path, commits: int) -> None:
        """`commits`: how many are still taken."""
        super().__init__(path)
        self.commits = commits
        self.died = asyncio.Event()

    def _commit(self, writer: sqlite3.Connection, group: list[Sequence[Statement]]) -> None:
        for statements in group:
            if self.commits == 0:
                self._loop.call_soon_threadsafe(self.died.set)
                return
            self.commits -= 1
            super()._commit(writer, [statements])


class FullDisk(Store):
    """Takes nothing while `full` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = threading.Event()

    def _commit(self, writer: sqlite3.Connection, group: list[Sequence[Statement]]) -> None:
        if self.full.is_set():
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            self._put_back(group, full)
        else:
            super()._commit(writer, group)
