"""What commands print: tables and words for people, JSON for scripts. One place, so that all commands look alike."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from agentd.cli.outcome import CommandError

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def print_json(value: object) -> None:
    """Prints one line of JSON and flushes it: a script may be waiting for just this line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def as_json(message: Message) -> dict[str, Any]:
    """Returns a message as scripts see it: field names as in the contract, enums by name, times in RFC 3339."""
    fields: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return fields


def print_table(rows: Iterable[Sequence[str]], head: Sequence[str]) -> None:
    """Prints rows under a head, columns as wide as needed; the last column is never padded."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        print("  ".join((*padded, line[-1])).rstrip())


def ago(time: Timestamp, now: datetime) -> str:
    """Returns how long ago it was in one short word, "-" for a time that is unset."""
    if not time.seconds:
        return "-"
    seconds = int((now - time.ToDatetime(tzinfo=UTC)).total_seconds())
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "now"


def word(name: str) -> str:
    """Returns an enum's value name as a word for people: "SESSION_STATE_WORKING" of SessionState is "working"."""
    return name.rpartition("_STATE_")[2].rpartition("_ROLE_")[2].lower().replace("_", " ")


def short_id(name: str) -> str:
    """Returns the last segment of a resource name, which is what people type."""
    return name.rpartition("/")[2]


def one_line(text: str, width: int = 100) -> str:
    """Returns the text on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def now() -> datetime:
    """Returns the present, in UTC."""
    return datetime.now(tz=UTC)


def error_json(error: CommandError) -> str:
    """Returns the line that --json puts on stderr for a command that could not go on."""
    return (
        json.dumps({"error": {"reason": error.reason, "message": error.message, "exit_code": int(error.code)}}) + "\n"
    )
