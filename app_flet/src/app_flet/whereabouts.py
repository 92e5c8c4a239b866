"""Notices what kills a link unheard: this device slept, or its network changed. Costs no traffic and no waking.

A phone tells when its app returns to the foreground; a desktop that was closed and opened, and a phone that walked out
of a house, tell nothing. docs/decisions/0104-a-link-in-doubt-proves-itself.md.
"""

import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from wire.network import LOOK_SECONDS, Move, Place, towards

TICK_SECONDS = LOOK_SECONDS
NOTABLE_MS = 10_000
"""What a busy device may be late by, and a clock be corrected by, without anything having happened."""


def own_address(there: str) -> str:
    """The address from which this device would speak to the address `there`; empty without a way. Sends nothing."""
    family = socket.AF_INET6 if ":" in there else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect((there, 9))
        except OSError:
            return ""
        return str(unsent.getsockname()[0])


class Whereabouts:
    """Asked once in TICK_SECONDS."""

    def __init__(
        self, relays: Iterable[str], now_ms: Callable[[], int], address: Callable[[str], str] = own_address
    ) -> None:
        """`relays`: origins; `now_ms`: the clock on the wall, which goes on while the device sleeps."""
        self._ways = sorted({towards(urlsplit(relay).hostname or "") for relay in relays})
        self._now_ms = now_ms
        self._address = address
        self._looked_ms = now_ms()
        self._place = Place().seen(self._look())[1]

    def changed(self) -> bool:
        """Whether the device slept, its network changed, or its clock was set since it was last asked."""
        passed_ms, self._looked_ms = self._now_ms() - self._looked_ms, self._now_ms()
        move, self._place = self._place.seen(self._look())
        return abs(passed_ms - TICK_SECONDS * 1000) > NOTABLE_MS or move is not Move.STAYED

    def _look(self) -> str:
        return " ".join(filter(None, map(self._address, self._ways)))
