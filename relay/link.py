"""One device's link, whatever carries it: what waits to be sent, what it still has to be told, and how it ends.

A door (gRPC or WebSocket) gives a `Peer`; `Link.run` reads and sends until one side ends it. Three things go out, in
this order: frames of the bounded queue; frames of which only the newest counts (acknowledgements, watchers,
heartbeats); and, when there is nothing else, the next page for a follower that is behind. The last is what makes a slow
reader slow for itself alone: it asks the store again at its own pace.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol

from relay.errors import TooSlow
from relay.limits import Limits
from relay.reader_queue import Hopeless, Kind, ReaderQueue
from wire.errors import HalyardError


class PeerGone(Exception):
    """The transport ended under a read or a write."""


class Peer(Protocol):
    """A connected transport of whole frames."""

    @property
    def address(self) -> str:
        """Where it comes from, for rates; an IP address."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether it is a process of this machine and came through no proxy."""
        ...

    async def receive(self) -> bytes | None:
        """The next frame; None when the peer ended in good order."""
        ...

    async def send(self, frame: bytes) -> None:
        """Waits while the peer does not read."""
        ...

    def send_at_once(self, frame: bytes) -> bool:
        """Hands a frame to the transport if that takes it without waiting; False when `send` has to be used."""
        ...


class Follower(ABC):
    """Something that a link still has to be told from the store."""

    __slots__ = ()
    behind: bool

    @abstractmethod
    async def catch_up(self) -> None:
        """Queues the next page on the link, and leaves `behind` when there is no further one."""


class _Ended(Exception):
    """The sending side is done; reading has to stop."""


