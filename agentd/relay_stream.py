"""Reading and writing one gRPC stream to the relay.

A finished call makes `write` raise InvalidStateError, whose cause only `read` can tell; and a silent network is no
error at all.
"""

import asyncio
from typing import TypeVar, cast

from google.protobuf.message import Message
from grpc import aio

Frame = TypeVar("Frame", bound=Message)
Incoming = TypeVar("Incoming", bound=Message)
Outgoing = TypeVar("Outgoing", bound=Message)


class LinkEnded(Exception):
    """The relay ended the stream; dial again after `after_seconds`."""

    def __init__(self, message: str, after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class LinkSilent(Exception):
    """Nothing came for too long."""


async def read(stream: "aio.StreamStreamCall[Outgoing, Frame]", within_seconds: float | None = None) -> Frame:
    """The next frame.

    LinkSilent when none comes in time, LinkEnded when the relay closed in good order or talks nonsense, AioRpcError
    when it refused or the network failed.
    """
    try:
        async with asyncio.timeout(within_seconds):
            frame = await stream.read()
    except TimeoutError:
        raise LinkSilent("The relay has fallen silent.") from None
    if frame is aio.EOF:
        code = await stream.code()
        raise LinkEnded(f"The relay closed the link ({code.name}): {await stream.details()}")
    if not isinstance(frame, Message):
        # gRPC hands over None for bytes that are no message.
        raise LinkEnded("The relay sent something that cannot be read.")
    return cast("Frame", frame)


async def write(stream: "aio.StreamStreamCall[Frame, Incoming]", frame: Frame) -> bool:
    """Whether the frame went out; False when the stream is over, and reading it tells why."""
    try:
        await stream.write(frame)
    except (asyncio.InvalidStateError, aio.AioRpcError):
        return False
    return True
