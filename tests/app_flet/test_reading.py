import contextlib

import pytest
from betterproto2 import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from app_flet.reading import read, read_frame
from halyard_client.google.rpc import ErrorInfo
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link.v1 import AttachAppResponse, Batch, CaughtUp, Head, Record, Volatile
from halyard_client.halyard.pairing.v1 import JoinResponse
from tests.app_flet.scenes import Scene
from wire.errors import Malformed

GOOD = [
    bytes(AttachAppResponse(batch=Batch(workstation_id="w", records=[Record(seq=1, key=b"k" * 16)], through=9))),
    *(bytes(value) for value in Scene().everything()),
]
KINDS: list[type[Message]] = [AttachAppResponse, JoinResponse, v1.Resource, v1.CallResult, v1.DeltaBatch]


def read_or_refused(kind: type[Message], data: bytes) -> None:
    """What was read can be used: written again, compared, walked through."""
    with contextlib.suppress(Malformed):
        message = read(kind, data)
        assert isinstance(bytes(message), bytes)


@settings(max_examples=400)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
    st.integers(0, 400),
    st.sampled_from(KINDS),
)
def test_altered_bytes_are_read_or_refused_and_nothing_else(
    good: bytes, changes: list[tuple[int, int]], length: int, kind: type[Message]
) -> None:
    data = bytearray(good)
    for at, value in changes:
        data[at % len(data)] = value
    read_or_refused(kind, bytes(data[: max(1, length)]))


@given(st.binary(max_size=60), st.sampled_from(KINDS))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes, kind: type[Message]) -> None:
    read_or_refused(kind, data)


def test_text_is_no_message() -> None:
    with pytest.raises(Malformed):
        read(AttachAppResponse, "hello")


@pytest.mark.parametrize("junk", [b"\x08\x01", b"\x72\x02\x08\x01", b"\x12\x05\x0a", b"\x12\x04\x0a\x02\xff\xff"])
def test_a_number_where_a_message_belongs_is_refused(junk: bytes) -> None:
    with pytest.raises(Malformed):
        read(AttachAppResponse, junk)


def test_times_and_unknown_enum_values_are_read() -> None:
    value = Scene().edit_permission()
    assert read(v1.Resource, bytes(value)) == value
    assert read(v1.Session, bytes([7 << 3, 99])).state.value == 99


def test_a_map_is_read_with_what_it_holds_and_refused_with_what_it_cannot_hold() -> None:
    good = ErrorInfo(reason="ALREADY_DECIDED", domain="halyard", metadata={"decided_by": "Mira"})
    assert read(ErrorInfo, bytes(good)) == good
    number_as_value = bytes.fromhex("1a06 0a02 6869 1007".replace(" ", ""))
    with pytest.raises(Malformed):
        read(ErrorInfo, number_as_value)


FRAMES = [
    AttachAppResponse(batch=Batch(workstation_id="w" * 26, records=[], through=9)),
    AttachAppResponse(
        batch=Batch(
            workstation_id="w" * 26,
            records=[Record(seq=n, key=b"k" * 16, key_epoch=1, sealed=bytes(n)) for n in (1, 300, 70_000)],
            through=70_001,
            volatile=[Volatile(focus=b"f", key_epoch=1, sealed=b"hint")],
            head=Head(key_epoch=1, sealed=b"head"),
        )
    ),
    AttachAppResponse(caught_up=CaughtUp(workstation_id="w" * 26, truncated_through=4)),
    AttachAppResponse(),
]


@pytest.mark.parametrize("frame", FRAMES, ids=["no records", "records", "no batch", "nothing"])
def test_a_frame_is_read_as_any_message_is(frame: AttachAppResponse) -> None:
    assert read_frame(bytes(frame)) == read(AttachAppResponse, bytes(frame)) == frame


@settings(max_examples=400)
@given(
    st.sampled_from([bytes(frame) for frame in FRAMES]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
    st.integers(1, 400),
)
def test_altered_frames_are_read_or_refused_and_nothing_else(
    good: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(good or b"\x12\x00")
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(Malformed):
        frame = read_frame(bytes(data[:length]))
        assert isinstance(bytes(frame), bytes)


def test_a_place_that_no_log_has_is_refused() -> None:
    with pytest.raises(Malformed):
        read_frame(bytes(AttachAppResponse(batch=Batch(records=[Record(seq=2**63, key=b"k")]))))
