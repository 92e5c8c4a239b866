"""One link to the relay, from Hello until it breaks. `uplink.py` dials; docs/link-protocol.md §2 tells the order.

One task reads, one writes. The writer asks `_next_frame` what is most urgent: who may follow, what was taken, what was
answered, then the log and the hints. Records are sealed when their frame is made, from the newest values.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from agentd.calls import CallDesk
from agentd.coalesce import Coalescer, gather_seconds
from agentd.devices import Devices
from agentd.fitting import MAX_BODY_BYTES
from agentd.journal import Transcripts
from agentd.relay_stream import LinkEnded, read, write
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from halyard.agent.v1 import resource_pb2
from halyard.link.v1 import link_service_pb2 as pb
from halyard.link.v1 import record_pb2
from wire import names
from wire.vigil import LOOK_SECONDS, REST_SECONDS, Finding, Vigil

HEAD_SECONDS = 30.0
"""How often the freshness mark is renewed while somebody looks."""
POCKET_HEAD_SECONDS = 45.0
"""While apps follow and nobody looks, the first heartbeat after so long is a freshness mark."""
WELCOME_SECONDS = 10.0
PAGE = 128
"""Records in one frame, at most."""
FRAME_BYTES = 384 * 1024
"""Sealed bytes after which a frame is full; one more record of the largest size still fits under the usual 1 MiB."""
MAX_AHEAD = 4_096
"""How far sending may be ahead of what the relay has stored, in seqs."""
MAX_HEARTBEAT_SECONDS = 60
"""Whatever a relay asks for: some proxies cut a stream that is silent for longer."""
SILENCE_FACTOR = 2.5
MAX_INBOXES = 64
"""Frames of calls that wait for the disk; beyond that nothing is read until it takes them."""
MAX_BARRIERS = 4_096
"""Parts of which the opening record's seq is remembered; it can be looked up again."""

Stream: TypeAlias = "aio.StreamStreamCall[pb.AttachWorkstationRequest, pb.AttachWorkstationResponse]"


class RolledBack(Exception):
    """The relay has more of this log than this store ever wrote: the store is an old copy of itself."""


@dataclass(frozen=True)
class Ends:
    """What a link connects: everything in agentd that has something to send or to receive."""

    log: SessionLog
    sealer: Sealer
    devices: Devices
    desk: CallDesk
    transcripts: Transcripts


