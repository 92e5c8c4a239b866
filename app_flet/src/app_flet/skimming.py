"""What a resource is, told from its bytes without reading it: enough to file it where it is found again. PURE.

A phone receives a thousand values for each one that it shows. Reading one with every field costs half a millisecond;
this costs a hundredth of it. Counterpart: `reading.read`, which is for what is shown.
"""

from dataclasses import dataclass

from wire.errors import Malformed

NAME = 1
DELETED = 3
MESSAGE = 7
MESSAGE_CREATE_TIME = 4
SECONDS, NANOS = 1, 2
"""Field numbers of agent/v1/resource.proto, session.proto and google/protobuf/timestamp.proto."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_ENDLESS = 1 << 62
_MAX_VARINT_BITS = 70
_NOWHERE = slice(0, 0)
_CUT = "This value ends in the middle of a field; the workstation is of another release, or broken."


@dataclass(frozen=True, slots=True)
class Skimmed:
    """What filing needs to know of a resource."""

    name: str
    is_gone: bool
    at_ms: int | None
    """When a message began, in Unix ms; None for everything that is no message."""


def skim(data: bytes) -> Skimmed:
    """What `data`, a serialized Resource, is; Malformed when it is none."""
    try:
        found = _fields(data, 0, len(data))
        name = data[_inside(found, NAME)].decode()
        return Skimmed(name, DELETED in found, _begun_ms(data, _inside(found, MESSAGE)) if MESSAGE in found else None)
    except (IndexError, UnicodeDecodeError):
        raise Malformed(_CUT) from None


def _begun_ms(data: bytes, message: slice) -> int:
    begun = _inside(_fields(data, message.start, message.stop, MESSAGE_CREATE_TIME), MESSAGE_CREATE_TIME)
    time = _fields(data, begun.start, begun.stop)
    seconds, nanos = time.get(SECONDS, 0), time.get(NANOS, 0)
    if isinstance(seconds, slice) or isinstance(nanos, slice):
        raise Malformed(_CUT)
    return seconds * 1000 + round(nanos / 1_000_000)


def _inside(found: dict[int, int | slice], number: int) -> slice:
    place = found.get(number, _NOWHERE)
    if isinstance(place, int):
        raise Malformed("This value has a number where something longer belongs.")
    return place


def _fields(data: bytes, at: int, end: int, last: int = -1) -> dict[int, int | slice]:
    """What stands between `at` and `end`: numbers, and the places of all that is longer. The last of a field counts.

    Looks no further once field `last` was found. IndexError when the data ends early.
    """
    found: dict[int, int | slice] = {}
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            found[number], at = _varint(data, at)
        else:
            length, at = _varint(data, at) if kind == BYTES else (_SIZES.get(kind, _ENDLESS), at)
            found[number] = slice(at, at + length)
            at += length
        if number == last:
            break
    if at > end:
        raise Malformed(_CUT)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, place after it)."""
    value = data[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for shift in range(7, _MAX_VARINT_BITS, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed(_CUT)
