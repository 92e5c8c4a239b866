"""The calls that wait for one workstation, paged from the store or handed on as they come."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from halyard.link.v1 import link_service_pb2
from relay import reading
from relay.link import Follower
from relay.reader_queue import Kind

if TYPE_CHECKING:
    from relay.channel import Channel, WorkstationLink


class InboxFeed(Follower):
    """The calls that wait for a workstation, on their way to it."""

    __slots__ = ("_channel", "_link", "after", "behind")

    def __init__(self, channel: "Channel", link: "WorkstationLink", after: int) -> None:
        self.behind = True
        self.after = after
        self._channel = channel
        self._link = link

    def offer(self, call: link_service_pb2.InboxCall) -> None:
        """Takes a call that was just committed, or falls behind."""
        if self.behind or call.inbox_seq <= self.after:
            return
        if self._send([call]):
            self.after = call.inbox_seq
        else:
            self.behind = True
            self._link.wake()

    async def catch_up(self) -> None:
        """Queues the next page; level when no committed call is left."""
        channel, limits, after = self._channel, self._channel.limits, self.after
        # Read before the page: calls up to here are committed, so the page has them or they were withdrawn.
        head = channel.place.inbox_head
        if after >= head:
            self.behind = False
            return
        query = partial(
            reading.inbox_page,
            workstation_id=channel.workstation_id,
            after=after,
            max_items=limits.max_items,
            max_bytes=limits.max_frame_bytes // 2,
        )
        page = await channel.store.read(query)
        if page.calls and not self._send(page.calls):
            return
        self.after = max(page.through, head) if page.level else page.through
        self.behind = self.after < channel.place.inbox_head

    def _send(self, calls: Iterable[link_service_pb2.InboxCall]) -> bool:
        inbox = link_service_pb2.Inbox(calls=calls)
        frame = link_service_pb2.AttachWorkstationResponse(inbox=inbox)
        if not self._link.push(Kind.STORED, frame.SerializeToString()):
            return False
        self._channel.offered_through = max(self._channel.offered_through, inbox.calls[-1].inbox_seq)
        return True
