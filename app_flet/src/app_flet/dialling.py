"""The WebSocket that a link goes over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from websockets.asyncio.client import ClientConnection, connect

from app_flet.pairing import OPEN_SECONDS, proxy_for, websocket_url

CLOSE_SECONDS = 1
"""So long a relay may take for its good-bye."""
MAX_FRAME_BYTES = 4 * 1024 * 1024
"""What this app accepts from a relay; relays keep to 1 MiB unless told otherwise."""


class HeardConnection(ClientConnection):
    """Counts the bytes that come: the first of a large frame are a sign of life long before its last."""

    heard_bytes = 0

    def data_received(self, data: bytes) -> None:
        self.heard_bytes += len(data)
        super().data_received(data)

    def drop(self) -> None:
        """Ends it without a good-bye, which a relay that is silent would not answer."""
        self.transport.abort()


@asynccontextmanager
async def dial(relay: str) -> AsyncIterator[HeardConnection]:
    """A connection to the relay at an origin; `link_lost.EXPECTED` when there is none."""
    url = websocket_url(relay, "/link")
    dialled = connect(
        url,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        ping_interval=None,  # heartbeats are frames of the protocol: WebSocket pings end at some proxies
        compression=None,  # sealed bytes do not compress
        max_size=MAX_FRAME_BYTES,
        create_connection=HeardConnection,
        proxy=proxy_for(url),
    )
    async with dialled as socket:
        yield cast("HeardConnection", socket)
