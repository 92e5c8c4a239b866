"""When to try again: exponential, with full jitter, forgetting past failures after a minute of health.

Full jitter (a uniform draw between zero and the exponential bound) spreads a crowd of readers whose relay restarted
better than a fixed delay with a little noise: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from dataclasses import dataclass, replace

FIRST_SECONDS = 1.0
CEILING_SECONDS, LEAST_CEILING_SECONDS = 30.0, 4.0
HEALTHY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often a link failed in a row. A value: each event returns the next one. Times in seconds, any one clock."""

    failures: int = 0
    connected_at: float | None = None
    ceiling: float | None = None
    """What the relay last told of how long a device may wait at most; None: nothing yet."""

    def told(self, ceiling_seconds: float) -> "Backoff":
        """A relay said how patient its devices must be; 0: it did not. No relay makes a device dial without rest."""
        if not ceiling_seconds:
            return self
        return replace(self, ceiling=min(CEILING_SECONDS, max(LEAST_CEILING_SECONDS, ceiling_seconds)))

    def connected(self, now: float) -> "Backoff":
        """The link stands since `now`; failures are forgotten only once it has held for a minute."""
        return replace(self, connected_at=now)

    def failed(self, now: float, draw: float) -> "tuple[float, Backoff]":
        """An attempt failed or the link broke at `now`: (seconds to wait, next state). `draw` is uniform in [0, 1)."""
        failures = 0 if self._was_healthy(now) else self.failures
        # Bounded exponent: 2.0 ** 1024 overflows after a night without network.
        most = CEILING_SECONDS if self.ceiling is None else min(CEILING_SECONDS, self.ceiling)
        bound = min(most, FIRST_SECONDS * 2.0 ** min(failures, 16))
        return draw * bound, Backoff(failures=failures + 1, ceiling=self.ceiling)

    def network_changed(self) -> "Backoff":
        """The app came back to the foreground or the network changed: try at once, with a clean slate."""
        return Backoff(ceiling=self.ceiling)

    def _was_healthy(self, now: float) -> bool:
        return self.connected_at is not None and now - self.connected_at >= HEALTHY_SECONDS
