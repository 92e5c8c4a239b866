"""The event stream: lines in, frames out, and silence taken for death.

Each frame is one `data:` line; there are no ids and no replay. What a cut connection missed is repaired by
`follower.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.event_schema import Frame, MalformedEventError, decode_frame

_log = logging.getLogger(__name__)

# The server's heartbeat comes every 10 s.
SILENCE_SECONDS = 25.0
_PREFIX = "data:"


def data_of(line: str) -> str:
    """Returns what a line of an event stream carries; empty for comments, other fields and the empty line that ends a
    frame.
    """
    return line[len(_PREFIX) :].strip() if line.startswith(_PREFIX) else ""


async def _frames(lines: AsyncIterator[str], silence: float) -> AsyncIterator[Frame]:
    while True:
        try:
            async with asyncio.timeout(silence):
                line = await anext(lines)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise AgentUnavailableError(f"OpenCode's event stream was silent for {silence:.0f} s.") from None
        data = data_of(line)
        if data:
            try:
                yield decode_frame(data)
            except MalformedEventError as error:
                # Another kind of event is not worth losing the stream for.
                _log.warning("an event of OpenCode could not be read: %s", error)


@asynccontextmanager
async def stream(client: Client, silence: float = SILENCE_SECONDS) -> AsyncIterator[AsyncIterator[Frame]]:
    """Opens the stream and yields its frames until the server ends it.

    Raises AgentUnavailableError when it cannot be opened, breaks, or is silent for longer than `silence` seconds.
    """
    async with client.events() as lines:
        yield _frames(lines, silence)
