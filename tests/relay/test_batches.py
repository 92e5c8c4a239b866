"""Batches joined from bytes are what the real messages serialize to."""

from hypothesis import given
from hypothesis import strategies as st

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.batches import batch_frame, hint_field, varint

_KEYS = st.binary(max_size=64)
_EPOCHS = st.integers(0, 2**32 - 1)
_SEQS = st.integers(0, 2**63 - 1)
_VALUES = st.binary(max_size=400) | st.integers(100, 70_000).map(bytes)

_RECORDS = st.builds(record_pb2.Record, seq=_SEQS, key=_KEYS, key_epoch=_EPOCHS, sealed=_VALUES)
_HINTS = st.builds(record_pb2.Volatile, focus=_KEYS, key_epoch=_EPOCHS, sealed=_VALUES)
_HEADS = st.none() | st.builds(record_pb2.Head, key_epoch=_EPOCHS, sealed=_VALUES)


@given(st.text(max_size=30), st.lists(_RECORDS, max_size=4), _SEQS, st.lists(_HINTS, max_size=4), _HEADS)
def test_a_joined_batch_is_the_message(
    workstation_id: str,
    records: list[record_pb2.Record],
    through: int,
    hints: list[record_pb2.Volatile],
    head: record_pb2.Head | None,
) -> None:
    batch = link_service_pb2.Batch(
        workstation_id=workstation_id, records=records, through=through, volatile=hints, head=head
    )
    fields = [hint_field(hint) for hint in hints]
    joined = batch_frame(workstation_id, records=records, through=through, hints=fields, head=head)
    assert link_service_pb2.AttachAppResponse.FromString(joined) == link_service_pb2.AttachAppResponse(batch=batch)


def test_fields_of_later_releases_are_passed_on() -> None:
    later = record_pb2.Volatile.FromString(b"\x0a\x01k" + b"\x7a\x03new")
    frame = link_service_pb2.AttachAppResponse.FromString(batch_frame("w", hints=[hint_field(later)]))
    assert frame.batch.volatile[0].SerializeToString() == later.SerializeToString()


@given(_SEQS)
def test_numbers_are_written_as_protobuf_writes_them(value: int) -> None:
    expected = record_pb2.Cursor(seq=value).SerializeToString()
    assert (b"\x10" + varint(value) if value else b"") == expected
