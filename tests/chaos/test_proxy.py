"""The weather between two ends of a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.proxy import Proxy


@asynccontextmanager
async def echo() -> AsyncIterator[Proxy]:
    """A proxy before a server that says everything back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, Proxy("127.0.0.1", server.sockets[0].getsockname()[1]).serving() as proxy:
        yield proxy


class Line:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def said(self, word: bytes) -> bytes:
        self.writer.write(word)
        async with asyncio.timeout(30):
            return await self.reader.readexactly(len(word))


@asynccontextmanager
async def line(proxy: Proxy) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


async def test_fair_weather_passes() -> None:
    async with echo() as proxy, line(proxy) as one:
        assert await one.said(b"hello") == b"hello"


async def test_a_cut_ends_what_is_open_and_keeps_others_out_until_it_clears() -> None:
    async with echo() as proxy:
        async with line(proxy) as one:
            await one.said(b"hello")
            proxy.cut()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await one.said(b"more")
        async with line(proxy) as two:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await two.said(b"more")
        proxy.clear()
        async with line(proxy) as three:
            assert await three.said(b"more") == b"more"


async def test_a_silenced_connection_stays_silent_and_a_new_one_passes() -> None:
    async with echo() as proxy, line(proxy) as old:
        await old.said(b"hello")
        proxy.silence()
        proxy.clear()
        async with line(proxy) as new:
            assert await new.said(b"more") == b"more"
            old.writer.write(b"lost")
            assert await new.said(b"still") == b"still"
        old.reader.feed_eof()
        assert await old.reader.read() == b""


async def test_a_later_connection_overtakes_one_that_is_held_back() -> None:
    arrived: list[bytes] = []
    async with echo() as proxy:
        proxy.reorder(0.3)
        async with line(proxy) as first, line(proxy) as second, asyncio.TaskGroup() as group:

            async def say(one: Line, word: bytes) -> None:
                arrived.append(await one.said(word))

            group.create_task(say(first, b"first"))
            group.create_task(say(second, b"second"))
    assert arrived == [b"second", b"first"]
