"""One workstation at the relay: its place, its link, the readers of its log. Fan-out happens here, on the event loop.

A reader is either level, and gets each batch as it comes, or behind, and gets pages from the store. It falls behind
when its queue is full and is level again when a page reaches what is published; because both are decided on the event
loop between two awaits, nothing is skipped and nothing is sent twice on the way from one to the other.
"""

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from halyard.link.v1 import link_service_pb2, record_pb2
from relay import reading
from relay.batches import batch_frame, hint_field
from relay.errors import StoreUnavailable
from relay.grants import grant_key, is_grant
from relay.inbox_feed import InboxFeed
from relay.ledger import SENT_AGAIN
from relay.limits import Limits
from relay.link import Follower, Link
from relay.metrics import Metrics
from relay.places import Attached, CutBack, Place
from relay.reader_queue import Kind
from relay.store import Store

T = TypeVar("T")

# What a Batch adds to the records of the Publish that it passes on.
_BATCH_OVERHEAD_BYTES = 256


def timestamp(seconds: float) -> Timestamp:
    """A proto time from Unix seconds."""
    stamp = Timestamp()
    stamp.FromMilliseconds(round(seconds * 1000))
    return stamp


class WorkstationLink(Link):
    """A workstation's link, as the hub knows it."""

    __slots__ = ("log_cuts", "log_epoch")

    def __init__(self, device_id: str, limits: Limits, now: float, log_epoch: bytes, log_cuts: int) -> None:
        super().__init__(device_id, limits, now)
        self.log_epoch = log_epoch
        self.log_cuts = log_cuts


class AppLink(Link):
    """An app's link: what it follows and what is on its screen."""

    __slots__ = ("focus", "foreground", "readers")
    stays_ready = True

    def __init__(self, device_id: str, limits: Limits, now: float) -> None:
        super().__init__(device_id, limits, now)
        self.readers: dict[str, Reader] = {}
        self.focus: tuple[str, bytes] | None = None
        self.foreground = False
        """Somebody looks at it, if only at lists."""

    def push_frame(self, kind: Kind, frame: link_service_pb2.AttachAppResponse) -> bool:
        """See Link.push."""
        return self.push(kind, frame.SerializeToString())


