"""What is read from the store: pages of a log or inbox for links, lists for operators. Pure SQL on a given connection.

Readers run beside the writer (WAL) and see committed rows only, each call one snapshot. A value whose checksum does not
hold is never part of an answer.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from halyard.link.v1 import link_service_pb2, record_pb2
from halyard.relay.v1 import relay_service_pb2
from relay.checksums import record_crc
from relay.errors import ValueRotted
from relay.grants import NOT_A_GRANT, grant_key
from relay.places import PLACE_COLUMNS, Place

_PAGE = f"""SELECT seq, CAST(key AS BLOB), key_epoch, CAST(sealed AS BLOB), size, crc FROM record
    WHERE workstation = ? AND seq > ? AND ({NOT_A_GRANT} OR key = ?) ORDER BY seq LIMIT ?"""  # noqa: S608 - a constant

ITEM_OVERHEAD_BYTES = 96
"""What an item costs in a frame beside its value."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Records above a cursor. `through` is the cursor after them; `level` when nothing stored lies above it."""

    records: list[record_pb2.Record]
    through: int
    level: bool
    log_epoch: bytes


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Calls above an inbox seq, `through` after them; `level` when nothing lies above it."""

    calls: list[link_service_pb2.InboxCall]
    through: int
    level: bool


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that the hub keeps in memory, as it is when the relay starts."""

    places: list[Place]
    members: list[tuple[str, str]]
    """(workstation id, app id)."""


def known(db: sqlite3.Connection) -> Known:
    """The places of all workstations and all memberships."""
    with _snapshot(db):
        places = [Place(*row) for row in db.execute(f"SELECT {PLACE_COLUMNS} FROM workstation")]  # noqa: S608 - our own column names
        members = db.execute(
            "SELECT w.device_id, m.device_id FROM member m JOIN workstation w ON w.id = m.workstation"
        ).fetchall()
    return Known(places, members)


def log_page(
    db: sqlite3.Connection, workstation_id: str, device_id: str, *, after: int, max_items: int, max_bytes: int
) -> LogPage | None:
    """The next page of a log for one device, without the grants of others; at least one record if there is any.

    None when the workstation is unknown. A page ends before a value that rotted; ValueRotted when it is the first.
    """
    with _snapshot(db):
        place = db.execute(
            "SELECT id, log_epoch, stored_through FROM workstation WHERE device_id = ?", (workstation_id,)
        ).fetchone()
        if place is None:
            return None
        rows = db.execute(
            _PAGE,
            (place[0], after, grant_key(device_id), max_items),
        )
        records, cut, rotten = _records(rows, place[0], max_bytes)
    if rotten and not records:
        raise ValueRotted(workstation_id, place[1], rotten)
    level = not cut and len(records) < max_items
    through = max(after, place[2]) if level else records[-1].seq
    return LogPage(records, through, level, place[1])


def _records(rows: sqlite3.Cursor, workstation: int, max_bytes: int) -> tuple[list[record_pb2.Record], bool, int]:
    """(records, whether there are more, the seq of the next one if it rotted)."""
    records: list[record_pb2.Record] = []
    for seq, key, key_epoch, sealed, size, crc in rows:
        max_bytes -= size + ITEM_OVERHEAD_BYTES
        if records and max_bytes < 0:
            return records, True, 0
        if not _is_sound(crc, workstation, seq, key_epoch, key, sealed):
            return records, True, seq
        records.append(record_pb2.Record(seq=seq, key=key, key_epoch=key_epoch, sealed=sealed))
    return records, False, 0


def _is_sound(crc: int, workstation: int, seq: int, key_epoch: int, key: bytes, sealed: bytes) -> bool:
    try:
        return crc == record_crc(workstation, seq, key_epoch, key, sealed)
    except TypeError:
        # SQLite keeps a type with every value, and it may be the type that rotted.
        return False


def inbox_page(db: sqlite3.Connection, workstation_id: str, after: int, max_items: int, max_bytes: int) -> InboxPage:
    """The next page of an inbox, in the order in which calls came."""
    with _snapshot(db):
        rows = db.execute(
            "SELECT c.inbox_seq, c.device_id, c.call, c.size FROM waiting_call c JOIN workstation w"
            " ON w.id = c.workstation WHERE w.device_id = ? AND c.inbox_seq > ? ORDER BY c.inbox_seq LIMIT ?",
            (workstation_id, after, max_items),
        )
        calls: list[link_service_pb2.InboxCall] = []
        for inbox_seq, device_id, call, size in rows:
            max_bytes -= size + ITEM_OVERHEAD_BYTES
            if calls and max_bytes < 0:
                return InboxPage(calls, calls[-1].inbox_seq, level=False)
            sealed_call = record_pb2.SealedCall.FromString(call)
            calls.append(link_service_pb2.InboxCall(inbox_seq=inbox_seq, device_id=device_id, call=sealed_call))
    return InboxPage(calls, calls[-1].inbox_seq if calls else after, level=len(calls) < max_items)


