"""What a failure of the store's file means for the person who starts agentd: it is damaged, or only hindered.

A file that another program holds, or a disk that is full, keeps everything that was acknowledged: whoever moved such a
file away would lose it. So only what SQLite itself calls damage is told to be moved.
"""

import shutil
import sqlite3
from pathlib import Path

from agentd.errors import AgentdError, StorageError, StoreDamagedError

NEEDED_BYTES = 1024 * 1024
"""With less room than this a failing disk is taken for a full one: SQLite calls both the same when it opens a file."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_FORBIDDEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite found the file damaged; anything else leaves what is in it as it was."""
    return _code(error) in _DAMAGE


def is_full(path: Path) -> bool:
    """Whether the disk on which the file lies has no room worth the name."""
    return shutil.disk_usage(path.parent).free < NEEDED_BYTES


def unusable(path: Path, error: sqlite3.Error) -> AgentdError:
    """Why agentd cannot go on with the store at `path`, and what to do: StoreDamagedError or StorageError."""
    if is_damage(error):
        return StoreDamagedError(
            f"{path} is damaged ({error}). Move it away, together with {path.name}-wal and {path.name}-shm, and start "
            "agentd again: it begins a new log, reads its agents' sessions anew, and its apps follow."
        )
    return StorageError(
        f"{path} cannot be used: {_hindrance(path, error)} Nothing in it is lost: leave it in its place."
    )


def _hindrance(path: Path, error: sqlite3.Error) -> str:
    code = _code(error)
    if code in _LOCKED:
        return "another program holds it, perhaps a database browser or a backup. Close that, then start agentd again."
    if code == sqlite3.SQLITE_FULL or is_full(path):
        return "its disk is full. Make room, then start agentd again."
    if code in _FORBIDDEN:
        return f"agentd may not write it ({error}). Give its user the right to, then start agentd again."
    return f"{error}. Look at its disk's health, free space and limits, put that right, then start agentd again."


def _code(error: sqlite3.Error) -> int:
    """The primary result code; extended ones carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