class Channel:
    """A workstation as the hub knows it. `place` mirrors what is committed."""

    __slots__ = (
        "cuts",
        "head",
        "inbox",
        "limits",
        "link",
        "members",
        "metrics",
        "offered_through",
        "place",
        "readers",
        "store",
        "watches",
    )

    def __init__(self, place: Place, limits: Limits, store: Store, metrics: Metrics) -> None:
        self.place = place
        self.limits = limits
        self.store = store
        self.metrics = metrics
        self.link: WorkstationLink | None = None
        self.inbox: InboxFeed | None = None
        self.members: frozenset[str] = frozenset()
        self.readers: dict[AppLink, Reader] = {}
        self.watches: dict[bytes, dict[Reader, None]] = {}
        """Who looks at which session, in order of coming."""
        self.offered_through = place.inbox_head
        """Calls up to here may have reached the workstation; those before the start of this process may too."""
        self.head = _head_of(place)
        self.cuts = 0
        """How often the log was cut back, because a value in it had rotted."""

    @property
    def workstation_id(self) -> str:
        """Its device id."""
        return self.place.device_id

    @property
    def cursor(self) -> record_pb2.Cursor:
        """How far the stored log reaches."""
        return record_pb2.Cursor(log_epoch=self.place.log_epoch, seq=self.place.stored_through)

    def last_seen(self) -> float:
        """When its link was last heard of, in Unix seconds."""
        return self.link.last_heard if self.link else self.place.last_seen_ms / 1000

    def state(self, grant: record_pb2.Record | None) -> link_service_pb2.WorkstationState:
        """How it stands, for one device."""
        return link_service_pb2.WorkstationState(
            workstation_id=self.workstation_id,
            online=self.link is not None,
            last_seen_time=timestamp(self.last_seen()),
            stored=self.cursor,
            grant=grant,
            head=self.head,
            truncated_through=self.place.truncated_through,
        )

    def presence(self) -> bytes:
        """The frame that tells whether its link is up."""
        presence = link_service_pb2.Presence(
            workstation_id=self.workstation_id,
            online=self.link is not None,
            last_seen_time=timestamp(self.last_seen()),
        )
        return link_service_pb2.AttachAppResponse(presence=presence).SerializeToString()

    def tell_all(self, frame: bytes) -> None:
        """Sends a frame to everybody who follows, slow or not."""
        for app in self.readers:
            app.push(Kind.MUST, frame)

    def attach(self, link: WorkstationLink, attached: Attached) -> None:
        """Its link is up, and its log stands where it did when it attached, unless that was cut back meanwhile."""
        self.link = link
        if attached.cuts < self.cuts:
            link.end(StoreUnavailable(SENT_AGAIN))
        else:
            self.place = attached.place
        self.inbox = InboxFeed(self, link, attached.place.inbox_through)
        link.follow(self.inbox)
        if attached.reset:
            self._reset()

    def detach(self) -> None:
        """Its link is down."""
        if self.link is not None:
            self.place.last_seen_ms = round(self.link.last_heard * 1000)
        self.link = self.inbox = None

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a query on its log; what rotted in there is let go first."""
        return await self.store.read_sound(query, self._cut_back)

    def _cut_back(self, cut: CutBack | None) -> None:
        if cut is not None:
            self.place, self.cuts, self.head = cut.place, cut.cuts, None
            self.metrics.values_rotted += 1
            if self.link is not None:
                self.link.end(StoreUnavailable(SENT_AGAIN))

    def published(self, place: Place, publish: link_service_pb2.Publish) -> None:
        """Records of its log are committed: to the readers with them."""
        if place.log_epoch == self.place.log_epoch:
            self.place = place
            self.fan_out(publish, place.stored_through)

    def fan_out(self, publish: link_service_pb2.Publish, through: int) -> None:
        """Sends records, hints and head to the level readers. `through` is their cursor afterwards; 0 for hints alone.

        A batch is built and serialized once for all readers that look at the same session, except when there are grants
        in it: everybody gets only their own (docs/decisions/0002).
        """
        hints: dict[bytes, list[bytes]] = {}
        for volatile in publish.volatile:
            focus = volatile.focus
            if focus in self.watches:
                hints.setdefault(focus, []).append(hint_field(volatile))
        if through or publish.HasField("head"):
            self._to_all(publish, hints, through)
        else:
            self._to_watchers(hints)

    def _to_watchers(self, hints: dict[bytes, list[bytes]]) -> None:
        """Hints alone: nobody else is even asked."""
        for focus, fields in hints.items():
            frame = batch_frame(self.workstation_id, hints=fields)
            for reader in self.watches[focus]:
                if not reader.behind:
                    reader.hint(frame)
                    self.metrics.batches_fanned_out += 1
        self.metrics.batches_built += len(hints)

    def _to_all(self, publish: link_service_pb2.Publish, hints: dict[bytes, list[bytes]], through: int) -> None:
        if publish.HasField("head"):
            self.head = publish.head
        built: dict[tuple[bytes, str], bytes] = {}
        grants = any(is_grant(record.key) for record in publish.records)
        for app, reader in self.readers.items():
            if reader.behind or (through and reader.cursor >= through):
                continue
            focus = app.focus[1] if app.focus and app.focus[0] == self.workstation_id else b""
            view = (focus if focus in hints else b"", app.device_id if grants else "")
            frame = built.get(view)
            if frame is None:
                frame = built[view] = self._batch(publish, hints.get(focus, ()), view[1], through)
            if through:
                reader.offer(frame, through)
            else:
                reader.hint(frame)
            self.metrics.batches_fanned_out += 1
        self.metrics.batches_built += len(built)
        for reader in self.readers.values():
            reader.refilled(through)

    def new_call(self, call: link_service_pb2.InboxCall) -> None:
        """A call was committed: to the workstation with it."""
        self.place.inbox_head = max(self.place.inbox_head, call.inbox_seq)
        if self.inbox is not None:
            self.inbox.offer(call)

    def tell_watchers(self) -> None:
        """Tells the workstation who looks at what."""
        if self.link is None:
            return
        watches = [link_service_pb2.Watch(focus=focus, count=len(who)) for focus, who in self.watches.items()]
        foreground = sum(app.foreground for app in self.readers)
        watchers = link_service_pb2.Watchers(watches=watches, apps=len(self.readers), foreground_apps=foreground)
        frame = link_service_pb2.AttachWorkstationResponse(watchers=watchers)
        self.link.push_newest("watchers", frame.SerializeToString())

    def watch(self, focus: bytes, reader: "Reader") -> None:
        """One screen more shows the session `focus`."""
        self.watches.setdefault(focus, {})[reader] = None

    def unwatch(self, focus: bytes, reader: "Reader") -> None:
        """… and one less."""
        watching = self.watches.get(focus, {})
        watching.pop(reader, None)
        if not watching:
            self.watches.pop(focus, None)

    def _batch(self, publish: link_service_pb2.Publish, hints: Iterable[bytes], device_id: str, through: int) -> bytes:
        """The frame with these hints; of grants, which there are when `device_id` is given, only its own."""
        records: Iterable[record_pb2.Record] = publish.records
        if device_id:
            own = grant_key(device_id)
            records = [record for record in publish.records if record.key == own or not is_grant(record.key)]
        head = publish.head if publish.HasField("head") else None
        return batch_frame(self.workstation_id, records=records, through=through, hints=hints, head=head)

    def _reset(self) -> None:
        self.head = None
        reset = link_service_pb2.Reset(workstation_id=self.workstation_id, cursor=self.cursor)
        frame = link_service_pb2.AttachAppResponse(reset=reset).SerializeToString()
        for app, reader in self.readers.items():
            app.push(Kind.MUST, frame)
            reader.restart()


class Reader(Follower):
    """One app reading one log."""

    __slots__ = ("_ahead", "_announce", "_app", "_channel", "_head", "behind", "cursor")

    def __init__(self, app: AppLink, channel: Channel, cursor: int, *, announce: bool = False) -> None:
        self.behind = True
        self.cursor = cursor
        self._app = app
        self._channel = channel
        self._announce = announce
        self._head = channel.head
        """The newest freshness mark when it began, which its welcome tells."""
        self._ahead = False
        """It knows more than is stored: the relay lost its store, or went back to a backup, and is not refilled yet."""

    def restart(self) -> None:
        """The log began anew."""
        self.cursor = 0
        self.behind = True
        self._app.wake()

    def hint(self, frame: bytes) -> None:
        """Takes a live batch that may be lost."""
        self._app.push(Kind.HINT, frame)

    def offer(self, frame: bytes, through: int) -> None:
        """Takes a live batch, or falls behind. A batch above the frame limit is read again in pages."""
        limits = self._channel.limits
        if len(frame) <= limits.max_frame_bytes and self._app.push(Kind.STORED, frame):
            self.cursor = through
        else:
            self.behind = True
            self._channel.metrics.readers_fallen_behind += 1
            self._app.wake()

    async def catch_up(self) -> None:
        """Queues the next page; level when it reaches what is published."""
        if self._announce:
            await self._join()
        channel, limits, after = self._channel, self._channel.limits, self.cursor
        query = partial(
            reading.log_page,
            workstation_id=channel.workstation_id,
            device_id=self._app.device_id,
            after=after,
            max_items=limits.max_items,
            max_bytes=limits.max_frame_bytes // 2 - _BATCH_OVERHEAD_BYTES,
        )
        page = await channel.read(query)
        if page is None or page.log_epoch != channel.place.log_epoch or self.cursor != after:
            return
        if not page.records or self._app.push(Kind.STORED, self._frame(page)):
            self.cursor = page.through
            self._level_if_at_end(page)

    def _frame(self, page: reading.LogPage) -> bytes:
        return batch_frame(self._channel.workstation_id, records=page.records, through=page.through)

    def _level_if_at_end(self, page: reading.LogPage) -> None:
        channel = self._channel
        if not page.level or self.cursor < channel.place.stored_through:
            return
        self.behind = False
        self._ahead = self.cursor > channel.place.stored_through
        if channel.head is not None and channel.head is not self._head:
            # It came while records were read, and nothing live was handed out.
            self.hint(batch_frame(channel.workstation_id, head=channel.head))
        self._tell_level()

    def refilled(self, through: int) -> None:
        """The log is stored up to `through` again: a reader that was ahead of it hears that it no longer is."""
        if self._ahead and not self.behind and through >= self.cursor:
            self._ahead = False
            self._tell_level()

    def _tell_level(self) -> None:
        channel = self._channel
        caught_up = link_service_pb2.CaughtUp(
            workstation_id=channel.workstation_id,
            cursor=record_pb2.Cursor(log_epoch=channel.place.log_epoch, seq=min(self.cursor, channel.cursor.seq)),
            truncated_through=channel.place.truncated_through,
        )
        self._app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(caught_up=caught_up))

    async def _join(self) -> None:
        grant = await grant_of(self._channel, self._app.device_id)
        joined = link_service_pb2.Joined(workstation=self._channel.state(grant))
        self._announce = False
        self._app.push_frame(Kind.MUST, link_service_pb2.AttachAppResponse(joined=joined))


def _head_of(place: Place) -> record_pb2.Head | None:
    return record_pb2.Head(key_epoch=place.head_key_epoch, sealed=place.head_sealed) if place.head_sealed else None


async def grant_of(channel: Channel, device_id: str) -> record_pb2.Record | None:
    """The record that grants `device_id` the keys of the workstation's log, if there is one yet."""
    query = partial(reading.grant, workstation_id=channel.workstation_id, device_id=device_id)
    return await channel.read(query)
