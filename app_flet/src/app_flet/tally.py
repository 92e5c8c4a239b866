"""What this device holds of one log, summed up, to be compared with what its workstation vouches for. PURE.

The counterpart of agentd's sealer. `wire/digest.py` says what is summed up, `believing.py` when it is compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wire.digest import DIGEST_BYTES, NOTHING, Digest

FIRST_WAIT_MS = 10 * 60_000
LONGEST_WAIT_MS = 24 * 3_600_000
"""Between two readings of a whole log for want of something: at first, and after it was in vain again and again."""


class Tally:
    """The digest of a replica, record by record.

    A value that the workstation read out on request came by no log: it stands `apart`, under the seq at which the log
    has that key, or 0. `place` is asked for the seq at which the replica holds a key; 0 when it does not.
    """

    def __init__(
        self, key: bytes, value: bytes, places: Iterable[tuple[int, bytes]], apart: Mapping[bytes, int] | None = None
    ) -> None:
        """`value`: as it was kept; empty: it never was, and `places` are summed up."""
        self.apart = dict(apart or {})
        self._digest = Digest(key, value or bytes(DIGEST_BYTES))
        self.reach = 0
        """The newest seq of any record that was counted."""
        for seq, name in places:
            counted = self.apart.get(name, seq)
            self.reach = max(self.reach, counted)
            if not value:
                self._digest.swap(name, NOTHING, counted)

    @property
    def value(self) -> bytes:
        """16 bytes, as `wire.digest.Digest`."""
        return self._digest.value

    def count(self, name: bytes, held: int, seq: int) -> bool:
        """The log has `name` at `seq`; the replica held it at `held` (0: not at all). Whether it now stands apart."""
        out = self.apart.get(name, held)
        if seq > out:
            self._digest.swap(name, out, seq)
            self.reach = max(self.reach, seq)
            if seq > held:
                self.apart.pop(name, None)
            else:
                self.apart[name] = seq
                return True
        return False

    def set_apart(self, name: bytes, held: int) -> int:
        """The value of `name`, held at `held` till now, was read out. The seq that stays counted."""
        return self.apart.setdefault(name, held)

    def forget(self, names: Iterable[bytes], held: Callable[[bytes], int]) -> None:
        """These went with their session."""
        for name in names:
            self._digest.swap(name, self.apart.pop(name, held(name)), NOTHING)


@dataclass(slots=True)
class Rereading:
    """When a log is read once more from its start because something of it is missing: seldom, and never in a loop."""

    through: int | None = None
    """How far it was read; None when it is not being read again."""
    is_done: bool = False
    """It was read again to its end since this device started."""
    _due_ms: int = 0
    _wait_ms: int = FIRST_WAIT_MS

    def begin(self, now_ms: int) -> bool:
        """Whether it is time to; then it has begun."""
        if self.through is not None or now_ms < self._due_ms:
            return False
        self.through = 0
        self._due_ms, self._wait_ms = now_ms + self._wait_ms, min(2 * self._wait_ms, LONGEST_WAIT_MS)
        return True

    def reached(self, through: int) -> None:
        """A batch came: a link that breaks need not begin at the start once more."""
        if self.through is not None:
            self.through = max(self.through, through)

    def ended(self) -> None:
        """The relay has handed out all it had."""
        self.is_done = self.is_done or self.through is not None
        self.through = None
