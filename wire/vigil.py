"""Whether a link that somebody looks at still lives, long before its heartbeat would tell. PURE.

Whoever looks believes what is shown, and a link that died unheard shows what is over. So it is looked at once in
LOOK_SECONDS: silent for a while, the relay is asked; silent still, the link is given up. Looks are counted, not
seconds: a process that stood still, or a machine that slept, makes one late look, not a dead link.
docs/decisions/0112-who-looks-keeps-a-vigil.md.
"""

from dataclasses import dataclass, replace
from enum import Enum

LOOK_SECONDS = 1.0
QUIET_LOOKS = 3
"""So many silent looks, and the relay is asked."""
PATIENCE_LOOKS = 5
"""So many more for its answer: a phone network that takes 2 s there and back and loses a packet needs four."""
MOST_PATIENCE_LOOKS = 40
"""Less than a heartbeat's own patience, at the usual interval."""
SLOW_BYTES = 16 * 1024
"""What a slow link carries between two looks. What was sent lies before the question in the queue."""


class Finding(Enum):
    """What to do after a look."""

    LIVES = "lives"
    ASK = "ask"
    """Send something that the relay answers at once."""
    DEAD = "dead"
    """Give the link up and dial again."""


@dataclass(frozen=True, slots=True)
class Vigil:
    """What was found so far. A value: each look returns the next one. Outlives links: see `begun`."""

    patience: int = PATIENCE_LOOKS
    """Looks; doubled by each link given up until a relay answers, so that a slow link is not cut again and again."""
    silent: int = 0
    """Looks since anything was heard."""
    heard: int = 0
    sent: int = 0
    """Bytes sent when something was last heard."""

    def begun(self, heard: int, sent: int) -> "Vigil":
        """Somebody begins to look, or a new link stands. `heard`: anything that grows with what comes, as bytes do."""
        return replace(self, silent=0, heard=heard, sent=sent)

    def looked(self, heard: int, sent: int) -> "tuple[Finding, Vigil]":
        """(what to do, what was found). `heard` as in `begun`; `sent`: bytes."""
        if heard != self.heard:
            was_asked = self.silent >= QUIET_LOOKS
            return Finding.LIVES, Vigil(PATIENCE_LOOKS if was_asked else self.patience, 0, heard, sent)
        found = replace(self, silent=self.silent + 1)
        if found.silent >= QUIET_LOOKS + self.patience + (sent - self.sent) // SLOW_BYTES:
            return Finding.DEAD, replace(found, patience=min(2 * self.patience, MOST_PATIENCE_LOOKS))
        return (Finding.ASK if found.silent == QUIET_LOOKS else Finding.LIVES), found
