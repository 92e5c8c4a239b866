"""The workstation's memory on disk: one SQLite file, one writer thread, group commit.

The event loop never waits for a disk: it queues writes, which one thread commits together, in order, as many as came
while the last commit was on its way to the platter. Whoever must know that something is safe awaits `flush`. Reads go
through a connection of their own and see what is committed; owners of a table keep what is not committed yet.

A failing disk loses nothing: the writer keeps what it could not write and tries again; who waits for it hears at once.
A file that is damaged, or will never take what is written, or was removed or replaced under it, ends it: nothing more
is written or acknowledged, and `watch` says why.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentd import storage
from agentd.errors import AgentdError, StorageError, StoreDamagedError, StoreUnavailableError
from agentd.storage import is_damage, unusable

RETRY_SECONDS = 1.0
TELL_AGAIN_SECONDS = 60.0
"""How often a disk that goes on refusing is mentioned in agentd's own log."""
BUSY_MS = 5_000
WAL_BYTES = 4 * 1024 * 1024
"""A write-ahead log that grew larger is cut back to this when it is begun anew."""
SPARE_PAGES = 512
PAGES_AT_ONCE = 256
"""Of 4 KiB: so much stays free for what comes next, and so much is given back after one commit."""

Statement = tuple[str, Sequence[object]]
"""SQL and its parameters. Statements of one `write` are committed together or not at all."""

_Waiter = tuple[int, "asyncio.Future[None]"]

_log = logging.getLogger(__name__)

_VERSIONS = (
    """
    CREATE TABLE resources(
        seq INTEGER PRIMARY KEY,       -- place in the log
        name TEXT NOT NULL UNIQUE,     -- the key in clear
        kind INTEGER NOT NULL,         -- field number of Resource.value; 0 for grants
        body BLOB NOT NULL,            -- Resource without update_time; a sealed key ring for grants
        time_ms INTEGER NOT NULL       -- Resource.update_time
    );
    CREATE INDEX resources_by_kind ON resources(kind, seq);
    CREATE TABLE calls(
        arrival INTEGER PRIMARY KEY,
        device TEXT NOT NULL,
        call_id BLOB NOT NULL,
        expires_ms INTEGER NOT NULL,
        request BLOB NOT NULL,
        step TEXT NOT NULL,
        plan BLOB NOT NULL,            -- ids drawn before the effect began
        answer BLOB NOT NULL,
        answered_ms INTEGER NOT NULL,
        UNIQUE(device, call_id)
    );
    CREATE TABLE prompts(
        message TEXT PRIMARY KEY,      -- "sessions/{s}/messages/{m}"
        call_id BLOB NOT NULL,
        device TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE devices(
        device_id TEXT PRIMARY KEY,
        sign_key BLOB NOT NULL,
        agree_key BLOB NOT NULL,
        resource BLOB NOT NULL         -- halyard.agent.v1.Device
    ) WITHOUT ROWID;
    CREATE TABLE epoch_keys(
        number INTEGER PRIMARY KEY,
        secret BLOB NOT NULL,
        first_seq INTEGER NOT NULL,    -- the first seq that it seals
        born_ms INTEGER NOT NULL,
        seals INTEGER NOT NULL
    );
    CREATE TABLE adapter_memory(
        agent TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY(agent, key)
    ) WITHOUT ROWID;
    CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """,
)
"""What each schema version adds to the one before; `user_version` counts them."""