class UplinkSession:
    """A link that stands. `run` returns only by an exception."""

    def __init__(
        self,
        ends: Ends,
        stream: Stream,
        welcome: pb.WorkstationWelcome,
        on_stored: Callable[[], None],
        on_time: Callable[[Timestamp], None],
        vigil: Vigil,
    ) -> None:
        """`on_time` hears the relay's clock with every heartbeat. `vigil`: what is known of the way there."""
        if welcome.stored_through > ends.log.head.seq:
            raise RolledBack
        self._ends = ends
        self._stream = stream
        self._tell_stored = on_stored
        self._tell_time = on_time
        self._heartbeat = float(min(welcome.limits.heartbeat_seconds or 20, MAX_HEARTBEAT_SECONDS))
        self._max_items = min(welcome.limits.max_items or PAGE, PAGE)
        self._max_bytes = min((welcome.limits.max_frame_bytes or 2 * FRAME_BYTES) // 2, FRAME_BYTES)
        self._sent_through = self._stored_through = welcome.stored_through
        self._stored_at = time.monotonic()
        self._coalescer = Coalescer(welcome.stored_through)
        self._watched: frozenset[bytes] = frozenset()
        self._apps = 0
        self._looked_at = asyncio.Event()
        self._vigil = vigil
        self._question_due = False
        self._asked_at: float | None = None
        self._frames_heard = self._bytes_sent = 0
        self._barriers: dict[str, int] = {}
        self._focus_keys: dict[str, bytes] = {}
        self._replies: deque[pb.DeviceReply] = deque()
        self._ack_through = 0
        self._waiting = asyncio.Semaphore(MAX_INBOXES)
        self._members_due = True
        self._head_at = -math.inf
        self._quiet_since = time.monotonic()
        self._write_seconds = 0.0
        self._heard_at = time.monotonic()
        self._wake = asyncio.Event()
        self._given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def vigil(self) -> Vigil:
        """What was found while somebody looked, for the next link."""
        return self._vigil

    @property
    def heard_seconds(self) -> float:
        """How long ago the relay was last heard."""
        return time.monotonic() - self._heard_at

    @property
    def stored_through(self) -> int:
        """Newest seq that the relay has on disk."""
        return self._stored_through

    @property
    def stored_seconds(self) -> float:
        """How long ago the relay last acknowledged something new; since the link began, while it has not."""
        return time.monotonic() - self._stored_at

    @property
    def apps(self) -> int:
        """How many apps follow right now."""
        return self._apps

    def members_changed(self) -> None:
        """The relay is to be told who may follow."""
        self._members_due = True
        self._wake.set()

    def give_up(self, why: str) -> None:
        """Ends the link, which may be dead and not know it."""
        if not self._given_up.done():
            self._given_up.set_result(why)

    async def run(self) -> None:
        """Reads and writes until the link breaks; then raises what broke it."""
        with ExitStack() as bound:
            self._wake = bound.enter_context(self._ends.log.changes())
            bound.enter_context(self._ends.log.hints(self._on_hint))
            self._ends.desk.connect(self._on_reply)
            bound.callback(self._ends.desk.connect, None)
            self._wake.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(group))
                group.create_task(self._until_given_up())
                group.create_task(self._keep_vigil())
                # Not a second child: when one fails while the group already waits for its end, Python 3.11 and 3.12
                # leave the task marked as cancelled (python/cpython#116720), and the link would never be dialled again.
                await self._write()

    async def _until_given_up(self) -> None:
        raise LinkEnded(await self._given_up)

    async def _keep_vigil(self) -> None:
        while True:
            await self._looked_at.wait()
            self._vigil = self._vigil.begun(self._frames_heard, self._bytes_sent)
            while self._looked_at.is_set():
                await asyncio.sleep(LOOK_SECONDS)
                finding, self._vigil = self._vigil.looked(self._frames_heard, self._bytes_sent)
                if finding is Finding.DEAD:
                    raise LinkEnded("The relay has fallen silent while somebody looks.", REST_SECONDS)
                if finding is Finding.ASK and self._looked_at.is_set():
                    self._question_due = True
                    self._wake.set()

    # --- from the relay ---

    async def _read(self, group: asyncio.TaskGroup) -> None:
        while True:
            frame = await read(self._stream, SILENCE_FACTOR * self._heartbeat)
            self._heard_at = time.monotonic()
            self._frames_heard += 1
            match frame.WhichOneof("frame"):
                case "stored":
                    self._on_stored(frame.stored.through)
                case "inbox":
                    await self._waiting.acquire()
                    group.create_task(self._take_calls(frame.inbox))
                case "watchers":
                    self._on_watchers(frame.watchers)
                case "pong":
                    self._on_pong(frame.pong)
                case "going_away":
                    raise LinkEnded("The relay is restarting.", frame.going_away.reconnect_after_ms / 1000)

    def _on_pong(self, pong: record_pb2.Pong) -> None:
        if self._asked_at is not None:
            self._vigil = self._vigil.answered(time.monotonic() - self._asked_at)
            self._asked_at = None
        self._tell_time(pong.server_time)

    def _on_stored(self, through: int) -> None:
        if through > self._stored_through:
            self._stored_through, self._stored_at = through, time.monotonic()
        self._coalescer.stored(self._stored_through)
        self._tell_stored()
        self._wake.set()

    async def _take_calls(self, inbox: pb.Inbox) -> None:
        """In a task of its own: a full disk holds up what is acknowledged, not what is read and sent."""
        try:
            await self._ends.desk.receive(inbox.calls, self._ends.log.flush_patiently)
        finally:
            self._waiting.release()
        self._ack_through = max([self._ack_through, *(call.inbox_seq for call in inbox.calls)])
        self._wake.set()

    def _on_watchers(self, watchers: pb.Watchers) -> None:
        watched = frozenset(watch.focus for watch in watchers.watches if watch.count)
        came, self._watched, self._apps = watched - self._watched, watched, watchers.apps
        if came:
            # Whoever comes late begins with a record; hints go on behind it.
            self._ends.transcripts.checkpoint()
            self._barriers.clear()
            self._focus_keys.clear()
        if not watched:
            self._coalescer.clear()
        if watched or watchers.foreground_apps:
            self._looked_at.set()
        else:
            self._looked_at.clear()
        if watchers.foreground_apps:
            # With every change, not only when the number rises: one that looked away and back may look like none.
            self._head_at = -math.inf
        self._wake.set()

    # --- from the workstation ---

    def _on_reply(self, reply: pb.DeviceReply) -> None:
        self._replies.append(reply)
        self._wake.set()

    def _on_hint(self, delta: resource_pb2.Delta) -> None:
        if not self._watched:
            return
        session = names.session_of(delta.part) or ""
        if self._focus(session) in self._watched:
            self._coalescer.add(delta, session, self._barrier(delta.part))
            self._wake.set()

    def _focus(self, session: str) -> bytes:
        known = self._focus_keys.get(session)
        if known is None:
            known = self._focus_keys[session] = self._ends.sealer.focus(session)
        return known

    def _barrier(self, part: str) -> int:
        known = self._barriers.get(part)
        if known is None:
            if len(self._barriers) >= MAX_BARRIERS:
                self._barriers.clear()
            entry = self._ends.log.entry(part)
            known = self._barriers[part] = entry.seq if entry else 0
        return known

    # --- to the relay ---

    async def _write(self) -> None:
        while True:
            self._wake.clear()
            now = time.monotonic()
            frame = self._next_frame(now)
            if frame is None:
                await self._sleep(now)
                continue
            self._bytes_sent += frame.ByteSize()
            if not await write(self._stream, frame):
                return
            self._quiet_since = time.monotonic()
            self._write_seconds = self._quiet_since - now

    async def _sleep(self, now: float) -> None:
        moments = [self._quiet_since + self._heartbeat]
        if self._apps and self._looked_at.is_set():
            moments.append(self._head_at + HEAD_SECONDS)
        due = self._coalescer.due_at()
        if due is not None:
            moments.append(due)
        try:
            async with asyncio.timeout(max(0.0, min(moments) - now)):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next_frame(self, now: float) -> pb.AttachWorkstationRequest | None:
        if self._members_due:
            return self._members()
        if self._ack_through:
            return self._ack()
        if self._replies:
            return self._replies_frame()
        if self._question_due:
            return self._ping(now)
        publish = self._publish(now)
        if publish is not None:
            return pb.AttachWorkstationRequest(publish=publish)
        if now - self._quiet_since >= self._heartbeat:
            return self._ping(now)
        return None

    def _ping(self, now: float) -> pb.AttachWorkstationRequest:
        self._question_due = False
        self._asked_at = now
        return pb.AttachWorkstationRequest(ping=record_pb2.Ping())

    def _members(self) -> pb.AttachWorkstationRequest:
        self._members_due = False
        devices = self._ends.devices
        return pb.AttachWorkstationRequest(members=pb.Members(device_ids=devices.ids, revision=devices.revision))

    def _ack(self) -> pb.AttachWorkstationRequest:
        through, self._ack_through = self._ack_through, 0
        return pb.AttachWorkstationRequest(inbox_ack=pb.InboxAck(through=through))

    def _replies_frame(self) -> pb.AttachWorkstationRequest:
        return pb.AttachWorkstationRequest(replies=pb.Replies(replies=self._take_replies()))

    def _take_replies(self) -> Iterator[pb.DeviceReply]:
        size = 0
        for _ in range(min(len(self._replies), self._max_items)):
            size += len(self._replies[0].reply.sealed)
            yield self._replies.popleft()
            if size >= self._max_bytes:
                return

    def _publish(self, now: float) -> pb.Publish | None:
        publish = pb.Publish()
        self._add_records(publish)
        self._add_hints(publish, now)
        head_due = self._apps and self._is_head_stale(now)
        if not (publish.records or publish.through or publish.volatile or head_due):
            return None
        if publish.records or head_due:
            publish.head.CopyFrom(self._ends.sealer.head())
            self._head_at = now
        return publish

    def _is_head_stale(self, now: float) -> bool:
        """Whether it is time for the next; with a heartbeat that has to leave anyway, where it can wait for one."""
        age, beats = now - self._head_at, now - self._quiet_since >= self._heartbeat
        looked_at = self._looked_at.is_set()
        soonest, latest = (0.0, HEAD_SECONDS) if looked_at else (POCKET_HEAD_SECONDS, 2 * POCKET_HEAD_SECONDS)
        return age >= latest or (beats and age >= soonest)

    def _add_records(self, publish: pb.Publish) -> None:
        head = self._ends.log.head.seq
        if self._sent_through >= head or self._sent_through - self._stored_through >= MAX_AHEAD:
            return
        entries = self._ends.log.after(self._sent_through, self._max_items)
        size = 0
        for entry in entries:
            if size >= self._max_bytes:
                break
            record = self._ends.sealer.record(entry)
            publish.records.append(record)
            self._sent_through = entry.seq
            size += len(record.sealed)
        else:
            if len(entries) < self._max_items:
                # Whatever lies between the last record and the head was compacted away.
                self._sent_through = head
        publish.through = self._sent_through

    def _add_hints(self, publish: pb.Publish, now: float) -> None:
        due = self._coalescer.due_at()
        if due is None or due > now:
            return
        room = self._max_bytes
        for session, batch in self._coalescer.take(now, gather_seconds(self._write_seconds)).items():
            focus, hints = self._focus(session), batch.SerializeToString()
            # What gathered while a relay stored nothing may be more than it takes at once; records repair what is lost.
            if focus in self._watched and len(hints) <= min(room, MAX_BODY_BYTES):
                publish.volatile.append(self._ends.sealer.volatile(focus, hints))
                room -= len(hints)
