"""The log: the newest value of every name, each at its own seq, on disk (design: wire/log.py is its model).

`put` numbers a value at once and queues it; readers (`after`, the uplink, Watch) see it once it is committed, because a
seq that was told and then lost in a crash would be given away twice. Owners see it at once, through `get`.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agentd.store import Statement, Store, put_meta
from halyard.agent.v1 import resource_pb2 as pb
from wire import names
from wire.log import Cursor, new_epoch

GRANT_KIND = 0
# Above every character that a name may hold, so that [prefix, prefix + END) is "all that begin with prefix".
_END = "\x7f"

_KINDS = {field.name: field.number for field in pb.Resource.DESCRIPTOR.oneofs_by_name["value"].fields}
DELETED = _KINDS["deleted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record in clear."""

    seq: int
    name: str
    kind: int
    body: bytes
    time_ms: int

    @property
    def is_grant(self) -> bool:
        """Whether the body is a sealed key ring instead of a Resource."""
        return self.kind == GRANT_KIND

    @property
    def is_deleted(self) -> bool:
        """Whether it says that the name is no more."""
        return self.kind == DELETED

    def value(self) -> bytes:
        """The serialized Resource. Protobuf merges concatenated messages: the body is not encoded a second time."""
        time = pb.Resource()
        time.update_time.FromMilliseconds(self.time_ms)
        return self.body + time.SerializeToString()

    def resource(self) -> pb.Resource:
        """The Resource, parsed."""
        return pb.Resource.FromString(self.value())