class Store:
    """The file. Open it inside the running loop, with `with`."""

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        """`busy_ms`: how long to wait while another process has the file locked."""
        self._path = path
        self._busy_ms = busy_ms
        self._loop = asyncio.get_running_loop()
        self._ready = threading.Condition()
        self._queue: list[Sequence[Statement]] = []
        self._queued = 0
        self._committed = 0
        self._closing = False
        self._waiters: list[_Waiter] = []
        self._patient: list[_Waiter] = []
        self._listeners: list[Callable[[], None]] = []
        self._trouble = ""
        self._told_at = 0.0
        self._ended_by: asyncio.Future[AgentdError] = self._loop.create_future()
        self._writer = threading.Thread(target=self._write_until_closed, name="store-writer")

    def __enter__(self) -> Self:
        """StoreDamagedError or StorageError when the file cannot be used, with what to do."""
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            raise unusable(self._path, error) from error
        self._writer.start()
        return self

    def _open(self) -> None:
        _bring_up_to_date(self._path, self._busy_ms)
        with ExitStack() as unless_opened:
            self._reader = _connect(self._path, self._busy_ms)
            unless_opened.callback(self._reader.close)
            # Made here and not in the writer's thread, where nobody would hear that it failed.
            self._written = _connect(self._path, self._busy_ms)
            unless_opened.callback(self._written.close)
            # The first read makes the write-ahead log, which stays until the last connection is closed.
            self._reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            self._footing = storage.footing(self._path)
            unless_opened.pop_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commits what is queued, then closes. What a failing disk did not take is lost here and only here."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._writer.join()
        self._reader.close()

    @property
    def committed(self) -> int:
        """The newest ticket that is on disk."""
        return self._committed

    @property
    def trouble(self) -> str:
        """For a person: why nothing can be written just now, and what to do; empty while it can."""
        return self._trouble

    async def watch(self) -> None:
        """Returns never; StoreDamagedError or StorageError once the file cannot be used any more."""
        raise await asyncio.shield(self._ended_by)

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Calls `listener` on the loop after every group commit."""
        self._listeners.append(listener)

    def write(self, *statements: Statement) -> int:
        """Queues one transaction and returns its ticket; later tickets are committed later."""
        with self._ready:
            self._queue.append(statements)
            self._queued += 1
            self._ready.notify()
            return self._queued

    async def flush(self, ticket: int | None = None) -> None:
        """Returns once everything up to `ticket` (default: all that is queued) is on disk.

        StoreUnavailableError when the disk refuses; the write is kept and tried again all the same.
        """
        goal = self._queued if ticket is None else ticket
        if self._committed >= goal:
            return
        if self._ended_by.done():
            raise StoreUnavailableError(self._trouble)
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((goal, done))
        await done

    async def flush_patiently(self) -> None:
        """Like `flush`, but waits until the disk takes it, without a deadline; for what cannot be refused any more.

        What waits here must not leave this machine, or be done, before it is safe; and what would be said instead
        could not be remembered either. So it waits, as the phone shows ("at the relay"), and `trouble` tells why.
        Those who wait go on in the order in which they came.
        """
        ticket = self._queued
        if self._committed < ticket:
            done: asyncio.Future[None] = self._loop.create_future()
            self._patient.append((ticket, done))
            await done

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What is committed, read at once; StoreUnavailableError when the file cannot be read."""
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._notice_end(unusable(self._path, error))
            raise StoreUnavailableError(storage.held_up(self._path, error)) from error

    def row(self, sql: str, *parameters: object) -> tuple[Any, ...] | None:
        """The first of `rows`."""
        found = self.rows(sql, *parameters)
        return found[0] if found else None

    def meta(self, key: str) -> bytes | None:
        """A value of the `meta` table."""
        found = self.row("SELECT value FROM meta WHERE key = ?", key)
        return bytes(found[0]) if found else None

    # --- the writer thread ---

    def _write_until_closed(self) -> None:
        with closing(self._written) as writer:
            while group := self._next_group():
                try:
                    self._commit(writer, group)
                except sqlite3.DatabaseError as error:
                    # Neither full nor locked nor failing: a damaged file, or something that it will never take.
                    self._end(unusable(self._path, error))
                    return
                except StorageError as error:
                    self._end(error)
                    return

    def _next_group(self) -> list[Sequence[Statement]]:
        with self._ready:
            self._ready.wait_for(lambda: self._queue or self._closing)
            group, self._queue = self._queue, []
            return group

    def _commit(self, writer: sqlite3.Connection, group: list[Sequence[Statement]]) -> None:
        refusal: sqlite3.OperationalError | None = None
        try:
            _execute(writer, (statement for statements in group for statement in statements))
        except sqlite3.OperationalError as error:
            refusal = error
        # After the commit, and before anybody is told of it.
        self._check_footing(writer)
        if refusal is not None:
            self._put_back(group, refusal)
            return
        self._committed += len(group)
        self._tell(self._notice_commit, self._committed)
        _give_back(writer)

    def _check_footing(self, writer: sqlite3.Connection) -> None:
        """StorageError when what is at the path is not what was opened: nobody would find what was written."""
        if storage.footing(self._path) == self._footing:
            return
        # Whole for whoever puts it back; and the write-ahead log is empty for whatever lies there instead, into which
        # the next start would else play it.
        with suppress(sqlite3.Error):
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raise storage.gone(self._path)

    def _end(self, error: AgentdError) -> None:
        _log.critical("The store cannot be written any more: %s", error)
        self._tell(self._notice_end, error)

    def _put_back(self, group: list[Sequence[Statement]], cause: sqlite3.Error) -> None:
        if time.monotonic() - self._told_at >= TELL_AGAIN_SECONDS:
            self._told_at = time.monotonic()
            _log.error("The store did not take %d writes (%s); it is tried until it does.", len(group), cause)
        self._tell(self._notice_failure, cause)
        with self._ready:
            if self._closing:
                self._queue = []
                return
            self._queue = group + self._queue
            self._ready.wait_for(lambda: self._closing, RETRY_SECONDS)

    def _tell(self, callback: Callable[..., None], argument: object) -> None:
        # The loop may be gone when the last group is committed during shutdown.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, argument)

    # --- back on the loop ---

    def _notice_commit(self, committed: int) -> None:
        if self._trouble:
            _log.warning("The store takes writes again.")
            self._trouble, self._told_at = "", 0.0
        self._waiters = _still_waiting(self._waiters, committed)
        self._patient = _still_waiting(self._patient, committed)
        for listener in self._listeners:
            listener()

    def _notice_end(self, error: AgentdError) -> None:
        self._refuse(str(error))
        if not self._ended_by.done():
            self._ended_by.set_result(error)

    def _notice_failure(self, cause: sqlite3.Error) -> None:
        self._refuse(storage.held_up(self._path, cause))

    def _refuse(self, why: str) -> None:
        self._trouble = why
        waiting, self._waiters = self._waiters, []
        for _, done in waiting:
            if not done.done():
                done.set_exception(StoreUnavailableError(why))


