"""Reading messages that others made: whatever is wrong with the bytes, one error comes out.

betterproto2 trusts the wire type more than the field: a number where a message belongs becomes an attribute that is a
number. Everything that was read is therefore checked against its own declaration before anybody touches it.
"""

import dataclasses
import struct
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from betterproto2 import Message

from app_flet.skimming import is_batch, split_batch
from halyard_client.halyard.link.v1 import AttachAppResponse, Batch
from wire.errors import Malformed

M = TypeVar("M", bound=Message)

# What betterproto2 raises for bytes that are no such message, found by feeding it altered ones; it has no error of
# its own for that.
UNREADABLE = (
    ValueError, EOFError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, struct.error,
)  # fmt: skip
_SCALARS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "bytes": bytes,
    "message": (Message, datetime, timedelta),
    "double": float,
    "float": float,
}


def read(kind: type[M], data: bytes | str) -> M:
    """The message in `data`; Malformed when there is none."""
    if isinstance(data, str):
        raise Malformed("Messages travel in binary frames; this was text.")
    try:
        message = kind.parse(data)
    except UNREADABLE:
        raise _malformed(kind) from None
    if not _is_sound(message):
        raise _malformed(kind)
    return message


def read_frame(data: bytes | str) -> AttachAppResponse:
    """A relay's frame, as `read` reads it; the records of a batch are taken out by hand, ten times as quickly."""
    if isinstance(data, str) or not is_batch(data):
        return read(AttachAppResponse, data)
    records, rest = split_batch(data)
    batch = read(Batch, rest)
    batch.records = records
    return AttachAppResponse(batch=batch)


def _malformed(kind: type[Message]) -> Malformed:
    return Malformed(f"This is no {kind.__name__}; the other side is of another release, or broken.")


@dataclasses.dataclass(frozen=True, slots=True)
class _Rule:
    """What may stand in one field."""

    name: str
    is_optional: bool
    is_repeated: bool
    expected: type | tuple[type, ...]
    sides: tuple[type | tuple[type, ...], ...]
    """For a map: what its keys and its values may be."""


@cache
def _rules(kind: type[Message]) -> tuple[_Rule, ...]:
    """The rules of a message type; worked out once, asked for every value that arrives."""
    return tuple(_rule(field) for field in dataclasses.fields(kind))  # type: ignore[arg-type]  # generated ones are


def _rule(field: "dataclasses.Field[object]") -> _Rule:
    about = field.metadata["betterproto"]
    sides = tuple(_expected(side.proto_type) for side in about.map_meta or ())
    return _Rule(field.name, bool(about.optional), bool(about.repeated), _expected(about.proto_type), sides)


def _expected(proto_type: str) -> type | tuple[type, ...]:
    return _SCALARS.get(proto_type, int)


def _is_sound(message: Message) -> bool:
    for rule in _rules(type(message)):
        value = getattr(message, rule.name)
        if value is None:
            if not rule.is_optional:
                return False
        elif isinstance(value, dict):
            if not rule.sides or not all(map(_are_sound, (list(value.keys()), list(value.values())), rule.sides)):
                return False
        elif not _are_sound(value if rule.is_repeated and isinstance(value, list) else (value,), rule.expected):
            return False
    return True


def _are_sound(values: Iterable[object], expected: type | tuple[type, ...]) -> bool:
    return all(isinstance(one, expected) and (not isinstance(one, Message) or _is_sound(one)) for one in values)
