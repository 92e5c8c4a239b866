"""The baselines of `bench.path`: the same hints as JSON, through a plain Node relay, or straight from an SSE server.

`python -m bench.plain_source ws URL SESSIONS RATE SECONDS` sends them to a relay;
`python -m bench.plain_source sse SESSIONS RATE SECONDS` serves them at /events/{session} and prints its port.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from bench.source import stamp


def _event(session: str) -> str:
    delta = {"part": f"sessions/{session}/messages/m1/parts/p1", "field": "text", "delta": stamp()}
    return json.dumps({"type": "delta", "session": session, "properties": delta})


async def _events(session: str, rate: float, seconds: float) -> AsyncIterator[str]:
    begin = time.monotonic()
    for count in range(round(rate * seconds)):
        await asyncio.sleep(begin + count / rate - time.monotonic())
        yield _event(session)


async def to_relay(url: str, sessions: int, rate: float, seconds: float) -> None:
    """Sends the hints of all sessions over one WebSocket, as a daemon would."""
    async with websockets.connect(url, compression=None) as link:

        async def send(session: str) -> None:
            async for event in _events(session, rate, seconds):
                await link.send(event)

        async with asyncio.TaskGroup() as streams:
            for n in range(sessions):
                streams.create_task(send(f"s{n}"))


async def serve(rate: float, seconds: float) -> None:
    """Serves hints as server-sent events, one stream per session, until it is killed."""

    async def stream(request: Request) -> StreamingResponse:
        lines = (f"data: {event}\n\n" async for event in _events(request.path_params["session"], rate, seconds))
        return StreamingResponse(lines, media_type="text/event-stream")

    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    app = Starlette(routes=[Route("/events/{session}", stream)])
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1] == "ws":
        asyncio.run(to_relay(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
    else:
        asyncio.run(serve(float(sys.argv[2]), float(sys.argv[3])))
