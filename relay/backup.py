"""`relay backup` and `relay restore`: a checked copy of the store in one file, and the way back.

A backup is made by a process of its own through SQLite's backup API, in one read transaction: it is the store as it was
at one moment, whoever writes meanwhile. A restore puts a backup in the place of a store that nobody serves; under a
relay that serves, it is laid out beside the store (`lay_out`), and the relay, told by a signal, lets its links go,
takes it (`take`) and begins anew. What a restore brings back is old; what follows from that, and why nothing is lost by
it, is told in docs/decisions/0065-a-store-that-was-lost-or-restored.md.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from relay import database
from relay.errors import ConfigError, StoreDamaged
from relay.ledger import inbox_base

_PATIENCE_SECONDS = 30.0
_STEP_PAGES = 256


class BackupFailed(Exception):
    """A backup or restore could not be made; the message says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or restore brought over."""

    file: Path
    size: int
    """Bytes."""
    workstations: int
    records: int
    calls_waiting: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that is done."""

    copied: Copied
    replaced: Path | None
    """Where the former database is now; None when there was none."""


def back_up(store: Path, target: Path, *, overwrite: bool = False) -> Copied:
    """Writes what is committed in `store` to `target` (0600), whole or not at all.

    BackupFailed when the disk or the store does not allow it; ConfigError when it was asked wrongly.
    """
    if not store.exists():
        raise ConfigError(f"There is no store at {store}; name the relay's folder with --data.")
    if target.exists() and (not overwrite or target.samefile(store)):
        raise ConfigError(f"{target} exists; give another name, or --overwrite an older backup.")
    with _arriving(target) as draft:
        copied = _copy(store, draft, target)
        try:
            database.check(draft, thoroughly=True)
        except (StoreDamaged, sqlite3.DatabaseError):
            raise database.damaged(store, "a copy of it does not pass SQLite's integrity check") from None
    return copied


def restore(store: Path, source: Path, now_ms: int) -> Restored:
    """Puts the backup in `source` in the place of `store`; the files that were there are kept beside it.

    ConfigError when a relay serves from there or `source` is no backup; BackupFailed when it cannot be copied.
    """
    with database.alone(store, f"Another program has {store} for itself; stop it first, then restore."):
        copied = lay_out(store, source)
        return Restored(copied, _put_in_place(store, now_ms))


def laid_out(store: Path) -> Path:
    """Where a backup waits for the relay that serves `store` to take it."""
    return store.with_name(f"{store.name}.restoring")


def lay_out(store: Path, source: Path) -> Copied:
    """Lays a checked copy of `source` beside `store`, for the relay that serves it to `take`. Raises as `restore`."""
    _check_source(source)
    with _arriving(laid_out(store)) as draft:
        return _copy(source, draft, store)


def take(store: Path, now_ms: int) -> Path | None:
    """Puts what was laid out in the place of `store`, which nobody may serve; returns where the former one is now.

    ConfigError when somebody does; BackupFailed when it cannot be. Then all is as it was.
    """
    with database.alone(store, f"Another program has {store} for itself."):
        return _put_in_place(store, now_ms)


def _put_in_place(store: Path, now_ms: int) -> Path | None:
    waiting, aside = laid_out(store), _aside(store, now_ms)
    try:
        _prepare(waiting, now_ms)
        _sync(waiting)
        _set_aside(store, aside)
        waiting.replace(store)
        _sync(store.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"The backup could not take the place of {store}: {error}. Nothing was changed.") from None
    finally:
        waiting.unlink(missing_ok=True)
    return aside if aside.exists() else None


def _check_source(source: Path) -> None:
    if not source.is_file():
        raise ConfigError(f"There is no backup at {source}.")
    try:
        version = database.version_of(source)
        database.check(source, thoroughly=True)
    except (StoreDamaged, sqlite3.Error) as error:
        raise ConfigError(f"{source} is no sound backup ({error}); take another one. Nothing was changed.") from None
    if version is None:
        raise ConfigError(f"{source} is empty; take another backup. Nothing was changed.")
    if version > database.SCHEMA_VERSION:
        raise ConfigError(f"{source} was made by a newer release of Halyard; update the relay. Nothing was changed.")


@contextmanager
def _arriving(target: Path) -> Iterator[Path]:
    """A file to write; it takes `target`'s place when the block ends well, and is gone when it does not."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        yield draft
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise BackupFailed(f"{target} could not be made: {error}. Nothing was changed.") from None
    except OSError as error:
        raise BackupFailed(f"{target} could not be made: {error.strerror}. Nothing was changed.") from None
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            database.beside(draft, suffix).unlink(missing_ok=True)


def _copy(source: Path, draft: Path, final: Path) -> Copied:
    with (
        closing(sqlite3.connect(source, timeout=_PATIENCE_SECONDS, isolation_level=None)) as origin,
        closing(sqlite3.connect(draft, isolation_level=None)) as copy,
        draft.open("rb") as written,
    ):
        # One read transaction around all steps: without it, a write of the relay would make the copy begin again.
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # Nobody reads the draft before it is whole, so it needs no journal. It goes to the disk step by step: all of it
        # at the end would keep the relay's own commits waiting for a tenth of a second (bench/backup.py).
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -512"):
            copy.execute(f"PRAGMA {pragma}")
        origin.backup(copy, pages=_STEP_PAGES, progress=lambda *_: os.fsync(written.fileno()))
        origin.execute("COMMIT")
        # One file that can be carried about, without a write-ahead log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        counts = [
            copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - the names here
            for table in ("workstation", "record", "waiting_call")
        ]
    return Copied(final, draft.stat().st_size, *counts)


def _prepare(draft: Path, now_ms: int) -> None:
    """Makes an old copy fit to be served: see the module."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        # One that was used since would be good a second time.
        db.execute("DELETE FROM invite")
        # Calls that come from now on get seqs above every one that was given since the backup was made.
        db.execute("UPDATE workstation SET inbox_head = max(inbox_head, ?)", (inbox_base(now_ms),))
        db.execute("COMMIT")


def _aside(store: Path, now_ms: int) -> Path:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return store.with_name(f"{store.name}.replaced-{moment:%Y%m%dT%H%M%S}Z")


def _set_aside(store: Path, aside: Path) -> None:
    """The former files under another name, which SQLite still takes for one database."""
    # The database first: a write-ahead log without one is dropped by SQLite, should this be cut off in between.
    for suffix in ("", "-wal", "-shm"):
        if database.beside(store, suffix).exists():
            database.beside(store, suffix).rename(database.beside(aside, suffix))


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
