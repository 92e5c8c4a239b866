"""One device's link, whatever carries it: what waits to be sent, what it still has to be told, and how it ends.

A door (gRPC or WebSocket) gives a `Peer`; `Link.run` reads and sends until one side ends it. Three things go out, in
this order: frames of the bounded queue; frames of which only the newest counts (acknowledgements, watchers, heartbeats);
and, when there is nothing else, the next page for a follower that is behind. The last is what makes a slow reader slow
for itself alone: it asks the store again at its own pace.
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


class Follower(ABC):
    """Something that a link still has to be told from the store."""

    __slots__ = ()
    behind: bool

    @abstractmethod
    async def catch_up(self) -> None:
        """Queues the next page on the link, and leaves `behind` when there is no further one."""


class _Ended(Exception):
    """The sending side is done; reading has to stop."""


class _Signal:
    """An event with one waiter. asyncio.Event costs 700 bytes, of which a relay with thousands of links has too many."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wakes the waiter, or the next one."""
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Returns once it was set since the last wait."""
        if not self._is_set:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._is_set = False


class Link:
    """What goes to one device. Used on the event loop only."""

    __slots__ = (
        "_finishing",
        "_followers",
        "_newest",
        "_queue",
        "_room",
        "_running",
        "_scope",
        "_wake",
        "device_id",
        "error",
        "frames_sent",
        "in_flight",
        "is_over",
        "last_heard",
        "last_sent",
        "limits",
    )

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
        self._running = False
        self._wake = _Signal()
        self._room = _Signal()
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
        try:
            taken = self._queue.offer(kind, frame)
        except Hopeless:
            self.end(TooSlow("This device does not read what it asked for; reconnect when the network is better."))
            return False
        self._wake.set()
        return taken

    def push_newest(self, slot: str, frame: bytes) -> None:
        """Queues a frame that replaces an unsent one of the same slot."""
        self._newest[slot] = frame
        self._wake.set()

    def follow(self, follower: Follower) -> None:
        """The link has one thing more to be told."""
        self._followers.append(follower)
        self._wake.set()

    def unfollow(self, follower: Follower) -> None:
        """… and one less."""
        if follower in self._followers:
            self._followers.remove(follower)

    def wake(self) -> None:
        """A follower fell behind."""
        self._wake.set()

    def end(self, error: HalyardError | None) -> None:
        """Ends the link now; the first reason counts."""
        if not self.is_over:
            self.is_over = True
            self.error = error
            self._wake.set()
            self._room.set()
            self._expire()

    def finish(self) -> None:
        """Ends the link in good order once everything queued is sent."""
        self._finishing = True
        self._wake.set()

    def job_began(self) -> None:
        """A frame of this link waits for a commit."""
        self.in_flight += 1

    def job_ended(self) -> None:
        """… and no longer."""
        self.in_flight -= 1
        self._room.set()

    async def room(self) -> None:
        """Waits until the store keeps up with this link."""
        while self.in_flight >= self.limits.max_in_flight and not self.is_over:
            await self._room.wait()

    async def run(self, peer: Peer, read: Callable[[], Awaitable[None]], now: Callable[[], float]) -> None:
        """Reads with `read` and sends until the link is over; then `error` says why, None being good order."""
        try:
            async with self._scope, asyncio.TaskGroup() as tasks:
                self._running = True
                if self.is_over:
                    self._expire()
                tasks.create_task(self._sending(peer, now))
                await self._reading(read)
        except* _Ended:
            pass
        except* TimeoutError:
            if not self.is_over:
                raise

    def _expire(self) -> None:
        if self._running:
            self._scope.reschedule(asyncio.get_running_loop().time() + self.limits.stuck_seconds)

    async def _reading(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except PeerGone:
            self.end(None)
        except HalyardError as error:
            self.end(error)
        self.end(None)

    async def _sending(self, peer: Peer, now: Callable[[], float]) -> None:
        try:
            while not self.is_over and await self._send_next(peer, now):
                pass
        except PeerGone:
            self.end(None)
        except HalyardError as error:
            self.end(error)
        self.end(None)
        # Only here, between two writes: gRPC cannot send a status while a write is under way.
        raise _Ended

    async def _send_next(self, peer: Peer, now: Callable[[], float]) -> bool:
        """Sends or prepares one thing. False when the link is to finish and nothing is left."""
        frame = self._queue.take()
        if frame is None and self._newest:
            frame = self._newest.pop(next(iter(self._newest)))
        if frame is not None:
            await peer.send(frame)
            self.frames_sent += 1
            self.last_sent = now()
        elif self._finishing:
            return False
        elif (behind := self._next_behind()) is not None:
            await behind.catch_up()
        else:
            await self._wake.wait()
        return True

    def _next_behind(self) -> Follower | None:
        for place, follower in enumerate(self._followers):
            if follower.behind:
                # To the end of the line, so that one long log does not hold up the others.
                self._followers.append(self._followers.pop(place))
                return follower
        return None
