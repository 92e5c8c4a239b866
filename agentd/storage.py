"""What a failure of the store's file means for the person who runs agentd: it is damaged, hindered, or gone.

A file that another program holds, or a disk that is full, keeps everything that was acknowledged: whoever moved such a
file away would lose it. So only what SQLite itself calls damage is told to be moved.
"""

import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from agentd.errors import AgentdError, StorageError, StoreDamagedError

NEEDED_BYTES = 1024 * 1024
"""With less room than this a failing disk is taken for a full one: SQLite calls both the same when it opens a file."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_FORBIDDEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})


class Footing(NamedTuple):
    """Which files a store stands on: (device, inode) of the database and of its write-ahead log; None where missing."""

    database: tuple[int, int] | None
    wal: tuple[int, int] | None


def footing(path: Path) -> Footing:
    """What is at `path` right now. Only asks for their status: opening the file would drop SQLite's own locks."""
    return Footing(_identity(path), _identity(path.with_name(f"{path.name}-wal")))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        # Whatever keeps agentd from seeing it keeps the next start from finding it.
        return None
    return status.st_dev, status.st_ino


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite found the file damaged; anything else leaves what is in it as it was."""
    return _code(error) in _DAMAGE


def is_full(path: Path) -> bool:
    """Whether the disk on which the file lies has no room worth the name."""
    try:
        return shutil.disk_usage(path.parent).free < NEEDED_BYTES
    except OSError:
        return False


def unusable(path: Path, error: sqlite3.Error) -> AgentdError:
    """Why agentd cannot go on with the store at `path`, and what to do: StoreDamagedError or StorageError."""
    if is_damage(error):
        return StoreDamagedError(
            f"{path} is damaged ({error}). Move it away, together with {path.name}-wal and {path.name}-shm, and start "
            "agentd again: it begins a new log, reads its agents' sessions anew, and its apps follow."
        )
    why, remedy = _hindrance(path, error)
    return StorageError(
        f"{path} cannot be used: {why}. {remedy}, then start agentd again. "
        "Nothing in it is lost: leave it in its place."
    )


def held_up(path: Path, error: sqlite3.Error) -> str:
    """Why a running agentd cannot use the store at `path` for now, and what to do; it goes on by itself then."""
    why, remedy = _hindrance(path, error)
    return f"{path.name} cannot be used: {why}. {remedy}; agentd goes on by itself, so leave it running."


def gone(path: Path) -> StorageError:
    """The file was taken away under a running agentd, which must not say that anything is kept in it any more."""
    return StorageError(
        f"{path}, or {path.name}-wal beside it, was removed or replaced while agentd ran. agentd has stopped; what "
        "came since was not acknowledged. If it was moved by mistake, put it back. Then start agentd again: without "
        "it, agentd begins a new log, reads its agents' sessions anew, and its apps follow."
    )


def _hindrance(path: Path, error: sqlite3.Error) -> tuple[str, str]:
    """Why, and what to do about it."""
    code = _code(error)
    if code in _LOCKED:
        return "another program holds it, perhaps a database browser or a backup", "Close that"
    if code == sqlite3.SQLITE_FULL or is_full(path):
        return "its disk is full", "Make room"
    if code in _FORBIDDEN:
        return f"agentd may not write it ({error})", "Give its user the right to"
    return str(error), "Look at its disk's health, free space and limits, put that right"


def _code(error: sqlite3.Error) -> int:
    """The primary result code; extended ones carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
