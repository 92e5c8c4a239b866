"""The tables of a device's file, and what brings a file of every earlier release to them."""

import sqlite3
from contextlib import suppress

from app_flet.filing import stored
from app_flet.skimming import skim
from wire.errors import Malformed

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

# Values lie in the order in which they came. By their keys, which are as good as random, each batch that is caught up
# with would write nearly every page of the table once more (docs/decisions/0097).
# With seq and key, record_place answers "what is held" by itself, without walking through the values.
_ARRIVALS = """
CREATE TABLE arrived (
  number INTEGER PRIMARY KEY, workstation TEXT NOT NULL, key BLOB NOT NULL, seq INTEGER NOT NULL, session TEXT,
  message TEXT, at_ms INTEGER, resource BLOB NOT NULL
);
"""
_ARRIVED = """
DROP TABLE record;
ALTER TABLE arrived RENAME TO record;
CREATE UNIQUE INDEX record_key ON record (workstation, key);
CREATE INDEX record_place ON record (workstation, session, at_ms, message, seq, key);
CREATE INDEX record_message ON record (workstation, message);
"""
_ARRIVE = """
INSERT INTO arrived (workstation, key, seq, session, message, at_ms, resource)
  SELECT workstation, key, seq, session, message, at_ms, resource FROM record WHERE workstation = ? AND key = ?
"""

# `digest`: of what is held; empty: not summed up yet. `is_counted`: it was kept from the log's beginning, or did once
# fit. `counted`: the seq at which the log has a value that was read out on request, or 0; NULL for all from the log.
_DIGESTS = """
ALTER TABLE workstation ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE workstation ADD COLUMN is_counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN counted INTEGER;
CREATE INDEX record_apart ON record (workstation, key, counted) WHERE counted IS NOT NULL;
"""


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


def _line_up(db: sqlite3.Connection) -> None:
    """Lays records down in the order of their seqs."""
    _run(db, _ARRIVALS)
    # Keys are sorted, not values: together those may be more than a phone's memory.
    db.executemany(_ARRIVE, db.execute("SELECT workstation, key FROM record ORDER BY seq").fetchall())
    _run(db, _ARRIVED)


def _sum_up(db: sqlite3.Connection) -> None:
    """Makes room for digests. What they are is summed up when a workstation's keys are at hand."""
    _run(db, _DIGESTS)


STEPS = (_make, _file_messages, _number_calls, _line_up, _sum_up)
"""What brings a file from each schema to the next; `user_version` counts them."""
