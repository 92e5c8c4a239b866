"""The text of parts that still grow. Pure.

OpenCode stores the text of a part only when the part ends, and repeats the whole output of a command with every line
it prints. Here the first is kept, and of the second only the new end is passed on. Offsets are UTF-8 bytes, as
Delta.offset_bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growth:
    """Text that was appended, and where."""

    offset_bytes: int
    text: str


class Accumulator:
    """What has arrived of one growing field.

    `whole` is False when the beginning was missed: then nothing is passed on, and the closing record repairs it.
    `untold` says that something arrived which was neither passed on nor is in a record.
    """

    def __init__(self, text: str = "", *, whole: bool = True) -> None:
        self._pieces = [text] if text else []
        self._size = len(text.encode())
        self.whole = whole
        self.untold = False

    @property
    def text(self) -> str:
        """Returns what has arrived so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def begins(self) -> None:
        """Notes that the field's beginning was met live; without effect when something had arrived before."""
        self.whole = self.whole or not self.text

    def append(self, text: str) -> Growth | None:
        """Returns the growth to pass on, or None when its place is not known."""
        if not self.whole:
            return None
        growth = Growth(self._size, text)
        self._pieces.append(text)
        self._size += len(text.encode())
        return growth

    def extend_to(self, text: str) -> Growth | None:
        """Takes the whole text as it is now; returns the new end, or None when nothing was appended or the beginning
        has changed.
        """
        before = self.text
        if text == before:
            return None
        if before and not text.startswith(before):
            self._pieces = [text]
            self._size = len(text.encode())
            self.untold = True
            return None
        growth = Growth(self._size, text[len(before) :])
        self._pieces = [text]
        self._size += len(growth.text.encode())
        return growth
