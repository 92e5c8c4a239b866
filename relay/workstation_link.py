"""What a workstation says, frame by frame. Counterpart: agentd's uplink; docs/link-protocol.md §2.

Frames take effect in the order in which they came: what has nothing to commit waits behind what has. So a workstation
that sees its records `Stored` knows that the list of members which it sent before them is in effect too.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from halyard.link.v1 import link_service_pb2, record_pb2
from relay import frames
from relay.channel import Channel, WorkstationLink, timestamp
from relay.doorway import first_frame, greeting
from relay.errors import RateLimited
from relay.ledger import Ledger
from relay.link import Peer
from relay.places import Attached, CallRef, Place
from relay.rates import Bucket
from relay.reader_queue import Kind
from relay.services import Services
from relay.store import Lane
from wire.errors import HalyardError, Malformed

T = TypeVar("T")

# One for all: an empty set of its own would cost each idle link 200 bytes.
_NOBODY: frozenset[str] = frozenset()


async def serve(peer: Peer, device_id: str, services: Services) -> HalyardError | None:
    """Serves an authenticated workstation until its link is over. Returns why it ended; None is good order."""
    link, channel = await _begin(peer, device_id, services)
    try:
        await link.run(peer, _WorkstationReader(peer, link, channel, services).read, services.now)
    finally:
        services.hub.detach_workstation(link)
        services.metrics.frames_sent += link.frames_sent
        now_ms = round(services.now() * 1000)
        services.store.submit(lambda ledger: ledger.saw_workstation(device_id, now_ms), _nothing, _nothing)
    return link.error


async def _begin(peer: Peer, device_id: str, services: Services) -> tuple[WorkstationLink, Channel]:
    async with greeting(services, peer):
        services.rates.attach(device_id, services.now())
        frame = frames.from_workstation(await first_frame(services, peer), services.limits)
        if frame.WhichOneof("frame") != "hello":
            raise Malformed("The first frame of a workstation's link must be its hello.")
        attached = await services.store.do(_attach(device_id, frame.hello, services))
        if services.invited_only:
            services.roster.enter([device_id])
    link = WorkstationLink(device_id, services.limits, services.now(), attached.place.log_epoch, attached.cuts)
    link.push(Kind.MUST, _welcome(attached.place, services))
    services.metrics.links_attached += 1
    return link, services.hub.attach_workstation(link, attached)


def _attach(
    device_id: str, hello: link_service_pb2.WorkstationHello, services: Services
) -> Callable[[Ledger], Attached]:
    invite = invite_hash(hello.invite) if hello.invite else None
    epoch, now_ms = hello.head.log_epoch, round(services.now() * 1000)
    invited_only = services.invited_only and device_id not in services.roster
    return lambda ledger: ledger.attach(device_id, epoch, invite, invited_only=invited_only, now_ms=now_ms)


def invite_hash(invite: str) -> bytes:
    """How the relay remembers an invite: whoever reads the store cannot use it."""
    return hashlib.sha256(invite.encode()).digest()


def _welcome(place: Place, services: Services) -> bytes:
    welcome = link_service_pb2.WorkstationWelcome(
        stored_through=place.stored_through,
        inbox_through=place.inbox_through,
        limits=services.limits.published(services.hub.device_count),
        server_time=timestamp(services.now()),
        version=services.version,
    )
    return link_service_pb2.AttachWorkstationResponse(welcome=welcome).SerializeToString()


def _nothing(_outcome: object) -> None:
    """Whether the time of leaving was noted changes nothing."""


class _WorkstationReader:
    """Reads one link."""

    __slots__ = ("_channel", "_frames", "_lane", "_link", "_peer", "_services")

    def __init__(self, peer: Peer, link: WorkstationLink, channel: Channel, services: Services) -> None:
        self._peer = peer
        self._link = link
        self._channel = channel
        self._services = services
        self._lane = Lane()
        self._frames = Bucket(services.limits.frames_per_workstation)

    async def read(self) -> None:
        """Until the workstation ends the link."""
        services, link = self._services, self._link
        while (data := await self._peer.receive()) is not None:
            services.metrics.frames_received += 1
            now = services.now()
            if link.heard(now):
                self._pong()
            if wait := self._frames.take(now):
                raise RateLimited("This workstation sends more frames than the relay takes; gather them.", wait)
            self._take(frames.from_workstation(data, services.limits))
            await link.room()

    def _take(self, frame: link_service_pb2.AttachWorkstationRequest) -> None:
        match frame.WhichOneof("frame"):
            case "publish":
                self._publish(frame.publish)
            case "inbox_ack":
                self._ack(frame.inbox_ack.through)
            case "replies":
                self._in_order(partial(self._reply, frame.replies))
            case "members":
                self._members(frame.members)
            case "ping":
                self._pong()
            case "hello":
                raise Malformed("A link has one hello; open a new link to say another.")
            case _:
                pass

    def _publish(self, publish: link_service_pb2.Publish) -> None:
        self._services.metrics.records_published += len(publish.records)
        self._services.metrics.hints_published += len(publish.volatile)
        if not publish.records and publish.through <= self._channel.place.stored_through:
            self._in_order(partial(self._channel.fan_out, publish, 0))
            return
        device_id, epoch, cuts = self._link.device_id, self._link.log_epoch, self._link.log_cuts
        now_ms = round(self._link.last_heard * 1000)

        def apply(ledger: Ledger) -> Place:
            place = ledger.publish(device_id, epoch, publish.records, publish.through, now_ms, cuts=cuts)
            if publish.HasField("head"):
                ledger.note_head(device_id, publish.head)
            return place

        self._commit(apply, partial(self._published, publish))

    def _published(self, publish: link_service_pb2.Publish, place: Place) -> None:
        self._channel.published(place, publish)
        stored = link_service_pb2.Stored(through=place.stored_through)
        frame = link_service_pb2.AttachWorkstationResponse(stored=stored)
        self._link.push_newest("stored", frame.SerializeToString())

    def _ack(self, through: int) -> None:
        device_id = self._link.device_id
        self._commit(lambda ledger: ledger.ack_inbox(device_id, through), self._acked)

    def _acked(self, taken: list[CallRef]) -> None:
        self._services.hub.calls_taken(taken)

    def _reply(self, replies: link_service_pb2.Replies) -> None:
        self._services.hub.route_replies(self._link.device_id, replies.replies)

    def _members(self, members: link_service_pb2.Members) -> None:
        device_id, listed, revision = self._link.device_id, frozenset(members.device_ids) or _NOBODY, members.revision
        self._commit(lambda ledger: ledger.set_members(device_id, listed, revision), self._listed)

    def _listed(self, members: frozenset[str] | None) -> None:
        if members is not None:
            self._services.hub.set_members(self._link.device_id, members)

    def _pong(self) -> None:
        pong = record_pb2.Pong(server_time=timestamp(self._services.now()))
        self._link.push_newest("pong", link_service_pb2.AttachWorkstationResponse(pong=pong).SerializeToString())

    def _in_order(self, act: Callable[[], None]) -> None:
        if self._link.in_flight:
            self._commit(lambda _ledger: None, lambda _none: act())
        else:
            act()

    def _commit(self, apply: Callable[[Ledger], T], then: Callable[[T], None]) -> None:
        link = self._link

        def done(result: T) -> None:
            link.job_ended()
            then(result)

        def failed(error: HalyardError) -> None:
            link.job_ended()
            link.end(error)

        link.job_began()
        self._services.store.submit(apply, done, failed, self._lane)
