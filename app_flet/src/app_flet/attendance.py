"""Whether a workstation answers whoever looks, by what it seals itself and not by what its relay says of it. PURE.

A link to the relay that died unheard still counts as online there, for as long as a heartbeat may take. Somebody who
begins to look asks: the workstation is told of it and renews its head at once, and again every half minute. One that
does not is not heard, and that is said. docs/decisions/0115-online-is-what-answers.md.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

ANSWERS_MS = 4_000
"""So long its answer may take, there and back over both links."""
RENEWS_MS = 40_000
"""So long after one head the next may take: the interval of agentd, and some."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """One workstation, seen from one device. A value: methods return the next one. Times are Unix milliseconds."""

    due_ms: int = 0
    """By when it must be heard; 0: nobody looks."""

    def asked(self, now_ms: int) -> "Attendance":
        """Somebody begins to look, and it is being told."""
        return Attendance(now_ms + ANSWERS_MS)

    def again(self, now_ms: int) -> "Attendance":
        """It came back, or this device slept: if somebody looks, it is given the time of an answer."""
        return self.asked(now_ms) if self.due_ms else self

    def behind(self, now_ms: int) -> "Attendance":
        """What the relay had stored is still coming in: an answer may be waiting behind it."""
        return Attendance(max(self.due_ms, now_ms + ANSWERS_MS)) if self.due_ms else self

    def heard(self, now_ms: int) -> "Attendance":
        """A head came that is newer than all before it."""
        return Attendance(now_ms + RENEWS_MS) if self.due_ms else self

    def misses(self, now_ms: int) -> bool:
        """Whether it should have been heard by now, and was not."""
        return 0 < self.due_ms <= now_ms


def seconds_left(due_ms: Iterable[int], now_ms: int) -> float:
    """Until the next of these moments that is still to come; infinite when none is."""
    return min(((at_ms - now_ms) / 1000 for at_ms in due_ms if at_ms > now_ms), default=math.inf)
