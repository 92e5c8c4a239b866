"""Frames from peers: bounded before they are parsed, parsed, then checked field by field. Pure.

A protobuf parser allocates for every submessage it meets, so two bytes of hostile input can cost fifty of memory.
`check_shape` therefore walks the bytes first, without allocating: it counts fields down to the level at which the
contract repeats things (a frame's body) and stops at the limit. Deeper levels hold only single fields, which overwrite
each other. Groups, which could nest without end and which no message of ours has, are refused.
"""

import functools
from collections.abc import Container, Iterable
from typing import TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from halyard.link.v1 import link_service_pb2, record_pb2
from halyard.pairing.v1 import pairing_service_pb2
from relay.errors import TooLarge
from relay.limits import Limits
from wire.calls import check_call_id
from wire.errors import Malformed
from wire.identity import DEVICE_ID_LENGTH
from wire.log import EPOCH_BYTES

MAX_KEY_BYTES = 64
MAX_CAPABILITIES = 64
MAX_SEQ = 2**63 - 1
"""The contract counts in uint64; a store counts in signed 64 bits."""
# Room for a body's single fields and for fields of later releases beside max_items repeated ones.
_SPARE_FIELDS = 64

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHORT_TAGS = frozenset(number << 3 | _BYTES for number in range(1, 16))

M = TypeVar("M", bound=Message)


def check_shape(frame: bytes, bodies: Container[int], limits: Limits) -> None:
    """Malformed or TooLarge unless `frame` is a bounded number of bytes and of fields; see the module.

    `bodies` are the numbers of fields that hold a frame's body. Fields of later releases are skipped whole, as the
    parser does, so they cost nothing whatever is in them.
    """
    if len(frame) > limits.max_frame_bytes:
        raise TooLarge(f"A frame has {len(frame)} bytes; this relay takes {limits.max_frame_bytes}.")
    budget = limits.max_items + _SPARE_FIELDS
    at = 0
    while at < len(frame):
        number, start, at = _field(frame, at, len(frame))
        budget -= 1
        if number in bodies:
            budget = _count_body(frame, start, at, budget)
        if budget < 0:
            raise TooLarge(f"A frame has too many fields; this relay takes {limits.max_items} items in one.")


def _count_body(frame: bytes, at: int, end: int, budget: int) -> int:
    while at < end and budget >= 0:
        at = _past(frame, at, end)
        budget -= 1
    return budget


def _past(frame: bytes, at: int, end: int) -> int:
    """Where the field at `at` ends. Nearly all are short bytes under a number below 16: a third of the general time."""
    if end - at > 2 and frame[at] in _SHORT_TAGS:
        size, start = frame[at + 1], at + 2
        if size >= 0x80 and frame[start] < 0x80:
            size, start = size & 0x7F | frame[start] << 7, start + 1
        elif size >= 0x80:
            size = end
        if size <= end - start:
            return start + size
    return _field(frame, at, end)[2]


def _field(frame: bytes, at: int, end: int) -> tuple[int, int, int]:
    """The field at `at`: its number (0 unless it holds bytes), where its value begins, where it ends."""
    tag, at = _varint(frame, at, end)
    number, kind = tag >> 3, tag & 7
    if number == 0:
        raise Malformed("A frame has a field with number 0; it is not a protobuf message of this contract.")
    if kind == _VARINT:
        return 0, at, _varint(frame, at, end)[1]
    if kind == _BYTES:
        size, at = _varint(frame, at, end)
    elif kind in (_FIXED64, _FIXED32):
        number, size = 0, 8 if kind == _FIXED64 else 4
    else:
        raise Malformed("A frame has a group or an unknown wire type; it is not a message of this contract.")
    if size > end - at:
        raise Malformed("A frame ends in the middle of a field.")
    return number, at, at + size


