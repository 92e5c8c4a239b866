"""The web app's host in a process of its own, so that a test can kill it: `python -m tests.browser.host_process`."""

import argparse
import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from app_flet.web import create_app

START_SECONDS = 60.0


def main() -> None:
    """Serves until killed; prints its port once it listens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--relay", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    told = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", told.port))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    app = create_app(relay_url=told.relay, data_dir=told.data)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio")).run(sockets=[listening])


@asynccontextmanager
async def hosting(relay: str, data: Path, port: int = 0) -> AsyncIterator[int]:
    """A host that serves meanwhile; its port. Leaving is SIGKILL: it can put nothing in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.browser.host_process"),
        *("--relay", relay, "--data", str(data), "--port", str(port)),
        stdout=PIPE,
    )
    try:
        yield await _port(process)
    finally:
        process.kill()
        await process.wait()


async def _port(process: Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        return int(await process.stdout.readline())


if __name__ == "__main__":
    main()
