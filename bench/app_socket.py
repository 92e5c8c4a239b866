"""An app's link without an app: hello, focus, frames as bytes. What the benches read a relay with.

It opens no seal, so that hundreds of them cost a bench little and the relay is what is measured.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import websockets
from websockets.asyncio.client import ClientConnection

from bench.relay_process import RelayProcess
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2 as record
from wire.identity import Identity, make_token

_MAX_FRAME_BYTES = 4 << 20


def new_identity() -> Identity:
    """Keys of a new device."""
    return Identity.from_bytes(secrets.token_bytes(64))


@dataclass
class AppSocket:
    """One attached app."""

    socket: ClientConnection

    async def focus(self, workstation_id: str, key: bytes) -> None:
        """The session of this opaque key is on its screen from now on."""
        focus = link.Focus(workstation_id=workstation_id, focus=key)
        await self.socket.send(link.AttachAppRequest(focus=focus).SerializeToString())

    async def ping(self) -> None:
        """A heartbeat."""
        await self.socket.send(link.AttachAppRequest(ping=record.Ping()).SerializeToString())

    async def receive(self) -> bytes:
        """The next frame, unparsed."""
        frame = await self.socket.recv(decode=False)
        assert isinstance(frame, bytes)
        return frame

    async def receive_until(self, kind: str) -> link.AttachAppResponse:
        """The next frame of this kind; those before it are thrown away."""
        async with asyncio.timeout(60):
            while True:
                frame = link.AttachAppResponse.FromString(await self.receive())
                if frame.WhichOneof("frame") == kind:
                    return frame


@asynccontextmanager
async def app_attached(relay: RelayProcess, identity: Identity) -> AsyncIterator[AppSocket]:
    """An app past the handshake; the relay may hear of a new member a moment after its workstation said so."""
    async with asyncio.timeout(30):
        while True:
            app = await _attach(relay, identity)
            if app is not None:
                break
            await asyncio.sleep(0.05)
    try:
        yield app
    finally:
        await app.socket.close()


async def _attach(relay: RelayProcess, identity: Identity) -> AppSocket | None:
    socket = await websockets.connect(
        relay.http.replace("http", "ws", 1) + "/link", compression=None, ping_interval=None, max_size=_MAX_FRAME_BYTES
    )
    token = make_token(identity, relay.origin, int(time.time()), secrets.token_bytes(16))
    hello = link.AppHello(token=token, version="bench")
    await socket.send(link.AttachAppRequest(hello=hello).SerializeToString())
    first = await socket.recv(decode=False)
    assert isinstance(first, bytes)
    if link.AttachAppResponse.FromString(first).HasField("welcome"):
        return AppSocket(socket)
    await socket.close()
    return None
