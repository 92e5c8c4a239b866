"""The log: writer, reader, and what a reader may believe about its freshness. docs/link-protocol.md tells the frames.

A log is a sequence of records (seq, key, value); seq counts 1, 2, 3 … without reuse, and only the newest record of a
key is kept. Everything rests on four rules:

1. Reading is one question, "everything with seq > N, in order", whether a reader was away for a second or a month.
   Replication to the relay is the same question asked by the relay.
2. A reader refuses a record at or below what it has for that key. So repeats and stragglers change nothing, and the
   newest wins however the parts arrive.
3. A cursor may only rise over what was really received: `through` of a batch covers everything since the batch before.
4. Another log epoch is another log: the replica is thrown away. Epochs ascend with time, and a reader goes up only: a
   relay that was rolled back may still offer a log from before.

`Log` is the workstation's side. `Replica` is the reader's side; the relay's store is one too, of sealed values. Both
are generic in the value, so that a shell may keep values on disk and only row ids here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import Generic, TypeVar

from wire.calls import uuid7, uuid7_time_ms
from wire.errors import LogGap, LogRolledBack, Malformed

EPOCH_BYTES = 16
WITHHELD_AFTER_MS = 60_000
"""Two head intervals: a relay that still lacks what the workstation vouched for so long ago is holding it back."""

V = TypeVar("V")


def new_epoch(now_ms: int, random: bytes, after: bytes | None = None) -> bytes:
    """The epoch of a log that begins at `now_ms` (Unix ms): a UUIDv7, so that a later log has a higher one.

    `random`: 10 bytes. `after`: the epoch before, if it is known; the new one is higher even if a clock was set back.
    """
    return uuid7(now_ms if after is None else max(now_ms, uuid7_time_ms(after) + 1), random)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a log: everything of `epoch` (16 bytes) up to and including `seq` is known; 0 = nothing."""

    epoch: bytes
    seq: int = 0

    def __post_init__(self) -> None:
        if len(self.epoch) != EPOCH_BYTES or self.seq < 0:
            raise Malformed(f"A cursor is {EPOCH_BYTES} bytes of log epoch and a seq from 0; start again at 0.")


@dataclass(frozen=True, slots=True)
class Record(Generic[V]):
    """The newest value of one key, at its place in the log."""

    seq: int
    key: bytes
    value: V


class Log(Generic[V]):
    """The writer's side: numbers records and keeps the newest of each key, tombstones included, for ever.

    A writer that let go of a tombstone could not tell a reader who was away of the deletion. The shell commits a
    record before it publishes it; otherwise a crash would give its seq away twice.
    """

    def __init__(self, epoch: bytes, records: Iterable[Record[V]] = (), head: int = 0) -> None:
        """Restores a log from its newest records (any order) and the highest seq it ever gave away."""
        self.epoch = epoch
        # A dict keeps insertion order, and put() moves a key to the end: iteration is always in seq order.
        self._newest = {record.key: record for record in sorted(records, key=lambda record: record.seq)}
        self._head = max([head, *(record.seq for record in self._newest.values())])

    @property
    def head(self) -> Cursor:
        """Where the log ends."""
        return Cursor(self.epoch, self._head)

    def __len__(self) -> int:
        """How many keys have a value."""
        return len(self._newest)

    def get(self, key: bytes) -> Record[V] | None:
        """The newest record of `key`."""
        return self._newest.get(key)

    def put(self, key: bytes, value: V) -> Record[V]:
        """The new newest record of `key`. A deletion is a put of a value that says so (a tombstone)."""
        self._newest.pop(key, None)
        self._head += 1
        record = Record(self._head, key, value)
        self._newest[key] = record
        return record

    def after(self, seq: int, limit: int | None = None) -> list[Record[V]]:
        """Everything above `seq`, in order; at most `limit` records, the lowest first."""
        newest_first = takewhile(lambda record: record.seq > seq, reversed(self._newest.values()))
        return list(newest_first)[::-1][:limit]

    def owed(self, stored: Cursor | None, limit: int | None = None) -> list[Record[V]]:
        """What must go to a peer that has stored through `stored` (None: nothing), in order.

        A peer with another epoch is owed everything. LogRolledBack when the peer has more of this epoch than was ever
        written: this store is an old copy, would give its numbers away twice, and must begin a new epoch.
        """
        if stored is None or stored.epoch != self.epoch:
            return self.after(0, limit)
        if stored.seq > self._head:
            raise LogRolledBack(
                f"The relay has this log through {stored.seq}, this store ends at {self._head}: "
                "it was restored from an old copy. Begin a new log epoch."
            )
        return self.after(stored.seq, limit)


