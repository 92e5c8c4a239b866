"""A stream to a relay that behaves badly: each end of it is told as what it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio

from agentd.relay_stream import LinkEnded, LinkSilent, read, write
from halyard.link.v1 import link_service_pb2 as pb
from halyard.link.v1.link_service_pb2_grpc import (
    LinkServiceServicer,
    LinkServiceStub,
    add_LinkServiceServicer_to_server,
)

HELLO = pb.AttachWorkstationRequest(hello=pb.WorkstationHello())
STORED = pb.AttachWorkstationResponse(stored=pb.Stored(through=7))

Behaviour = Callable[[Any], AsyncIterator[pb.AttachWorkstationResponse]]


class _Relay(LinkServiceServicer):
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def AttachWorkstation(self, requests: Any, context: Any) -> AsyncIterator[pb.AttachWorkstationResponse]:
        async for response in self._behaviour(context):
            yield response

    async def AttachApp(self, requests: Any, context: Any) -> AsyncIterator[pb.AttachAppResponse]:
        for response in list[pb.AttachAppResponse]():
            yield response


@asynccontextmanager
async def stream_to(behaviour: Behaviour) -> AsyncIterator[Any]:
    server = aio.server()
    add_LinkServiceServicer_to_server(_Relay(behaviour), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield LinkServiceStub(channel).AttachWorkstation()
    finally:
        await server.stop(None)


async def says_one(_context: Any) -> AsyncIterator[pb.AttachWorkstationResponse]:
    yield STORED


async def cancels(context: Any) -> AsyncIterator[pb.AttachWorkstationResponse]:
    await context.abort(grpc.StatusCode.CANCELLED, "enough")
    yield STORED


async def refuses(context: Any) -> AsyncIterator[pb.AttachWorkstationResponse]:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
    yield STORED


async def is_silent(_context: Any) -> AsyncIterator[pb.AttachWorkstationResponse]:
    await asyncio.Event().wait()
    yield STORED


async def test_a_frame_is_read_then_the_end_is_told() -> None:
    async with stream_to(says_one) as stream:
        await write(stream, HELLO)
        assert await read(stream, 10) == STORED
        with pytest.raises(LinkEnded, match="OK"):
            await read(stream, 10)
        assert not await write(stream, HELLO)


async def test_a_cancelling_relay_does_not_cancel_us() -> None:
    async with stream_to(cancels) as stream:
        await write(stream, HELLO)
        with pytest.raises(aio.AioRpcError) as refused:
            await read(stream, 10)
        assert refused.value.code() == grpc.StatusCode.CANCELLED


async def test_a_refusal_keeps_its_status() -> None:
    async with stream_to(refuses) as stream:
        await write(stream, HELLO)
        with pytest.raises(aio.AioRpcError) as refused:
            await read(stream, 10)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_silence_is_told() -> None:
    async with stream_to(is_silent) as stream:
        await write(stream, HELLO)
        with pytest.raises(LinkSilent):
            await read(stream, 0.05)


async def test_our_own_cancellation_stays_one() -> None:
    async with stream_to(is_silent) as stream:
        reading = asyncio.Event()

        async def wait_for_a_frame() -> None:
            await write(stream, HELLO)
            reading.set()
            await read(stream, 10)

        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(wait_for_a_frame())
            await reading.wait()
            waiting.cancel()
        assert waiting.cancelled()


class _Nonsense(grpc.GenericRpcHandler):
    """Answers every stream with bytes that are no frame."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def babble(_requests: Any, _context: Any) -> AsyncIterator[bytes]:
            yield b"\xff\xff\xff"

        return grpc.stream_stream_rpc_method_handler(babble)


async def test_nonsense_ends_the_link_and_nothing_else() -> None:
    server = aio.server()
    server.add_generic_rpc_handlers((_Nonsense(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream: Any = LinkServiceStub(channel).AttachWorkstation()
        with pytest.raises(LinkEnded, match="cannot be read"):
            await read(stream, 10)
    await server.stop(None)
