"""Where a workstation's log and inbox stand, and what a change of the store comes to. Plain values."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Place:
    """A workstation's row: how far its log and inbox reach. Fields are the table's columns, in order."""

    id: int
    device_id: str
    log_epoch: bytes
    stored_through: int
    truncated_through: int
    log_bytes_bound: int
    inbox_head: int
    inbox_through: int
    members_revision: int
    head_key_epoch: int
    head_sealed: bytes | None
    last_seen_ms: int


PLACE_COLUMNS = ", ".join(field.name for field in fields(Place))


@dataclass(frozen=True, slots=True)
class Attached:
    """A workstation's place as its link begins; `reset` when it came with another log epoch than before."""

    place: Place
    reset: bool
    cuts: int
    """How often the log was cut back since this relay began."""


@dataclass(frozen=True, slots=True)
class CutBack:
    """A workstation's place after its log was cut back, for the `cuts`th time since this relay began."""

    place: Place
    cuts: int


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call in the inbox; not `is_new` when it was there already."""

    inbox_seq: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class CallRef:
    """Whose call."""

    device_id: str
    call_id: bytes
    workstation_id: str
    inbox_seq: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took: calls that expired, and how far logs are now truncated."""

    expired: list[CallRef]
    truncated: dict[str, int]
