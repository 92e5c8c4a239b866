"""Batches for apps, put together from bytes. Pure.

A batch is mostly what its workstation published, field for field. Building it as a message copies every item three
times through Python objects; joining the serialized items costs a fifth of that (docs/decisions/0060). The numbers of
fields below are those of `link_service.proto`; tests/relay/test_batches.py holds this module to the real messages.
"""

from collections.abc import Iterable

from halyard.link.v1 import record_pb2

# AttachAppResponse.batch; Batch.workstation_id, records, through, volatile, head. Wire type 2 but for `through`.
_BATCH = b"\x12"
_WORKSTATION_ID = b"\x0a"
_RECORD = b"\x12"
_THROUGH = b"\x18"
_VOLATILE = b"\x22"
_HEAD = b"\x2a"


def batch_frame(
    workstation_id: str,
    *,
    records: Iterable[record_pb2.Record] = (),
    through: int = 0,
    hints: Iterable[bytes] = (),
    head: record_pb2.Head | None = None,
) -> bytes:
    """A serialized AttachAppResponse with one batch. `hints` come serialized by `hint_field`."""
    fields = [_field(_WORKSTATION_ID, workstation_id.encode())]
    fields += [_field(_RECORD, record.SerializeToString()) for record in records]
    if through:
        fields.append(_THROUGH + varint(through))
    fields += hints
    if head is not None:
        fields.append(_field(_HEAD, head.SerializeToString()))
    return _field(_BATCH, b"".join(fields))


def hint_field(hint: record_pb2.Volatile) -> bytes:
    """A hint as a field of a batch."""
    return _field(_VOLATILE, hint.SerializeToString())


def varint(value: int) -> bytes:
    """Protobuf's base-128 form of a number that is not negative."""
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + varint(len(value)) + value
