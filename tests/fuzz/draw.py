"""Choices out of bytes: what a coverage-guided fuzzer, Hypothesis and a kept input can all drive alike."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Reads from the front of `data`; what is asked for beyond its end is zero or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_spent(self) -> bool:
        return self._at >= len(self._data)

    def number(self, size: int = 1) -> int:
        """`size` bytes, little endian."""
        return int.from_bytes(self.take(size), "little")

    def below(self, bound: int) -> int:
        return self.number(1 if bound <= 256 else 4) % bound

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def chunk(self, longest: int = 0xFFFF) -> bytes:
        """A run of bytes behind its length."""
        return self.take(self.number(2) % (longest + 1))

    def rest(self) -> bytes:
        return self.take(max(0, len(self._data) - self._at))

    def bent(self, good: bytes) -> bytes:
        """`good`, or something made of it: flipped, cut, doubled, replaced."""
        match self.below(8):
            case 0 if good:
                at = self.below(len(good))
                return good[:at] + bytes([good[at] ^ (self.number() or 1)]) + good[at + 1 :]
            case 1:
                return good[: self.below(len(good) + 1)]
            case 2:
                return good + self.chunk(64)
            case 3:
                return self.chunk()
            case _:
                return good
