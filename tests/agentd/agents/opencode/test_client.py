"""What the client makes of answers. That it asks the right things is shown by the tests with the real OpenCode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from agentd.agents.agent import (
    AgentRefusedError,
    AgentUnavailableError,
    ResourceNotFoundError,
    SessionBusyError,
)
from agentd.agents.opencode.client import Client, error_text
from tests.fakes.canned_http import CannedServer


@contextlib.asynccontextmanager
async def asking(server: CannedServer) -> AsyncIterator[Client]:
    async with server.serving():
        client = Client(server.url, "secret")
        try:
            yield client
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"name":"NotFoundError","data":{"message":"Session not found"}}', "Session not found"),
        (b'{"_tag":"PermissionNotFoundError","message":"gone"}', "gone"),
        (b'{"name":"BadRequest","data":{"message":"Expected string","kind":"Payload"}}', "Expected string"),
        (b'{"name":"UnknownError"}', "UnknownError"),
        (b"plain words", "plain words"),
        (b"", ""),
    ],
)
def test_three_shapes_of_errors_and_none(body: bytes, text: str) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, AgentRefusedError),
        (401, AgentUnavailableError),
        (404, ResourceNotFoundError),
        (409, SessionBusyError),
        (500, AgentRefusedError),
    ],
)
async def test_each_status_has_its_error(status: int, error: type[Exception]) -> None:
    async with asking(CannedServer(status, b'{"message":"its words"}')) as client:
        with pytest.raises(error):
            await client.session("ses_1")


async def test_a_web_page_instead_of_an_answer_is_told_apart() -> None:
    """What OpenCode 2 answers to every route of release 1."""
    async with asking(CannedServer(200, b"<!doctype html><title>OpenCode</title>")) as client:
        with pytest.raises(AgentUnavailableError, match=r"not its JSON.*1\.x"):
            await client.health(1.0)


async def test_nobody_listening_says_so() -> None:
    client = Client("http://127.0.0.1:1", "secret")
    with pytest.raises(AgentUnavailableError, match="does not answer"):
        await client.health(1.0)
    await client.close()


async def test_directories_are_percent_encoded_and_ids_cannot_leave_their_place() -> None:
    server = CannedServer()
    async with asking(server) as client:
        await client.permissions("/home/mira/Jörg/日本")
        await client.todos("../../global/dispose")
    assert "x-opencode-directory: /home/mira/J%C3%B6rg/%E6%97%A5%E6%9C%AC" in server.asked[0]
    assert server.asked[1].startswith("GET /session/..%2F..%2Fglobal%2Fdispose/todo ")


async def test_the_password_goes_along() -> None:
    server = CannedServer()
    async with asking(server) as client:
        await client.permissions("/p")
    assert "Authorization: Basic b3BlbmNvZGU6c2VjcmV0" in server.asked[0]


async def test_a_server_that_has_just_ended_is_away_and_not_a_defect() -> None:
    async with asking(CannedServer()) as client:
        await client.close()
        with pytest.raises(AgentUnavailableError, match="just ended"):
            await client.statuses("/p")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500])
async def test_whoever_else_answers_at_its_address_is_not_a_healthy_opencode(status: int) -> None:
    async with asking(CannedServer(status, b'{"message":"its words"}')) as client:
        with pytest.raises(AgentUnavailableError):
            await client.health(5)


async def test_a_list_of_sessions_that_leads_back_to_its_beginning_ends() -> None:
    session = b'[{"id":"ses_1","directory":"/p","title":"","version":"1","time":{"created":1,"updated":1}}]'
    server = CannedServer(body=session, headers=("x-next-cursor: again",))
    async with asking(server) as client:
        with pytest.raises(AgentUnavailableError, match="leads back"):
            async with asyncio.timeout(5):
                await client.all_sessions(1)
    assert len(server.asked) == 2
