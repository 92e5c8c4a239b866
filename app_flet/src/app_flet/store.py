"""One device's memory: a SQLite file with its identity, its workstations, the opened replica, calls, drafts and places.

Native apps have one such file in their private storage; the web host has one per browser device. Written in one
transaction per batch: a crash loses a whole batch and its cursor, or neither. The file holds secrets: mode 0600.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path

from app_flet.filing import StoredRecord
from app_flet.model import Held, Page, Since
from app_flet.reading import read
from app_flet.schema import STEPS
from app_flet.skimming import skim
from halyard_client.halyard.agent.v1 import Resource
from wire.calls import CallState, QueuedCall
from wire.errors import Malformed

WAL_BYTES = 4 * 1024 * 1024
"""A write-ahead log that grew larger is cut back to this when it is begun anew."""
SPARE_PAGES = 512
PAGES_AT_ONCE = 256
"""Of 4 KiB: so much stays free for what comes next, and so much is given back after one transaction."""
INCREMENTAL = 2

_KEEP_RECORD = """
INSERT INTO record (workstation, key, seq, session, message, at_ms, counted, resource) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (workstation, key) DO UPDATE SET seq = excluded.seq, session = excluded.session,
  message = excluded.message, at_ms = excluded.at_ms, counted = excluded.counted, resource = excluded.resource
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
    "ring, last_seen_ms, as_of_ms, head_seq, head_ms, digest, is_counted"
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
    digest: bytes = b""
    """`Tally.value`; empty where a release that knew of none left off."""
    is_counted: bool = False
    """A digest that does not fit means that something is missing, and not that it was never complete."""


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
        if version > len(STEPS):
            self._db.close()
            raise NewerStore("What this device holds was written by a newer release of Halyard. Update this app.")
        if version == len(STEPS):
            return
        # All steps or none: what fails half way is still a file of the release that wrote it.
        with self.transaction():
            for step in STEPS[version:]:
                step(self._db)
            self._db.execute(f"PRAGMA user_version = {len(STEPS)}")

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
        rows = [(workstation, r.key, r.seq, r.session, r.message, r.at_ms, r.counted, r.resource) for r in records]
        self._db.executemany(_KEEP_RECORD, rows)

    def keep_counted(self, workstation: str, key: bytes, counted: int) -> None:
        """The log has a key at `counted` whose value was read out on request."""
        self._db.execute("UPDATE record SET counted = ? WHERE workstation = ? AND key = ?", (counted, workstation, key))

    def drop_records(self, workstation: str) -> None:
        """The workstation began a new log."""
        self._db.execute("DELETE FROM record WHERE workstation = ?", (workstation,))

    def drop_session(self, workstation: str, session: str, seq: int) -> list[bytes]:
        """Drops what lay inside a session that was deleted at `seq`, and returns the keys; its own tombstone stays."""
        self._db.execute("DELETE FROM seen WHERE workstation = ? AND session = ?", (workstation, session))
        inside = "SELECT key FROM record INDEXED BY record_place WHERE workstation = ? AND session = ? AND seq < ?"
        keys = [key for (key,) in self._db.execute(inside, (workstation, session, seq))]
        beside = """SELECT key, resource FROM record INDEXED BY record_place
            WHERE workstation = ? AND session IS NULL AND seq < ?"""
        keys += [key for key, data in self._db.execute(beside, (workstation, seq)) if _is_below(session, data)]
        self._db.executemany("DELETE FROM record WHERE workstation = ? AND key = ?", [(workstation, k) for k in keys])
        return keys

    def seqs(self, workstation: str) -> list[tuple[int, bytes]]:
        """(seq, key) of every record held."""
        return self._db.execute(
            "SELECT seq, key FROM record INDEXED BY record_place WHERE workstation = ?", (workstation,)
        ).fetchall()

    def apart(self, workstation: str) -> dict[bytes, int]:
        """Every key whose value was read out on request, and the seq at which the log has it, or 0."""
        query = "SELECT key, counted FROM record INDEXED BY record_apart WHERE workstation = ? AND counted IS NOT NULL"
        return dict(self._db.execute(query, (workstation,)))

    # Indexes are named: SQLite would rather walk through all values of a workstation, some of which are megabytes.

    def records_beside(self, workstation: str) -> tuple[Held, ...]:
        """Everything but what lies inside sessions."""
        query = "SELECT seq, resource FROM record INDEXED BY record_place WHERE workstation = ? AND session IS NULL"
        return tuple(_read(self._db.execute(query, (workstation,))))

    def newest(self, workstation: str, session: str, limit: int) -> Page:
        """The newest `limit` messages of a session with their parts, and what belongs to no message, as its todos."""
        page = self.before(workstation, session, None, limit)
        query = """SELECT seq, resource FROM record INDEXED BY record_place
            WHERE workstation = ? AND session = ? AND at_ms IS NULL AND message IS NULL"""
        return replace(page, records=(*page.records, *_read(self._db.execute(query, (workstation, session)))))

    def before(self, workstation: str, session: str, since: Since | None, limit: int) -> Page:
        """The newest `limit` messages before `since` (None: of all) with their parts."""
        earlier, place = ("AND (at_ms, message) < (?, ?)", since) if since else ("", ())
        query = f"""SELECT at_ms, message FROM record INDEXED BY record_place
            WHERE workstation = ? AND session = ? AND at_ms IS NOT NULL {earlier}
            ORDER BY at_ms DESC, message DESC LIMIT ?"""  # noqa: S608 - constants
        found = self._db.execute(query, (workstation, session, *place, limit)).fetchall()
        if not found:
            return Page()
        parts = "SELECT seq, resource FROM record INDEXED BY record_message WHERE workstation = ? AND message = ?"
        records = [held for _, name in found for held in _read(self._db.execute(parts, (workstation, name)))]
        oldest = found[-1]
        return Page(tuple(records), oldest, self._count_before(workstation, session, oldest))

    def _count_before(self, workstation: str, session: str, since: Since) -> int:
        query = """SELECT count(*) FROM record INDEXED BY record_place
            WHERE workstation = ? AND session = ? AND (at_ms, message) < (?, ?)"""
        return int(self._db.execute(query, (workstation, session, *since)).fetchone()[0])

    def holds_message(self, workstation: str, message: str) -> bool:
        """Whether the log has told of a message."""
        query = """SELECT 1 FROM record INDEXED BY record_message
            WHERE workstation = ? AND message = ? AND at_ms IS NOT NULL"""
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


def _is_below(session: str, data: bytes) -> bool:
    """Whether a value that is kept beside sessions belongs to this one, as what it asks for does."""
    with suppress(Malformed):
        return skim(data).name.startswith(f"{session}/")
    return False


def _read(rows: Iterable[tuple[int, bytes]]) -> Iterator[Held]:
    """Values that are shown; one that this release cannot read is passed over."""
    for seq, data in rows:
        with suppress(Malformed):
            yield Held(seq, read(Resource, data))
