"""A TCP proxy with weather: it delays, throttles, cuts, goes silent, and lets later connections overtake earlier ones.

Silence is what a network does that nobody announced: bytes are accepted and vanish, nobody is told, and a connection
that was silenced stays so. What connects after `clear` passes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_READ_BYTES = 65536
_MOST_WAITING_BYTES = 1 << 20


@dataclass
class Weather:
    """How it is now."""

    delay: float = 0.0
    """Seconds that each piece waits."""
    bytes_a_second: float = 0.0
    """0: as fast as it goes."""
    silent: bool = False
    closed: bool = False
    """Whoever connects is cut off at once."""
    hold: float = 0.0
    """Seconds that what a new connection says first is held back, even when whoever said it has gone."""


@dataclass(eq=False)
class _Connection:
    writers: list[asyncio.StreamWriter]
    silenced: bool = False
    ends_left: int = 0
    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        self.aborted.set()
        for writer in self.writers:
            writer.transport.abort()

    async def end(self) -> None:
        """One of both ends has left. Nobody hears of that where bytes vanish."""
        self.ends_left += 1
        if self.silenced and self.ends_left < 2:
            await self.aborted.wait()
        raise ConnectionResetError


class Proxy:
    """Forwards to one address. Faults are counted by whoever makes them."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[_Connection] = set()
        self._came = asyncio.Condition()
        self.weather = Weather()
        self.port = 0

    def clear(self) -> None:
        """New connections pass, and old ones that were not cut or silenced."""
        self.weather = Weather()

    def cut(self) -> None:
        """Ends every connection and lets nobody in."""
        self.weather.closed = True
        for connection in tuple(self._open):
            connection.abort()

    def silence(self) -> None:
        """Every byte vanishes."""
        self.weather.silent = True
        for connection in self._open:
            connection.silenced = True

    def reorder(self, hold: float) -> None:
        """Ends every connection; of those that come instead, every other one is held back and overtaken."""
        self.weather.hold = hold
        for connection in tuple(self._open):
            connection.abort()

    async def connected(self, number: int) -> None:
        """Returns once so many are connected."""
        async with self._came:
            await self._came.wait_for(lambda: len(self._open) >= number)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        """Listens on a free port of this machine meanwhile."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for connection in tuple(self._open):
                connection.abort()
                await connection.over.wait()
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection([writer], silenced=self.weather.silent)
        self._open.add(connection)
        async with self._came:
            self._came.notify_all()
        try:
            if not self.weather.closed:
                await self._connect(connection, reader, writer)
        except* OSError:
            pass
        finally:
            connection.abort()
            self._open.discard(connection)
            connection.over.set()

    async def _connect(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        held, self.weather.hold = self.weather.hold, -self.weather.hold
        if held > 0:
            await asyncio.sleep(held)
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        connection.writers.append(there_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(connection, reader, there_writer))
            group.create_task(self._pump(connection, there_reader, writer))

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_READ_BYTES):
            weather = self.weather
            if connection.silenced:
                continue
            if weather.delay:
                await asyncio.sleep(weather.delay)
            if weather.bytes_a_second:
                await asyncio.sleep(min(len(data) / weather.bytes_a_second, 5.0))
            if not connection.silenced:
                writer.write(data)
                await writer.drain()
        await connection.end()
