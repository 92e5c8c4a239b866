"""Whether a machine is still where it was in the network: a link from before a move may be dead and not know it. PURE.

What is looked at, every few seconds, is the address that the kernel would speak from. Looking sends nothing.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

ANYWHERE = "192.0.2.1"
"""TEST-NET-1 (RFC 5737): the way there is the default way out. A name would have to be looked up."""
LOOPBACK = "127.0.0.1"
LOOK_SECONDS = 5.0
"""Between two looks."""


class Move(Enum):
    """What happened to a machine between two looks."""

    STAYED = "stayed"
    MOVED = "moved"
    """It speaks from another address: links from before are most likely dead."""
    GONE = "gone"
    """There is no network any more."""
    BACK = "back"
    """There is one again, with the address of before or the first of all: links may have outlived it."""


def towards(host: str) -> str:
    """The address to look at the way to, for a relay at `host`: a name is stood in for, an address is itself."""
    if host == "localhost":
        return LOOPBACK
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return ANYWHERE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine was when it was last looked at. A value: each look returns the next one."""

    address: str = ""
    """The last that there was; empty: none yet."""
    has_network: bool = True

    def seen(self, address: str) -> "tuple[Move, Place]":
        """(what happened, where it is now). `address`: what the machine would speak from; empty without a network."""
        if not address:
            return (Move.GONE if self.has_network else Move.STAYED), Place(self.address, has_network=False)
        now = Place(address)
        if self.address and address != self.address:
            return Move.MOVED, now
        return (Move.STAYED if self.has_network else Move.BACK), now