class Link:
    """What goes to one device. Used on the event loop only."""

    __slots__ = (
        "_finishing",
        "_followers",
        "_more",
        "_newest",
        "_now",
        "_peer",
        "_queue",
        "_room",
        "_scope",
        "_sending",
        "_tasks",
        "device_id",
        "error",
        "frames_sent",
        "in_flight",
        "is_over",
        "last_heard",
        "last_sent",
        "limits",
    )

    stays_ready = False
    """Whether the sending task waits for more instead of ending: quicker by a tenth, and a kilobyte more per link."""

    def __init__(self, device_id: str, limits: Limits, now: float) -> None:
        self.device_id = device_id
        self.limits = limits
        self.error: HalyardError | None = None
        self.is_over = False
        """True from the moment at which the link is to end."""
        self.last_heard = now
        self.last_sent = now
        self.in_flight = 0
        self.frames_sent = 0
        self._queue = ReaderQueue(limits.queue_bytes)
        self._newest: dict[str, bytes] = {}
        self._followers: list[Follower] = []
        self._finishing = False
        self._sending = False
        self._tasks: asyncio.TaskGroup | None = None
        self._peer: Peer | None = None
        self._now: Callable[[], float] | None = None
        self._room: asyncio.Future[None] | None = None
        self._more: asyncio.Future[None] | None = None
        # Gets a deadline when the link ends: a write to a peer that does not read must not hold it.
        self._scope = asyncio.timeout(None)

    @property
    def hints_dropped(self) -> int:
        """Hints thrown away because the peer reads too slowly."""
        return self._queue.dropped

    def push(self, kind: Kind, frame: bytes) -> bool:
        """Whether the frame will be sent. A peer that does not read what it must is ended."""
        if self.is_over:
            return False
        if self._sent_at_once(frame):
            return True
        try:
            taken = self._queue.offer(kind, frame)
        except Hopeless:
            self.end(TooSlow("This device does not read what it asked for; reconnect when the network is better."))
            return False
        self.wake()
        return taken

    def push_newest(self, slot: str, frame: bytes) -> None:
        """Queues a frame that replaces an unsent one of the same slot."""
        self._newest[slot] = frame
        self.wake()

    def heard(self, now: float) -> bool:
        """The peer said something. True: the relay was silent for so long that its heartbeat should fall in with that.

        The peer's radio is up now; a heartbeat at a moment of the relay's own would wake it once more.
        """
        self.last_heard = now
        return now - self.last_sent >= self.limits.heartbeat_seconds / 2

    def follow(self, follower: Follower) -> None:
        """The link has one thing more to be told."""
        self._followers.append(follower)
        self.wake()

    def unfollow(self, follower: Follower) -> None:
        """… and one less."""
        if follower in self._followers:
            self._followers.remove(follower)

    def wake(self) -> None:
        """There is something to send."""
        if not self.is_over:
            self._start_sending()

    def end(self, error: HalyardError | None) -> None:
        """Ends the link now; the first reason counts."""
        if not self.is_over:
            self.is_over = True
            self.error = error
            self._leave_room()
            if self._tasks is not None:
                self._scope.reschedule(asyncio.get_running_loop().time() + self.limits.stuck_seconds)
            self._start_sending()

    def finish(self) -> None:
        """Ends the link in good order once everything queued is sent and everything taken is acknowledged."""
        self._finishing = True
        self.wake()

    def job_began(self) -> None:
        """A frame of this link waits for a commit."""
        self.in_flight += 1

    def job_ended(self) -> None:
        """… and no longer."""
        self.in_flight -= 1
        self._leave_room()
        if self._finishing:
            self.wake()

    async def room(self) -> None:
        """Waits until the store keeps up with this link."""
        while self.in_flight >= self.limits.max_in_flight and not self.is_over:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def run(self, peer: Peer, read: Callable[[], Awaitable[None]], now: Callable[[], float]) -> None:
        """Reads with `read` and sends until the link is over; then `error` says why, None being good order."""
        self._peer, self._now = peer, now
        try:
            async with self._scope, asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._start_sending()
                try:
                    await read()
                    self.end(None)
                except PeerGone:
                    self.end(None)
                except HalyardError as error:
                    self.end(error)
                finally:
                    # From here on the group only winds down; what is pushed now has nobody to go to.
                    self._tasks = None
        except* _Ended:
            pass
        except* TimeoutError:
            if not self.is_over:
                raise

    def _start_sending(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
        elif not self._sending and self._tasks is not None and self._peer is not None and self._now is not None:
            self._sending = True
            self._tasks.create_task(self._send_all(self._peer, self._now))

    def _sent_at_once(self, frame: bytes) -> bool:
        """Sends without waking the sending task, if that waits for more: then nothing is before this frame."""
        if self._more is None or self._more.done() or self._peer is None or self._now is None:
            return False
        if not self._peer.send_at_once(frame):
            return False
        self.frames_sent += 1
        self.last_sent = self._now()
        return True

    async def _send_all(self, peer: Peer, now: Callable[[], float]) -> None:
        try:
            while not self.is_over:
                if await self._send_next(peer, now):
                    continue
                if not self.stays_ready:
                    break
                self._more = asyncio.get_running_loop().create_future()
                await self._more
        except PeerGone:
            self.end(None)
        except HalyardError as error:
            self.end(error)
        self._sending = False
        if self.is_over:
            # Only here, between two writes: gRPC cannot send a status while a write is under way.
            raise _Ended

    async def _send_next(self, peer: Peer, now: Callable[[], float]) -> bool:
        """Sends or prepares one thing; False when there is none."""
        frame = self._queue.take()
        if frame is None and self._newest:
            frame = self._newest.pop(next(iter(self._newest)))
        if frame is not None:
            await peer.send(frame)
            self.frames_sent += 1
            self.last_sent = now()
        elif self._finishing and not self.in_flight:
            self.end(None)
        elif (behind := self._next_behind()) is not None:
            await behind.catch_up()
        else:
            return False
        return True

    def _leave_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _next_behind(self) -> Follower | None:
        for place, follower in enumerate(self._followers):
            if follower.behind:
                # To the end of the line, so that one long log does not hold up the others.
                self._followers.append(self._followers.pop(place))
                return follower
        return None
