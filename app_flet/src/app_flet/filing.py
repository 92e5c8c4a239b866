"""How an opened record is filed in a device's store: under its session, its message and that message's time. PURE."""

from typing import NamedTuple

from app_flet.reduce import lies_inside
from app_flet.skimming import Skimmed
from wire import names


class StoredRecord(NamedTuple):
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
    counted: int | None = None
    """For a value that came by no log: the seq at which the log has its key, as far as this device knows, or 0."""


def stored(seq: int, key: bytes, data: bytes, about: Skimmed) -> StoredRecord:
    """An opened record as it goes to disk; `data` is its resource, `about` what was skimmed from it."""
    of_message = names.parse(about.name).kind in (names.Kind.MESSAGE, names.Kind.PART)
    message = about.name.partition("/parts/")[0] if of_message else None
    return StoredRecord(seq, key, data, lies_inside(about.name), message, None if about.is_gone else about.at_ms)