def _varint(frame: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise Malformed("A frame ends in the middle of a number.")
        byte = frame[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("A frame has a number of more than ten bytes.")


def parse(kind: type[M], frame: bytes, limits: Limits) -> M:
    """The message in `frame`; Malformed or TooLarge when it breaks the contract."""
    check_shape(frame, _bodies(kind.DESCRIPTOR), limits)
    try:
        return kind.FromString(frame)
    except DecodeError:
        raise Malformed(f"A frame is not a {kind.DESCRIPTOR.full_name}; update the peer.") from None


@functools.cache
def _bodies(kind: Descriptor) -> frozenset[int]:
    return frozenset(kind.fields_by_number)


def from_workstation(frame: bytes, limits: Limits) -> link_service_pb2.AttachWorkstationRequest:
    """A checked frame of a workstation's link."""
    message = parse(link_service_pb2.AttachWorkstationRequest, frame, limits)
    match message.WhichOneof("frame"):
        case "hello":
            _check_hello(message.hello)
        case "publish":
            _check_publish(message.publish, limits)
        case "replies":
            _check_count(len(message.replies.replies), limits)
            for reply in message.replies.replies:
                check_device_id(reply.device_id)
                check_call_id(reply.reply.call_id)
                _check_sealed(reply.reply.sealed, limits)
        case "inbox_ack":
            _check_seq(message.inbox_ack.through)
        case "members":
            _check_seq(message.members.revision)
            _check_count(len(message.members.device_ids), limits)
            for device_id in message.members.device_ids:
                check_device_id(device_id)
        case _:
            pass
    return message


def from_app(frame: bytes, limits: Limits) -> link_service_pb2.AttachAppRequest:
    """A checked frame of an app's link. What concerns one call only is checked by `check_call`."""
    message = parse(link_service_pb2.AttachAppRequest, frame, limits)
    match message.WhichOneof("frame"):
        case "hello":
            _check_count(len(message.hello.cursors), limits)
            _check_capabilities(message.hello.capabilities)
            for cursor in message.hello.cursors:
                check_device_id(cursor.workstation_id)
                _check_cursor(cursor.cursor)
        case "focus":
            if message.focus.workstation_id:
                check_device_id(message.focus.workstation_id)
            _check_key(message.focus.focus, least=0)
        case "call":
            check_device_id(message.call.workstation_id)
            check_call_id(message.call.call.call_id)
            _check_sealed(message.call.call.sealed, limits)
        case _:
            pass
    return message


def from_host(frame: bytes, limits: Limits) -> pairing_service_pb2.HostRequest:
    """A checked frame of a workstation that pairs."""
    message = parse(pairing_service_pb2.HostRequest, frame, limits)
    _check_step(message.step, limits)
    return message


def from_guest(frame: bytes, limits: Limits) -> pairing_service_pb2.JoinRequest:
    """A checked frame of an app that pairs."""
    message = parse(pairing_service_pb2.JoinRequest, frame, limits)
    _check_step(message.step, limits)
    return message


def check_device_id(device_id: str) -> str:
    """`device_id` itself if it has the form of one; else Malformed."""
    if len(device_id) != DEVICE_ID_LENGTH or not device_id.isalnum() or not device_id.isascii():
        raise Malformed(f"{device_id[:DEVICE_ID_LENGTH]!r} is not a device id of {DEVICE_ID_LENGTH} characters.")
    return device_id


def seconds_of(time: Timestamp) -> float:
    """Unix seconds of a proto time, which may be any two numbers: no conversion that could refuse or overflow."""
    return time.seconds + time.nanos / 1e9


def _check_hello(hello: link_service_pb2.WorkstationHello) -> None:
    _check_cursor(hello.head)
    _check_capabilities(hello.capabilities)


def _check_cursor(cursor: record_pb2.Cursor) -> None:
    if len(cursor.log_epoch) != EPOCH_BYTES:
        raise Malformed(f"A cursor names its log epoch in {EPOCH_BYTES} bytes.")
    _check_seq(cursor.seq)


def _check_seq(seq: int) -> None:
    if seq > MAX_SEQ:
        raise Malformed(f"{seq} is beyond the last number that a log can reach.")


def _check_capabilities(capabilities: Iterable[str]) -> None:
    if sum(1 for _ in capabilities) > MAX_CAPABILITIES:
        raise TooLarge(f"A hello names more than {MAX_CAPABILITIES} capabilities.")


def _check_publish(publish: link_service_pb2.Publish, limits: Limits) -> None:
    _check_count(len(publish.records) + len(publish.volatile), limits)
    last = 0
    for record in publish.records:
        if record.seq <= last:
            raise Malformed("Records must come in the order of their seq, each above the one before.")
        last = record.seq
        _check_key(record.key)
        _check_sealed(record.sealed, limits)
    _check_seq(max(last, publish.through))
    if last > publish.through and publish.through:
        raise Malformed("Publish.through must not be below its last record.")
    most = limits.max_record_bytes
    for volatile in publish.volatile:
        # In place, because there are thousands a second.
        if not 1 <= len(volatile.focus) <= MAX_KEY_BYTES or len(volatile.sealed) > most:
            _check_key(volatile.focus)
            _check_sealed(volatile.sealed, limits)
    _check_sealed(publish.head.sealed, limits)


def _check_key(key: bytes, least: int = 1) -> None:
    if not least <= len(key) <= MAX_KEY_BYTES:
        raise Malformed(f"A key has 1 to {MAX_KEY_BYTES} bytes, not {len(key)}.")


def _check_sealed(sealed: bytes, limits: Limits) -> None:
    if len(sealed) > limits.max_record_bytes:
        raise TooLarge(f"A sealed value has {len(sealed)} bytes; this relay takes {limits.max_record_bytes}.")


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.max_items:
        raise TooLarge(f"A frame holds {count} items; this relay takes {limits.max_items}.")


def _check_step(step: pairing_service_pb2.Step, limits: Limits) -> None:
    if len(step.body) > limits.max_step_bytes:
        raise TooLarge(f"A pairing step has {len(step.body)} bytes; this relay takes {limits.max_step_bytes}.")
