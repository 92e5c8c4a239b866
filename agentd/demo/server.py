"""The scripted model server: an OpenAI-compatible HTTP endpoint on loopback that plays what `script.py` chooses.

Written on h11 and asyncio streams, because a test model must also be able to misbehave below HTTP: cut a connection
in the middle of a chunk, or stay silent for ever. One request per connection; nothing is remembered but how often the
same conversation was sent (for `Turn.failures`) and which gates are open (for `Hold`).
"""

import asyncio
import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

import h11
from pydantic import ValidationError

from agentd.demo import chat
from agentd.demo.script import (
    AnyStep,
    Call,
    Conversation,
    Drop,
    Failure,
    Hang,
    Hold,
    Pause,
    Say,
    Scenario,
    StreamError,
    Think,
    Turn,
    choose,
)

_log = logging.getLogger(__name__)

# A conversation repeats everything said so far, tool output included; this bounds a runaway client, not a long session.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
_READ_BYTES = 65536
_JSON_HEADERS = [("content-type", "application/json"), ("connection", "close")]
_STREAM_HEADERS = [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("connection", "close")]


class ConnectionCut(ConnectionError):
    """The script asked to cut the connection, or the client left."""


class ModelServer:
    """Serves the script. `base_url` is what an agent's provider is configured with."""

    def __init__(
        self, scenarios: Sequence[Scenario] = (), on_request: Callable[[Conversation], None] | None = None
    ) -> None:
        self._scenarios = tuple(scenarios)
        self._on_request = on_request
        self._attempts: Counter[bytes] = Counter()
        self._gates: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, asyncio.Event] = {}
        self._port = 0

    @property
    def base_url(self) -> str:
        """Returns the address to configure as the provider's base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    def release(self, gate: str) -> None:
        """Opens a gate for everyone who waits at it now or later."""
        self._gate(gate).set()

    async def reached(self, gate: str) -> None:
        """Returns as soon as some answer has arrived at this gate."""
        await self._waiting.setdefault(gate, asyncio.Event()).wait()

    def _gate(self, gate: str) -> asyncio.Event:
        return self._gates.setdefault(gate, asyncio.Event())

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["ModelServer"]:
        """Listens on 127.0.0.1 (port 0 = any free one) until the block is left; open answers are cut then."""
        open_connections: dict[asyncio.StreamWriter, asyncio.Event] = {}

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_connections[writer] = over = asyncio.Event()
            try:
                await self._serve_connection(reader, writer)
            finally:
                writer.transport.abort()
                del open_connections[writer]
                over.set()

        server = await asyncio.start_server(accept, "127.0.0.1", port)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer, over in list(open_connections.items()):
                writer.transport.abort()
                await over.wait()
            await server.wait_closed()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = _Exchange(reader, writer)
        try:
            method, path, body = await exchange.read_request()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(exchange.hung_up())
                await self._route(exchange, method, path, body)
                await exchange.close()
                watch.cancel()
        except* ConnectionError:
            _log.debug("an answer was cut")
        except* h11.RemoteProtocolError as error:
            _log.warning("a request was not HTTP: %s", error.exceptions[0])

    async def _route(self, exchange: "_Exchange", method: str, path: str, body: bytes) -> None:
        match method, path:
            case "POST", "/v1/chat/completions":
                await self._complete(exchange, body)
            case "GET", "/v1/models":
                await exchange.respond(200, b'{"object":"list","data":[{"id":"scripted","object":"model"}]}')
            case "GET", "/healthz":
                await exchange.respond(200, b'{"healthy":true}')
            case _:
                await exchange.respond(
                    404, chat.error_body(f"There is no {method} {path}. Post to /v1/chat/completions.", "not_found")
                )

    async def _complete(self, exchange: "_Exchange", body: bytes) -> None:
        try:
            request = chat.ChatRequest.model_validate_json(body)
        except ValidationError as error:
            await exchange.respond(
                400, chat.error_body(f"This is no chat completion request: {error}", "invalid_request_error")
            )
            return
        conversation = request.conversation()
        if self._on_request is not None:
            self._on_request(conversation)
        turn = choose(conversation, self._scenarios)
        failure = self._due_failure(body, turn)
        if failure is not None:
            await exchange.respond(failure.status, chat.error_body(failure.message), failure.headers)
        else:
            await self._play(exchange, request.model, turn)

    def _due_failure(self, body: bytes, turn: Turn) -> Failure | None:
        if not turn.failures:
            return None
        fingerprint = hashlib.sha256(body).digest()
        attempt = self._attempts[fingerprint]
        self._attempts[fingerprint] += 1
        return turn.failures[attempt] if attempt < len(turn.failures) else None

    async def _play(self, exchange: "_Exchange", model: str, turn: Turn) -> None:
        await exchange.start_stream()
        calls = 0
        for step in turn.steps:
            await self._play_step(exchange, model, step, calls)
            if isinstance(step, StreamError):
                return
            calls += isinstance(step, Call)
        for frame in chat.finish_events(model, turn):
            await exchange.send(frame)

    async def _play_step(self, exchange: "_Exchange", model: str, step: AnyStep, calls: int) -> None:
        match step:
            case Say() | Think():
                for frame in chat.text_events(model, step):
                    await exchange.send(frame)
                    await asyncio.sleep(step.pace)
            case Call():
                await exchange.send(chat.call_event(model, step, calls, f"call_{exchange.number:x}_{calls}"))
            case Pause():
                await asyncio.sleep(step.pause)
            case Hold():
                self._waiting.setdefault(step.hold, asyncio.Event()).set()
                await self._gate(step.hold).wait()
            case StreamError():
                await exchange.send(chat.error_event(step.stream_error))
            case Drop():
                raise ConnectionCut
            case Hang():
                await asyncio.Event().wait()


class _Exchange:
    """One request and its answer on one connection."""

    _count = 0

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _Exchange._count += 1
        self.number = _Exchange._count
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_READ_BYTES)

    async def read_request(self) -> tuple[str, str, bytes]:
        """Returns method, path without query, and body. Raises h11.RemoteProtocolError or ConnectionError."""
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            raise ConnectionCut
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > MAX_REQUEST_BYTES:
                raise h11.RemoteProtocolError(f"a request body is larger than {MAX_REQUEST_BYTES} bytes", 413)
        return head.method.decode(), head.target.decode().partition("?")[0], bytes(body)

    async def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_READ_BYTES))
        return event

    async def respond(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Sends a whole JSON answer."""
        extra = [(name, value) for name, value in (headers or {}).items()]
        await self._write(
            h11.Response(status_code=status, headers=[*_JSON_HEADERS, *extra, ("content-length", str(len(body)))])
        )
        await self._write(h11.Data(data=body))

    async def start_stream(self) -> None:
        """Sends the head of a streamed answer."""
        await self._write(h11.Response(status_code=200, headers=_STREAM_HEADERS))

    async def send(self, frame: bytes) -> None:
        """Sends a piece of a streamed answer."""
        await self._write(h11.Data(data=frame))

    async def hung_up(self) -> None:
        """Waits for the client to leave, then raises ConnectionCut; this is what ends a `Hang`."""
        while await self._reader.read(_READ_BYTES):
            pass
        raise ConnectionCut

    async def close(self) -> None:
        """Ends the answer properly."""
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        if self._writer.is_closing():
            raise ConnectionCut
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()