def _still_waiting(waiters: list[_Waiter], committed: int) -> list[_Waiter]:
    """Lets those go on whose ticket is committed; returns the others."""
    for ticket, done in waiters:
        if ticket <= committed and not done.done():
            done.set_result(None)
    return [waiter for waiter in waiters if waiter[0] > committed]


def put_meta(key: str, value: bytes) -> Statement:
    """The statement that remembers one value."""
    return "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", (key, value)


def _connect(path: Path, busy_ms: int) -> sqlite3.Connection:
    # Each is used by one thread, the writer's not by the one that makes it; isolation_level None leaves transactions
    # to us.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
        # Only counts before anything is written: a file of release 0.1.0 stays as large as it once was.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _execute(writer: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    writer.execute("BEGIN IMMEDIATE")
    try:
        for sql, parameters in statements:
            writer.execute(sql, parameters)
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        raise


def _give_back(writer: sqlite3.Connection) -> None:
    """Lets the file shrink, a little after each commit, when much of it is empty: a long session was deleted."""
    if writer.execute("PRAGMA freelist_count").fetchone()[0] > SPARE_PAGES:
        # What was to be written is written: a disk that refuses this is asked again. Not execute, which would take the
        # first step only.
        with suppress(sqlite3.OperationalError):
            writer.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")


def _bring_up_to_date(path: Path, busy_ms: int) -> None:
    with closing(_connect(path, busy_ms)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(_VERSIONS):
            raise StoreDamagedError(f"{path} was written by a newer release of Halyard; update agentd.")
        if version < len(_VERSIONS):
            # All steps or none: what fails half way is still a file of the release that wrote it.
            steps = "".join(_VERSIONS[version:])
            connection.executescript(f"BEGIN; {steps} PRAGMA user_version = {len(_VERSIONS)}; COMMIT;")
    path.chmod(0o600)
