"""A workstation's link without a workstation: hello, publish, wait for Stored. What the benches load a relay with."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from bench.relay_process import RelayProcess
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import link_service_pb2_grpc as link_grpc
from halyard.link.v1 import record_pb2 as record
from wire.identity import Identity, make_token

_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 4 << 20))


_Stream = grpc.aio.StreamStreamCall[link.AttachWorkstationRequest, link.AttachWorkstationResponse]


@dataclass
class WorkstationLink:
    """One attached workstation. `stored` is the relay's last word; `stored_changed` wakes whoever waits for it."""

    identity: Identity
    stream: _Stream
    log_epoch: bytes
    stored: int = 0
    stored_changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def publish(self, records: Sequence[record.Record]) -> None:
        """Sends records in seq order."""
        frame = link.Publish(records=records, through=records[-1].seq)
        await self.stream.write(link.AttachWorkstationRequest(publish=frame))

    async def follow(self) -> None:
        """Reads until the link ends, keeping `stored`."""
        while isinstance(frame := await self.stream.read(), link.AttachWorkstationResponse):
            if frame.WhichOneof("frame") == "stored":
                async with self.stored_changed:
                    self.stored = frame.stored.through
                    self.stored_changed.notify_all()

    async def until_stored(self, seq: int) -> None:
        """Returns once everything up to `seq` is on the relay's disk."""
        async with self.stored_changed:
            await asyncio.wait_for(self.stored_changed.wait_for(lambda: self.stored >= seq), timeout=120)


@asynccontextmanager
async def attached(relay: RelayProcess, members: Sequence[str] = ()) -> AsyncIterator[WorkstationLink]:
    """A workstation of its own keys on a TCP connection of its own, past the handshake."""
    identity = Identity.from_bytes(secrets.token_bytes(64))
    token = make_token(identity, relay.origin, int(time.time()), secrets.token_bytes(16))
    async with grpc.aio.insecure_channel(relay.grpc, options=_OWN_CONNECTION) as channel:
        stub = link_grpc.LinkServiceStub(channel)
        stream = stub.AttachWorkstation(metadata=(("authorization", f"Bearer {token}"),))
        workstation = WorkstationLink(identity, stream, secrets.token_bytes(16))
        hello = link.WorkstationHello(head=record.Cursor(log_epoch=workstation.log_epoch), version="bench")
        await stream.write(link.AttachWorkstationRequest(hello=hello))
        await asyncio.wait_for(stream.read(), timeout=30)
        await stream.write(link.AttachWorkstationRequest(members=link.Members(device_ids=members, revision=1)))
        yield workstation
        stream.cancel()
