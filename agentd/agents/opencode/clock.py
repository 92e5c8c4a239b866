"""Where the adapter's shell gets time and chance from; tests bring their own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """`steady` in seconds, never stepping back; `epoch_ms` for people and ids; `random` gives so many bytes."""

    steady: Callable[[], float] = time.monotonic
    epoch_ms: Callable[[], int] = _epoch_ms
    random: Callable[[int], bytes] = secrets.token_bytes
