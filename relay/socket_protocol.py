"""uvicorn's WebSocket with a short cut: a binary frame that the connection takes now goes out without a task's help.

ASGI's `send` waits, so each frame costs a wake-up of a task and a walk through a general frame encoder: together as
much as the system call itself. Most frames go to sockets that are free, and a server's frame is its bytes behind a
header of two to ten (RFC 6455 §5.2). Everything else stays uvicorn's.
"""

import struct

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

WRITE = "halyard.write"
"""Where a WebSocket's scope has the short cut: its extension, a function from a frame to whether it was taken."""

LINK_PATH = "/link"
"""Where apps attach."""

# FIN and opcode 2.
_BINARY = 0x82


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    def handle_connect(self, event: Request) -> None:
        """Puts the short cut into the scope that the application gets."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, object] = {**(self.scope["extensions"] or {}), WRITE: self.write}
            self.scope["extensions"] = extensions  # type: ignore[typeddict-item] # uvicorn's type knows only its own

    def start_keepalive(self) -> None:
        """Leaves out WebSocket pings on a link, which has a heartbeat of its own: each would wake a phone once more."""
        if self.scope["path"] != LINK_PATH:
            super().start_keepalive()

    def write(self, frame: bytes) -> bool:
        """Sends a binary frame if the connection is open and its buffer not full; else False, and nothing is sent."""
        if not self.handshake_complete or self.close_sent or self.disconnected or not self.writable.is_set():
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(header(len(frame)) + frame)
        return True


def header(size: int) -> bytes:
    """What comes before the `size` bytes of an unmasked binary frame."""
    if size < 126:
        return bytes((_BINARY, size))
    if size < 1 << 16:
        return struct.pack("!BBH", _BINARY, 126, size)
    return struct.pack("!BBQ", _BINARY, 127, size)
