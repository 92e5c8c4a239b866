"""The relay's SQLite file: opened, made, checked, brought to the newest schema, and what its failures mean for people.

Two kinds of failure. A full disk, a lock held by another program, a slow device pass: the change is refused and the
relay goes on (`unavailable`). A file that is damaged, or is no longer the one that was opened, does not: the relay
stops before it says anything wrong (`StoreBroken`).
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import NamedTuple, NoReturn

from relay.errors import ConfigError, StoreBroken, StoreDamaged, StoreUnavailable

SCHEMA_VERSION = "0002"
"""Newest revision in relay/migrations; schema.sql makes a store of it."""
BUSY_SECONDS = 5.0
"""How long a statement waits for another program's lock."""
WAL_BYTES = 16 * 1024 * 1024
"""Size that the write-ahead log is cut back to; above it the writer waits for readers to let go of it."""
NEEDED_BYTES = 64 * 1024
"""With less room than this a disk that fails is taken for a full one."""
CHECKED_WHOLE_BYTES = 128 * 1024 * 1024
"""A file up to this size is checked whole before it is served, in 2 to 5 ms per MiB; of a larger one, all but the
records, of which SQLite itself notices damage when it comes upon it."""

_SMALL_TABLES = ("workstation", "member", "waiting_call", "app", "invite")
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_TEMPORARY = {
    sqlite3.SQLITE_FULL: "The relay's disk is full; this goes on by itself once its operator has made room.",
    sqlite3.SQLITE_BUSY: "Another program holds the relay's database; this goes on once it lets go.",
    sqlite3.SQLITE_LOCKED: "Another program holds the relay's database; this goes on once it lets go.",
    sqlite3.SQLITE_READONLY: "The relay may not write its database; its operator must give it the right to.",
}


_HINDERED = {
    sqlite3.SQLITE_FULL: "its disk is full. Make room, then start again.",
    sqlite3.SQLITE_BUSY: "another program holds it, perhaps a database browser. Close that, then start again.",
    sqlite3.SQLITE_LOCKED: "another program holds it, perhaps a database browser. Close that, then start again.",
}


class Footing(NamedTuple):
    """Which files a store stands on: (device, inode) of the database and of its write-ahead log; None where missing."""

    database: tuple[int, int] | None
    wal: tuple[int, int] | None


def footing(file: Path) -> Footing:
    """What is at `file` right now. Only asks for their status: opening the file would drop SQLite's own locks."""
    return Footing(_identity(file), _identity(beside(file, "-wal")))


