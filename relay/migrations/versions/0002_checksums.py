"""A checksum beside every record. What an earlier release stored gets the checksum of what is in the file now."""

import sqlite3
import zlib
from typing import cast

import sqlalchemy as sa
from alembic import context, op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """From 0001."""
    op.add_column("record", sa.Column("crc", sa.BigInteger(), server_default="0", nullable=False))
    if context.is_offline_mode():
        return
    db = cast(sqlite3.Connection, op.get_bind().connection.driver_connection)
    db.create_function("record_crc", 5, _record_crc, deterministic=True)
    values = "CAST(key AS BLOB), CAST(sealed AS BLOB)"
    op.execute(f"UPDATE record SET crc = record_crc(workstation, seq, key_epoch, {values})")  # noqa: S608 - a constant


def downgrade() -> None:
    """To 0001."""
    op.drop_column("record", "crc")


def _record_crc(workstation: int, seq: int, key_epoch: int, key: bytes, sealed: bytes) -> int:
    try:
        return zlib.crc32(sealed, zlib.crc32(key, zlib.crc32(b"%d %d %d " % (workstation, seq, key_epoch))))
    except TypeError:
        # The type of a value rotted, and readers find that out: no reason to refuse the whole store.
        return 0
