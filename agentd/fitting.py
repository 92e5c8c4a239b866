"""Makes a value small enough for one record. PURE.

A relay refuses records above its limit, and one refused record would stop the whole log; so what is too big is cut,
in the order in which it is missed least, and marked as cut where the contract has a mark.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import session_pb2 as session

MAX_BODY_BYTES = 240 * 1024
"""Leaves room for the seal and the update time within the relay's usual 256 KiB."""
CUT = "\n… cut: too long for one record …"
MAX_NAME_BYTES = 512
"""Texts up to this are names, ids and titles, and are never cut."""


def fit(value: pb.Resource, max_bytes: int = MAX_BODY_BYTES) -> pb.Resource:
    """`value` itself when it fits; else a copy that does, unless it consists of nothing but short texts."""
    if value.ByteSize() <= max_bytes:
        return value
    smaller = pb.Resource()
    smaller.CopyFrom(value)
    for cut in (_cut_patches, _drop_content, _cut_input, _cut_output, _cut_text, _cut_all):
        excess = smaller.ByteSize() - max_bytes
        if excess <= 0:
            break
        cut(smaller, excess)
    return smaller


def _cut_patches(value: pb.Resource, excess: int) -> None:
    cut_longest(_diffs(value), excess)


def cut_longest(diffs: Iterable[session.FileDiff], excess: int) -> None:
    """Cuts `excess` bytes out of patches, the longest first; each that is cut is marked."""
    for diff in sorted(diffs, key=lambda diff: len(diff.patch), reverse=True):
        if excess <= 0:
            return
        before = diff.ByteSize()
        diff.patch = _shortened(diff.patch, excess + len(CUT), str)
        diff.truncated = True
        excess -= before - diff.ByteSize()


def _diffs(value: pb.Resource) -> Iterable[session.FileDiff]:
    yield from value.permission.diffs
    yield from value.part.tool_call.diffs
    yield from value.part.changes.diffs


def _drop_content(value: pb.Resource, _: int) -> None:
    if value.part.file.content:
        value.part.file.content = b""


def _cut_input(value: pb.Resource, excess: int) -> None:
    if value.part.tool_call.input_json:
        call = value.part.tool_call
        call.input_json = _shortened(call.input_json, excess, str)
        call.input_truncated = True


def _cut_output(value: pb.Resource, excess: int) -> None:
    if value.part.tool_call.output:
        call = value.part.tool_call
        call.output = _shortened(call.output, excess + len(CUT.encode()), lambda kept: kept + CUT)


def _cut_text(value: pb.Resource, excess: int) -> None:
    for holder in (value.part.text, value.part.reasoning):
        if holder.text:
            holder.text = _shortened(holder.text, excess + len(CUT.encode()), lambda kept: kept + CUT)


def _cut_all(value: Message, excess: int) -> None:
    """Whatever else is long: a command, a pattern, a question, an error."""
    for text, put in sorted(_texts(value), key=lambda found: len(found[0].encode()), reverse=True):
        size = len(text.encode())
        if excess <= 0 or size <= MAX_NAME_BYTES:
            return
        kept = _shortened(text, min(excess, size - MAX_NAME_BYTES) + len(CUT.encode()), lambda kept: kept + CUT)
        put(kept)
        excess -= size - len(kept.encode())


def _texts(value: Message) -> Iterator[tuple[str, Callable[[str], None]]]:
    """Every text in `value`, however deep, and how to put another in its place."""
    for field, content in value.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in content if field.is_repeated else (content,):
                yield from _texts(inner)
        elif field.type == FieldDescriptor.TYPE_STRING and field.is_repeated:
            yield from ((text, partial(content.__setitem__, place)) for place, text in enumerate(content))
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield content, partial(setattr, value, field.name)


def _shortened(text: str, by_bytes: int, finish: Callable[[str], str]) -> str:
    encoded = text.encode()
    # A few bytes more than asked for: shorter length prefixes never make a message longer.
    kept = encoded[: max(0, len(encoded) - by_bytes - 16)].decode(errors="ignore")
    return finish(kept)