def beside(file: Path, suffix: str) -> Path:
    """SQLite's companion of a database: `-wal` or `-shm`."""
    return file.with_name(file.name + suffix)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def connect(file: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection with the store's settings. Transactions begin where the code says so, not where sqlite3 guesses."""
    db = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        settings = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -2048", "cell_size_check = ON")
        for pragma in (*settings, f"journal_size_limit = {WAL_BYTES}"):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def alone(file: Path, refusal: str) -> Iterator[None]:
    """Nobody else writes the store in `file` meanwhile; ConfigError with `refusal` when somebody does.

    Two relays must not write one store: each believes what it remembers of it. `holder` says who it is.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _lock_file(file).open("ab", buffering=0) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(refusal) from None
        lock.truncate(0)
        with suppress(OSError):
            # On a full disk nobody learns who it is, and what the disk refuses next says so better.
            lock.write(str(os.getpid()).encode())
        yield
        lock.truncate(0)


def holder(file: Path) -> int | None:
    """The process that has the store in `file` for itself just now; None when nobody has."""
    lock_file = _lock_file(file)
    if not lock_file.exists():
        return None
    with lock_file.open(encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            told = lock.read()
            return int(told) if told.isdecimal() else None
    return None


def _lock_file(file: Path) -> Path:
    return beside(file, ".lock")


def prepare(file: Path) -> None:
    """A sound store of the newest schema is in `file` afterwards: made, checked or migrated as needed.

    StoreDamaged when it is none; ConfigError when something else must be done first.
    """
    try:
        version = version_of(file)
        if version is None:
            _create(file)
            return
        check(file)
    except sqlite3.Error as error:
        refuse_to_open(file, error)
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{file} was written by a newer release of Halyard (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Update this relay, or restore a backup that this release made."
        )
    if version != SCHEMA_VERSION:
        _migrate(file)


def refuse_to_open(file: Path, error: sqlite3.Error) -> NoReturn:
    """Raises what a failure to open `file` means."""
    if (damage := broken_by(file, error)) is not None:
        raise damage
    code = _code(error)
    if code == sqlite3.SQLITE_IOERR and shutil.disk_usage(file.parent).free < NEEDED_BYTES:
        # What SQLite says when there is no room even for its shared memory.
        code = sqlite3.SQLITE_FULL
    hindered = _HINDERED.get(code, f"{error}. Put that right, then start again.")
    raise ConfigError(f"The relay did not start. {file} cannot be opened: {hindered}") from None


def version_of(file: Path) -> str | None:
    """The schema revision in `file`; None when there is no store yet, "" before the first revision."""
    if not file.exists() or file.stat().st_size == 0:
        return None
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]:
            raise StoreDamaged(f"{file} is no store of a relay. Move it away, or name another with --database.")
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if row is None else str(row[0])


def check(file: Path, *, thoroughly: bool = False) -> None:
    """Returns when SQLite finds nothing wrong with the structure of `file`; StoreDamaged when it does.

    It does not look into values: each has a checksum of its own, and is checked when it is read (relay/reading.py).
    """
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as db:
        if thoroughly:
            questions = ["integrity_check(1)"]
        elif file.stat().st_size <= CHECKED_WHOLE_BYTES:
            questions = ["quick_check(1)"]
        else:
            questions = [f"quick_check({table})" for table in _SMALL_TABLES]
        for question in questions:
            answer = str(db.execute(f"PRAGMA {question}").fetchone()[0])
            if answer != "ok":
                raise damaged(file, " ".join(answer.split()))


def damaged(file: Path, cause: str) -> StoreDamaged:
    """What an operator is told of a damaged store."""
    return StoreDamaged(
        f"{file} is damaged ({cause}), and the relay does not go on with it. With the relay stopped, run "
        f"`relay restore FILE` with a backup; or move {file.name} away together with {file.name}-wal and "
        f"{file.name}-shm, and start the relay with an empty store: workstations and apps send again what it has lost."
    )


def broken_by(file: Path, error: Exception) -> StoreBroken | None:
    """The damage that `error` reports; None when it may pass. An error that is not SQLite's: a row makes no sense."""
    if isinstance(error, sqlite3.Error) and _code(error) not in _DAMAGE:
        return None
    return damaged(file, str(error) or type(error).__name__)


def unavailable(error: Exception) -> StoreUnavailable:
    """What peers are told of a store that fails for now."""
    return StoreUnavailable(f"{_cause(error)} What was acknowledged is safe.")


def _cause(error: Exception) -> str:
    return _TEMPORARY.get(_code(error), f"The relay's store cannot be used just now ({error}); try again later.")


def _code(error: Exception) -> int:
    """The primary result code; extended ones carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _create(file: Path) -> None:
    script = resources.files("relay").joinpath("schema.sql").read_text(encoding="utf-8")
    file.touch(mode=0o600)
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as db:
        # One transaction: a crash leaves an empty file, which is made anew, and never half a schema.
        db.executescript(f"BEGIN; {script} COMMIT;")
    file.chmod(0o600)


def _migrate(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "relay.migrate", str(file)], check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise ConfigError(
            f"{file} could not be brought to this release's schema and is as it was. Make room on its disk and try "
            f"again, or go on with the former release. {done.stderr[-500:]}"
        )
