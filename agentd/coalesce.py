"""Gathers hints into few frames. PURE: times come in as arguments, in seconds of any one clock.

A frame costs about 115 µs whatever its size, so the first hint of a burst leaves at once and the rest are gathered.
Hints of one part that join on to each other become one. A hint never overtakes the record that opened its part: until
the relay has stored that record, the hint waits here, or its reader would have nothing to append it to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from halyard.agent.v1 import resource_pb2 as pb

MIN_GATHER_SECONDS = 0.008
"""Half of what one session at 60 hints a second leaves between two: docs/decisions/0031-gathering-hints.md."""
MAX_GATHER_SECONDS = 0.050
"""Longer than this, streaming text looks like it stutters."""
WRITES_PER_GATHER = 4
"""Gathering lasts at least this many times what the last write took, so a slow link gets fewer and larger frames."""
MAX_WAITING_BYTES = 256 * 1024
"""Hints waiting for one part; more are dropped, as the record that closes the part repairs them."""


def gather_seconds(write_seconds: float) -> float:
    """How long to gather, when the last write took `write_seconds`."""
    return min(MAX_GATHER_SECONDS, max(MIN_GATHER_SECONDS, WRITES_PER_GATHER * write_seconds))


@dataclass
class _Run:
    """Hints of one part and field that join on to each other."""

    grows: pb.DeltaField
    begin: int
    end: int
    texts: list[str]

    def delta(self, part: str) -> pb.Delta:
        return pb.Delta(part=part, offset_bytes=self.begin, text="".join(self.texts), field=self.grows)


@dataclass
class _Part:
    """What waits for one part."""

    session: str
    barrier: int
    runs: list[_Run] = field(default_factory=list)

    def append(self, delta: pb.Delta) -> None:
        size = len(delta.text.encode())
        last = self.runs[-1] if self.runs else None
        if last and last.grows == delta.field and last.end == delta.offset_bytes:
            last.texts.append(delta.text)
            last.end += size
        else:
            self.runs.append(_Run(delta.field, delta.offset_bytes, delta.offset_bytes + size, [delta.text]))

    @property
    def waiting_bytes(self) -> int:
        return sum(run.end - run.begin for run in self.runs)


class Coalescer:
    """Hints on their way out of one link."""

    def __init__(self, stored_through: int) -> None:
        self._stored_through = stored_through
        self._parts: dict[str, _Part] = {}
        self._next_at = 0.0

    def stored(self, through: int) -> None:
        """The relay has the log through `through`."""
        self._stored_through = max(self._stored_through, through)

    def add(self, delta: pb.Delta, session: str, barrier: int) -> None:
        """A hint of `session`, to leave once the record at seq `barrier` is stored."""
        part = self._parts.setdefault(delta.part, _Part(session, barrier))
        if part.waiting_bytes < MAX_WAITING_BYTES:
            part.append(delta)

    def due_at(self) -> float | None:
        """When the next frame should leave; None while there is nothing that may leave."""
        return self._next_at if any(self._ready()) else None

    def take(self, now: float, gather: float) -> dict[str, pb.DeltaBatch]:
        """What leaves now, by session; nothing more before `gather` seconds from now."""
        batches: dict[str, pb.DeltaBatch] = {}
        for name in list(self._ready()):
            part = self._parts.pop(name)
            batch = batches.setdefault(part.session, pb.DeltaBatch())
            batch.deltas.extend(run.delta(name) for run in part.runs)
        self._next_at = now + gather
        return batches

    def clear(self) -> None:
        """Nobody looks any more."""
        self._parts.clear()

    def _ready(self) -> Iterator[str]:
        return (name for name, part in self._parts.items() if part.barrier <= self._stored_through)
