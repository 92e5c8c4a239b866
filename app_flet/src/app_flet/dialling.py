"""The WebSocket that a link goes over."""

from websockets.asyncio.client import connect

from app_flet.pairing import OPEN_SECONDS, proxy_for, websocket_url

CLOSE_SECONDS = 1
"""A relay that has fallen silent says no good-bye either."""
MAX_FRAME_BYTES = 4 * 1024 * 1024
"""What this app accepts from a relay; relays keep to 1 MiB unless told otherwise."""


def dial(relay: str) -> connect:
    """A connection to the relay at an origin, to be entered; `link_lost.EXPECTED` when there is none."""
    url = websocket_url(relay, "/link")
    return connect(
        url,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        ping_interval=None,  # heartbeats are frames of the protocol: WebSocket pings end at some proxies
        compression=None,  # sealed bytes do not compress
        max_size=MAX_FRAME_BYTES,
        proxy=proxy_for(url),
    )