class Replica(Generic[V]):
    """The reader's side: the newest value of each key, and how far it reaches.

    The shell writes the records that `apply` returns and the new `cursor` in one transaction, so that a crash loses
    both or neither.
    """

    def __init__(
        self,
        epoch: bytes,
        records: Iterable[Record[V]] = (),
        *,
        through: int = 0,
        truncated_through: int = 0,
        unsure_through: int = 0,
    ) -> None:
        """Restores a replica as it was last committed."""
        self.epoch = epoch
        self.through = through
        self.truncated_through = truncated_through
        self.unsure_through = unsure_through
        self._newest = {record.key: record for record in records}
        self._asked_from = through

    def __len__(self) -> int:
        """How many keys have a value, tombstones among them."""
        return len(self._newest)

    def __iter__(self) -> Iterator[Record[V]]:
        """The records in seq order."""
        return iter(self.after(0))

    @property
    def cursor(self) -> Cursor:
        """Where to ask from."""
        return Cursor(self.epoch, self.through)

    def get(self, key: bytes) -> Record[V] | None:
        """The newest record of `key`."""
        return self._newest.get(key)

    def after(self, seq: int) -> list[Record[V]]:
        """Everything above `seq`, in order: what a relay's store answers a reader."""
        return sorted((r for r in self._newest.values() if r.seq > seq), key=lambda record: record.seq)

    def resume(self) -> Cursor:
        """A link begins: the cursor to ask from. What the peer has let go is measured against it."""
        self._asked_from = self.through
        return self.cursor

    def apply(
        self, records: Iterable[Record[V]], *, through: int | None = None, after: int | None = None
    ) -> list[Record[V]]:
        """Takes one batch and returns the records that changed something, in order of arrival.

        `through` is the cursor after the batch (default: its highest seq). `after` is the cursor before it, as the
        sender counts; give it on a transport that may lose or reorder frames: LogGap when it is above this reader's
        cursor, and nothing is applied. None says that the transport keeps order and loses nothing but its end.
        """
        if after is not None and after > self.through:
            raise LogGap(f"Records {self.through + 1} to {after} are missing; ask again from {self.through}.")
        changed = []
        highest = self.through
        for record in records:
            highest = max(highest, record.seq)
            if self._supersedes(record):
                self._newest[record.key] = record
                changed.append(record)
        self.through = max(self.through, highest if through is None else through)
        return changed

    def _supersedes(self, record: Record[V]) -> bool:
        known = self._newest.get(record.key)
        return record.seq > (self.truncated_through if known is None else known.seq)

    def peer_let_go(self, truncated_through: int) -> None:
        """The peer no longer has what is at or below `truncated_through`; it says so before it sends anything else.

        When that is above the place this reader asked from, changes may be among what was let go: older values are
        then unsure (see `is_unsure`) until a newer record or a call for the page settles them.
        """
        if truncated_through > self._asked_from:
            self.unsure_through = max(self.unsure_through, truncated_through)

    def caught_up(self, through: int, truncated_through: int = 0, *, after: int | None = None) -> None:
        """The peer has sent all it stored, up to `through`.

        `truncated_through` as in `peer_let_go`, `after` as in `apply`.
        """
        self.apply((), through=through, after=after)
        self.peer_let_go(truncated_through)
        self._asked_from = self.through

    def is_unsure(self, key: bytes) -> bool:
        """True when `key` may have changed, or been deleted, in a part of the log that this reader never got."""
        known = self._newest.get(key)
        return known is None or known.seq <= self.unsure_through

    @property
    def has_unsure(self) -> bool:
        """Whether any value held may have changed where this reader never looked."""
        return self.unsure_through > 0 and any(r.seq <= self.unsure_through for r in self._newest.values())

    def let_go(self, through: int) -> list[Record[V]]:
        """A relay's retention: drops the records at or below `through`; readers are told `truncated_through`.

        A straggler for a dropped key is refused afterwards, or it would bring back an old value as the newest.
        """
        gone = [record for record in self.after(0) if record.seq <= through]
        for record in gone:
            del self._newest[record.key]
        self.truncated_through = max(self.truncated_through, through)
        return gone

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drops values that went with something else: what lay inside a deleted session, once its own record says so.

        Unlike `let_go` this bars no straggler: one would lie inside something that is known to be deleted.
        """
        for key in keys:
            self._newest.pop(key, None)

    def reset(self, epoch: bytes) -> "Replica[V]":
        """An empty replica of the new log `epoch`; this one itself when the epoch is the same.

        LogRolledBack for a lower epoch: a relay that offers it shows an old copy. Keep the former replica until a grant
        or head of the new epoch was opened: until then only the relay vouches for it.
        """
        if epoch == self.epoch:
            return self
        if epoch < self.epoch:
            raise LogRolledBack(
                "The relay offers an older log than the one known here: it holds an old copy, or the workstation "
                "began anew with a wrong clock. If it did, pair again."
            )
        return Replica(epoch)


def relay_lost(stored_before: Cursor | None, stored_now: Cursor | None) -> bool:
    """True when a relay has less of a log than it acknowledged before: it lost its disk or was rolled back.

    Nothing is lost, `Log.owed` refills it; but the person should hear of it.
    """
    if stored_before is None or stored_before.seq == 0:
        return False
    return stored_now is None or (stored_now.epoch == stored_before.epoch and stored_now.seq < stored_before.seq)


@dataclass(frozen=True, slots=True)
class Head:
    """The workstation's sealed word: at `time_ms` (its clock, Unix ms) the log ended at `seq`."""

    seq: int
    time_ms: int


