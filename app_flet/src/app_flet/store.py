"""One device's memory: a SQLite file with its identity, its workstations, the opened replica, calls, drafts and places.

Native apps have one such file in their private storage; the web host has one per browser device. Written in one
transaction per batch: a crash loses a whole batch and its cursor, or neither. The file holds secrets: mode 0600.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from app_flet.model import Held
from app_flet.reduce import lies_inside
from halyard_client.halyard.agent.v1 import Resource
from wire.calls import CallState, QueuedCall

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE workstation (
  id TEXT PRIMARY KEY, sign_key BLOB NOT NULL, agree_key BLOB NOT NULL, display_name TEXT NOT NULL, role TEXT NOT NULL,
  relay TEXT NOT NULL, log_epoch BLOB NOT NULL DEFAULT x'', through INTEGER NOT NULL DEFAULT 0,
  truncated_through INTEGER NOT NULL DEFAULT 0, unsure_through INTEGER NOT NULL DEFAULT 0,
  ring BLOB NOT NULL DEFAULT x'',
  last_seen_ms INTEGER NOT NULL DEFAULT 0, as_of_ms INTEGER NOT NULL DEFAULT 0, head_seq INTEGER NOT NULL DEFAULT 0,
  head_ms INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE record (
  workstation TEXT NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL, session TEXT, resource BLOB NOT NULL,
  PRIMARY KEY (workstation, key)
) WITHOUT ROWID;
CREATE INDEX record_session ON record (workstation, session);
CREATE TABLE call (
  call_id BLOB PRIMARY KEY, workstation TEXT NOT NULL, payload BLOB NOT NULL, expires_ms INTEGER NOT NULL,
  state INTEGER NOT NULL, attempts INTEGER NOT NULL, answer BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE draft (place TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seen (
  workstation TEXT NOT NULL, session TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (workstation, session)
) WITHOUT ROWID;
"""

_ROW = (
    "id, sign_key, agree_key, display_name, role, relay, log_epoch, through, truncated_through, unsure_through, "
    "ring, last_seen_ms, as_of_ms, head_seq, head_ms"
)


