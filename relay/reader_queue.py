"""Frames on their way to one peer: a queue bounded by bytes, with a policy for when it is full. Pure.

Three kinds of frame, by what may happen to them:

    MUST     welcome, replies, presence …: always taken, until the peer is hopeless (four times the bound)
    STORED   records and waiting calls: refused when full, because the store can give them again
    HINT     streamed text: thrown away when full, because a record will repair it

So memory per peer is flat, nobody else waits, and what is lost can always be had again.
"""

from enum import Enum, auto

HOPELESS_FACTOR = 4


class Kind(Enum):
    """What may happen to a frame."""

    MUST = auto()
    STORED = auto()
    HINT = auto()


class Hopeless(Exception):
    """The peer does not even read what must not be dropped; its link has to end."""


class ReaderQueue:
    """First in, first out. `nbytes` is what waits; `dropped` counts hints thrown away."""

    __slots__ = ("_capacity", "_frames", "dropped", "nbytes")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # A list: an empty deque costs 600 bytes, and most links of a relay are idle. Taking from the front of a queue
        # that is bounded by bytes moves a few kilobytes at worst.
        self._frames: list[tuple[Kind, bytes]] = []
        self.nbytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    def offer(self, kind: Kind, frame: bytes) -> bool:
        """Whether the frame was taken. An empty queue takes any frame; Hopeless when a MUST does not fit at all."""
        if not self._fits(frame, self._capacity):
            if kind is Kind.HINT:
                self.dropped += 1
                return False
            self._drop_hints()
            if kind is Kind.STORED and not self._fits(frame, self._capacity):
                return False
            if not self._fits(frame, HOPELESS_FACTOR * self._capacity):
                raise Hopeless
        self._frames.append((kind, frame))
        self.nbytes += len(frame)
        return True

    def take(self) -> bytes | None:
        """The oldest frame, or None."""
        if not self._frames:
            return None
        _, frame = self._frames.pop(0)
        self.nbytes -= len(frame)
        return frame

    def _fits(self, frame: bytes, bound: int) -> bool:
        return not self._frames or self.nbytes + len(frame) <= bound

    def _drop_hints(self) -> None:
        kept: list[tuple[Kind, bytes]] = [(kind, frame) for kind, frame in self._frames if kind is not Kind.HINT]
        self.dropped += len(self._frames) - len(kept)
        self._frames = kept
        self.nbytes = sum(len(frame) for _, frame in kept)
