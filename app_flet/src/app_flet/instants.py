"""Points in time between the contract's timestamps and the model's Unix milliseconds, and as people read them."""

from datetime import UTC, datetime, timedelta

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MAX_OFFSET = timedelta(hours=14)


def milliseconds(instant: datetime | None) -> int:
    """Unix milliseconds; 0 for none."""
    return round(instant.timestamp() * 1000) if instant is not None else 0


def instant(unix_ms: int) -> datetime:
    """The contract's form of `unix_ms`."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=unix_ms)


def clock_time(unix_ms: int, offset: timedelta) -> str:
    """`14:02` in the zone of the person, whose offset from UTC is `offset`."""
    return (instant(unix_ms) + offset).strftime("%H:%M")


def zone(minutes_east: object) -> timedelta:
    """A browser's offset from UTC, as its page left it in text; none for what no clock on Earth shows."""
    if not isinstance(minutes_east, str) or not minutes_east.removeprefix("-").isdecimal() or len(minutes_east) > 4:
        return timedelta()
    offset = timedelta(minutes=int(minutes_east))
    return offset if abs(offset) <= MAX_OFFSET else timedelta()


def ago(unix_ms: int, now_ms: int) -> str:
    """How long ago, in one or two words: `now`, `5 min`, `3 h`, `2 d`; empty when not known."""
    if unix_ms <= 0:
        return ""
    passed = max(0, now_ms - unix_ms)
    if passed < MINUTE_MS:
        return "now"
    if passed < HOUR_MS:
        return f"{passed // MINUTE_MS} min"
    if passed < DAY_MS:
        return f"{passed // HOUR_MS} h"
    return f"{passed // DAY_MS} d"
