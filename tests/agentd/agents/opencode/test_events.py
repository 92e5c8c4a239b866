from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.event_schema import Connected, Heartbeat
from agentd.agents.opencode.events import data_of, stream
from tests.fakes.canned_http import CannedServer

CONNECTED = 'data: {"payload":{"type":"server.connected","properties":{}}}\n\n'
HEARTBEAT = 'data: {"payload":{"type":"server.heartbeat","properties":{}}}\n\n'


@contextlib.asynccontextmanager
async def serving(body: str, *, stay: bool = False, status: int = 200) -> AsyncIterator[Client]:
    """A client of a server that says this and then ends, or stays silent."""
    async with CannedServer(status, body.encode(), stay).serving() as server:
        client = Client(server.url, "p")
        try:
            yield client
        finally:
            await client.close()


def test_only_data_lines_carry_something() -> None:
    assert data_of("data: {}") == "{}"
    assert data_of("data:{}") == "{}"
    assert [data_of(line) for line in ("", ": heartbeat", "event: x", "id: 7", "retry: 3")] == [""] * 5


async def test_frames_come_until_the_server_ends_the_stream() -> None:
    async with serving(CONNECTED + ": a comment\n\n" + HEARTBEAT) as client, stream(client) as frames:
        assert [frame.event async for frame in frames] == [Connected(), Heartbeat()]


async def test_a_frame_that_cannot_be_read_is_passed_over() -> None:
    async with serving(CONNECTED + "data: {broken\n\n" + HEARTBEAT) as client, stream(client) as frames:
        assert [frame.event async for frame in frames] == [Connected(), Heartbeat()]


async def test_silence_is_taken_for_death() -> None:
    async with serving(CONNECTED, stay=True) as client:
        with pytest.raises(AgentUnavailableError, match="silent"):
            async with stream(client, silence=0.05) as frames:
                assert [frame.event async for frame in frames] == []


async def test_a_refused_stream_says_why() -> None:
    async with serving("", status=401) as client:
        with pytest.raises(AgentUnavailableError, match="password"):
            async with stream(client):
                raise AssertionError
