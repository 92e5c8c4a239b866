"""Parts that are being written: what arrived of each so far, kept beside the log and checkpointed into it. PURE.

Agents do not store a part's text before it ends, so this is where a crash is survived and where late joiners begin.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import session_pb2 as session

MAX_OUTPUT_BYTES = 48 * 1024
"""ToolCall.output holds no more; the record that the adapter writes cuts the middle away."""


@dataclass
class _Growing:
    """One open part: the value as it was put, and what was appended to its growing field since."""

    value: pb.Resource
    grows: pb.DeltaField
    length_bytes: int
    appended: list[str] = field(default_factory=list)
    dirty: bool = False

    def fold(self) -> pb.Resource:
        """The value with everything that was appended."""
        if self.appended:
            text = _read(self.value.part, self.grows) + "".join(self.appended)
            _write(self.value.part, self.grows, text)
            self.appended = []
        return self.value


class OpenParts:
    """All open parts by name."""

    def __init__(self) -> None:
        self._parts: dict[str, _Growing] = {}

    def note(self, value: pb.Resource) -> None:
        """A part was put: it is open and begins with what it holds, or it is closed."""
        if value.part.state != session.PART_STATE_OPEN:
            self._parts.pop(value.name, None)
            return
        kept = pb.Resource()
        kept.CopyFrom(value)
        grows = pb.DELTA_FIELD_OUTPUT if value.part.HasField("tool_call") else pb.DELTA_FIELD_TEXT
        self._parts[value.name] = _Growing(kept, grows, len(_read(kept.part, grows).encode()))

    def forget(self, prefix: str) -> None:
        """The part, or all parts below this name, are gone."""
        for name in [name for name in self._parts if name == prefix or name.startswith(prefix + "/")]:
            del self._parts[name]

    def append(self, delta: pb.Delta) -> bool:
        """Adds a hint; False when it does not join on to what is here (the next record repairs that)."""
        part = self._parts.get(delta.part)
        if part is None or part.grows != delta.field or part.length_bytes != delta.offset_bytes:
            return False
        size = len(delta.text.encode())
        if delta.field == pb.DELTA_FIELD_OUTPUT and part.length_bytes + size > MAX_OUTPUT_BYTES:
            return False
        part.appended.append(delta.text)
        part.length_bytes += size
        part.dirty = True
        return True

    def get(self, name: str) -> pb.Resource | None:
        """A copy of an open part as it is now."""
        part = self._parts.get(name)
        if part is None:
            return None
        copy = pb.Resource()
        copy.CopyFrom(part.fold())
        return copy

    def checkpoint(self, wanted: Callable[[str], bool] = lambda _: True) -> Iterable[pb.Resource]:
        """Copies of the open parts that grew since their last checkpoint and whose name is wanted."""
        for name, part in list(self._parts.items()):
            if part.dirty and wanted(name):
                part.dirty = False
                copy = pb.Resource()
                copy.CopyFrom(part.fold())
                yield copy


def _read(part: session.Part, grows: pb.DeltaField) -> str:
    if grows == pb.DELTA_FIELD_OUTPUT:
        return part.tool_call.output
    return part.reasoning.text if part.HasField("reasoning") else part.text.text


def _write(part: session.Part, grows: pb.DeltaField, text: str) -> None:
    if grows == pb.DELTA_FIELD_OUTPUT:
        part.tool_call.output = text
    elif part.HasField("reasoning"):
        part.reasoning.text = text
    else:
        part.text.text = text