@dataclass(frozen=True, slots=True)
class WorkstationRow:
    """What this device keeps about one workstation: who it is, where they meet, how far the replica reaches."""

    id: str
    sign_key: bytes
    agree_key: bytes
    display_name: str
    role: str
    relay: str
    """Origin of the relay at which the two meet."""
    log_epoch: bytes = b""
    """Empty until the workstation's log was seen for the first time."""
    through: int = 0
    truncated_through: int = 0
    unsure_through: int = 0
    ring: bytes = field(default=b"", repr=False)
    """KeyRing.pack(); empty until the first grant."""
    last_seen_ms: int = 0
    as_of_ms: int = 0
    head_seq: int = 0
    head_ms: int = 0


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One opened record on its way to disk."""

    seq: int
    key: bytes
    resource: bytes
    session: str | None
    """The session whose transcript it belongs to; None for what is loaded at start."""


class Store:
    """The file of one device. Calls block for the time of a small write; made from one thread."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; sqlite3.Error when it cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")
        if self._db.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def close(self) -> None:
        """Closes the file; nothing is pending, every write was its own transaction."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside becomes durable together, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- facts: identity, settings, route -----------------------------------------------------------------------------

    def fact(self, name: str) -> bytes | None:
        """The value kept under `name`."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def keep_fact(self, name: str, value: bytes) -> None:
        """Keeps `value` under `name`."""
        self._db.execute("REPLACE INTO fact VALUES (?, ?)", (name, value))

    # --- workstations and their records -------------------------------------------------------------------------------

    def workstations(self) -> list[WorkstationRow]:
        """All paired workstations."""
        query = f"SELECT {_ROW} FROM workstation ORDER BY id"  # noqa: S608 - a constant
        return [WorkstationRow(*row) for row in self._db.execute(query)]

    def keep_workstation(self, row: WorkstationRow) -> None:
        """Writes all of `row`."""
        query = f"REPLACE INTO workstation ({_ROW}) VALUES ({', '.join('?' * len(fields(row)))})"  # noqa: S608 - constants
        self._db.execute(query, astuple(row))

    def forget_workstation(self, workstation: str) -> None:
        """Drops a workstation with everything that came from it or was meant for it."""
        with self.transaction():
            for table, column in (("workstation", "id"), ("record", "workstation"), ("call", "workstation")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (workstation,))  # noqa: S608 - constants
            self._db.execute("DELETE FROM seen WHERE workstation = ?", (workstation,))

    def keep_records(self, workstation: str, records: Iterable[StoredRecord]) -> None:
        """Replaces what is held of these keys; the caller has refused what is older."""
        rows = [(workstation, r.key, r.seq, r.session, r.resource) for r in records]
        self._db.executemany("REPLACE INTO record VALUES (?, ?, ?, ?, ?)", rows)

    def drop_records(self, workstation: str) -> None:
        """The workstation began a new log."""
        self._db.execute("DELETE FROM record WHERE workstation = ?", (workstation,))

    def drop_session(self, workstation: str, session: str) -> None:
        """What lay inside a deleted session; its own tombstone stays."""
        self._db.execute("DELETE FROM record WHERE workstation = ? AND session = ?", (workstation, session))

    def seqs(self, workstation: str) -> list[tuple[int, bytes]]:
        """(seq, key) of every record held."""
        return self._db.execute("SELECT seq, key FROM record WHERE workstation = ?", (workstation,)).fetchall()

    def records_beside(self, workstation: str) -> tuple[Held, ...]:
        """Everything but what lies inside sessions."""
        query = "SELECT seq, resource FROM record WHERE workstation = ? AND session IS NULL"
        return tuple(Held(seq, Resource.parse(data)) for seq, data in self._db.execute(query, (workstation,)))

    def records_inside(self, workstation: str, session: str) -> tuple[Held, ...]:
        """What lies inside one session: messages, parts, todos."""
        query = "SELECT seq, resource FROM record WHERE workstation = ? AND session = ?"
        return tuple(Held(seq, Resource.parse(data)) for seq, data in self._db.execute(query, (workstation, session)))

    # --- calls --------------------------------------------------------------------------------------------------------

    def calls(self) -> list[QueuedCall]:
        """The outbox; a call id begins with its time, so this is the order in which they were made."""
        query = "SELECT call_id, workstation, payload, expires_ms, state, attempts, answer FROM call ORDER BY call_id"
        return [
            QueuedCall(call_id, workstation, payload, expires_ms, CallState(state), attempts, answer)
            for call_id, workstation, payload, expires_ms, state, attempts, answer in self._db.execute(query)
        ]

    def keep_call(self, call: QueuedCall) -> None:
        """Writes a call as it now is."""
        place = (call.call_id, call.workstation, call.payload, call.expires_ms)
        row = (*place, int(call.state), call.attempts, call.answer)
        self._db.execute("REPLACE INTO call VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def drop_call(self, call_id: bytes) -> None:
        """Forgets a call."""
        self._db.execute("DELETE FROM call WHERE call_id = ?", (call_id,))

    # --- what the person left where -----------------------------------------------------------------------------------

    def draft(self, place: str) -> str:
        """What was typed at `place` and not sent; empty when nothing was."""
        row = self._db.execute("SELECT text FROM draft WHERE place = ?", (place,)).fetchone()
        return row[0] if row else ""

    def keep_draft(self, place: str, text: str) -> None:
        """Keeps what is typed at `place`; empty text forgets it."""
        if text:
            self._db.execute("REPLACE INTO draft VALUES (?, ?)", (place, text))
        else:
            self._db.execute("DELETE FROM draft WHERE place = ?", (place,))

    def seen(self) -> dict[tuple[str, str], int]:
        """(workstation, session) → when it was last on screen, Unix milliseconds."""
        return {(w, s): at_ms for w, s, at_ms in self._db.execute("SELECT workstation, session, at_ms FROM seen")}

    def keep_seen(self, workstation: str, session: str, at_ms: int) -> None:
        """A session was on screen until `at_ms`."""
        self._db.execute("REPLACE INTO seen VALUES (?, ?, ?)", (workstation, session, at_ms))


def stored(held: Held, key: bytes) -> StoredRecord:
    """An opened record as it goes to disk."""
    return StoredRecord(held.seq, key, bytes(held.resource), lies_inside(held.name))
