"""Who is here, who may see whom, and who is told what: the relay's memory of links. Used on the event loop only.

The hub mirrors what the store has committed and never runs ahead of it: every method that follows from a change is
called from that change's `then`.
"""

import asyncio
from collections.abc import Iterable

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.channel import AppLink, Channel, Reader, WorkstationLink, timestamp
from relay.errors import Forgotten, NotAMember, Revoked, Superseded, TooSlow, status_of
from relay.limits import Limits
from relay.metrics import Metrics
from relay.places import Attached, CallRef, Place
from relay.reader_queue import Kind
from relay.reading import Known
from relay.store import Store
from wire.errors import CallExpired, HalyardError

RECONNECT_AFTER_MS, RECONNECT_PER_LINK_MS, MAX_RECONNECT_AFTER_MS = 500, 2, 15_000


def reconnect_after_ms(links: int) -> int:
    """How long so many links are told to wait when the relay stops. Each adds as much again at most, by its own draw.

    So they come back over as long a time as it takes to let them in: some 500 a second (bench.storm).
    """
    return min(MAX_RECONNECT_AFTER_MS, RECONNECT_AFTER_MS + RECONNECT_PER_LINK_MS * links)


class Hub:
    """All channels and app links."""

    def __init__(self, known: Known, limits: Limits, store: Store, metrics: Metrics) -> None:
        self._limits = limits
        self._store = store
        self._metrics = metrics
        self.channels = {place.device_id: self._channel(place) for place in known.places}
        self.apps: dict[str, AppLink] = {}
        self._workstations_up = 0
        self._left = asyncio.Event()
        self._memberships: dict[str, set[str]] = {}
        for workstation_id, device_id in known.members:
            channel = self.channels[workstation_id]
            channel.members |= {device_id}
            self._enter_member(channel, device_id)

    @property
    def link_count(self) -> int:
        """Links that are up."""
        return len(self.apps) + self._workstations_up

    @property
    def device_count(self) -> int:
        """Devices that may link: workstations and their apps."""
        return len(self.channels) + len(self._memberships)

    @property
    def workstation_links(self) -> list[WorkstationLink]:
        """Links of workstations that are up."""
        return [channel.link for channel in self.channels.values() if channel.link is not None]

    def channels_of(self, device_id: str) -> list[Channel]:
        """The workstations that list this app."""
        return [self.channels[workstation_id] for workstation_id in sorted(self._memberships.get(device_id, ()))]

    # --- workstations -------------------------------------------------------------------------------------------------

    def attach_workstation(self, link: WorkstationLink, attached: Attached) -> Channel:
        """A workstation's link is up; an older one of the same device ends."""
        channel = self.channels.get(link.device_id)
        if channel is None:
            channel = self.channels[link.device_id] = self._channel(attached.place)
            channel.offered_through = 0
        if channel.link is None:
            self._workstations_up += 1
        else:
            channel.link.end(Superseded("A newer link of this workstation took over; this one is closed."))
        channel.attach(link, attached)
        channel.tell_all(channel.presence())
        channel.tell_watchers()
        return channel

    def detach_workstation(self, link: WorkstationLink) -> None:
        """A workstation's link is down, unless a newer one took over."""
        channel = self.channels.get(link.device_id)
        if channel is not None and channel.link is link:
            channel.detach()
            self._workstations_up -= 1
            channel.tell_all(channel.presence())
            self._left.set()

    def set_members(self, workstation_id: str, members: frozenset[str]) -> None:
        """A committed list of members takes effect: who is gone loses the log at once, who is new begins to follow."""
        channel = self.channels[workstation_id]
        before, channel.members = channel.members, members
        for device_id in before - members:
            self._drop_member(channel, device_id)
        for device_id in members - before:
            self._enter_member(channel, device_id)
            if app := self.apps.get(device_id):
                self._follow(app, channel, 0, announce=True)
        channel.tell_watchers()

    def forget(self, workstation_id: str) -> None:
        """An operator removed the workstation."""
        self.set_members(workstation_id, frozenset())
        channel = self.channels.pop(workstation_id)
        if channel.link is not None:
            self._workstations_up -= 1
            channel.link.end(Forgotten("The operator removed this workstation from the relay; ask for an invite."))

    def route_replies(self, workstation_id: str, replies: Iterable[link_service_pb2.DeviceReply]) -> None:
        """Answers go to their devices; one that is away will repeat its call."""
        for reply in replies:
            app = self.apps.get(reply.device_id)
            if app is not None and workstation_id in app.readers:
                answer = link_service_pb2.AppReply(workstation_id=workstation_id, reply=reply.reply)
                app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(reply=answer))
                self._metrics.replies_routed += 1

    def calls_taken(self, taken: Iterable[CallRef]) -> None:
        """Calls are on their workstation's disk; their authors hear of it."""
        for ref in taken:
            if app := self.apps.get(ref.device_id):
                call_taken = link_service_pb2.CallTaken(workstation_id=ref.workstation_id, call_id=ref.call_id)
                app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(call_taken=call_taken))

    # --- apps ---------------------------------------------------------------------------------------------------------

    def attach_app(
        self,
        link: AppLink,
        cursors: dict[str, record_pb2.Cursor],
        grants: dict[str, record_pb2.Record | None],
        welcome: link_service_pb2.AppWelcome,
    ) -> None:
        """An app's link is up: completes and queues its welcome, and lets it follow. An older link of it ends."""
        channels = self.channels_of(link.device_id)
        if not channels:
            raise NotAMember("No workstation lists this device; pair it with `agentd pair`.")
        if older := self.apps.get(link.device_id):
            self._let_go(older)
            older.end(Superseded("A newer link of this device took over; this one is closed."))
        self.apps[link.device_id] = link
        welcome.workstations.extend(channel.state(grants.get(channel.workstation_id)) for channel in channels)
        link.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(welcome=welcome))
        for channel in channels:
            self._follow(link, channel, self._start(link, channel, cursors.get(channel.workstation_id)))

    def detach_app(self, link: AppLink) -> None:
        """An app's link is down, unless a newer one took over."""
        if self.apps.get(link.device_id) is link:
            del self.apps[link.device_id]
            self._let_go(link)
            self._left.set()

    def set_focus(self, link: AppLink, focus: link_service_pb2.Focus) -> None:
        """What is on an app's screen; a workstation that it does not follow means no session is."""
        if self.apps.get(link.device_id) is not link:
            return
        if focus.foreground != link.foreground:
            link.foreground = focus.foreground
            for workstation_id in link.readers:
                self.channels[workstation_id].tell_watchers()
        new = (focus.workstation_id, focus.focus) if focus.focus and focus.workstation_id in link.readers else None
        if new != link.focus:
            self._focus(link, new)

    def calls_expired(self, expired: Iterable[CallRef]) -> None:
        """Waiting calls outlived their time. Their authors hear it only of calls that cannot have been delivered."""
        for ref in expired:
            channel = self.channels.get(ref.workstation_id)
            if channel is not None and ref.inbox_seq > channel.offered_through:
                late = CallExpired("The workstation was away until this call was out of time; nothing was done.")
                self.refuse_call(self.apps.get(ref.device_id), ref.workstation_id, ref.call_id, late)

    def truncated(self, through: dict[str, int]) -> None:
        """Logs lost their oldest records for age; who asks from below is told from now on."""
        for workstation_id, seq in through.items():
            place = self.channels[workstation_id].place
            place.truncated_through = max(place.truncated_through, seq)

    def refuse_call(self, app: AppLink | None, workstation_id: str, call_id: bytes, error: HalyardError) -> None:
        """Tells an app that its call was not taken."""
        self._metrics.calls_refused += 1
        if app is not None:
            refused = link_service_pb2.CallRefused(
                workstation_id=workstation_id, call_id=call_id, status=status_of(error)
            )
            app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(call_refused=refused))

    # --- all links ----------------------------------------------------------------------------------------------------

    def beat(self, now: float) -> None:
        """Ends links that were silent for too long, and is heard on those where the relay itself was silent."""
        pong = record_pb2.Pong(server_time=timestamp(now))
        frames = {
            WorkstationLink: link_service_pb2.AttachWorkstationResponse(pong=pong).SerializeToString(),
            AppLink: link_service_pb2.AttachAppResponse(pong=pong).SerializeToString(),
        }
        for link in (*self.workstation_links, *self.apps.values()):
            if now - link.last_heard > self._limits.dead_after_seconds:
                link.end(TooSlow("Nothing was heard from this device for too long; reconnect."))
            elif now - link.last_sent > self._limits.late_heartbeat_seconds:
                link.push_newest("pong", frames[type(link)])

    def drain(self) -> None:
        """The relay stops: everybody is told, and links end once their queues are empty."""
        going = record_pb2.GoingAway(reconnect_after_ms=reconnect_after_ms(self.link_count))
        to_workstation = link_service_pb2.AttachWorkstationResponse(going_away=going).SerializeToString()
        to_app = link_service_pb2.AttachAppResponse(going_away=going).SerializeToString()
        for workstation in self.workstation_links:
            workstation.push(Kind.MUST, to_workstation)
            workstation.finish()
        for app in self.apps.values():
            app.push(Kind.MUST, to_app)
            app.finish()

    async def empty(self) -> None:
        """Returns once no link is left."""
        while self.link_count:
            self._left.clear()
            await self._left.wait()

    def _channel(self, place: Place) -> Channel:
        return Channel(place, self._limits, self._store, self._metrics)

    def _enter_member(self, channel: Channel, device_id: str) -> None:
        self._memberships.setdefault(device_id, set()).add(channel.workstation_id)

    def _drop_member(self, channel: Channel, device_id: str) -> None:
        memberships = self._memberships[device_id]
        memberships.discard(channel.workstation_id)
        if not memberships:
            del self._memberships[device_id]
        if app := self.apps.get(device_id):
            self._unfollow(app, channel)
            removed = link_service_pb2.Removed(workstation_id=channel.workstation_id)
            app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(removed=removed))
            if not app.readers:
                app.end(Revoked("This device was taken off its last workstation; pair it again if its owner agrees."))

    def _start(self, link: AppLink, channel: Channel, cursor: record_pb2.Cursor | None) -> int:
        """Where a reader begins; a cursor of another epoch begins anew, and is told so."""
        if cursor is None or cursor.log_epoch == channel.place.log_epoch:
            return cursor.seq if cursor else 0
        start = record_pb2.Cursor(log_epoch=channel.place.log_epoch)
        reset = link_service_pb2.Reset(workstation_id=channel.workstation_id, cursor=start)
        link.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(reset=reset))
        return 0

    def _follow(self, app: AppLink, channel: Channel, cursor: int, *, announce: bool = False) -> None:
        reader = Reader(app, channel, cursor, announce=announce)
        app.readers[channel.workstation_id] = channel.readers[app] = reader
        app.follow(reader)
        channel.tell_watchers()

    def _unfollow(self, app: AppLink, channel: Channel) -> None:
        if app.focus and app.focus[0] == channel.workstation_id:
            self._focus(app, None)
        app.unfollow(app.readers.pop(channel.workstation_id))
        channel.readers.pop(app, None)
        channel.tell_watchers()

    def _let_go(self, app: AppLink) -> None:
        for workstation_id in list(app.readers):
            self._unfollow(app, self.channels[workstation_id])

    def _focus(self, app: AppLink, new: tuple[str, bytes] | None) -> None:
        old, app.focus = app.focus, new
        if old is not None:
            self.channels[old[0]].unwatch(old[1], app.readers[old[0]])
        if new is not None:
            self.channels[new[0]].watch(new[1], app.readers[new[0]])
        for workstation_id in {place[0] for place in (old, new) if place is not None}:
            self.channels[workstation_id].tell_watchers()
