"""Notices that this machine is elsewhere in the network: a link from before is dead, and would be waited for a minute.

Looks at the address that the kernel would speak from; nothing is sent. The decisions are `wire/network.py`'s.
"""

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from agentd.config import RelayAddress
from wire.network import LOOK_SECONDS, Move, Place, towards

MOVED = "This machine's network changed; the link is made anew."


def own_address(there: str) -> str:
    """The address from which this machine would speak to the address `there`; empty without a way. Sends nothing."""
    family = socket.AF_INET6 if ":" in there else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect((there, 9))
        except OSError:
            return ""
        return str(unsent.getsockname()[0])


async def watch(
    relay: RelayAddress,
    redial: Callable[[str], None],
    hurry: Callable[[], None],
    look: Callable[[str], str] = own_address,
) -> None:
    """Until cancelled: `redial` after a move; `hurry` when there is a network again, and the link may stand."""
    there = towards(urlsplit(f"//{relay.grpc}").hostname or "")
    place = Place()
    while True:
        move, place = place.seen(look(there))
        if move is Move.MOVED:
            redial(MOVED)
        elif move is Move.BACK:
            hurry()
        await asyncio.sleep(LOOK_SECONDS)
