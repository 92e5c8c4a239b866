"""Hypothesis strategies for any message of the contract, made from its descriptor.

Values stay inside what both runtimes can hold: the app reads a Timestamp as a `datetime` and a Duration as a
`timedelta`, so times have whole microseconds.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf import message
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

from tests.contract.contract import google_class

DEPTH = 3
FIRST_SECOND = -62_135_596_800  # year 1, the oldest datetime
LAST_SECOND = 253_402_300_799  # year 9999, the newest
UNKNOWN_ENUM_VALUES = st.sampled_from([77, 1_000, 2**31 - 1])

SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_STRING: st.text(max_size=20),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}


def times(kind: Descriptor) -> st.SearchStrategy[message.Message]:
    """Timestamps and Durations that both runtimes can hold."""
    make = google_class(kind)
    if kind.full_name == "google.protobuf.Timestamp":
        seconds = st.integers(FIRST_SECOND, LAST_SECOND)
    else:
        seconds = st.integers(0, 10**9)
    return st.builds(lambda whole, micros: make(seconds=whole, nanos=micros * 1_000), seconds, st.integers(0, 999_999))


SPECIAL: dict[str, Callable[[Descriptor], st.SearchStrategy[message.Message]]] = {
    "google.protobuf.Duration": times,
    "google.protobuf.Timestamp": times,
    # An Any that names no type would be opened by neither side.
    "google.protobuf.Any": lambda kind: st.builds(
        google_class(kind), type_url=st.just("type.googleapis.com/google.rpc.ErrorInfo"), value=st.binary(max_size=0)
    ),
}


def one_value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """One value of a field, repeated or not."""
    if field.message_type is not None:
        return messages(field.message_type, depth - 1)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values]) | UNKNOWN_ENUM_VALUES
    return SCALARS[field.type]


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is written `map<…>`."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def field_value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """A value that the google constructor takes for this field."""
    if field.message_type is not None and is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        # One entry: the order of several is nobody's promise.
        return st.dictionaries(one_value(key, depth), one_value(value, depth), max_size=1)
    if field.is_repeated:
        return st.lists(one_value(field, depth), max_size=3)
    return one_value(field, depth)


def messages(kind: Descriptor, depth: int = DEPTH) -> st.SearchStrategy[message.Message]:
    """Any message of a kind; below `depth` sub-messages are left out."""
    if kind.full_name in SPECIAL:
        return SPECIAL[kind.full_name](kind)
    in_oneof = {field.name for oneof in kind.oneofs if len(oneof.fields) > 1 for field in oneof.fields}
    fields = [field for field in kind.fields if depth > 0 or field.message_type is None]
    plain = {field.name: field_value(field, depth) for field in fields if field.name not in in_oneof}
    choices = [
        st.sampled_from([field for field in oneof.fields if depth > 0 or field.message_type is None])
        .flatmap(lambda field: field_value(field, depth).map(lambda value: {field.name: value}))
        for oneof in kind.oneofs
        if len(oneof.fields) > 1 and any(depth > 0 or field.message_type is None for field in oneof.fields)
    ]  # fmt: skip
    make = google_class(kind)
    return st.tuples(st.fixed_dictionaries({}, optional=plain), *(st.just({}) | choice for choice in choices)).map(
        lambda parts: make(**{name: value for part in parts for name, value in part.items()})
    )
