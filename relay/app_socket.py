"""WebSocket doors: the app's link at /link and the guest's side of pairing at /pairing.

One protobuf message per binary frame. A refusal is said in a last frame, then the socket closes with 4000 + gRPC code.
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from relay import app_link
from relay.app_link import farewell
from relay.config import is_loopback
from relay.link import PeerGone
from relay.pairing_service import PairingService, guest_farewell
from relay.services import Services
from relay.socket_protocol import WRITE
from wire.errors import HalyardError, Malformed

CLOSE_BASE = 4000
_GOING_AWAY = 1012
_REASON_BYTES = 120
"""A close frame has room for 123 bytes of reason."""
_FAREWELL_SECONDS = 2.0
# uvicorn: OSError when the connection is lost, RuntimeError when it was closed from inside.
_GONE = (OSError, RuntimeError)


class SocketPeer:
    """An accepted WebSocket as `relay.link.Peer`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, behind_proxy: bool) -> None:
        self._receive = receive
        self._send = send
        self._write: Callable[[bytes], bool] | None = scope.get("extensions", {}).get(WRITE)
        self.address, self.is_local = origin_of(scope, behind_proxy=behind_proxy)

    async def receive(self) -> bytes | None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        frame = message.get("bytes")
        if frame is None:
            raise Malformed("This socket takes binary frames only, one protobuf message each.")
        return bytes(frame)

    async def send(self, frame: bytes) -> None:
        try:
            await self._send({"type": "websocket.send", "bytes": frame})
        except _GONE:
            raise PeerGone from None

    def send_at_once(self, frame: bytes) -> bool:
        return self._write is not None and self._write(frame)

    async def close(self, code: int, reason: str = "") -> None:
        """Closes the socket; the peer may be gone already."""
        short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": short})
        except _GONE:
            raise PeerGone from None


def origin_of(scope: Scope, *, behind_proxy: bool) -> tuple[str, bool]:
    """(address of the client, whether it is a process of this machine). A proxy's word counts only behind one."""
    client = scope.get("client")
    direct = client[0] if client else ""
    forwarded = header(scope, b"x-forwarded-for")
    address = forwarded.rpartition(",")[2].strip() if behind_proxy and forwarded else direct
    return address, forwarded is None and is_loopback(direct)


def header(scope: Scope, name: bytes) -> str | None:
    """The last value of a request header."""
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return values[-1].decode("latin-1") if values else None


async def serve_link(peer: SocketPeer, services: Services) -> None:
    """The app's link on an accepted socket."""
    error = await _outcome(app_link.serve(peer, services))
    services.metrics.links_refused += error is not None
    await _part(peer, error, lambda refusal: farewell(refusal, services.now()))


async def serve_guest(peer: SocketPeer, pairing: PairingService) -> None:
    """The guest's side of a slot on an accepted socket."""
    await _part(peer, await _outcome(pairing.join(peer)), guest_farewell)


async def _outcome(serving: Awaitable[HalyardError | None]) -> HalyardError | None:
    try:
        return await serving
    except HalyardError as error:
        return error


async def _part(peer: SocketPeer, error: HalyardError | None, last_frame: Callable[[HalyardError], bytes]) -> None:
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            if error is None:
                await peer.close(_GOING_AWAY)
            else:
                await peer.send(last_frame(error))
                await peer.close(CLOSE_BASE + int(error.code), error.message)
    except (PeerGone, TimeoutError):
        return
