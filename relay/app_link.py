"""What an app says, frame by frame. Counterpart: the app's link; docs/link-protocol.md §3."""

from functools import partial

from halyard.link.v1 import link_service_pb2, record_pb2
from relay import frames
from relay.channel import AppLink, Channel, grant_of, timestamp
from relay.doorway import first_frame, greeting
from relay.errors import NotAMember, RateLimited, StoreUnavailable, TooLarge, status_of
from relay.ledger import Ledger
from relay.link import Peer
from relay.places import StoredCall
from relay.rates import Bucket
from relay.reader_queue import Kind
from relay.services import Services
from relay.store import Lane
from wire.errors import CallExpired, HalyardError, Malformed


async def serve(peer: Peer, services: Services) -> HalyardError | None:
    """Serves an app from its first frame until its link is over. Returns why it ended; None is good order."""
    link = await _begin(peer, services)
    _note_seen(link.device_id, services)
    try:
        await link.run(peer, _AppReader(peer, link, services).read, services.now)
    finally:
        services.hub.detach_app(link)
        services.metrics.frames_sent += link.frames_sent
        services.metrics.hints_dropped += link.hints_dropped
        _note_seen(link.device_id, services)
    return link.error


async def _begin(peer: Peer, services: Services) -> AppLink:
    async with greeting(services, peer):
        frame = frames.from_app(await first_frame(services, peer), services.limits)
        if frame.WhichOneof("frame") != "hello":
            raise Malformed("The first frame of an app's link must be its hello.")
        device_id = services.tokens.admit(frame.hello.token, is_local=peer.is_local).device_id
        services.rates.attach(device_id, services.now())
        grants = await _grants(device_id, services)
    link = AppLink(device_id, services.limits, services.now())
    cursors = {cursor.workstation_id: cursor.cursor for cursor in frame.hello.cursors}
    services.hub.attach_app(link, cursors, grants, _welcome(services))
    services.metrics.links_attached += 1
    return link


async def _grants(device_id: str, services: Services) -> dict[str, record_pb2.Record | None]:
    channels = services.hub.channels_of(device_id)
    if not channels:
        raise NotAMember("No workstation lists this device; pair it with `agentd pair`.")
    return {channel.workstation_id: await grant_of(channel, device_id) for channel in channels}


def _welcome(services: Services) -> link_service_pb2.AppWelcome:
    return link_service_pb2.AppWelcome(
        limits=services.limits.published(services.hub.device_count),
        server_time=timestamp(services.now()),
        version=services.version,
    )


def _note_seen(device_id: str, services: Services) -> None:
    now_ms = round(services.now() * 1000)
    services.store.submit(lambda ledger: ledger.saw_app(device_id, now_ms), _nothing, _nothing)


def _nothing(_outcome: object) -> None:
    """Whether the time of a visit was noted changes nothing."""


class _AppReader:
    """Reads one link."""

    __slots__ = ("_frames", "_lane", "_link", "_peer", "_services")

    def __init__(self, peer: Peer, link: AppLink, services: Services) -> None:
        self._peer = peer
        self._link = link
        self._services = services
        self._lane = Lane()
        self._frames = Bucket(services.limits.frames_per_app)

    async def read(self) -> None:
        """Until the app ends the link."""
        services, link = self._services, self._link
        while (data := await self._peer.receive()) is not None:
            services.metrics.frames_received += 1
            now = services.now()
            if link.heard(now):
                self._pong()
            if wait := self._frames.take(now):
                raise RateLimited("This device sends more frames than the relay takes; slow down.", wait)
            self._take(frames.from_app(data, services.limits))
            await link.room()

    def _take(self, frame: link_service_pb2.AttachAppRequest) -> None:
        match frame.WhichOneof("frame"):
            case "focus":
                self._services.hub.set_focus(self._link, frame.focus)
            case "call":
                self._call(frame.call)
            case "ping":
                self._pong()
            case "hello":
                raise Malformed("A link has one hello; open a new link to say another.")
            case _:
                pass

    def _pong(self) -> None:
        pong = record_pb2.Pong(server_time=timestamp(self._services.now()))
        self._link.push_newest("pong", link_service_pb2.AttachAppResponse(pong=pong).SerializeToString())

    def _call(self, call: link_service_pb2.AppCall) -> None:
        try:
            channel = self._checked(call)
        except (CallExpired, NotAMember, RateLimited, TooLarge) as error:
            self._refuse(call, error)
            return
        link, sealed = self._link, call.call
        workstation_id, ref = call.workstation_id, (link.device_id, sealed.call_id)
        expire_ms, data = round(frames.seconds_of(sealed.expire_time) * 1000), sealed.SerializeToString()

        def apply(ledger: Ledger) -> StoredCall:
            return ledger.put_call(workstation_id, ref, expire_ms, data)

        def failed(error: HalyardError) -> None:
            link.job_ended()
            if isinstance(error, StoreUnavailable):
                # No refusal, which would be the call's last word: the app keeps what is unanswered, links again and
                # sends it in order.
                link.end(error)
            else:
                self._refuse(call, error)

        link.job_began()
        self._services.store.submit(apply, partial(self._stored, call, channel), failed, self._lane)

    def _checked(self, call: link_service_pb2.AppCall) -> Channel:
        services, now = self._services, self._services.now()
        reader = self._link.readers.get(call.workstation_id)
        if reader is None:
            raise NotAMember("This workstation does not list this device; pair it with `agentd pair`.")
        services.rates.call(self._link.device_id, now)
        expires = frames.seconds_of(call.call.expire_time)
        if expires <= now:
            raise CallExpired("This call is out of time; nothing was done. Send it anew if it is still wanted.")
        if expires > now + services.limits.max_call_ttl_seconds + services.limits.dead_after_seconds:
            raise TooLarge("This call would wait longer than the relay keeps calls; give it an earlier expiry.")
        return services.hub.channels[call.workstation_id]

    def _stored(self, call: link_service_pb2.AppCall, channel: Channel, stored: StoredCall) -> None:
        self._link.job_ended()
        self._services.metrics.calls_stored += 1
        call_stored = link_service_pb2.CallStored(workstation_id=call.workstation_id, call_id=call.call.call_id)
        self._link.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(call_stored=call_stored))
        if stored.is_new:
            inbox_call = link_service_pb2.InboxCall(
                inbox_seq=stored.inbox_seq, device_id=self._link.device_id, call=call.call
            )
            channel.new_call(inbox_call)

    def _refuse(self, call: link_service_pb2.AppCall, error: HalyardError) -> None:
        self._services.hub.refuse_call(self._link, call.workstation_id, call.call.call_id, error)


def farewell(error: HalyardError, now: float) -> bytes:
    """The last frame of an app's link that ends for a reason; it tells the relay's clock."""
    refused = link_service_pb2.Refused(status=status_of(error), server_time=timestamp(now))
    return link_service_pb2.AttachAppResponse(refused=refused).SerializeToString()
