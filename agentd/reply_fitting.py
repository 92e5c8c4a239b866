"""Makes an answer small enough for one sealed reply. PURE.

A relay ends the link of a workstation whose reply is above its limit, and the app would only ask again. So what can be
asked for in pieces is given in pieces, what has a mark for being cut is cut, and the rest is refused in words.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from google.protobuf.message import Message

from agentd.errors import too_large
from agentd.fitting import cut_longest, fit
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session

MAX_REPLY_BYTES = 248 * 1024
"""Leaves room for the seal within the relay's usual 256 KiB; an answer that holds the largest record fits."""
_PART_FRAME_BYTES = 8
_LEAST_FRAME_BYTES = 2
"""What stands around a part in a page, or any entry in a list, at most and at least: tag and length."""

Page = TypeVar("Page", bound=Message)


async def largest_page(ask: Callable[[int], Awaitable[Page]], size: int, max_bytes: int = MAX_REPLY_BYTES) -> Page:
    """The page that `ask(size)` makes; one with fewer entries when that is too large for a reply."""
    while True:
        page = await ask(size)
        if page.ByteSize() <= max_bytes or size <= 1:
            return page
        size = max(1, min(size - 1, size * max_bytes // page.ByteSize()))


def fit_reply(response: Message, max_bytes: int = MAX_REPLY_BYTES) -> Message:
    """`response` when it fits, else what of it does; TOO_LARGE when nothing can be left out."""
    excess = response.ByteSize() - max_bytes
    if excess <= 0:
        return response
    smaller = type(response)()
    smaller.CopyFrom(response)
    match smaller:
        case pb.ReadFileResponse():
            # The reader sees by the file's size that there is more, and where to go on.
            smaller.content = smaller.content[: max(0, len(smaller.content) - excess)]
        case pb.GetDiffResponse():
            cut_longest(smaller.diffs, excess)
        case pb.ListFilesResponse():
            _drop_last(smaller, excess)
        case pb.ListMessagesResponse():
            _shorten_parts(smaller, max_bytes)
    if smaller.ByteSize() > max_bytes:
        raise too_large()
    return smaller


def _drop_last(listed: pb.ListFilesResponse, excess: int) -> None:
    while excess > 0 and listed.entries:
        excess -= listed.entries.pop().ByteSize() + _LEAST_FRAME_BYTES


def _shorten_parts(page: pb.ListMessagesResponse, max_bytes: int) -> None:
    parts = [part for entry in page.messages for part in entry.parts]
    sizes = [part.ByteSize() + _PART_FRAME_BYTES for part in parts]
    most = level(sizes, max_bytes - (page.ByteSize() - sum(part.ByteSize() for part in parts)))
    for part, size in zip(parts, sizes, strict=True):
        if size > most:
            part.CopyFrom(_shortened(part, most - _PART_FRAME_BYTES))


def _shortened(part: session.Part, max_bytes: int) -> session.Part:
    whole = resource.Resource(part=part)
    around = whole.ByteSize() - part.ByteSize()
    return fit(whole, max_bytes + around).part


def level(sizes: Iterable[int], room: int) -> int:
    """To which size the larger ones must come down so that all together fit into `room`; the small ones are left."""
    rising = sorted(sizes)
    for place, size in enumerate(rising):
        share = max(0, room) // (len(rising) - place)
        if size > share:
            return share
        room -= size
    return rising[-1] if rising else 0
