-- A device's file as release 0.1.0 made it.
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
PRAGMA user_version = 1;
