"""What the store's one writer does inside a transaction. Runs in the writer's thread only; store.py commits.

The places of workstations are cached here and written back once per transaction, and records of the whole transaction
go in as one statement: with group commit that makes a record cost microseconds. A rollback empties the cache.
Nothing here decides by clock or chance: times come in.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace

from halyard.link.v1 import record_pb2
from relay.checksums import record_crc
from relay.errors import Forgotten, InviteInvalid, InviteNeeded, RateLimited, StoreUnavailable
from relay.grants import NOT_A_GRANT
from relay.limits import Limits
from relay.places import PLACE_COLUMNS, Attached, CallRef, CutBack, Place, StoredCall, Swept

RECORD_OVERHEAD_BYTES = 64
"""What a row costs beside its value, so that many tiny records count too."""
_TRUNCATE_ABOVE, _TRUNCATE_TO = 0.95, 0.90

_WITH_OLD_RECORDS = f"""SELECT device_id,
    (SELECT max(seq) FROM record r WHERE r.workstation = w.id AND r.stored_ms < ?1 AND {NOT_A_GRANT})
    FROM workstation w WHERE
    (SELECT stored_ms FROM record r WHERE r.workstation = w.id AND {NOT_A_GRANT} ORDER BY seq LIMIT 1) < ?1"""  # noqa: S608 - a constant
# Most workstations are idle: whoever writes is soon here again.
_MAX_PLACES = 256

_UPSERT = """INSERT INTO record (workstation, key, seq, key_epoch, size, stored_ms, sealed, crc)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (workstation, key) DO UPDATE SET seq = excluded.seq, key_epoch = excluded.key_epoch,
    size = excluded.size, stored_ms = excluded.stored_ms, sealed = excluded.sealed, crc = excluded.crc"""

SENT_AGAIN = "A value of this workstation had rotted in the relay's store; the workstation sends it again. Reconnect."
_SAVE = f"UPDATE workstation SET {', '.join(f'{field.name} = ?' for field in fields(Place)[2:])} WHERE id = ?"  # noqa: S608 - our own column names


def inbox_base(now_ms: int) -> int:
    """Where an inbox begins that is made or restored at `now_ms`, Unix milliseconds: above every seq given before.

    An inbox that lost its former numbers, with the database or by a restore, would count from them once more, and a
    seq would name two calls. No relay takes a thousand calls a millisecond, so time is ahead of every counter. See
    docs/decisions/0065-a-store-that-was-lost-or-restored.md.
    """
    return now_ms << 10


class Ledger:
    """One open transaction's worth of changes on `connection`."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._db = connection
        self._limits = limits
        self._places: dict[str, Place] = {}
        self._dirty: set[str] = set()
        self._records: list[tuple[int, bytes, int, int, int, int, bytes, int]] = []
        self._cuts: dict[str, int] = {}

    def begin(self) -> None:
        """Opens the transaction; the write lock is taken here, so that a locked file fails before anything is done."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Everything is on disk when this returns."""
        self.flush()
        self._db.execute("COMMIT")
        if len(self._places) > _MAX_PLACES:
            self._places.clear()

    def rollback(self) -> None:
        """Nothing was done, and nothing of it is remembered."""
        self._places.clear()
        self._dirty.clear()
        self._records.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def flush(self) -> None:
        """Hands gathered records and places to SQLite."""
        if self._records:
            self._db.executemany(_UPSERT, self._records)
            self._records.clear()
        if self._dirty:
            rows = [self._saved(self._places[device_id]) for device_id in self._dirty if device_id in self._places]
            self._db.executemany(_SAVE, rows)
            self._dirty.clear()

    def attach(
        self, device_id: str, epoch: bytes, invite: bytes | None, *, invited_only: bool, now_ms: int
    ) -> Attached:
        """A workstation's link begins. An unknown one is entered, against `invite` (its hash) if `invited_only`."""
        place = self._find(device_id)
        if place is None:
            self._admit(invite, now_ms, invited_only=invited_only)
            place = self._enter(device_id, epoch, now_ms)
        reset = place.log_epoch != epoch
        if reset:
            self._empty_log(place, epoch)
        place.last_seen_ms = now_ms
        self._touch(place)
        return Attached(replace(place), reset, self._cuts.get(device_id, 0))

    def publish(
        self,
        device_id: str,
        epoch: bytes,
        records: Iterable[record_pb2.Record],
        through: int,
        now_ms: int,
        *,
        cuts: int = 0,
    ) -> Place:
        """The workstation's place after its records; those at or below what is stored are repeats and skipped.

        `cuts`: those that its link knew of. StoreUnavailable when there was another: the records would leave a hole.
        """
        place = self._known(device_id)
        if cuts != self._cuts.get(device_id, 0):
            raise StoreUnavailable(SENT_AGAIN)
        if place.log_epoch != epoch:
            raise Forgotten("A newer link of this workstation began another log; reconnect.")
        for record in records:
            if record.seq > place.stored_through:
                key, seq, key_epoch, sealed = record.key, record.seq, record.key_epoch, record.sealed
                size, crc = len(sealed), record_crc(place.id, seq, key_epoch, key, sealed)
                self._records.append((place.id, key, seq, key_epoch, size, now_ms, sealed, crc))
                place.log_bytes_bound += size + RECORD_OVERHEAD_BYTES
                place.stored_through = seq
        place.stored_through = max(place.stored_through, through)
        self._touch(place)
        if place.log_bytes_bound > self._limits.log_bytes:
            self._keep_within(place)
        return replace(place)

    def cut_back(self, device_id: str, epoch: bytes, seq: int) -> CutBack | None:
        """Lets go of everything from `seq` on, as if no more of the log had been stored: its workstation sends that
        again on its next link, and what an older link still sends is refused. None when there is nothing to let go.
        """
        place = self._find(device_id)
        if place is None or place.log_epoch != epoch or place.stored_through < seq:
            return None
        self.flush()
        self._db.execute("DELETE FROM record WHERE workstation = ? AND seq >= ?", (place.id, seq))
        place.stored_through = seq - 1
        place.truncated_through = min(place.truncated_through, place.stored_through)
        place.log_bytes_bound = self._log_bytes(place)
        # It vouches for more than is here now.
        place.head_key_epoch, place.head_sealed = 0, None
        self._touch(place)
        self._cuts[device_id] = self._cuts.get(device_id, 0) + 1
        return CutBack(replace(place), self._cuts[device_id])

    def note_head(self, device_id: str, head: record_pb2.Head) -> None:
        """Keeps the newest freshness mark."""
        place = self._known(device_id)
        place.head_key_epoch, place.head_sealed = head.key_epoch, head.sealed
        self._touch(place)

    def put_call(self, workstation_id: str, ref: tuple[str, bytes], expire_ms: int, call: bytes) -> StoredCall:
        """Files a call of device and call id `ref`; RateLimited when the inbox has no room for it."""
        place = self._known(workstation_id)
        device_id, call_id = ref
        waiting = self._db.execute(
            "SELECT inbox_seq FROM waiting_call WHERE workstation = ? AND device_id = ? AND call_id = ?",
            (place.id, device_id, call_id),
        ).fetchone()
        if waiting is not None:
            return StoredCall(waiting[0], is_new=False)
        self._check_inbox(place, device_id, len(call))
        place.inbox_head += 1
        self._touch(place)
        self._db.execute(
            "INSERT INTO waiting_call (workstation, inbox_seq, device_id, call_id, expire_ms, size, call)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (place.id, place.inbox_head, device_id, call_id, expire_ms, len(call), call),
        )
        return StoredCall(place.inbox_head, is_new=True)

    def ack_inbox(self, device_id: str, through: int) -> list[CallRef]:
        """Forgets calls up to `through`, which the workstation has on disk; returns whose they were."""
        place = self._known(device_id)
        through = min(through, place.inbox_head)
        if through <= place.inbox_through:
            return []
        taken = self._db.execute(
            "DELETE FROM waiting_call WHERE workstation = ? AND inbox_seq <= ? RETURNING device_id, call_id, inbox_seq",
            (place.id, through),
        ).fetchall()
        place.inbox_through = through
        self._touch(place)
        return [CallRef(sender, call_id, device_id, seq) for sender, call_id, seq in taken]

    def set_members(self, workstation_id: str, members: frozenset[str], revision: int) -> frozenset[str] | None:
        """Replaces the members; None, and nothing done, when `revision` is below the one that is known."""
        place = self._known(workstation_id)
        if revision < place.members_revision:
            return None
        self._db.execute("DELETE FROM member WHERE workstation = ?", (place.id,))
        rows = [(place.id, device_id) for device_id in sorted(members)]
        self._db.executemany("INSERT INTO member (workstation, device_id) VALUES (?, ?)", rows)
        self._db.execute(
            "DELETE FROM waiting_call WHERE workstation = ? AND device_id NOT IN"
            " (SELECT device_id FROM member WHERE workstation = ?)",
            (place.id, place.id),
        )
        place.members_revision = revision
        self._touch(place)
        return members

    def forget(self, workstation_id: str) -> None:
        """Log, inbox, members and the workstation itself are gone."""
        place = self._known(workstation_id)
        self.flush()
        for table in ("record", "waiting_call", "member"):
            self._db.execute(f"DELETE FROM {table} WHERE workstation = ?", (place.id,))  # noqa: S608 - the names above
        self._db.execute("DELETE FROM workstation WHERE id = ?", (place.id,))
        del self._places[workstation_id]
        self._dirty.discard(workstation_id)

    def put_invite(self, invite: bytes, expire_ms: int) -> None:
        """Enters an invite by its hash."""
        self._db.execute("INSERT INTO invite (hash, expire_ms) VALUES (?, ?)", (invite, expire_ms))

    def saw_app(self, device_id: str, now_ms: int) -> None:
        """An app's link began or ended."""
        self._db.execute("INSERT OR REPLACE INTO app (device_id, last_seen_ms) VALUES (?, ?)", (device_id, now_ms))

    def saw_workstation(self, device_id: str, now_ms: int) -> None:
        """A workstation's link ended; nothing when it is forgotten meanwhile."""
        if place := self._find(device_id):
            place.last_seen_ms = now_ms
            self._touch(place)

    def sweep(self, now_ms: int) -> Swept:
        """Lets go what outlived its time: calls, invites, old records, apps that nobody lists."""
        self.flush()
        expired = self._db.execute(
            "DELETE FROM waiting_call WHERE expire_ms <= ? RETURNING device_id, call_id, inbox_seq,"
            " (SELECT device_id FROM workstation w WHERE w.id = waiting_call.workstation)",
            (now_ms,),
        ).fetchall()
        self._db.execute("DELETE FROM invite WHERE expire_ms <= ?", (now_ms,))
        self._db.execute("DELETE FROM app WHERE device_id NOT IN (SELECT device_id FROM member)")
        refs = [CallRef(sender, call_id, workstation, seq) for sender, call_id, seq, workstation in expired]
        return Swept(refs, self._drop_old(now_ms - round(self._limits.log_age_seconds * 1000)))

    def _drop_old(self, cutoff_ms: int) -> dict[str, int]:
        # Times rise with seq, so the first record of a log tells whether there is anything to do; mostly there is not.
        old = self._db.execute(_WITH_OLD_RECORDS, (cutoff_ms,)).fetchall()
        for device_id, through in old:
            self._truncate(self._known(device_id), through, spare_grants=True)
        return dict(old)

    def _find(self, device_id: str) -> Place | None:
        if place := self._places.get(device_id):
            return place
        row = self._db.execute(
            f"SELECT {PLACE_COLUMNS} FROM workstation WHERE device_id = ?",  # noqa: S608 - our own column names
            (device_id,),
        ).fetchone()
        if row is None:
            return None
        self._places[device_id] = place = Place(*row)
        return place

    def _known(self, device_id: str) -> Place:
        place = self._find(device_id)
        if place is None:
            raise Forgotten("This relay no longer knows this workstation; its operator removed it.")
        return place

    def _touch(self, place: Place) -> None:
        self._dirty.add(place.device_id)

    def _admit(self, invite: bytes | None, now_ms: int, *, invited_only: bool) -> None:
        if self._count("workstation") >= self._limits.max_workstations:
            raise RateLimited("This relay serves as many workstations as it may; ask its operator.", 3600.0)
        if not invited_only:
            return
        if invite is None:
            raise InviteNeeded("This relay does not know this workstation; ask its operator for `relay invite`.")
        used = self._db.execute("DELETE FROM invite WHERE hash = ? AND expire_ms > ?", (invite, now_ms))
        if used.rowcount != 1:
            raise InviteInvalid("This invite is unknown, used or expired; ask the relay's operator for a new one.")

    def _enter(self, device_id: str, epoch: bytes, now_ms: int) -> Place:
        base = inbox_base(now_ms)
        self._db.execute(
            "INSERT INTO workstation (device_id, log_epoch, inbox_head, inbox_through) VALUES (?, ?, ?, ?)",
            (device_id, epoch, base, base),
        )
        return self._known(device_id)

    def _empty_log(self, place: Place, epoch: bytes) -> None:
        self.flush()
        self._db.execute("DELETE FROM record WHERE workstation = ?", (place.id,))
        place.log_epoch = epoch
        place.stored_through = place.truncated_through = place.log_bytes_bound = place.head_key_epoch = 0
        place.head_sealed = None
        # A store that was lost took the count of lists with it; the first list of the new log must not seem old.
        place.members_revision = 0

    def _check_inbox(self, place: Place, device_id: str, size: int) -> None:
        row = self._db.execute(
            "SELECT coalesce(sum(size), 0), coalesce(sum(device_id = ?), 0) FROM waiting_call WHERE workstation = ?",
            (device_id, place.id),
        ).fetchone()
        if row[1] >= self._limits.max_waiting_calls or row[0] + size > self._limits.inbox_bytes:
            raise RateLimited("Too many calls wait for this workstation; they go out when it is back.", 60.0)

    def _keep_within(self, place: Place) -> None:
        self.flush()
        limit = self._limits.log_bytes
        for spare_grants in (True, False):
            place.log_bytes_bound = self._log_bytes(place)
            if place.log_bytes_bound <= _TRUNCATE_ABOVE * limit:
                return
            through = self._oldest(place, place.log_bytes_bound - int(_TRUNCATE_TO * limit), spare_grants=spare_grants)
            self._truncate(place, through, spare_grants=spare_grants)
        place.log_bytes_bound = self._log_bytes(place)

    def _oldest(self, place: Place, excess: int, *, spare_grants: bool) -> int:
        """The seq up to which records must go to make `excess` bytes of room."""
        spared = f"AND {NOT_A_GRANT}" if spare_grants else ""
        rows: Iterator[tuple[int, int]] = self._db.execute(
            f"SELECT seq, size FROM record WHERE workstation = ? {spared} ORDER BY seq",  # noqa: S608 - a constant
            (place.id,),
        )
        through = 0
        for seq, size in rows:
            through = seq
            excess -= size + RECORD_OVERHEAD_BYTES
            if excess <= 0:
                break
        return through

    def _truncate(self, place: Place, through: int, *, spare_grants: bool) -> None:
        spared = f"AND {NOT_A_GRANT}" if spare_grants else ""
        self._db.execute(
            f"DELETE FROM record WHERE workstation = ? AND seq <= ? {spared}",  # noqa: S608 - a constant
            (place.id, through),
        )
        place.truncated_through = max(place.truncated_through, through)
        self._touch(place)

    def _log_bytes(self, place: Place) -> int:
        row = self._db.execute(
            "SELECT coalesce(sum(size), 0) + count(*) * ? FROM record WHERE workstation = ?",
            (RECORD_OVERHEAD_BYTES, place.id),
        ).fetchone()
        return int(row[0])

    def _count(self, table: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own table names

    @staticmethod
    def _saved(place: Place) -> Sequence[object]:
        values = [getattr(place, field.name) for field in fields(Place)]
        return [*values[2:], place.id]
