"""Bounds before parsing: hostile bytes cost little, and nothing but a refusal comes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halyard.link.v1 import link_service_pb2, record_pb2
from halyard.pairing.v1 import pairing_service_pb2
from relay import frames
from relay.errors import TooLarge
from relay.limits import Limits
from tests.relay.peers import new_call, record
from wire.errors import Malformed

LIMITS = Limits()
Request = link_service_pb2.AttachWorkstationRequest


def _publish(*records: record_pb2.Record, **more: object) -> bytes:
    return Request(publish=link_service_pb2.Publish(records=records, **more)).SerializeToString()  # type: ignore[arg-type]


def test_a_good_frame_is_what_it_was() -> None:
    frame = frames.from_workstation(_publish(record(1), record(2), through=5), LIMITS)
    assert [stored.seq for stored in frame.publish.records] == [1, 2]


def test_items_up_to_the_limit_are_taken_and_one_more_is_not() -> None:
    full = [record(seq) for seq in range(1, LIMITS.max_items + 1)]
    assert len(frames.from_workstation(_publish(*full), LIMITS).publish.records) == LIMITS.max_items
    with pytest.raises(TooLarge):
        frames.from_workstation(_publish(*full, record(LIMITS.max_items + 1)), LIMITS)


def test_a_million_empty_items_are_refused_by_counting() -> None:
    body = b"\x0a\x00" * 500_000
    frame = b"\x12" + _varint(len(body)) + body
    with pytest.raises(TooLarge, match="too many fields"):
        frames.check_shape(frame, {2}, LIMITS)


def test_a_million_empty_bodies_are_refused_by_counting() -> None:
    with pytest.raises(TooLarge, match="too many fields"):
        frames.check_shape(b"\x12\x00" * 500_000, {2}, LIMITS)


def test_groups_are_refused_however_deep() -> None:
    with pytest.raises(Malformed):
        frames.from_workstation(b"\x0b" * 10_000 + b"\x0c" * 10_000, LIMITS)
    deep = b"\x0b" * 200 + b"\x0c" * 200
    with pytest.raises(Malformed):
        frames.from_workstation(b"\x12" + _varint(len(deep)) + deep, LIMITS)


def test_fields_of_a_later_release_are_skipped_whatever_is_in_them() -> None:
    later = b"\xc2\x3e\x04\x0b\x0b\x0b\x0b"
    assert frames.from_workstation(_publish(record(1)) + later, LIMITS).publish.records[0].seq == 1


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00\x00",
        b"\x12\x05abc",
        b"\x12",
        b"\x80",
        b"\xff" * 11,
        b"\x15\x00",
        b"\x07",
        b"\x12\x02\x0a\x05",
    ],
)
def test_broken_bytes_are_malformed(frame: bytes) -> None:
    with pytest.raises(Malformed):
        frames.from_workstation(frame, LIMITS)


def test_times_beyond_any_calendar_do_not_break_the_check() -> None:
    call = new_call()
    call.expire_time.seconds = -(2**63)
    call.expire_time.nanos = 2**31 - 1
    assert frames.seconds_of(call.expire_time) < 0


def test_steps_of_pairing_are_bounded() -> None:
    big = pairing_service_pb2.HostRequest(step={"body": bytes(LIMITS.max_step_bytes + 1)}).SerializeToString()
    with pytest.raises(TooLarge):
        frames.from_host(big, LIMITS)
    with pytest.raises(TooLarge):
        frames.from_guest(big, LIMITS)


def test_more_capabilities_than_anybody_has_are_too_many() -> None:
    hello = link_service_pb2.WorkstationHello(head={"log_epoch": bytes(16)}, capabilities=["x"] * 65)
    with pytest.raises(TooLarge):
        frames.from_workstation(Request(hello=hello).SerializeToString(), LIMITS)


PARSERS = st.sampled_from([frames.from_workstation, frames.from_app, frames.from_host, frames.from_guest])


@given(PARSERS, st.binary(max_size=400))
def test_bytes_are_parsed_or_refused_and_nothing_else(parser: object, frame: bytes) -> None:
    try:
        parser(frame, LIMITS)  # type: ignore[operator]
    except (Malformed, TooLarge):
        return


@given(st.data())
def test_damaged_frames_are_parsed_or_refused_and_nothing_else(data: st.DataObject) -> None:
    frame = bytearray(_publish(record(1), record(2), through=3, volatile=[record_pb2.Volatile(focus=b"f")]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(frame) - 1))
        frame[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(frame)))
    try:
        frames.from_workstation(bytes(frame[:cut]), LIMITS)
    except (Malformed, TooLarge):
        return


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
