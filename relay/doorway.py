"""What all doors share: the first frame in time, and not too many strangers at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay.errors import RateLimited, Stopping, TooLarge, TooSlow
from relay.link import Peer
from relay.services import Services
from wire.errors import Malformed


@asynccontextmanager
async def greeting(services: Services, peer: Peer) -> AsyncIterator[None]:
    """The time in which a peer has to say who it is. Raises RateLimited or TooSlow."""
    limits = services.limits
    if services.stopping:
        raise Stopping("The relay is stopping; reconnect in a moment.")
    if services.greeting >= limits.max_greeting or services.hub.link_count >= limits.max_links:
        raise RateLimited("This relay has as many connections as it takes; try again soon.", 5.0)
    services.rates.connect(peer.address, services.now(), is_local=peer.is_local)
    services.greeting += 1
    try:
        async with asyncio.timeout(limits.first_frame_seconds):
            yield
    except TimeoutError:
        raise TooSlow(f"The first frame did not come within {limits.first_frame_seconds:g} s.") from None
    finally:
        services.greeting -= 1


async def first_frame(services: Services, peer: Peer) -> bytes:
    """The peer's first frame, which has a limit of its own."""
    frame = await peer.receive()
    if frame is None:
        raise Malformed("The link ended before it began; the first frame says who you are.")
    if len(frame) > services.limits.max_first_frame_bytes:
        raise TooLarge(f"The first frame has {len(frame)} bytes, more than {services.limits.max_first_frame_bytes}.")
    services.metrics.frames_received += 1
    return frame
