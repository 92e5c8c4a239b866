"""The time of day, also on a device whose clock is wrong.

Calls expire, permissions are decided "3 min ago" and tokens live for a minute, all by other machines' clocks. A phone
that is a day off must still work, and must say so. What a relay tells is believed within limits: it could stretch the
life of a call by them, never beyond what workstations accept. docs/decisions/0092-whose-clock-calls-expire-by.md.
"""

from collections.abc import Callable

from app_flet.instants import HOUR_MS, MINUTE_MS
from app_flet.store import Store

TOLERANCE_MS = MINUTE_MS
"""Less than this is not worth a word."""
MAX_CORRECTION_MS = 36 * HOUR_MS
OFFSET = "clock_offset_ms"


class Clock:
    """Call it for the time in Unix milliseconds."""

    def __init__(self, own_ms: Callable[[], int], store: Store) -> None:
        """`own_ms`: the device's clock."""
        self.own_ms = own_ms
        self._store = store
        self.offset_ms = int(store.fact(OFFSET) or 0)
        """How far the relay's clock was ahead of this device's when it was last heard; 0 while they agree."""

    def __call__(self) -> int:
        """The time, corrected where the device's clock is plainly wrong."""
        return self.own_ms() + max(-MAX_CORRECTION_MS, min(self.offset_ms, MAX_CORRECTION_MS))

    def heard(self, relay_ms: int) -> bool:
        """A relay told its time; whether that changed what to think of this device's clock."""
        told = relay_ms - self.own_ms()
        offset_ms = told if abs(told) > TOLERANCE_MS else 0
        if abs(offset_ms - self.offset_ms) <= TOLERANCE_MS and bool(offset_ms) == bool(self.offset_ms):
            return False
        self.offset_ms = offset_ms
        self._store.keep_fact(OFFSET, str(offset_ms).encode())
        return True
