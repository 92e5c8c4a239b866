"""How much one device or address may do: token buckets. Pure; times in seconds of any one clock.

A bucket is kept as one number, the time at which it is (or was) full again: an idle bucket needs no refilling and can
be told from a fresh one by looking, so a table forgets it without a timer.
"""

from collections import OrderedDict

from relay.limits import Rate

MAX_BUCKETS = 50_000


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
        spacing = 1.0 / self._rate.per_second
        full_at = max(self._full_at.get(key, now), now) + spacing
        wait = full_at - now - self._rate.burst * spacing
        if wait > 1e-9:
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
