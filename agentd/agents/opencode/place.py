"""Names, paths, times and numbers of one session in our vocabulary. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlparse

from google.protobuf.timestamp_pb2 import Timestamp

MOST_LINES = 2**32 - 1
"""What the contract has room for where it counts lines."""
_MOST = 2**53
# The last millisecond of the year 9999, the end of protobuf's calendar.
_MOST_MS = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session lives: its id and its folder."""

    session_id: str
    directory: str

    @property
    def session(self) -> str:
        """Returns "sessions/{s}"."""
        return f"sessions/{self.session_id}"

    def message(self, message_id: str) -> str:
        """Returns "sessions/{s}/messages/{m}"."""
        return f"{self.session}/messages/{message_id}"

    def part(self, message_id: str, part_id: str) -> str:
        """Returns "sessions/{s}/messages/{m}/parts/{p}"."""
        return f"{self.message(message_id)}/parts/{part_id}"

    def permission(self, request_id: str) -> str:
        """Returns "sessions/{s}/permissions/{p}"."""
        return f"{self.session}/permissions/{request_id}"

    def question(self, request_id: str) -> str:
        """Returns "sessions/{s}/questions/{q}"."""
        return f"{self.session}/questions/{request_id}"

    def relative(self, path: str) -> str:
        """Returns the path relative to the session's folder; unchanged when it lies elsewhere."""
        return relative_to(self.directory, path)


def relative_to(directory: str, path: str) -> str:
    """Returns `path` relative to `directory`; unchanged when it is relative already or lies elsewhere."""
    pure = PurePosixPath(path)
    return str(pure.relative_to(directory)) if directory and pure.is_relative_to(directory) else path


def path_of_url(url: str) -> str:
    """Returns the path of a file:// address; empty for any other."""
    try:
        parsed = urlparse(url)
    except ValueError:
        return ""
    return unquote(parsed.path) if parsed.scheme == "file" else ""


def session_id_of(name: str) -> str:
    """Returns the id in "sessions/{id}" and in everything below it; empty for other names."""
    pieces = name.split("/")
    return pieces[1] if len(pieces) > 1 and pieces[0] == "sessions" else ""


def last_id_of(name: str) -> str:
    """Returns the last id of a name."""
    return name.rpartition("/")[2]


def count(value: float, most: int = _MOST) -> int:
    """Returns a number as a count. OpenCode's JSON may hold any: what is no number is 0, what is too large the most."""
    # In this order: compared with what is no number, the 0 stays.
    return int(min(most, max(0, value)))


def milliseconds(ms: float) -> int:
    """Returns a time in ms since the epoch that the calendar knows."""
    return count(ms, _MOST_MS)


def timestamp(ms: float | None) -> Timestamp | None:
    """Returns the time, or None when it is not set."""
    known = milliseconds(ms or 0)
    if not known:
        return None
    value = Timestamp()
    value.FromMilliseconds(known)
    return value
