"""Relay and agentd speak google protobuf, the app betterproto2: the same bytes, the same values, for every message."""

import datetime
from typing import cast

import betterproto2
import pytest
from google.protobuf import duration_pb2, message, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract import contract
from tests.contract.strategies import is_map, messages

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
KINDS = contract.message_types()
# Field 9999 of four wire types: nobody's today, somebody's tomorrow.
UNKNOWN_FIELDS = st.sampled_from([
    b"\xf8\xf0\x04\x96\x01",
    b"\xfa\xf0\x04\x03new",
    b"\xfd\xf0\x04\x01\x02\x03\x04",
    b"\xf9\xf0\x04\x01\x02\x03\x04\x05\x06\x07\x08",
])  # fmt: skip

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def client_value(value: object) -> object:
    """What the app holds, in the google runtime's terms: microseconds for times, numbers for enums."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, datetime.timedelta):
        return value // MICROSECOND
    return value


def assert_same_value(theirs: object, ours: object) -> None:
    if isinstance(theirs, timestamp_pb2.Timestamp | duration_pb2.Duration):
        assert client_value(ours) == theirs.seconds * 1_000_000 + theirs.nanos // 1_000
    elif isinstance(theirs, message.Message):
        assert isinstance(ours, betterproto2.Message)
        assert_same_message(theirs, ours)
    else:
        assert ours == theirs


def assert_same_field(field: FieldDescriptor, theirs: message.Message, ours: betterproto2.Message) -> None:
    their_value, our_value = getattr(theirs, field.name), getattr(ours, field.name)
    if is_map(field):
        assert set(our_value) == set(their_value)
        for key in our_value:
            assert_same_value(their_value[key], our_value[key])
    elif field.is_repeated:
        assert len(our_value) == len(their_value)
        for one, other in zip(their_value, our_value, strict=True):
            assert_same_value(one, other)
    elif field.has_presence and not theirs.HasField(field.name):
        assert our_value is None
    else:
        assert_same_value(their_value, our_value)


def assert_same_message(theirs: message.Message, ours: betterproto2.Message) -> None:
    for field in cast("Descriptor", theirs.DESCRIPTOR).fields:
        assert_same_field(field, theirs, ours)


@every_kind
@quick
@given(data=st.data())
def test_both_runtimes_hold_the_same_values_and_write_the_same_bytes(kind: Descriptor, data: st.DataObject) -> None:
    theirs = data.draw(messages(kind))
    written = theirs.SerializeToString(deterministic=True)

    ours = contract.client_class(kind).parse(written)

    assert_same_message(theirs, ours)
    assert bytes(ours) == written
    assert contract.google_class(kind).FromString(bytes(ours)) == theirs


@every_kind
@quick
@given(data=st.data())
def test_both_runtimes_pass_on_fields_they_do_not_know(kind: Descriptor, data: st.DataObject) -> None:
    known = data.draw(messages(kind)).SerializeToString(deterministic=True)
    written = known + data.draw(UNKNOWN_FIELDS)

    assert bytes(contract.client_class(kind).parse(written)) == written
    assert contract.google_class(kind).FromString(written).SerializeToString(deterministic=True) == written


def test_the_contract_has_the_messages_this_test_thinks_of() -> None:
    assert {"halyard.link.v1.Record", "halyard.agent.v1.Resource", "halyard.pairing.v1.JoinRequest"} <= set(KINDS)


def test_both_runtimes_know_the_same_enum_values() -> None:
    for module in contract.contract_modules():
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            package = contract.client_package(enum.file.package)
            ours = getattr(package, enum.name)
            assert sorted(member.value for member in ours) == sorted(value.number for value in enum.values)
