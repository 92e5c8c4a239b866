"""One device's memory: a SQLite file with its identity, its workstations, the opened replica, calls, drafts and places.

Native apps have one such file in their private storage; the web host has one per browser device. Written in one
transaction per batch: a crash loses a whole batch and its cursor, or neither. The file holds secrets: mode 0600.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path

from app_flet.model import Held, Page, Since
from app_flet.reading import read
from app_flet.reduce import lies_inside
from app_flet.skimming import Skimmed, skim
from halyard_client.halyard.agent.v1 import Resource
from wire import names
from wire.calls import CallState, QueuedCall
from wire.errors import Malformed

WAL_BYTES = 4 * 1024 * 1024
"""A write-ahead log that grew larger is cut back to this when it is begun anew."""
SPARE_PAGES = 512
PAGES_AT_ONCE = 256
"""Of 4 KiB: so much stays free for what comes next, and so much is given back after one transaction."""
INCREMENTAL = 2

_FIRST = """
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
# `message`: the one that a record is or belongs to. `at_ms`: when it began; NULL for all that is no message.
# With the seq, record_place answers "what is held" by itself, without walking through the values.
_PAGES = """
ALTER TABLE record ADD COLUMN message TEXT;
ALTER TABLE record ADD COLUMN at_ms INTEGER;
DROP INDEX record_session;
CREATE INDEX record_place ON record (workstation, session, at_ms, message, seq);
CREATE INDEX record_message ON record (workstation, message);
"""

