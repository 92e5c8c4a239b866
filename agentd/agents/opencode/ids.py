"""Ids in OpenCode's format: prefix, 12 hex digits of time and counter, 14 characters of chance. Pure.

The hex digits are the low 48 bits of `milliseconds * 4096 + counter`; they wrap every 2.18 years, so ids order
messages only within a shorter span. Source: ids made by 1.18.33.
"""

from __future__ import annotations

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 14
RANDOM_BYTES = 14


def message_id(now_ms: int, counter: int, randomness: bytes) -> str:
    """Returns an id that sorts after all made in earlier milliseconds; `counter` (below 4096) orders those of the
    same one.
    """
    ticks = (now_ms * 4096 + counter) & (2**48 - 1)
    chance = "".join(_BASE62[byte % len(_BASE62)] for byte in randomness[:_RANDOM_LENGTH])
    return f"msg_{ticks:012x}{chance}"


def part_id(of_message: str, index: int) -> str:
    """Returns the id of a prompt's part: always the same, so that sending a prompt again replaces its parts instead
    of doubling them.
    """
    return f"prt_{of_message.removeprefix('msg_')[:-2]}{index:02d}"


class MessageIds:
    """Draws message ids that ascend even within one millisecond."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._counter = 0

    def draw(self, now_ms: int, randomness: bytes) -> str:
        """Returns the next id; a clock that steps back does not make ids step back."""
        self._counter = self._counter + 1 if now_ms <= self._last_ms else 0
        self._last_ms = max(now_ms, self._last_ms)
        carry, counter = divmod(self._counter, 4096)
        return message_id(self._last_ms + carry, counter, randomness)
