import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app_flet.instants import milliseconds
from app_flet.skimming import Skimmed, skim
from halyard_client.halyard.agent import v1
from tests.app_flet.scenes import Scene
from wire.errors import Malformed

VALUES = [*Scene().everything(), v1.Resource(name="sessions/s1", deleted=v1.Deleted())]


def read_whole(data: bytes) -> Skimmed:
    """What skimming must find, found by reading everything."""
    whole = v1.Resource.parse(data)
    at_ms = milliseconds(whole.message.create_time) if whole.message is not None else None
    return Skimmed(whole.name, whole.deleted is not None, at_ms)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_skimming_finds_what_reading_finds(value: v1.Resource) -> None:
    assert skim(bytes(value)) == read_whole(bytes(value))


def test_the_last_of_a_field_counts() -> None:
    first, last = v1.Resource(name="projects/a"), v1.Resource(name="projects/b")
    assert skim(bytes(first) + bytes(last)).name == "projects/b"


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 2_097_152])
@pytest.mark.parametrize("number", [99, 2_047, 2_048])
def test_fields_of_any_length_and_number_are_passed_over(size: int, number: int) -> None:
    def varint(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value >= 0x80 else bytes([value])

    strange = varint(number << 3 | 2) + varint(size) + bytes(size) + varint(number << 3) + varint(size)
    assert skim(strange + bytes(v1.Resource(name="projects/a"))) == Skimmed("projects/a", is_gone=False, at_ms=None)


@settings(max_examples=400)
@given(
    st.sampled_from([bytes(value) for value in VALUES]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
    st.integers(1, 400),
)
def test_altered_bytes_are_skimmed_or_refused_and_nothing_else(
    good: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(good)
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(Malformed):
        skim(bytes(data[:length]))


@given(st.binary(max_size=60))
def test_any_bytes_are_skimmed_or_refused_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        skim(data)


@pytest.mark.parametrize(
    "junk", [b"\x0a", b"\x0a\x05a", b"\x08\x01", b"\x0b", b"\xff" * 11, b"\x0a\x01\xff", b"\x3a\x02\x22\x03"]
)
def test_bytes_that_are_no_resource_are_refused(junk: bytes) -> None:
    with pytest.raises(Malformed):
        skim(junk)
