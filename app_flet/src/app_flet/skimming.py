"""What a value is, told from its bytes without reading it: enough to file it where it is found again. PURE.

A phone receives a thousand values for each one that it shows. Reading one with every field costs half a millisecond;
this costs a hundredth of it. Counterpart: `reading.read`, which is for what is shown.
"""

from typing import NamedTuple

from halyard_client.halyard.link.v1 import Record
from wire.errors import Malformed

NAME = 1
DELETED = 3
MESSAGE = 7
MESSAGE_CREATE_TIME = 4
SECONDS, NANOS = 1, 2
"""Field numbers of agent/v1/resource.proto, session.proto and google/protobuf/timestamp.proto."""

BATCH = 2
RECORDS = 2
SEQ, KEY, KEY_EPOCH, SEALED = 1, 2, 3, 4
"""Field numbers of link/v1/link_service.proto and record.proto."""
MAX_SEQ = (1 << 63) - 1

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONG = 0x80
"""A byte of a number from which on another one follows."""
_SIZES = {FIXED64: 8, FIXED32: 4}
_ENDLESS = 1 << 62
_MAX_VARINT_BITS = 70
_NOWHERE = slice(0, 0)
_CUT = "This value ends in the middle of a field; the workstation is of another release, or broken."


class Skimmed(NamedTuple):
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


def is_batch(frame: bytes) -> bool:
    """Whether a relay's frame is a batch and nothing else."""
    try:
        tag, at = _varint(frame, 0)
        length, at = _varint(frame, at)
    except (IndexError, Malformed):
        return False
    return tag == BATCH << 3 | BYTES and at + length == len(frame)


def split_batch(frame: bytes) -> tuple[list[Record], bytes]:
    """The records of a frame that `is_batch`, and the rest of the batch as it stands; Malformed when there is none.

    Five hundred records come in one frame, and only four fields of each are of interest.
    """
    records, rest = [], bytearray()
    try:
        at = _varint(frame, _varint(frame, 0)[1])[1]
        while at < len(frame):
            begin = at
            tag, at = _varint(frame, at)
            if tag == RECORDS << 3 | BYTES:
                length, at = _varint(frame, at)
                records.append(_record(frame, at, at + length))
                at += length
            else:
                at = _skipped(frame, tag & 7, at)
                rest += frame[begin:at]
    except IndexError:
        raise Malformed(_CUT) from None
    if at > len(frame):
        raise Malformed(_CUT)
    return records, bytes(rest)


def _record(frame: bytes, at: int, end: int) -> Record:
    found = _fields(frame, at, end)
    seq, key_epoch = found.get(SEQ, 0), found.get(KEY_EPOCH, 0)
    if isinstance(seq, slice) or isinstance(key_epoch, slice) or seq > MAX_SEQ:
        raise Malformed("A record has no place in any log.")
    return Record(seq=seq, key=frame[_inside(found, KEY)], key_epoch=key_epoch, sealed=frame[_inside(found, SEALED)])


def _skipped(data: bytes, kind: int, at: int) -> int:
    """The place after a value."""
    if kind == VARINT:
        return _varint(data, at)[1]
    length, at = _varint(data, at) if kind == BYTES else (_SIZES.get(kind, _ENDLESS), at)
    return at + length


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
        tag = data[at]
        at += 1
        if tag >= LONG:
            tag, at = _varint(data, at - 1)
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
    if value < LONG:
        return value, at
    value &= LONG - 1
    if data[at] < LONG:
        return value | data[at] << 7, at + 1
    for shift in range(7, _MAX_VARINT_BITS, 7):
        byte = data[at]
        at += 1
        value |= (byte & LONG - 1) << shift
        if byte < LONG:
            return value, at
    raise Malformed(_CUT)