def grant(db: sqlite3.Connection, workstation_id: str, device_id: str) -> record_pb2.Record | None:
    """The record that grants a device the keys of a log, if there is one yet. ValueRotted when it is not as stored."""
    key = grant_key(device_id)
    row = db.execute(
        "SELECT w.id, w.log_epoch, r.seq, r.key_epoch, CAST(r.sealed AS BLOB), r.crc FROM record r"
        " JOIN workstation w ON w.id = r.workstation WHERE w.device_id = ? AND r.key = ?",
        (workstation_id, key),
    ).fetchone()
    if row is None:
        return None
    workstation, log_epoch, seq, key_epoch, sealed, crc = row
    if not _is_sound(crc, workstation, seq, key_epoch, key, sealed):
        raise ValueRotted(workstation_id, log_epoch, seq)
    return record_pb2.Record(seq=seq, key=key, key_epoch=key_epoch, sealed=sealed)


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def totals(db: sqlite3.Connection) -> tuple[int, int]:
    """(records, waiting calls) of the whole relay."""
    with _snapshot(db):
        records = db.execute("SELECT count(*) FROM record").fetchone()[0]
        calls = db.execute("SELECT count(*) FROM waiting_call").fetchone()[0]
    return records, calls


def workstations(db: sqlite3.Connection, after: str, limit: int) -> list[relay_service_pb2.RelayWorkstation]:
    """Workstations above the id `after`, in order of id. Whether they are online is the hub's knowledge."""
    rows = db.execute(
        "SELECT device_id, last_seen_ms, stored_through, truncated_through,"
        " (SELECT count(*) FROM record r WHERE r.workstation = w.id),"
        " (SELECT coalesce(sum(size), 0) FROM record r WHERE r.workstation = w.id),"
        " (SELECT count(*) FROM waiting_call c WHERE c.workstation = w.id),"
        " (SELECT count(*) FROM member m WHERE m.workstation = w.id)"
        " FROM workstation w WHERE device_id > ? ORDER BY device_id LIMIT ?",
        (after, limit),
    )
    return [
        relay_service_pb2.RelayWorkstation(
            workstation_id=device_id,
            last_seen_time=_time(seen),
            stored_through=stored,
            truncated_through=truncated,
            records=records,
            stored_bytes=size,
            calls_waiting=calls,
            members=members,
        )
        for device_id, seen, stored, truncated, records, size, calls, members in rows
    ]


def devices(
    db: sqlite3.Connection, workstation_id: str, after: tuple[str, str], limit: int
) -> list[relay_service_pb2.RelayDevice]:
    """Memberships above `after` = (device id, workstation id); of one workstation, or of all when it is empty."""
    rows = db.execute(
        "SELECT m.device_id, w.device_id, a.last_seen_ms FROM member m JOIN workstation w ON w.id = m.workstation"
        " LEFT JOIN app a ON a.device_id = m.device_id"
        " WHERE (? = '' OR w.device_id = ?) AND (m.device_id, w.device_id) > (?, ?) ORDER BY 1, 2 LIMIT ?",
        (workstation_id, workstation_id, *after, limit),
    )
    return [
        relay_service_pb2.RelayDevice(
            device_id=device_id, workstation_id=listed_by, last_seen_time=None if seen is None else _time(seen)
        )
        for device_id, listed_by, seen in rows
    ]


def log_headers(
    db: sqlite3.Connection, workstation_id: str, after: int, limit: int
) -> relay_service_pb2.ListLogHeadersResponse | None:
    """Places and sizes of records above `after`; None when the workstation is unknown."""
    with _snapshot(db):
        place = db.execute("SELECT id, log_epoch FROM workstation WHERE device_id = ?", (workstation_id,)).fetchone()
        if place is None:
            return None
        rows = db.execute(
            "SELECT seq, key, size, stored_ms FROM record WHERE workstation = ? AND seq > ? ORDER BY seq LIMIT ?",
            (place[0], after, limit),
        ).fetchall()
    headers = [
        relay_service_pb2.LogHeader(seq=seq, key=key, sealed_bytes=size, store_time=_time(stored))
        for seq, key, size, stored in rows
    ]
    return relay_service_pb2.ListLogHeadersResponse(headers=headers, log_epoch=place[1])


def _time(milliseconds: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(milliseconds)
    return stamp
