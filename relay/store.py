"""The relay's memory on disk: SQLite in WAL with synchronous FULL, one writer thread with group commit, a few readers.

Whatever comes while a commit is under way is gathered and goes into the next one, so that one sync serves many peers.
A job's `then` runs on the event loop, after its commit, in the order of commits: acknowledgements and fan-out live
there, and that is why nothing is acknowledged before it is on disk.

A failing transaction fails all of its jobs. A `Lane` ties the jobs of one link together: when one fails, those behind
it fail too, although the disk may have recovered meanwhile; otherwise a log would get a hole and be acknowledged beyond
it.
"""

import asyncio
import logging
import queue
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Generic, TypeVar

from relay.errors import ConfigError, StoreUnavailable
from relay.ledger import Ledger, unavailable
from relay.limits import Limits
from wire.errors import HalyardError

SCHEMA_VERSION = "0001"
"""Newest revision in relay/migrations; schema.sql makes a store of it."""
MAX_GROUP = 1_000
READERS = 2

_log = logging.getLogger(__name__)

T = TypeVar("T")
Apply = Callable[[Ledger], T]


class Lane:
    """The jobs of one link, which stand or fall in order."""

    __slots__ = ("broken",)

    def __init__(self) -> None:
        self.broken = False


@dataclass(slots=True)
class _Job(Generic[T]):
    apply: Apply[T]
    then: Callable[[T], None]
    failed: Callable[[HalyardError], None]
    lane: Lane | None


@dataclass(slots=True)
class Counters:
    """What the store did since it was opened."""

    commits: int = 0
    jobs: int = 0
    failures: int = 0
    commit_seconds: float = 0.0


Settle = Callable[[], None]


class Store:
    """Open with `open_store`, run `run` in a TaskGroup, end it with `close`."""

    def __init__(self, file: Path, limits: Limits, busy_seconds: float = 5.0, max_group: int = MAX_GROUP) -> None:
        self._file = file
        self._max_group = max_group
        self._busy_seconds = busy_seconds
        self._writer = _connect(file, busy_seconds)
        self._ledger = Ledger(self._writer, limits)
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._settled: asyncio.Queue[list[Settle] | None] = asyncio.Queue()
        self._idle_readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._executor = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        for _ in range(READERS):
            self._idle_readers.put(_connect(file, busy_seconds))
        self.counters = Counters()

    def submit(
        self,
        apply: Apply[T],
        then: Callable[[T], None],
        failed: Callable[[HalyardError], None],
        lane: Lane | None = None,
    ) -> None:
        """Queues a change. After its commit `then` gets its result, or `failed` the refusal, on the event loop."""
        self._jobs.put(_Job(apply, then, failed, lane))  # type: ignore[arg-type] # T is bound inside the job

    async def do(self, apply: Apply[T]) -> T:
        """The result of a change, committed. Raises its refusal, StoreUnavailable among them."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def then(result: T) -> None:
            if not future.done():
                future.set_result(result)

        def failed(error: HalyardError) -> None:
            if not future.done():
                future.set_exception(error)

        self.submit(apply, then, failed)
        return await future

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a query, off the event loop. StoreUnavailable when the file cannot be read."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, query)

    def read_now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a query, at once: for the start, before anybody waits."""
        return self._read(query)

    @property
    def file_bytes(self) -> int:
        """Size of the database and its write-ahead log."""
        files = (self._file, self._file.with_name(self._file.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def run(self) -> None:
        """Commits and settles until `close`; then everything that was submitted before is settled."""
        loop = asyncio.get_running_loop()

        def settle(group: list[Settle] | None) -> None:
            loop.call_soon_threadsafe(self._settled.put_nowait, group)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(self._write_until_closed, settle))
            try:
                while (group := await self._settled.get()) is not None:
                    for settled in group:
                        settled()
            finally:
                self.close()
        self._executor.shutdown()
        while not self._idle_readers.empty():
            self._idle_readers.get().close()
        self._writer.close()

    def close(self) -> None:
        """Ends `run` after what is queued."""
        self._jobs.put(None)

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle_readers.get()
        try:
            return query(connection)
        except sqlite3.Error as error:
            _log.warning("reading the store failed: %s", error)
            raise unavailable(error) from None
        finally:
            self._idle_readers.put(connection)

    def _write_until_closed(self, settle: Callable[[list[Settle] | None], None]) -> None:
        closing = False
        while not closing:
            group: list[_Job[object]] = []
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) >= self._max_group or self._jobs.empty():
                    break
                job = self._jobs.get()
            closing = job is None
            if group:
                settle(self._commit(group))
        settle(None)

    def _commit(self, group: list[_Job[object]]) -> list[Settle]:
        began = time.perf_counter()
        try:
            self._ledger.begin()
            outcomes = [self._apply(job) for job in group]
            self._ledger.commit()
        except sqlite3.Error as error:
            return self._fail(group, error)
        self.counters.commits += 1
        self.counters.jobs += len(group)
        self.counters.commit_seconds += time.perf_counter() - began
        return outcomes

    def _apply(self, job: _Job[object]) -> Settle:
        if job.lane is not None and job.lane.broken:
            refusal: HalyardError = StoreUnavailable("The relay's store failed just before; reconnect and begin again.")
            return lambda: job.failed(refusal)
        try:
            result = job.apply(self._ledger)
        except HalyardError as error:
            # A refusal is raised before anything was changed, so the rest of the group is not concerned.
            refusal = error
            return lambda: job.failed(refusal)
        return lambda: job.then(result)

    def _fail(self, group: list[_Job[object]], error: sqlite3.Error) -> list[Settle]:
        _log.error("the store failed, %d changes refused: %s", len(group), error)
        self.counters.failures += 1
        self._ledger.rollback()
        for job in group:
            if job.lane is not None:
                job.lane.broken = True
        refusal = unavailable(error)
        return [_refused(job, refusal) for job in group]


def _refused(job: _Job[object], refusal: HalyardError) -> Settle:
    return lambda: job.failed(refusal)


def open_store(file: Path, limits: Limits, busy_seconds: float = 5.0, max_group: int = MAX_GROUP) -> Store:
    """The store in `file`, made or migrated to the newest schema as needed; at most `max_group` changes in a commit."""
    try:
        version = _version(file)
        if version is None:
            _create(file)
        elif version != SCHEMA_VERSION:
            _migrate(file)
        return Store(file, limits, busy_seconds, max_group)
    except sqlite3.Error as error:
        raise ConfigError(
            f"{file} cannot be used as the relay's store: {error}. Move it away or give --database."
        ) from None


def _connect(file: Path, busy_seconds: float) -> sqlite3.Connection:
    # isolation_level None: transactions begin where this code says so, not where the module guesses.
    db = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -2048"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _version(file: Path) -> str | None:
    if not file.exists() or file.stat().st_size == 0:
        return None
    db = sqlite3.connect(file)
    try:
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    finally:
        db.close()
    # Alembic leaves the table empty before the first revision.
    return "" if row is None else str(row[0])


def _create(file: Path) -> None:
    script = resources.files("relay").joinpath("schema.sql").read_text(encoding="utf-8")
    db = sqlite3.connect(file)
    try:
        # One transaction: a crash leaves an empty file, which is made anew, and never half a schema.
        db.executescript(f"BEGIN; {script} COMMIT;")
    finally:
        db.close()
    file.chmod(0o600)


def _migrate(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "relay.migrate", str(file)], check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise ConfigError(
            f"{file} could not be brought to this release's schema; restore a backup. {done.stderr[-500:]}"
        )
