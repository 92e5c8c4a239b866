"""The clocks of a machine that a test sets, and lets sleep."""

from agentd.jumps import Reading


class Clocks:
    """This machine's clocks, and what was done to them."""

    def __init__(self, set_seconds: float = 0.0) -> None:
        """`set_seconds`: how wrong the clock on the wall is from the beginning."""
        self._set, self._slept = set_seconds, 0.0

    def __call__(self) -> Reading:
        """What they say now."""
        now = Reading.now()
        return Reading(now.wall + self._slept + self._set, now.awake, now.elapsed + self._slept)

    def wall_ms(self) -> int:
        """The time of day, in Unix milliseconds."""
        return int(self().wall * 1000)

    def elapsed(self) -> float:
        """Seconds that nobody can set."""
        return self().elapsed

    def set_by(self, seconds: float) -> None:
        """Somebody sets the clock on the wall; negative: back."""
        self._set += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps for so long, and wakes up."""
        self._slept += seconds
