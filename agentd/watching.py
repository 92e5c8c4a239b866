"""Follows the log for somebody on the socket: what is, then a mark, then what comes."""

import asyncio
from collections.abc import AsyncIterator, Callable

from agentd.session_log import Entry, SessionLog
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import resource_pb2

PAGE = 256
MAX_HINTS = 4_096
"""Hints kept for a slow reader; more are dropped, as the record that closes the part repairs them."""


async def watch(log: SessionLog, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
    """Yields until the reader goes away."""
    wanted = _filter(request.session)
    hints: list[resource_pb2.Delta] = []
    with log.changes() as changed:

        def on_hint(delta: resource_pb2.Delta) -> None:
            if request.include_deltas and wanted(delta.part) and len(hints) < MAX_HINTS:
                hints.append(delta)
                changed.set()

        with log.hints(on_hint):
            seq = log.head.seq if request.only_new else 0
            async for response in _catch_up(log, seq, wanted):
                seq = max(seq, response.seq)
                yield response
            seq = max(seq, log.head.seq)
            yield pb.WatchResponse(caught_up=pb.CaughtUpMark())
            while True:
                changed.clear()
                head = log.head.seq
                async for response in _catch_up(log, seq, wanted):
                    yield response
                seq = max(seq, head)
                told, hints[:] = list(hints), []
                for delta in told:
                    yield pb.WatchResponse(delta=delta)
                await changed.wait()


async def _catch_up(log: SessionLog, seq: int, wanted: Callable[[str], bool]) -> AsyncIterator[pb.WatchResponse]:
    goal = log.head.seq
    while seq < goal and (entries := log.after(seq, PAGE)):
        for entry in entries:
            if not entry.is_grant and wanted(entry.name):
                yield _response(entry)
        seq = entries[-1].seq
        # A long log must not hold up everybody else.
        await asyncio.sleep(0)


def _response(entry: Entry) -> pb.WatchResponse:
    return pb.WatchResponse(resource=entry.resource(), seq=entry.seq)


def _filter(session: str) -> Callable[[str], bool]:
    prefix = session + "/"
    return lambda name: not session or name == session or name.startswith(prefix)
