"""The log: the newest value of every name, each at its own seq, on disk (design: wire/log.py is its model).

`put` numbers a value at once and queues it; readers (`after`, the uplink, Watch) see it once it is committed, because a
seq that was told and then lost in a crash would be given away twice. Owners see it at once, through `get`.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agentd.store import Statement, Store, put_meta
from halyard.agent.v1 import resource_pb2 as pb
from wire import names
from wire.log import Cursor, new_epoch

GRANT_KIND = 0
# Above every character that a name may hold, so that [prefix, prefix + END) is "all that begin with prefix".
_END = "\x7f"
_ENTRY = "SELECT seq, name, kind, body, time_ms FROM resources"

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


PlaceListener = Callable[[str, int, int], None]
"""Hears (name, out, into): the name's record is at seq `into` and no longer at `out`; 0 is nowhere."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is so once the store's `ticket` is committed."""

    ticket: int
    head: int
    places: list[tuple[str, int, int]]


class SessionLog:
    """The log of this workstation."""

    def __init__(self, store: Store, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._pending: dict[str, tuple[int, Entry | None]] = {}
        self._deltas: list[Callable[[pb.Delta], None]] = []
        self._wakers: list[asyncio.Event] = []
        self._replaced: list[tuple[int, Entry]] = []
        """What a write that is under way replaces, with its ticket: until then readers see it."""
        self._marks: list[_Mark] = []
        self._on_place: PlaceListener = lambda _name, _out, _into: None
        row = store.row("SELECT max(seq) FROM resources")
        self._head = self._committed = int(row[0] or 0) if row else 0
        self._epoch = store.meta("log_epoch") or self._begin_epoch(None)
        store.on_commit(self._on_commit)
        self._bury()

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
        self._append(value.name, _KINDS[value.WhichOneof("value") or "deleted"], body, known)
        return True

    def put_grant(self, name: str, sealed: bytes) -> None:
        """The key ring sealed for one device; empty bytes take it back."""
        self._append(name, GRANT_KIND, sealed, self.entry(name))

    def delete(self, name: str) -> None:
        """The name and everything below it is gone; a name that is unknown leaves no trace."""
        if names.parse(name).kind is names.Kind.SESSION:
            self._delete_session(name)
            return
        for gone in [name, *self.names(name + "/")]:
            if self.get(gone) is not None:
                self.put(_tombstone(gone))

    def _delete_session(self, name: str) -> None:
        """Readers let go of a session's content with the session, tombstones too: there one serves for all."""
        known, below = self.entry(name), self._below(name)
        if any(not entry.is_deleted for entry in (known, *below) if entry is not None):
            self._append(name, DELETED, _tombstone(name).SerializeToString(deterministic=True), known, below)

    def entry(self, name: str) -> Entry | None:
        """The newest entry of a name, tombstones included, committed or not."""
        if name in self._pending:
            return self._pending[name][1]
        row = self._store.row(f"{_ENTRY} WHERE name = ?", name)
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
        rows = self._store.rows(f"{_ENTRY} WHERE kind = ?", kind)
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
            f"{_ENTRY} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            seq,
            self._committed,
            limit,
        )
        found = {row[0]: Entry(*row) for row in rows}
        # The disk may be ahead of what was told of it, and what it no longer has is still what readers go by.
        found |= {entry.seq: entry for entry in self._still_told() if entry.seq > seq}
        return sorted(found.values(), key=lambda entry: entry.seq)[:limit]

    def tell_places(self, listener: PlaceListener) -> None:
        """Tells `listener`, and nobody else from now on, where every record is that all readers hold, and then of every
        change as it becomes part of what `head` says. Grants are for one reader each, and are not told.
        """
        self._on_place = listener
        rows = self._store.rows(
            "SELECT name, seq FROM resources WHERE kind > ? AND seq <= ?", GRANT_KIND, self._committed
        )
        dropped = {name for name, (_, entry) in self._pending.items() if entry is None}
        places = {name: seq for name, seq in rows if name not in dropped}
        places |= {entry.name: entry.seq for entry in self._still_told() if not entry.is_grant}
        for name, seq in places.items():
            listener(name, 0, seq)

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

    def _still_told(self) -> Iterator[Entry]:
        return (entry for _, entry in self._replaced if entry.seq <= self._committed)

    def _below(self, name: str) -> list[Entry]:
        """The newest entries of all names below this one, tombstones included."""
        inside = (name + "/", name + "/" + _END)
        found = {row[1]: Entry(*row) for row in self._store.rows(f"{_ENTRY} WHERE name >= ? AND name < ?", *inside)}
        for known, (_, entry) in self._pending.items():
            if known.startswith(inside[0]):
                found.pop(known, None)
                if entry is not None:
                    found[known] = entry
        return list(found.values())

    def _bury(self) -> None:
        """Lets go of what lies in deleted sessions, as `delete` does: release 0.1 kept tombstones there."""
        deleted = self._store.rows("SELECT seq, name FROM resources WHERE kind = ?", DELETED)
        for seq, name in deleted:
            if names.parse(name).kind is names.Kind.SESSION:
                self._drop([entry for entry in self._below(name) if entry.seq < seq])

    def _drop(self, entries: list[Entry]) -> None:
        if entries:
            ticket = self._store.write(*(_drop(entry) for entry in entries))
            self._pending |= {entry.name: (ticket, None) for entry in entries}

    def _append(self, name: str, kind: int, body: bytes, known: Entry | None, below: Iterable[Entry] = ()) -> None:
        """`known`: what is replaced. `below`: what goes with it, in the same commit."""
        self._head += 1
        entry, below = Entry(self._head, name, kind, body, self._clock_ms()), list(below)
        # REPLACE drops the older row of the name, so that only the newest value is kept.
        insert = "INSERT OR REPLACE INTO resources(seq, name, kind, body, time_ms) VALUES(?, ?, ?, ?, ?)"
        ticket = self._store.write((insert, (entry.seq, name, kind, body, entry.time_ms)), *map(_drop, below))
        self._pending[name] = (ticket, entry)
        self._pending |= {gone.name: (ticket, None) for gone in below}
        self._replaced += [(ticket, former) for former in (known, *below) if former is not None]
        places = [] if entry.is_grant else [(name, known.seq if known else 0, entry.seq)]
        places += [(gone.name, gone.seq, 0) for gone in below]
        self._marks.append(_Mark(ticket, self._head, places))

    def _on_commit(self) -> None:
        committed = self._store.committed
        self._pending = {name: held for name, held in self._pending.items() if held[0] > committed}
        reached = [mark for mark in self._marks if mark.ticket <= committed]
        if not reached:
            return
        self._marks = [mark for mark in self._marks if mark.ticket > committed]
        self._replaced = [held for held in self._replaced if held[0] > committed]
        self._committed = reached[-1].head
        for place in (place for mark in reached for place in mark.places):
            self._on_place(*place)
        for event in self._wakers:
            event.set()


def _drop(entry: Entry) -> Statement:
    return ("DELETE FROM resources WHERE name = ?", (entry.name,))


def _tombstone(name: str) -> pb.Resource:
    return pb.Resource(name=name, deleted=pb.Deleted())
