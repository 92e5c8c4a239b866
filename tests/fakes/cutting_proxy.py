"""A TCP proxy that cuts its connections when told to: how a network fails that nobody announced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

_READ_BYTES = 65536
_CARRY_SECONDS = 60.0


class CuttingProxy:
    """Forwards to one address. `cut` aborts every connection in the middle of whatever it carries."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._carries = asyncio.Event()
        self.port = 0
        self.cuts = 0

    async def cut(self) -> None:
        """Cuts as soon as there is something to cut."""
        async with asyncio.timeout(_CARRY_SECONDS):
            await self._carries.wait()
        self._carries.clear()
        self.cuts += 1
        for writer in self._open:
            writer.transport.abort()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[CuttingProxy]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer, over in list(self._open.items()):
                writer.transport.abort()
                await over.wait()
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = over = asyncio.Event()
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            try:
                self._carries.set()
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, there_writer))
                    group.create_task(_pump(there_reader, writer))
            finally:
                there_writer.transport.abort()
        except* ConnectionError:
            pass
        finally:
            writer.transport.abort()
            del self._open[writer]
            over.set()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ_BYTES):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError
