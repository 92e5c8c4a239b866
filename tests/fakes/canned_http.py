"""An HTTP server that answers everything alike and remembers what it was asked: for what a client makes of answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class CannedServer:
    """`body` is sent after a head with `status` and `headers`; then the connection ends, or `stay`s open in silence."""

    status: int = 200
    body: bytes = b"[]"
    stay: bool = False
    headers: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            head = [f"HTTP/1.1 {self.status} Canned", "connection: close", *self.headers, "", ""]
            writer.write("\r\n".join(head).encode() + self.body)
            await writer.drain()
            if self.stay:
                await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[CannedServer]:
        over: list[asyncio.Event] = []

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            over.append(done := asyncio.Event())
            try:
                await self._accept(reader, writer)
            finally:
                done.set()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()
            for done in over:
                await done.wait()
