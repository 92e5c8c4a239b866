"""Add an example of every v1 message that has none yet: `python -m tests.contract.examples`.

The examples under `v1/` are what some device may still hold in its outbox or a relay on its disk, so one that was
released is never rewritten; a new field or a new kind of frame gets a new example beside it. Each file holds, for one
message that nothing else contains, its possible contents: serialized (base64) and as people read it.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from google.protobuf import json_format, message
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.rpc import error_details_pb2

from tests.contract import contract
from tests.contract.strategies import is_map

FOLDER = Path(__file__).resolve().parent / "v1"
DEPTH = 5
SECONDS = 1_800_000_000  # 2027-01-15T08:00:00Z
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Example(TypedDict):
    """One serialized message and what it says."""

    base64: str
    message: dict[str, Any]


def roots() -> dict[str, Descriptor]:
    """Messages that travel by themselves (requests, responses, what is sealed) and all that are one of several kinds.

    All others lie inside these.
    """
    kinds = contract.message_types()
    inside = {
        field.message_type.full_name
        for kind in kinds.values()
        for field in kind.fields
        if field.message_type is not None and field.message_type.full_name != kind.full_name
    }
    return {name: kind for name, kind in kinds.items() if name not in inside or has_choice(kind)}


def has_choice(kind: Descriptor) -> bool:
    """Whether a message is one of several kinds."""
    return any(len(oneof.fields) > 1 for oneof in kind.oneofs)


def sample_value(field: FieldDescriptor, depth: int) -> object:
    """A value that tells its field from the others."""
    if field.message_type is not None:
        return sample(field.message_type, {}, depth - 1)
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return bytes(range(field.number, field.number + 16))
        case FieldDescriptor.CPPTYPE_STRING:
            return f"{field.name} {field.number} – ü 文 🙂"
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return field.number + 0.5
        case _:
            return 1_000 + field.number


def sample_field(field: FieldDescriptor, depth: int) -> object:
    """Two values for a repeated field, one entry for a map, else one value."""
    if field.message_type is not None and is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        return {sample_value(key, depth): sample_value(value, depth)}
    if field.is_repeated:
        return [sample_value(field, depth), sample_value(field, depth)]
    return sample_value(field, depth)


def sample(kind: Descriptor, chosen: dict[str, str], depth: int = DEPTH) -> message.Message:
    """A message with every field set; of a oneof the `chosen` field, by default the first."""
    make = contract.google_class(kind)
    if kind.full_name in {"google.protobuf.Timestamp", "google.protobuf.Duration"}:
        return make(seconds=SECONDS if kind.name == "Timestamp" else 90, nanos=250_000_000)
    if kind.full_name == "google.protobuf.Any":
        info = error_details_pb2.ErrorInfo(reason="CALL_EXPIRED", domain="halyard", metadata={"method": "Prompt"})
        return make(type_url=ERROR_INFO, value=info.SerializeToString())
    filled = make()
    for field in kind.fields:
        oneof = field.containing_oneof
        if oneof is not None and field.name != chosen.get(oneof.name, oneof.fields[0].name):
            continue
        if field.message_type is None or depth > 0:
            filled.MergeFrom(make(**{field.name: sample_field(field, depth)}))
    return filled


def variants(kind: Descriptor) -> Iterator[tuple[str, message.Message]]:
    """`(name, message)`: one for each field of each oneof, or one alone where there is no choice."""
    choices = [(oneof.name, field.name) for oneof in kind.oneofs for field in oneof.fields if len(oneof.fields) > 1]
    if not choices:
        yield "whole", sample(kind, {})
    for oneof_name, field_name in choices:
        yield field_name, sample(kind, {oneof_name: field_name})


def readable(example: message.Message) -> dict[str, Any]:
    """The message as people read it, enum values by name."""
    found: dict[str, Any] = json_format.MessageToDict(example, preserving_proto_field_name=True)
    return found


def load(path: Path) -> dict[str, Example]:
    """The examples of one file; none where there is no file."""
    found: dict[str, Example] = json.loads(path.read_text()) if path.exists() else {}
    return found


def main() -> None:
    """Add what is missing, change nothing that is there."""
    FOLDER.mkdir(exist_ok=True)
    for name, kind in roots().items():
        path = FOLDER / f"{name}.json"
        examples = load(path)
        for variant, example in variants(kind):
            serialized = base64.b64encode(example.SerializeToString(deterministic=True)).decode()
            examples.setdefault(variant, Example(base64=serialized, message=readable(example)))
        path.write_text(json.dumps(examples, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
