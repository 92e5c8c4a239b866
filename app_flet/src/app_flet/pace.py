"""When a link speaks: calls more slowly than a relay takes them, heartbeats seldom. Pure.

A relay takes 100 calls of a device at once and 20 a second (relay/limits.py); what a person said on a long journey, and
every unanswered call on a new link, may be more than that. One that was turned away could be overtaken by the next.
"""

from dataclasses import dataclass

AT_ONCE = 80
PER_SECOND = 16


def until_heartbeat(silent_s: float, heartbeat_s: float, *, woken: bool) -> float:
    """Seconds until a device that said nothing for `silent_s` must say that it is there; 0 or less: now.

    Half an interval is enough for one that is `woken` by a frame anyway: its radio is up, and two wakings become one.
    """
    return (heartbeat_s / 2 if woken else heartbeat_s) - silent_s


@dataclass
class Pace:
    """A bucket of calls, kept as the time at which it is full again, in seconds of any one clock."""

    _full_at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until one more call may leave; 0 or less: it may leave now."""
        return max(self._full_at, now) + (1 - AT_ONCE) / PER_SECOND - now

    def left(self, now: float) -> None:
        """A call left."""
        self._full_at = max(self._full_at, now) + 1 / PER_SECOND
