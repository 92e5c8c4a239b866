"""The tables, as SQLModel sees them: the one definition that migrations and `schema.sql` are made from.

Only migration and tests import this module. `relay serve` runs on `schema.sql` and prepared statements (ledger.py,
reading.py), because importing SQLModel costs 26 MB and 0.2 s in a process whose aim is to be small; see
docs/decisions/0020-relay-store.md. Times are Unix milliseconds, sizes bytes.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


def _pk() -> Column[int]:
    # SQLite makes only an exact INTEGER PRIMARY KEY an alias of the rowid.
    return Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


def _big(default: int | None = 0) -> Column[int]:
    text = None if default is None else str(default)
    return Column(BigInteger, nullable=default is None, server_default=text)


def _blob(*, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, nullable=nullable)


class Workstation(SQLModel, table=True):
    """A workstation and the places in its log and inbox."""

    id: int | None = Field(default=None, sa_column=_pk())
    device_id: str = Field(unique=True)
    log_epoch: bytes = Field(sa_column=_blob())
    stored_through: int = Field(sa_column=_big())
    truncated_through: int = Field(sa_column=_big())
    log_bytes_bound: int = Field(sa_column=_big())
    """Never below the size of the stored log; made exact before anything is truncated."""
    inbox_head: int = Field(sa_column=_big())
    inbox_through: int = Field(sa_column=_big())
    members_revision: int = Field(sa_column=_big())
    head_key_epoch: int = Field(sa_column=_big())
    head_sealed: bytes | None = Field(sa_column=_blob(nullable=True))
    last_seen_ms: int = Field(sa_column=_big())


class Record(SQLModel, table=True):
    """The newest sealed value of one opaque key. `size` stands before `sealed` so that sums skip the overflow pages."""

    __table_args__ = (
        UniqueConstraint("workstation", "key", name="record_key"),
        # Covers paging (seq), retention by bytes (sum of size) and headers, without touching values.
        Index("record_seq", "workstation", "seq", "size"),
    )

    id: int | None = Field(default=None, sa_column=_pk())
    workstation: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: bytes = Field(sa_column=_blob())
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    key_epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    stored_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bytes = Field(sa_column=_blob())
    crc: int = Field(sa_column=_big())
    """See relay/checksums.py."""


class WaitingCall(SQLModel, table=True):
    """A sealed call that its workstation has not acknowledged."""

    __tablename__ = "waiting_call"
    __table_args__ = (
        UniqueConstraint("workstation", "inbox_seq", name="waiting_call_seq"),
        UniqueConstraint("workstation", "device_id", "call_id", name="waiting_call_id"),
        Index("waiting_call_expiry", "expire_ms"),
    )

    id: int | None = Field(default=None, sa_column=_pk())
    workstation: int = Field(sa_column=Column(BigInteger, nullable=False))
    inbox_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    device_id: str
    call_id: bytes = Field(sa_column=_blob())
    expire_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    call: bytes = Field(sa_column=_blob())
    """Serialized halyard.link.v1.SealedCall."""


class Member(SQLModel, table=True):
    """A workstation lists an app."""

    workstation: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    device_id: str = Field(primary_key=True, index=True)


class App(SQLModel, table=True):
    """When an app was last seen."""

    device_id: str = Field(primary_key=True)
    last_seen_ms: int = Field(sa_column=_big())


class Invite(SQLModel, table=True):
    """A single-use invite, known by its hash only."""

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    expire_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
