"""The model server over real sockets: what it says, and how it misbehaves when told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from agentd.demo import server as server_module
from agentd.demo.script import AnyStep, Conversation, Drop, Failure, Hang, Hold, Pause, Say, Script, StreamError, Turn
from agentd.demo.server import ModelServer


@pytest_asyncio.fixture
async def asked() -> list[Conversation]:
    return []


@pytest_asyncio.fixture
async def server(asked: list[Conversation]) -> AsyncIterator[ModelServer]:
    async with ModelServer((), asked.append).serving() as made:
        yield made


@pytest_asyncio.fixture
async def http(server: ModelServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False, timeout=20) as client:
        yield client


def request(*turns: Turn) -> dict[str, object]:
    prompt = Script(turns=turns).directive()
    return {"model": "scripted", "messages": [{"role": "user", "content": prompt}], "stream": True}


def steps(*what: AnyStep) -> dict[str, object]:
    return request(Turn(steps=what))


def text_of(body: str) -> str:
    """The words in a stream of events."""
    events = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: {")]
    choices = [choice for event in events for choice in json.loads(event).get("choices", [])]
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def test_an_answer_streams_to_its_end_mark(http: httpx.AsyncClient, asked: list[Conversation]) -> None:
    response = await http.post(
        "/chat/completions", json=steps(Say(say="Ahoy, sailor."), Pause(pause=0), Say(say=" Again."))
    )
    assert response.headers["content-type"] == "text/event-stream"
    assert text_of(response.text) == "Ahoy, sailor. Again."
    assert response.text.endswith("data: [DONE]\n\n")
    assert len(asked) == 1


async def test_failures_come_first_and_only_as_often_as_told(http: httpx.AsyncClient) -> None:
    failures = (Failure(status=429, message="slow", headers={"retry-after": "7"}), Failure(status=500))
    body = request(Turn(failures=failures, steps=(Say(say="Now."),)))
    first, second, third = [await http.post("/chat/completions", json=body) for _ in range(3)]
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.json()["error"]["message"] == "slow"
    assert (second.status_code, third.status_code) == (500, 200)
    assert text_of(third.text) == "Now."


async def test_two_conversations_fail_independently(http: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        body = request(Turn(failures=(Failure(status=500, message=name),), steps=(Say(say=name),)))
        assert (await http.post("/chat/completions", json=body)).status_code == 500
        assert (await http.post("/chat/completions", json=body)).status_code == 200


async def test_a_stream_can_fail_half_way(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json=steps(Say(say="Half"), StreamError(stream_error="overloaded")))
    assert text_of(response.text) == "Half"
    assert '"message":"overloaded"' in response.text
    assert "[DONE]" not in response.text


async def test_a_connection_can_be_cut(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await http.post("/chat/completions", json=steps(Say(say="Half"), Drop(drop=True)))


async def test_a_held_answer_goes_on_when_it_is_released(server: ModelServer, http: httpx.AsyncClient) -> None:
    body = steps(Say(say="Before. "), Hold(hold="gate"), Say(say="After."))
    async with http.stream("POST", "/chat/completions", json=body) as response:
        await asyncio.wait_for(server.reached("gate"), 30)
        server.release("gate")
        assert text_of((await response.aread()).decode()) == "Before. After."


async def test_a_hanging_answer_ends_when_the_client_leaves(http: httpx.AsyncClient) -> None:
    async with http.stream("POST", "/chat/completions", json=steps(Say(say="x"), Hang(hang=True))) as response:
        async for line in response.aiter_lines():
            assert line.startswith("data: ")
            break
    assert (await http.get("/models")).status_code == 200


async def test_leaving_the_block_cuts_what_is_open() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        async with ModelServer().serving() as server:
            streaming = client.stream("POST", f"{server.base_url}/chat/completions", json=steps(Hang(hang=True)))
            response = await streaming.__aenter__()
        with pytest.raises(httpx.TransportError):
            await response.aread()
        await streaming.__aexit__(None, None, None)


@pytest.mark.parametrize("content", [b"not JSON", b"{}", b'{"model":"x","messages":"hello"}'])
async def test_what_is_no_request_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    response = await http.post("/chat/completions", content=content)
    assert response.status_code == 400
    assert "no chat completion request" in response.json()["error"]["message"]


async def test_other_paths(server: ModelServer, http: httpx.AsyncClient) -> None:
    assert (await http.get("/models")).json()["data"][0]["id"] == "scripted"
    assert (await http.get(server.base_url.replace("/v1", "/healthz"))).json() == {"healthy": True}
    assert (await http.get("/nothing")).status_code == 404


async def test_what_is_not_http_harms_nobody(server: ModelServer, http: httpx.AsyncClient) -> None:
    port = int(server.base_url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert (await http.get("/models")).status_code == 200


async def test_a_body_without_end_is_cut_off(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_REQUEST_BYTES", 1000)
    with pytest.raises(httpx.TransportError):
        await http.post("/chat/completions", content=b"x" * 2_000_000)