class SessionLog:
    """The log of this workstation."""

    def __init__(self, store: Store, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._pending: dict[str, tuple[int, Entry | None]] = {}
        self._deltas: list[Callable[[pb.Delta], None]] = []
        self._wakers: list[asyncio.Event] = []
        self._marks: list[tuple[int, int]] = []
        row = store.row("SELECT max(seq) FROM resources")
        self._head = self._committed = int(row[0] or 0) if row else 0
        self._epoch = store.meta("log_epoch") or self._begin_epoch(None)
        store.on_commit(self._on_commit)

    @property
    def epoch(self) -> bytes:
        """16 bytes, drawn with the store (`wire.log.new_epoch`)."""
        return self._epoch

    @property
    def head(self) -> Cursor:
        """Where the committed log ends."""
        return Cursor(self._epoch, self._committed)

    @property
    def written(self) -> int:
        """The newest seq that was given away, committed or not."""
        return self._head

    def renew_epoch(self) -> None:
        """Begins another log with the same values: this store turned out to be an old copy of itself."""
        self._begin_epoch(self._epoch)

    # --- owners ---

    def put(self, value: pb.Resource) -> bool:
        """The name has this value now; False when it had it already. `update_time` is set here."""
        value.ClearField("update_time")
        body = value.SerializeToString(deterministic=True)
        known = self.entry(value.name)
        if known is not None and known.body == body:
            return False
        self._append(value.name, _KINDS[value.WhichOneof("value") or "deleted"], body)
        return True

    def put_grant(self, name: str, sealed: bytes) -> None:
        """The key ring sealed for one device; empty bytes take it back."""
        self._append(name, GRANT_KIND, sealed)

    def delete(self, name: str) -> None:
        """The name and everything below it is gone; a name that is unknown leaves no trace."""
        below = self.names(name + "/")
        if self.get(name) is not None:
            self.put(_tombstone(name))
        # Readers let go of a session's content with the session: there one tombstone serves for all.
        is_session = names.parse(name).kind is names.Kind.SESSION
        for child in below:
            if is_session:
                self._forget(child)
            else:
                self.put(_tombstone(child))

    def entry(self, name: str) -> Entry | None:
        """The newest entry of a name, tombstones included, committed or not."""
        if name in self._pending:
            return self._pending[name][1]
        row = self._store.row("SELECT seq, name, kind, body, time_ms FROM resources WHERE name = ?", name)
        return Entry(*row) if row else None

    def get(self, name: str) -> pb.Resource | None:
        """The newest value of a name; None when it is unknown or deleted."""
        entry = self.entry(name)
        return None if entry is None or entry.is_deleted or entry.is_grant else entry.resource()

    def names(self, prefix: str) -> list[str]:
        """Live names that begin with `prefix`, in order."""
        rows = self._store.rows(
            "SELECT name FROM resources WHERE name >= ? AND name < ? AND kind > ?", prefix, prefix + _END, DELETED
        )
        found = {name for (name,) in rows}
        for name, (_, entry) in self._pending.items():
            if name.startswith(prefix):
                (found.discard if entry is None or entry.kind <= DELETED else found.add)(name)
        return sorted(found)

    def of_kind(self, field: str) -> list[pb.Resource]:
        """All live values of one kind, named by its field in Resource ("session"), in seq order."""
        kind = _KINDS[field]
        rows = self._store.rows("SELECT seq, name, kind, body, time_ms FROM resources WHERE kind = ?", kind)
        found = {row[1]: Entry(*row) for row in rows if row[1] not in self._pending}
        found |= {name: entry for name, (_, entry) in self._pending.items() if entry and entry.kind == kind}
        return [entry.resource() for entry in sorted(found.values(), key=lambda entry: entry.seq)]

    async def flush(self) -> None:
        """Returns once everything that was put is on disk."""
        await self._store.flush()

    async def flush_patiently(self) -> None:
        """Like `flush`, but waits until the disk takes it."""
        await self._store.flush_patiently()

    # --- readers ---

    def after(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` committed entries above `seq`, in seq order."""
        rows = self._store.rows(
            "SELECT seq, name, kind, body, time_ms FROM resources WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            seq,
            self._committed,
            limit,
        )
        return [Entry(*row) for row in rows]

    @contextmanager
    def changes(self) -> Iterator[asyncio.Event]:
        """An event that is set after every commit; clear it before reading."""
        event = asyncio.Event()
        self._wakers.append(event)
        try:
            yield event
        finally:
            self._wakers.remove(event)

    @contextmanager
    def hints(self, listener: Callable[[pb.Delta], None]) -> Iterator[None]:
        """Calls `listener` for every hint meanwhile."""
        self._deltas.append(listener)
        try:
            yield
        finally:
            self._deltas.remove(listener)

    def hint(self, delta: pb.Delta) -> None:
        """Tells a hint to whoever listens; it is stored nowhere."""
        for listener in self._deltas:
            listener(delta)

    # --- inside ---

    def _begin_epoch(self, after: bytes | None) -> bytes:
        self._epoch = new_epoch(self._clock_ms(), secrets.token_bytes(10), after)
        self._store.write(put_meta("log_epoch", self._epoch))
        return self._epoch

    def _append(self, name: str, kind: int, body: bytes) -> None:
        self._head += 1
        entry = Entry(self._head, name, kind, body, self._clock_ms())
        # REPLACE drops the older row of the name, so that only the newest value is kept.
        insert = "INSERT OR REPLACE INTO resources(seq, name, kind, body, time_ms) VALUES(?, ?, ?, ?, ?)"
        self._queue(name, entry, (insert, (entry.seq, name, kind, body, entry.time_ms)))

    def _forget(self, name: str) -> None:
        self._queue(name, None, ("DELETE FROM resources WHERE name = ?", (name,)))

    def _queue(self, name: str, entry: Entry | None, statement: Statement) -> None:
        ticket = self._store.write(statement)
        self._pending[name] = (ticket, entry)
        self._marks.append((ticket, self._head))

    def _on_commit(self) -> None:
        committed = self._store.committed
        self._pending = {name: held for name, held in self._pending.items() if held[0] > committed}
        reached = [seq for ticket, seq in self._marks if ticket <= committed]
        if not reached:
            return
        self._marks = [mark for mark in self._marks if mark[0] > committed]
        self._committed = reached[-1]
        for event in self._wakers:
            event.set()


def _tombstone(name: str) -> pb.Resource:
    return pb.Resource(name=name, deleted=pb.Deleted())
