"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_PK = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _blob(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "workstation",
        sa.Column("id", _PK, nullable=False),
        _text("device_id"),
        _blob("log_epoch"),
        _counter("stored_through"),
        _counter("truncated_through"),
        _counter("log_bytes_bound"),
        _counter("inbox_head"),
        _counter("inbox_through"),
        _counter("members_revision"),
        _counter("head_key_epoch"),
        _blob("head_sealed", nullable=True),
        _counter("last_seen_ms"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device_id"),
    )
    op.create_table(
        "record",
        sa.Column("id", _PK, nullable=False),
        _number("workstation"),
        _blob("key"),
        _number("seq"),
        _number("key_epoch"),
        _number("size"),
        _number("stored_ms"),
        _blob("sealed"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workstation", "key", name="record_key"),
    )
    op.create_index("record_seq", "record", ["workstation", "seq", "size"])
    op.create_table(
        "waiting_call",
        sa.Column("id", _PK, nullable=False),
        _number("workstation"),
        _number("inbox_seq"),
        _text("device_id"),
        _blob("call_id"),
        _number("expire_ms"),
        _number("size"),
        _blob("call"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workstation", "inbox_seq", name="waiting_call_seq"),
        sa.UniqueConstraint("workstation", "device_id", "call_id", name="waiting_call_id"),
    )
    op.create_index("waiting_call_expiry", "waiting_call", ["expire_ms"])
    op.create_table(
        "member",
        sa.Column("workstation", sa.BigInteger(), autoincrement=False, nullable=False),
        _text("device_id"),
        sa.PrimaryKeyConstraint("workstation", "device_id"),
    )
    op.create_index("ix_member_device_id", "member", ["device_id"])
    op.create_table("app", _text("device_id"), _counter("last_seen_ms"), sa.PrimaryKeyConstraint("device_id"))
    op.create_table("invite", _blob("hash"), _number("expire_ms"), sa.PrimaryKeyConstraint("hash"))


def downgrade() -> None:
    """To nothing."""
    for table in ("invite", "app", "member", "waiting_call", "record", "workstation"):
        op.drop_table(table)
