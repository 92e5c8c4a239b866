"""The relay's memory on disk: SQLite in WAL with synchronous FULL, one writer thread with group commit, a few readers.

Whatever comes while a commit is under way is gathered and goes into the next one, so that one sync serves many peers.
A job's `then` runs on the event loop, after its commit, in the order of commits: acknowledgements and fan-out live
there, and that is why nothing is acknowledged before it is on disk.

A failing transaction fails all of its jobs. A `Lane` ties the jobs of one link together: when one fails, those behind
it fail too, although the disk may have recovered meanwhile; otherwise a log would get a hole and be acknowledged beyond
it, and calls would overtake one another.

A store whose file is damaged, gone or replaced is broken: nothing more is taken or read, and whoever serves ends.
"""

import asyncio
import logging
import queue
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError

from relay import database
from relay.errors import StoreBroken, StoreLost, StoreUnavailable, ValueRotted
from relay.ledger import Ledger
from relay.limits import Limits
from relay.places import CutBack
from wire.errors import HalyardError

MAX_GROUP = 1_000
READERS = 2
_WAL_PATIENCE_MS = 50
"""How long the writer waits for readers when the write-ahead log has grown too large."""

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

    def __init__(
        self,
        file: Path,
        limits: Limits,
        busy_seconds: float = database.BUSY_SECONDS,
        max_group: int = MAX_GROUP,
        wal_bytes: int = database.WAL_BYTES,
    ) -> None:
        self._file = file
        self._max_group = max_group
        self._busy_ms = round(busy_seconds * 1000)
        self._wal_bytes = self._wal_ceiling = wal_bytes
        self._writer = database.connect(file, busy_seconds)
        self._ledger = Ledger(self._writer, limits)
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._settled: asyncio.Queue[list[Settle] | None] = asyncio.Queue()
        self._idle_readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._executor = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        for _ in range(READERS):
            self._idle_readers.put(database.connect(file, busy_seconds))
        # The first read makes the write-ahead log, which stays until the last connection is closed.
        self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._footing = database.footing(file)
        self.counters = Counters()
        self.broken_by: StoreBroken | None = None
        """Why nothing can be taken or read any more."""
        self.broken = asyncio.Event()
        """Set with `broken_by`, on the event loop."""

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
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self.read_now, query)
        finally:
            if self.broken_by is not None:
                self.broken.set()

    async def read_sound(self, query: Callable[[sqlite3.Connection], T], on_cut: Callable[[CutBack | None], None]) -> T:
        """The result of a query on a log. Where a value rotted, the log is cut back to before it: `on_cut` hears that
        after the commit, on the event loop, and then the query is made again. What cannot be cut out is damage.
        """
        met: set[object] = set()
        while True:
            try:
                return await self.read(query)
            except ValueRotted as rotted:
                if rotted.place in met:
                    self._break(database.damaged(self._file, str(rotted)))
                    self.broken.set()
                    raise _REFUSED from None
                met.add(rotted.place)
                await self._cut_back(rotted, on_cut)

    async def _cut_back(self, rotted: ValueRotted, on_cut: Callable[[CutBack | None], None]) -> None:
        _log.error(
            "%s has rotted (%s): look after the disk and the memory of this machine. Nobody is sent that value; its "
            "workstation sends it again, with what came after it.",
            self._file,
            rotted,
        )
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def then(cut: CutBack | None) -> None:
            # Also when whoever read is gone by now.
            on_cut(cut)
            if not future.done():
                future.set_result(None)

        def failed(error: HalyardError) -> None:
            if not future.done():
                future.set_exception(error)

        self.submit(lambda ledger: ledger.cut_back(*rotted.place), then, failed)
        await future

    def read_now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a query, at once: for the start, before anybody waits."""
        if self.broken_by is not None:
            raise _REFUSED
        connection = self._idle_readers.get()
        try:
            return query(connection)
        except (sqlite3.Error, DecodeError) as error:
            _log.warning("reading the store failed: %s", error)
            raise self._refusal(error) from None
        finally:
            self._idle_readers.put(connection)

    def look(self) -> None:
        """Notices, while nobody writes, that the file is gone."""
        if self.broken_by is None and (lost := self._lost()):
            self._break(lost)
            self.broken.set()

    @property
    def file_bytes(self) -> int:
        """Size of the database and its write-ahead log."""
        files = (self._file, database.beside(self._file, "-wal"))
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
        if self.broken_by is not None:
            return self._refuse_all(group, _REFUSED)
        began = time.perf_counter()
        try:
            self._ledger.begin()
            outcomes = [self._apply(job) for job in group]
            self._ledger.commit()
        except sqlite3.Error as error:
            return self._fail(group, error)
        # Asked after the commit: what went into a file that nobody will find again must not be acknowledged.
        if (lost := self._lost()) is not None:
            return self._end(group, lost)
        self.counters.commits += 1
        self.counters.jobs += len(group)
        self.counters.commit_seconds += time.perf_counter() - began
        self._bound_wal()
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
        try:
            self._ledger.rollback()
        except sqlite3.Error as again:
            # The next transaction cannot begin either, and comes back here.
            _log.error("the store could not take its last changes back: %s", again)
        refusal = self._refusal(error)
        return self._refuse_all(group, refusal) + ([self.broken.set] if self.broken_by else [])

    def _end(self, group: list[_Job[object]], why: StoreBroken) -> list[Settle]:
        self._break(why)
        return [*self._refuse_all(group, _REFUSED), self.broken.set]

    def _refuse_all(self, group: list[_Job[object]], refusal: HalyardError) -> list[Settle]:
        for job in group:
            if job.lane is not None:
                job.lane.broken = True
        return [_refused(job, refusal) for job in group]

    def _refusal(self, error: Exception) -> StoreUnavailable:
        """What peers are told of a failure; damage breaks the store."""
        damage = database.broken_by(self._file, error)
        if damage is not None:
            self._break(damage)
            return _REFUSED
        return database.unavailable(error)

    def _break(self, why: StoreBroken) -> None:
        if self.broken_by is None:
            self.broken_by = why
            _log.critical("%s", why)

    def _lost(self) -> StoreLost | None:
        if database.footing(self._file) == self._footing:
            return None
        return StoreLost(
            f"{self._file} was removed or replaced while the relay served. It begins anew with what is there now; "
            "workstations and apps send again what is missing."
        )

    def _bound_wal(self) -> None:
        """Cuts the write-ahead log back when readers, always some of them, kept SQLite from doing so by itself."""
        try:
            size = database.beside(self._file, "-wal").stat().st_size
            if size <= self._wal_ceiling:
                return
            self._writer.execute(f"PRAGMA busy_timeout = {_WAL_PATIENCE_MS}")
            (busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._writer.execute(f"PRAGMA busy_timeout = {self._busy_ms}")
        except (sqlite3.Error, OSError) as error:
            _log.warning("the write-ahead log could not be cut back: %s", error)
            return
        # A long reader, such as a backup, must not cost every commit this wait.
        self._wal_ceiling = size + self._wal_bytes if busy else self._wal_bytes


_REFUSED = StoreUnavailable(
    "The relay's store is broken and the relay stops. Workstations and apps keep what is theirs and send it again."
)


def _refused(job: _Job[object], refusal: HalyardError) -> Settle:
    return lambda: job.failed(refusal)


def open_store(
    file: Path,
    limits: Limits,
    busy_seconds: float = database.BUSY_SECONDS,
    max_group: int = MAX_GROUP,
    wal_bytes: int = database.WAL_BYTES,
) -> Store:
    """The store in `file`, made, checked or migrated as needed; at most `max_group` changes in a commit.

    Raises StoreDamaged, or ConfigError when the file cannot be used for another reason.
    """
    database.prepare(file)
    try:
        return Store(file, limits, busy_seconds, max_group, wal_bytes)
    except sqlite3.Error as error:
        database.refuse_to_open(file, error)