# `number`: calls leave in the order in which they were made, whatever the clock that their ids begin with did.
_QUEUE = """
CREATE TABLE queue (
  number INTEGER PRIMARY KEY AUTOINCREMENT, call_id BLOB NOT NULL UNIQUE, workstation TEXT NOT NULL,
  payload BLOB NOT NULL, expires_ms INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
  answer BLOB NOT NULL
);
INSERT INTO queue (call_id, workstation, payload, expires_ms, state, attempts, answer)
  SELECT call_id, workstation, payload, expires_ms, state, attempts, answer FROM call ORDER BY call_id;
DROP TABLE call;
ALTER TABLE queue RENAME TO call;
CREATE TABLE answer (
  workstation TEXT NOT NULL, method TEXT NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL,
  at_ms INTEGER NOT NULL, PRIMARY KEY (workstation, method, request)
);
"""
_KEEP_CALL = """
INSERT INTO call (call_id, workstation, payload, expires_ms, state, attempts, answer) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (call_id) DO UPDATE SET payload = excluded.payload, expires_ms = excluded.expires_ms,
  state = excluded.state, attempts = excluded.attempts, answer = excluded.answer
"""
MAX_ANSWER_BYTES = 2 * 1024 * 1024
MAX_ANSWERS_BYTES = 24 * 1024 * 1024
"""Files and changes that were looked at lately stay readable without a network."""
_DROP_OLD_ANSWERS = """
DELETE FROM answer WHERE rowid IN (
  SELECT id FROM (
    SELECT rowid AS id, sum(length(response) + length(request) + 256) OVER (ORDER BY at_ms DESC, rowid DESC) AS total
    FROM answer
  ) WHERE total > ?
)
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
    message: str | None = None
    """The message that it is or belongs to."""
    at_ms: int | None = None
    """When it began, for a message."""


class NewerStore(sqlite3.DatabaseError):
    """The file was written by a newer release; the message is for a person."""


class Store:
    """The file of one device. Calls block for the time of a small write; made from one thread."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; sqlite3.Error when it cannot be used, NewerStore among them."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # auto_vacuum only counts before anything is written, so a file of release 0.1.0 stays as large as it once was.
        self._db.executescript(
            f"""PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = {WAL_BYTES};"""
        )
        self._shrinks = self._db.execute("PRAGMA auto_vacuum").fetchone()[0] == INCREMENTAL
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_STEPS):
            self._db.close()
            raise NewerStore("What this device holds was written by a newer release of Halyard. Update this app.")
        for number, step in enumerate(_STEPS[version:], start=version + 1):
            with self.transaction():
                step(self._db)
                self._db.execute(f"PRAGMA user_version = {number}")

    def close(self) -> None:
        """Closes the file; nothing is pending, every write was its own transaction."""
        self._db.close()

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Everything written inside is kept together, or not at all.

        It outlives the app's end in any case; `durable`: a power cut, too. What came from a workstation can come again,
        what a person said cannot.
        """
        if durable:
            self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self._transaction():
                yield
        finally:
            if durable:
                self._db.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._give_back()

    def _give_back(self) -> None:
        """Lets the file shrink, a little at a time, when much of it is empty: a long session was deleted."""
        if self._shrinks and self._db.execute("PRAGMA freelist_count").fetchone()[0] > SPARE_PAGES:
            # What was to be kept is kept: a disk that refuses this is tried again after the next transaction. Not
            # execute, which would take the first step only.
            with suppress(sqlite3.OperationalError):
                self._db.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")

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
            self._db.execute("DELETE FROM workstation WHERE id = ?", (workstation,))
            for table in ("record", "call", "answer", "seen"):
                self._db.execute(f"DELETE FROM {table} WHERE workstation = ?", (workstation,))  # noqa: S608 - constants

    def keep_records(self, workstation: str, records: Iterable[StoredRecord]) -> None:
        """Replaces what is held of these keys; the caller has refused what is older."""
        rows = [(workstation, r.key, r.seq, r.session, r.resource, r.message, r.at_ms) for r in records]
        self._db.executemany("REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

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
        return tuple(_read(self._db.execute(query, (workstation,))))

    def newest(self, workstation: str, session: str, limit: int) -> Page:
        """The newest `limit` messages of a session with their parts, and what belongs to no message, as its todos."""
        page = self.before(workstation, session, None, limit)
        query = "SELECT seq, resource FROM record WHERE workstation = ? AND session = ? AND message IS NULL"
        return replace(page, records=(*page.records, *_read(self._db.execute(query, (workstation, session)))))

    def before(self, workstation: str, session: str, since: Since | None, limit: int) -> Page:
        """The newest `limit` messages before `since` (None: of all) with their parts."""
        earlier, place = ("AND (at_ms, message) < (?, ?)", since) if since else ("", ())
        query = f"""SELECT at_ms, message FROM record WHERE workstation = ? AND session = ? AND at_ms IS NOT NULL
            {earlier} ORDER BY at_ms DESC, message DESC LIMIT ?"""  # noqa: S608 - constants
        found = self._db.execute(query, (workstation, session, *place, limit)).fetchall()
        if not found:
            return Page()
        parts = "SELECT seq, resource FROM record WHERE workstation = ? AND message = ?"
        records = [held for _, name in found for held in _read(self._db.execute(parts, (workstation, name)))]
        oldest = found[-1]
        return Page(tuple(records), oldest, self._count_before(workstation, session, oldest))

    def _count_before(self, workstation: str, session: str, since: Since) -> int:
        query = "SELECT count(*) FROM record WHERE workstation = ? AND session = ? AND (at_ms, message) < (?, ?)"
        return int(self._db.execute(query, (workstation, session, *since)).fetchone()[0])

    def holds_message(self, workstation: str, message: str) -> bool:
        """Whether the log has told of a message."""
        query = "SELECT 1 FROM record WHERE workstation = ? AND message = ? AND at_ms IS NOT NULL"
        return self._db.execute(query, (workstation, message)).fetchone() is not None

    # --- calls --------------------------------------------------------------------------------------------------------

    def calls(self) -> list[QueuedCall]:
        """The outbox, in the order in which the calls were made."""
        query = "SELECT call_id, workstation, payload, expires_ms, state, attempts, answer FROM call ORDER BY number"
        return [
            QueuedCall(call_id, workstation, payload, expires_ms, CallState(state), attempts, answer)
            for call_id, workstation, payload, expires_ms, state, attempts, answer in self._db.execute(query)
        ]

    def keep_call(self, call: QueuedCall) -> None:
        """Writes a call as it now is; it keeps its place in the order."""
        place = (call.call_id, call.workstation, call.payload, call.expires_ms)
        self._db.execute(_KEEP_CALL, (*place, int(call.state), call.attempts, call.answer))

    def drop_call(self, call_id: bytes) -> None:
        """Forgets a call."""
        self._db.execute("DELETE FROM call WHERE call_id = ?", (call_id,))

    # --- answers to reads ---------------------------------------------------------------------------------------------

    def answer(self, workstation: str, method: str, request: bytes) -> tuple[bytes, int] | None:
        """What a workstation last answered to a read, and when (Unix ms)."""
        query = "SELECT response, at_ms FROM answer WHERE workstation = ? AND method = ? AND request = ?"
        found = self._db.execute(query, (workstation, method, request)).fetchone()
        return (found[0], found[1]) if found else None

    def keep_answer(self, workstation: str, method: str, request: bytes, response: bytes, at_ms: int) -> None:
        """Keeps an answer for when the workstation is away, and lets go of the oldest ones for it."""
        if len(response) <= MAX_ANSWER_BYTES:
            row = (workstation, method, request, response, at_ms)
            self._db.execute("REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", row)
            self._db.execute(_DROP_OLD_ANSWERS, (MAX_ANSWERS_BYTES,))

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


def stored(seq: int, key: bytes, data: bytes, about: Skimmed) -> StoredRecord:
    """An opened record as it goes to disk; `data` is its resource, `about` what was skimmed from it."""
    of_message = names.parse(about.name).kind in (names.Kind.MESSAGE, names.Kind.PART)
    message = about.name.partition("/parts/")[0] if of_message else None
    return StoredRecord(seq, key, data, lies_inside(about.name), message, None if about.is_gone else about.at_ms)


def _read(rows: Iterable[tuple[int, bytes]]) -> Iterator[Held]:
    """Values that are shown; one that this release cannot read is passed over."""
    for seq, data in rows:
        with suppress(Malformed):
            yield Held(seq, read(Resource, data))


# --- schemas ----------------------------------------------------------------------------------------------------------


def _run(db: sqlite3.Connection, script: str) -> None:
    # Not executescript: that would commit what it finds begun.
    for statement in filter(str.strip, script.split(";\n")):
        db.execute(statement)


def _make(db: sqlite3.Connection) -> None:
    _run(db, _FIRST)


def _file_messages(db: sqlite3.Connection) -> None:
    """Says of every record which message it is or belongs to."""
    _run(db, _PAGES)
    for place in db.execute("SELECT workstation, key FROM record WHERE session IS NOT NULL").fetchall():
        # One value after the other: together they may be more than a phone's memory.
        (data,) = db.execute("SELECT resource FROM record WHERE workstation = ? AND key = ?", place).fetchone()
        with suppress(Malformed):
            filed = stored(0, place[1], data, skim(data))
            change = "UPDATE record SET message = ?, at_ms = ? WHERE workstation = ? AND key = ?"
            db.execute(change, (filed.message, filed.at_ms, *place))


def _number_calls(db: sqlite3.Connection) -> None:
    """Gives calls an order of their own, and answers a place."""
    _run(db, _QUEUE)


_STEPS = (_make, _file_messages, _number_calls)
"""What brings a file from each schema to the next; `user_version` counts them."""