class Verdict(StrEnum):
    """What a reader may believe."""

    UNKNOWN = "unknown"
    """No head was opened yet."""
    LEVEL = "level"
    """Everything that the workstation vouched for is here."""
    BEHIND = "behind"
    """Something is on the way."""
    WITHHELD = "withheld"
    """Something has been on the way for too long: the relay does not hand it out."""
    ROLLED_BACK = "rolled back"
    """The relay has less than it once handed out: an older copy, or a lost disk that is not refilled yet."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """What a reader knows of how far the log reaches. A value: `note` returns the next one."""

    newest: Head | None = None
    """The newest head seen."""
    covered: Head | None = None
    """The newest head of which everything is here; the screen is "as of" its time."""
    owed_seq: int = 0
    """The first promised seq that was not here; settled once the replica reaches it."""
    owed_since_ms: int = 0
    """When that promise was first seen, by the reader's clock."""

    def note(self, head: Head | None, through: int, now_ms: int) -> "Freshness":
        """A head was opened, or (None) the replica reached `through`. An older head than the newest is a straggler."""
        newest = max((h for h in (self.newest, head) if h), key=_place, default=None)
        if newest is None:
            return self
        covered = max((h for h in (self.covered, newest) if h and h.seq <= through), key=_place, default=None)
        return self._owe(newest, covered, through, now_ms)

    def _owe(self, newest: Head, covered: Head | None, through: int, now_ms: int) -> "Freshness":
        known = replace(self, newest=newest, covered=covered)
        if self.owed_seq > through:
            return known
        return replace(known, owed_seq=newest.seq, owed_since_ms=now_ms)

    def verdict(self, through: int, offered: int, now_ms: int) -> Verdict:
        """What to believe of a replica that reaches `through` while the relay says it stores through `offered`."""
        if offered < through:
            return Verdict.ROLLED_BACK
        if self.newest is None:
            return Verdict.UNKNOWN
        if self.newest.seq <= through:
            return Verdict.LEVEL
        return Verdict.WITHHELD if now_ms - self.owed_since_ms >= WITHHELD_AFTER_MS else Verdict.BEHIND


def _place(head: Head) -> tuple[int, int]:
    return head.seq, head.time_ms
