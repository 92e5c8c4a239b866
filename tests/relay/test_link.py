"""One link: what goes out in which order, when reading pauses, and how it ends."""

import asyncio

import pytest

from relay.errors import Superseded
from relay.limits import Limits
from relay.link import Follower, Link, PeerGone
from relay.reader_queue import Kind
from tests.relay.peers import PATIENCE_SECONDS
from wire.errors import Malformed


class _Peer:
    """Hears what is sent; `gate` holds it up, `gone` breaks it."""

    address = "127.0.0.1"
    is_local = True

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone = False
        self.at_once: list[bytes] | None = None
        """Frames that were taken without waiting; None: such are refused."""

    async def receive(self) -> bytes | None:
        return None

    async def send(self, frame: bytes) -> None:
        await self.gate.wait()
        if self.gone:
            raise PeerGone
        self.heard.put_nowait(frame)

    def send_at_once(self, frame: bytes) -> bool:
        if self.at_once is not None:
            self.at_once.append(frame)
        return self.at_once is not None


class _Pages(Follower):
    """Has three pages to tell."""

    def __init__(self, link: Link) -> None:
        self.behind = True
        self._link = link
        self._left = [b"page 1", b"page 2", b"page 3"]

    async def catch_up(self) -> None:
        self._link.push(Kind.STORED, self._left.pop(0))
        self.behind = bool(self._left)


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _link(limits: Limits | None = None) -> Link:
    return Link("device", limits or Limits(), 0.0)


async def _run(link: Link, peer: _Peer, read: object = _for_ever) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await link.run(peer, read, lambda: 0.0)  # type: ignore[arg-type]


async def test_the_queue_goes_before_the_newest_and_pages_come_last() -> None:
    link, peer = _link(), _Peer()
    link.follow(_Pages(link))
    link.push_newest("pong", b"old pong")
    link.push_newest("pong", b"pong")
    link.push(Kind.MUST, b"welcome")
    link.finish()
    await _run(link, peer)
    came = [peer.heard.get_nowait() for _ in range(peer.heard.qsize())]
    assert came[:2] == [b"welcome", b"pong"]
    assert link.error is None


async def test_pages_are_asked_for_one_after_the_other() -> None:
    link, peer = _link(), _Peer()
    link.follow(_Pages(link))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_run(link, peer))
        assert [await peer.heard.get() for _ in range(3)] == [b"page 1", b"page 2", b"page 3"]
        link.end(None)


async def test_the_first_reason_counts() -> None:
    link, peer = _link(), _Peer()
    reason = Superseded("newer")
    link.end(reason)
    link.end(Malformed("later"))
    await _run(link, peer)
    assert link.error is reason
    assert not link.push(Kind.MUST, b"too late")


async def test_what_the_reader_refuses_ends_the_link() -> None:
    async def read() -> None:
        raise Malformed("bad frame")

    link = _link()
    await _run(link, _Peer(), read)
    assert isinstance(link.error, Malformed)


@pytest.mark.parametrize("side", ["reading", "sending"])
async def test_a_lost_peer_is_good_order(side: str) -> None:
    async def read() -> None:
        if side == "reading":
            raise PeerGone
        await _for_ever()

    link, peer = _link(), _Peer()
    peer.gone = True
    link.push(Kind.MUST, b"into the void")
    await _run(link, peer, read)
    assert link.error is None


async def test_a_write_that_hangs_does_not_hold_the_end() -> None:
    link, peer = _link(Limits(stuck_seconds=0.02)), _Peer()
    peer.gate.clear()
    link.push(Kind.MUST, b"stuck")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_run(link, peer))
        tasks.create_task(_end(link))
    assert isinstance(link.error, Superseded)


async def _end(link: Link) -> None:
    link.end(Superseded("newer"))


async def test_a_link_is_not_read_while_too_much_waits_for_the_store() -> None:
    link = _link(Limits(max_in_flight=2))
    link.job_began()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await link.room()
    link.job_began()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(link.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        link.job_ended()
    assert link.in_flight == 1


async def test_a_link_that_finishes_waits_for_what_is_at_the_store() -> None:
    link, peer = _link(), _Peer()
    link.job_began()
    link.finish()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_run(link, peer))
        link.push(Kind.MUST, b"before")
        assert await peer.heard.get() == b"before"
        assert not running.done()
        link.push_newest("stored", b"stored")
        link.job_ended()
    assert peer.heard.get_nowait() == b"stored"


async def test_an_outer_cancellation_is_not_swallowed() -> None:
    link = _link()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await link.run(_Peer(), _for_ever, lambda: 0.0)
    assert not link.is_over


class _ReadyLink(Link):
    """Its sending task waits for more, as an app's does."""

    __slots__ = ()
    stays_ready = True


async def test_a_frame_goes_at_once_when_nothing_is_before_it() -> None:
    link, peer = _ReadyLink("device", Limits(), 0.0), _Peer()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_run(link, peer))
        link.push(Kind.MUST, b"first")
        peer.at_once = []
        assert link.push(Kind.HINT, b"second: the first is not out yet")
        assert await peer.heard.get() == b"first"
        assert await peer.heard.get() == b"second: the first is not out yet"
        assert peer.at_once == []
        await asyncio.sleep(0)
        assert link.push(Kind.HINT, b"third")
        assert peer.at_once == [b"third"]
        assert link.frames_sent == 3
        peer.at_once = None
        link.push(Kind.STORED, b"fourth: the transport is full")
        assert await peer.heard.get() == b"fourth: the transport is full"
        link.end(None)


async def test_nothing_overtakes_a_page() -> None:
    link, peer = _ReadyLink("device", Limits(), 0.0), _Peer()
    peer.at_once = []
    peer.gate.clear()
    link.follow(_Pages(link))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_run(link, peer))
        await asyncio.sleep(0)
        link.push(Kind.HINT, b"live")
        peer.gate.set()
        assert sorted([await peer.heard.get() for _ in range(4)])[1:] == [b"page 1", b"page 2", b"page 3"]
        assert peer.at_once == []
        link.end(None)


async def test_a_heartbeat_falls_in_with_what_the_peer_says_anyway() -> None:
    link = _link(Limits(heartbeat_seconds=20))
    assert not link.heard(9.5)
    assert link.heard(10.0)
    assert link.last_heard == 10.0
    link.last_sent = 10.0
    assert not link.heard(12.0)
