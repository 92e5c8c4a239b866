-- Rendered from relay/migrations by `python -m relay.migrate --render`; never edit.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE workstation (
    id INTEGER NOT NULL,
    device_id VARCHAR NOT NULL,
    log_epoch BLOB NOT NULL,
    stored_through BIGINT DEFAULT '0' NOT NULL,
    truncated_through BIGINT DEFAULT '0' NOT NULL,
    log_bytes_bound BIGINT DEFAULT '0' NOT NULL,
    inbox_head BIGINT DEFAULT '0' NOT NULL,
    inbox_through BIGINT DEFAULT '0' NOT NULL,
    members_revision BIGINT DEFAULT '0' NOT NULL,
    head_key_epoch BIGINT DEFAULT '0' NOT NULL,
    head_sealed BLOB,
    last_seen_ms BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (device_id)
);

CREATE TABLE record (
    id INTEGER NOT NULL,
    workstation BIGINT NOT NULL,
    "key" BLOB NOT NULL,
    seq BIGINT NOT NULL,
    key_epoch BIGINT NOT NULL,
    size BIGINT NOT NULL,
    stored_ms BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT record_key UNIQUE (workstation, "key")
);

CREATE INDEX record_seq ON record (workstation, seq, size);

CREATE TABLE waiting_call (
    id INTEGER NOT NULL,
    workstation BIGINT NOT NULL,
    inbox_seq BIGINT NOT NULL,
    device_id VARCHAR NOT NULL,
    call_id BLOB NOT NULL,
    expire_ms BIGINT NOT NULL,
    size BIGINT NOT NULL,
    call BLOB NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT waiting_call_seq UNIQUE (workstation, inbox_seq),
    CONSTRAINT waiting_call_id UNIQUE (workstation, device_id, call_id)
);

CREATE INDEX waiting_call_expiry ON waiting_call (expire_ms);

CREATE TABLE member (
    workstation BIGINT NOT NULL,
    device_id VARCHAR NOT NULL,
    PRIMARY KEY (workstation, device_id)
);

CREATE INDEX ix_member_device_id ON member (device_id);

CREATE TABLE app (
    device_id VARCHAR NOT NULL,
    last_seen_ms BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (device_id)
);

CREATE TABLE invite (
    hash BLOB NOT NULL,
    expire_ms BIGINT NOT NULL,
    PRIMARY KEY (hash)
);

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING version_num;

-- Running upgrade 0001 -> 0002

ALTER TABLE record ADD COLUMN crc BIGINT DEFAULT '0' NOT NULL;

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';
