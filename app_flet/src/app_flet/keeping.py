"""Opening what a device keeps: the device, or a sentence that says why not and what to do. Nothing is ever thrown away.

A damaged file is put aside with the person's consent only: it holds the keys that workstations know this device by, and
perhaps words that have not left yet.
"""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from app_flet.device import Device
from app_flet.store import NewerStore, Store
from wire.errors import HalyardError

CHECKED_WHOLE_BYTES = 8 * 1024 * 1024
"""A file up to this size is checked whole before it is used, in some 3 ms per MiB; of a larger one, the tables without
which nothing works. Damage to a value in a transcript is said by SQLite when it comes upon it."""
_NEEDED = ("fact", "workstation", "call", "draft")
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_COMPANIONS = ("", "-wal", "-shm")


class Unusable(Exception):
    """The device's file cannot be used; the message is for a person."""

    def __init__(self, message: str, *, is_damaged: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_damaged = is_damaged
        """Trying again changes nothing; putting the file aside does."""


def open_device(path: Path, now_ms: Callable[[], int], *, relay: str = "") -> Device:
    """The device that the file at `path` holds, or a new one. Unusable when it cannot be read."""
    try:
        return _opened(path, now_ms, relay)
    except NewerStore as error:
        raise Unusable(f"{error} Nothing was changed: {path}") from None
    except HalyardError as error:
        raise _damaged(path, error.message) from None
    except OSError as error:
        raise Unusable(_hindered(path, error.strerror or str(error))) from None
    except sqlite3.Error as error:
        if is_damage(error):
            raise _damaged(path, str(error)) from None
        raise Unusable(_hindered(path, str(error))) from None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite found the file damaged; anything else may pass."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _DAMAGE


def put_aside(path: Path, now_ms: int) -> Path:
    """Moves the file and SQLite's companions of it to a name beside it, which is returned."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC)
    aside = path.with_name(f"{path.name}.damaged-{day:%Y%m%d-%H%M%S}")
    for companion in _COMPANIONS:
        found = path.with_name(path.name + companion)
        if found.exists():
            found.rename(aside.with_name(aside.name + companion))
    return aside


def _opened(path: Path, now_ms: Callable[[], int], relay: str) -> Device:
    if path.exists() and path.stat().st_size:
        _check(path)
    with ExitStack() as unless_opened:
        store = Store(path)
        unless_opened.callback(store.close)
        device = Device(store, now_ms, relay=relay)
        unless_opened.pop_all()
    return device


def _check(path: Path) -> None:
    whole = path.stat().st_size <= CHECKED_WHOLE_BYTES
    questions = ["quick_check(1)"] if whole else [f"quick_check({table})" for table in _NEEDED]
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for question in questions:
            answer = str(db.execute(f"PRAGMA {question}").fetchone()[0])
            if answer != "ok":
                raise _damaged(path, " ".join(answer.split()))
    finally:
        db.close()


def _damaged(path: Path, cause: str) -> Unusable:
    return Unusable(
        f"The file in which this device keeps everything is damaged ({cause}): {path}. If there is a backup of it, put "
        "that in its place and try again. Or begin anew: the damaged file is kept beside the new one, and this device "
        "must be paired again. What agents said comes back by itself; what you wrote and had not sent does not.",
        is_damaged=True,
    )


def _hindered(path: Path, cause: str) -> str:
    return (
        f"The file in which this device keeps everything cannot be opened ({cause}): {path}. Nothing is lost. "
        "Free some space, or let this app write there; then try again."
    )
