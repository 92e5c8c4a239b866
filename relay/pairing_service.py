"""The two sides of a pairing slot: a workstation over gRPC, an app over WebSocket (or gRPC). Steps pass unread.

Counterparts: agentd's pairing and the app's; docs/pairing-protocol.md. The table of slots decides who may enter
(pairing_slots.py); here the two links are joined and both hear when it is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from halyard.pairing.v1 import pairing_service_pb2
from relay import frames
from relay.channel import timestamp
from relay.doorway import first_frame, greeting
from relay.errors import SlotBurnt, SlotExpired, TooLarge, status_of
from relay.grpc_door import Context, GrpcPeer, stream_handler, token
from relay.link import Link, Peer, PeerGone
from relay.pairing_slots import Slot
from relay.reader_queue import Kind
from relay.services import Services
from wire.errors import HalyardError, Malformed

NAME: str = pairing_service_pb2.DESCRIPTOR.services_by_name["PairingService"].full_name


@dataclass(slots=True)
class _Meeting:
    """An open slot and who is in it."""

    slot: Slot
    host: Link
    guest: Link | None = None


class PairingService:
    """All meetings."""

    def __init__(self, services: Services, *, behind_proxy: bool) -> None:
        self._services = services
        self._behind_proxy = behind_proxy
        self._meetings: dict[str, _Meeting] = {}

    def handler(self) -> grpc.GenericRpcHandler:
        """What the gRPC server is given."""
        return grpc.method_handlers_generic_handler(
            NAME, {"Host": stream_handler(self._host_call), "Join": stream_handler(self._join_call)}
        )

    async def host(self, peer: Peer, device_id: str) -> None:
        """Serves a workstation's side until the slot is gone."""
        services = self._services
        async with greeting(services, peer):
            frame = frames.from_host(await first_frame(services, peer), services.limits)
            if frame.WhichOneof("frame") != "open":
                raise Malformed("The first frame of a host must open a slot.")
        slot = services.slots.open(device_id, services.now())
        link = Link(device_id, services.limits, services.now())
        meeting = self._meetings[slot.nameplate] = _Meeting(slot, link)
        opened = pairing_service_pb2.SlotOpened(nameplate=slot.nameplate, expire_time=timestamp(slot.expires_at))
        link.push(Kind.MUST, pairing_service_pb2.HostResponse(opened=opened).SerializeToString())
        try:
            await self._meet(peer, link, slot, lambda: self._read_host(peer, meeting))
        finally:
            del self._meetings[slot.nameplate]
            services.slots.close(slot, services.now())
            if meeting.guest is not None:
                meeting.guest.push(Kind.MUST, guest_farewell(_left("workstation")))
                meeting.guest.finish()

    async def join(self, peer: Peer) -> None:
        """Serves an app's side until the slot is gone. What is refused is raised."""
        services = self._services
        async with greeting(services, peer):
            frame = frames.from_guest(await first_frame(services, peer), services.limits)
            if frame.WhichOneof("frame") != "join":
                raise Malformed("The first frame of a guest must join a slot.")
        slot = services.slots.join(frame.join.nameplate, peer.address, services.now())
        meeting = self._meetings[slot.nameplate]
        meeting.guest = link = Link("", services.limits, services.now())
        services.metrics.pairings_joined += 1
        joined = pairing_service_pb2.SlotJoined(expire_time=timestamp(slot.expires_at))
        link.push(Kind.MUST, pairing_service_pb2.JoinResponse(joined=joined).SerializeToString())
        arrived = pairing_service_pb2.HostResponse(joined=pairing_service_pb2.GuestJoined())
        meeting.host.push(Kind.MUST, arrived.SerializeToString())
        try:
            await self._meet(peer, link, slot, lambda: self._read_guest(peer, meeting))
        finally:
            meeting.host.push(Kind.MUST, _host_farewell(_left("app")))
            meeting.host.finish()

    async def _meet(self, peer: Peer, link: Link, slot: Slot, read: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(slot.expires_at - self._services.now()):
                await link.run(peer, read, self._services.now)
        except TimeoutError:
            raise SlotExpired("This pairing code is older than five minutes; show a new one.") from None
        if link.error is not None:
            raise link.error

    async def _read_host(self, peer: Peer, meeting: _Meeting) -> None:
        for _ in range(self._services.limits.max_steps):
            if (data := await peer.receive()) is None:
                return
            frame = frames.from_host(data, self._services.limits)
            if frame.WhichOneof("frame") != "step" or meeting.guest is None:
                raise Malformed("A host sends steps, and only once somebody joined.")
            meeting.guest.push(Kind.MUST, pairing_service_pb2.JoinResponse(step=frame.step).SerializeToString())
        raise _too_many(self._services)

    async def _read_guest(self, peer: Peer, meeting: _Meeting) -> None:
        for _ in range(self._services.limits.max_steps):
            if (data := await peer.receive()) is None:
                return
            frame = frames.from_guest(data, self._services.limits)
            if frame.WhichOneof("frame") != "step":
                raise Malformed("A guest that has joined sends steps only.")
            meeting.host.push(Kind.MUST, pairing_service_pb2.HostResponse(step=frame.step).SerializeToString())
        raise _too_many(self._services)

    async def _host_call(self, context: Context) -> None:
        peer = GrpcPeer(context, behind_proxy=self._behind_proxy)
        proof = self._services.tokens.admit(token(context), is_local=peer.is_local)
        try:
            await self.host(peer, proof.device_id)
        except HalyardError as error:
            await _say(peer, _host_farewell(error))
            raise

    async def _join_call(self, context: Context) -> None:
        peer = GrpcPeer(context, behind_proxy=self._behind_proxy)
        try:
            await self.join(peer)
        except HalyardError as error:
            await _say(peer, guest_farewell(error))
            raise


def guest_farewell(error: HalyardError) -> bytes:
    """The last frame to a guest."""
    closed = pairing_service_pb2.SlotClosed(status=status_of(error))
    return pairing_service_pb2.JoinResponse(closed=closed).SerializeToString()


def _host_farewell(error: HalyardError) -> bytes:
    closed = pairing_service_pb2.SlotClosed(status=status_of(error))
    return pairing_service_pb2.HostResponse(closed=closed).SerializeToString()


def _left(who: str) -> SlotBurnt:
    return SlotBurnt(f"The {who} left; if pairing was not complete, show a new code with `agentd pair`.")


def _too_many(services: Services) -> TooLarge:
    return TooLarge(f"A pairing exchange has at most {services.limits.max_steps} steps of each side.")


async def _say(peer: Peer, frame: bytes) -> None:
    try:
        await peer.send(frame)
    except PeerGone:
        return
