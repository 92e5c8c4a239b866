"""Reading messages that others made: whatever is wrong with the bytes, one error comes out.

betterproto2 trusts the wire type more than the field: a number where a message belongs becomes an attribute that is a
number. Everything that was read is therefore checked against its own declaration before anybody touches it.
"""

import dataclasses
import struct
from datetime import datetime, timedelta
from typing import TypeVar

from betterproto2 import Message

from wire.errors import Malformed

M = TypeVar("M", bound=Message)

# What betterproto2 raises for bytes that are no such message, found by feeding it altered ones; it has no error of
# its own for that.
UNREADABLE = (ValueError, EOFError, TypeError, KeyError, OverflowError, RecursionError, struct.error)
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


def _malformed(kind: type[Message]) -> Malformed:
    return Malformed(f"This is no {kind.__name__}; the other side is of another release, or broken.")


def _is_sound(message: Message) -> bool:
    return all(_is_field_sound(getattr(message, field.name), field) for field in _fields(message))


def _fields(message: Message) -> "tuple[dataclasses.Field[object], ...]":
    found: tuple[dataclasses.Field[object], ...] = dataclasses.fields(message)  # type: ignore[arg-type]  # generated ones are
    return found


def _is_field_sound(value: object, field: "dataclasses.Field[object]") -> bool:
    about = field.metadata["betterproto"]
    if value is None:
        return bool(about.optional)
    if isinstance(value, dict):
        return about.map_meta is not None and all(
            _are_sound(side, kind.proto_type) for side, kind in zip(_sides(value), about.map_meta, strict=True)
        )
    return _are_sound(value if about.repeated and isinstance(value, list) else [value], about.proto_type)


def _sides(value: dict[object, object]) -> tuple[list[object], list[object]]:
    return list(value.keys()), list(value.values())


def _are_sound(values: list[object], proto_type: str) -> bool:
    expected = _SCALARS.get(proto_type, int)
    return all(isinstance(one, expected) and _is_below_sound(one) for one in values)


def _is_below_sound(value: object) -> bool:
    return not isinstance(value, Message) or _is_sound(value)
