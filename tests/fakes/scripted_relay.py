"""A relay that says what a test tells it to, to workstations only, over real gRPC: for the dialogue of the link."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from grpc import aio

from agentd.config import RelayAddress
from halyard.link.v1 import link_service_pb2 as pb
from halyard.link.v1 import record_pb2
from halyard.link.v1.link_service_pb2_grpc import LinkServiceServicer, add_LinkServiceServicer_to_server

PATIENCE_SECONDS = 60.0


class Attached:
    """One workstation's link, as the relay sees it."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[pb.AttachWorkstationRequest] = asyncio.Queue()
        self._to_say: asyncio.Queue[pb.AttachWorkstationResponse | None] = asyncio.Queue()

    async def hear(self, kind: str) -> pb.AttachWorkstationRequest:
        """The next frame, which must be of this kind."""
        frame = await self.hear_any()
        assert frame.WhichOneof("frame") == kind, frame
        return frame

    async def hear_any(self) -> pb.AttachWorkstationRequest:
        """The next frame."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._heard.get()

    async def hear_until(self, kind: str) -> pb.AttachWorkstationRequest:
        """The next frame of this kind; others are skipped."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (frame := await self._heard.get()).WhichOneof("frame") != kind:
                continue
        return frame

    def say(self, **frame: Any) -> None:
        """Sends one frame."""
        self._to_say.put_nowait(pb.AttachWorkstationResponse(**frame))

    def welcome(self, *, stored_through: int = 0, **limits: int) -> None:
        """Answers the hello."""
        told = record_pb2.Limits(heartbeat_seconds=20)
        told.MergeFrom(record_pb2.Limits(**limits))
        self.say(welcome=pb.WorkstationWelcome(stored_through=stored_through, limits=told))

    def hang_up(self) -> None:
        """Ends the link in good order."""
        self._to_say.put_nowait(None)


class ScriptedRelay(LinkServiceServicer):
    """Hands each link to the test."""

    def __init__(self) -> None:
        self._links: asyncio.Queue[Attached] = asyncio.Queue()
        self.port = 0

    @property
    def address(self) -> RelayAddress:
        """Where it listens."""
        return RelayAddress(origin=f"http://127.0.0.1:{self.port}", grpc=f"127.0.0.1:{self.port}")

    async def attached(self) -> Attached:
        """The next link that a workstation opens."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._links.get()

    async def AttachWorkstation(
        self, requests: AsyncIterator[pb.AttachWorkstationRequest], context: Any
    ) -> AsyncIterator[pb.AttachWorkstationResponse]:
        link = Attached()
        self._links.put_nowait(link)
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(_hear(requests, link))
            while (frame := await link._to_say.get()) is not None:
                yield frame
            hearing.cancel()

    async def AttachApp(self, requests: Any, context: Any) -> AsyncIterator[pb.AttachAppResponse]:
        for response in list[pb.AttachAppResponse]():
            yield response


async def _hear(requests: AsyncIterator[pb.AttachWorkstationRequest], link: Attached) -> None:
    async for frame in requests:
        link._heard.put_nowait(frame)


@asynccontextmanager
async def scripted_relay() -> AsyncIterator[ScriptedRelay]:
    """A scripted relay that listens meanwhile."""
    relay, server = ScriptedRelay(), aio.server()
    add_LinkServiceServicer_to_server(relay, server)
    relay.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield relay
    finally:
        await server.stop(None)
