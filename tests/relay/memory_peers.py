"""Peers of a relay in memory, whose other end is a list of frames: for fuzzing at some thousand frames a second."""

import asyncio
from collections.abc import Callable

from halyard.pairing.v1 import pairing_service_pb2


class MemoryPeer:
    """A transport whose other end is a list of frames to come."""

    address = "127.0.0.1"
    is_local = True

    def __init__(self, first: bytes, next_frame: Callable[[], bytes | None]) -> None:
        self.first = first
        self._begun = False
        self._next_frame = next_frame
        self.heard: list[bytes] = []

    async def receive(self) -> bytes | None:
        await asyncio.sleep(0)
        if self._begun:
            return self._next_frame()
        self._begun = True
        return self.first

    async def send(self, frame: bytes) -> None:
        self.heard.append(frame)

    def send_at_once(self, frame: bytes) -> bool:
        """Frames of an even size, so that both ways are walked."""
        if taken := len(frame) % 2 == 0:
            self.heard.append(frame)
        return taken


class PatientPeer(MemoryPeer):
    """A peer that says one thing and stays until it is told to leave."""

    def __init__(self, first: bytes) -> None:
        super().__init__(first, lambda: None)
        self.leave = asyncio.Event()
        self._opened: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(self) -> bytes | None:
        if self._begun:
            await self.leave.wait()
        return await super().receive()

    async def send(self, frame: bytes) -> None:
        self._opened.put_nowait(frame)

    def send_at_once(self, frame: bytes) -> bool:
        return False

    async def nameplate(self) -> str:
        """The nameplate of its slot."""
        return pairing_service_pb2.HostResponse.FromString(await self._opened.get()).opened.nameplate


class MetPeer(MemoryPeer):
    """A host that says nothing more before somebody joined its slot: it would end there."""

    def __init__(self, first: bytes, next_frame: Callable[[], bytes | None]) -> None:
        super().__init__(first, next_frame)
        self.nameplate: asyncio.Queue[str] = asyncio.Queue()
        self._met = asyncio.Event()

    async def receive(self) -> bytes | None:
        if self._begun:
            await self._met.wait()
        return await super().receive()

    async def send(self, frame: bytes) -> None:
        told = pairing_service_pb2.HostResponse.FromString(frame)
        if told.HasField("opened"):
            self.nameplate.put_nowait(told.opened.nameplate)
        else:
            self._met.set()
