"""The time of day, also on a device whose clock is wrong, or is set while somebody looks.

Calls expire, permissions are decided "3 min ago" and tokens live for a minute, all by other machines' clocks. A phone
that is a day off must still work, and must say so. What a relay tells is believed within limits: it could stretch the
life of a call by them, never beyond what workstations accept. docs/decisions/0092-whose-clock-calls-expire-by.md.
"""

import time
from collections.abc import Callable

from app_flet.instants import HOUR_MS, MINUTE_MS
from app_flet.store import Store

TOLERANCE_MS = MINUTE_MS
"""Less than this is not worth a word."""
MAX_CORRECTION_MS = 36 * HOUR_MS
OFFSET = "clock_offset_ms"

# Linux and Android have a clock that nobody can set and that goes on while the device sleeps; elsewhere the monotonic
# one of the system does.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def elapsed_seconds() -> float:
    """Seconds since some moment in the past; goes on while the device sleeps, and nobody can set it."""
    return time.monotonic() if _ELAPSED is None else time.clock_gettime(_ELAPSED)


class Clock:
    """Call it for the time in Unix milliseconds."""

    def __init__(self, own_ms: Callable[[], int], store: Store, elapsed: Callable[[], float] = elapsed_seconds) -> None:
        """`own_ms`: the device's clock."""
        self.own_ms = own_ms
        self._store = store
        self._elapsed = elapsed
        self._heard: tuple[int, float] | None = None
        """What a relay's clock said last, and when that was by the clock that nobody can set."""
        self.offset_ms = int(store.fact(OFFSET) or 0)
        """How far the relay's clock was ahead of this device's when it was last heard; 0 while they agree."""

    def __call__(self) -> int:
        """The time, corrected where the device's clock is plainly wrong."""
        offset_ms = self._offset_now()
        return self.own_ms() + max(-MAX_CORRECTION_MS, min(offset_ms, MAX_CORRECTION_MS))

    def heard(self, relay_ms: int) -> bool:
        """A relay told its time; whether that changed what to think of this device's clock."""
        self._heard = relay_ms, self._elapsed()
        offset_ms = self._offset_now()
        if abs(offset_ms - self.offset_ms) <= TOLERANCE_MS and bool(offset_ms) == bool(self.offset_ms):
            return False
        self.offset_ms = offset_ms
        self._store.keep_fact(OFFSET, str(offset_ms).encode())
        return True

    def _offset_now(self) -> int:
        """`offset_ms` as it is right now: this device's clock may have been set since the relay was heard."""
        if self._heard is None:
            return self.offset_ms
        told_ms, at = self._heard
        offset_ms = told_ms + round((self._elapsed() - at) * 1000) - self.own_ms()
        return offset_ms if abs(offset_ms) > TOLERANCE_MS else 0
