"""Whether a link that somebody looks at still lives, long before its heartbeat would tell. PURE.

Whoever looks believes what is shown, and a link that died unheard shows what is over. So it is looked at twice a
second: silent for a while, the relay is asked; silent still, for much longer than its answers take on this network, the
link is given up. Looks are counted, not seconds: a process that stood still, or a machine that slept, makes one late
look, not a dead link. docs/decisions/0112-who-looks-keeps-a-vigil.md, 0114-patience-by-measured-round-trips.md.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum

LOOK_SECONDS = 0.5
QUIET_LOOKS = 2
"""So many silent looks, and the relay is asked."""
LEAST_PATIENCE_LOOKS = 4
"""So many more for its answer, however quick it was before: TCP sends thrice in 1.4 s what a quick network loses."""
MOST_PATIENCE_LOOKS = 80
"""Less than a heartbeat's own patience, at the usual interval."""
ROUND_TRIPS = 5
"""The slowest answer may take so many times as long: its question may be lost twice on the way."""
FADING = 0.9
"""What is left, with each answer, of how slow those before it were."""
SLOW_BYTES = 8 * 1024
"""What a slow link carries between two looks. What was sent lies before the question in the queue."""
REST_SECONDS = 0.25
"""Whoever gave a link up dials again after so long, some after twice that: one relay has many lookers."""


class Finding(Enum):
    """What to do after a look."""

    LIVES = "lives"
    ASK = "ask"
    """Send something that the relay answers at once."""
    DEAD = "dead"
    """Give the link up and dial again."""


@dataclass(frozen=True, slots=True)
class Vigil:
    """What was found so far. A value: each event returns the next one. Outlives links: see `begun`."""

    slowest_seconds: float = 0.0
    """There and back, of the slowest answer; fades with each quicker one."""
    given_up: int = 0
    """Links in a row that were given up without an answer to a question between them."""
    silent: int = 0
    """Looks since anything was heard."""
    heard: int = 0
    sent: int = 0
    """Bytes sent when something was last heard."""

    @property
    def was_asked(self) -> bool:
        """The relay was asked, and nothing was heard since."""
        return self.silent >= QUIET_LOOKS

    @property
    def patience(self) -> int:
        """Looks from the question to giving the link up.

        One link that was given up may have been dead. From the second in a row on each doubles it, so that a network
        that is slower than was measured is not cut again and again.
        """
        looks = max(LEAST_PATIENCE_LOOKS, math.ceil(ROUND_TRIPS * self.slowest_seconds / LOOK_SECONDS))
        return min(looks << min(max(self.given_up - 1, 0), 8), MOST_PATIENCE_LOOKS)

    def answered(self, seconds: float) -> "Vigil":
        """The relay answered something, a Hello or a Ping, so long after it was asked."""
        return replace(self, slowest_seconds=max(seconds, FADING * self.slowest_seconds))

    def begun(self, heard: int, sent: int) -> "Vigil":
        """Somebody begins to look, or a new link stands. `heard`: anything that grows with what comes, as bytes do."""
        return replace(self, silent=0, heard=heard, sent=sent)

    def looked(self, heard: int, sent: int) -> "tuple[Finding, Vigil]":
        """(what to do, what was found). `heard` as in `begun`; `sent`: bytes."""
        if heard != self.heard:
            given_up = 0 if self.was_asked else self.given_up
            return Finding.LIVES, replace(self, given_up=given_up, silent=0, heard=heard, sent=sent)
        found = replace(self, silent=self.silent + 1)
        if found.silent >= QUIET_LOOKS + self.patience + (sent - self.sent) // SLOW_BYTES:
            return Finding.DEAD, replace(found, given_up=self.given_up + 1)
        return (Finding.ASK if found.silent == QUIET_LOOKS else Finding.LIVES), found
