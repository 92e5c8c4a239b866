"""How much one device or address may do: token buckets. Pure; times in seconds of any one clock.

A bucket is kept as one number, the time at which it is (or was) full again: an idle bucket needs no refilling and can
be told from a fresh one by looking, so a table forgets it without a timer.
"""

from collections import OrderedDict

from relay.limits import Rate

MAX_BUCKETS = 50_000
# Sums of spacings are not exact; a millionth of a second is nobody's advantage.
_ROUNDING = 1e-6


class Bucket:
    """One bucket; small, because every link has one."""

    __slots__ = ("_full_at", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at = 0.0

    def take(self, now: float) -> float:
        """Takes one token: 0.0 when there was one, else the seconds until there is one (nothing is taken then)."""
        full_at, wait = _taken(self._rate, self._full_at, now)
        if not wait:
            self._full_at = full_at
        return wait


class Buckets:
    """One bucket of the same shape per key. Bounded: the longest unused key is forgotten first."""

    def __init__(self, rate: Rate, max_buckets: int = MAX_BUCKETS) -> None:
        self._rate = rate
        self._max_buckets = max_buckets
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Takes one token: 0.0 when there was one, else the seconds until there is one (nothing is taken then)."""
        full_at, wait = _taken(self._rate, self._full_at.get(key, now), now)
        if wait:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        while len(self._full_at) > self._max_buckets:
            self._full_at.popitem(last=False)
        return 0.0

    def sweep(self, now: float) -> None:
        """Forgets buckets that are full again; nobody can tell them from new ones."""
        for key in [key for key, full_at in self._full_at.items() if full_at <= now]:
            del self._full_at[key]


def _taken(rate: Rate, full_at: float, now: float) -> tuple[float, float]:
    """(when the bucket would be full after taking one token, seconds to wait until that is allowed)."""
    spacing = 1.0 / rate.per_second
    full_at = max(full_at, now) + spacing
    wait = full_at - now - rate.burst * spacing
    return full_at, wait if wait > _ROUNDING else 0.0
