"""The web app's host in a process of its own, so that a test can kill it: `python -m tests.browser.host_process`."""

import argparse
import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import flet as ft
import uvicorn

from app_flet import web, web_session
from app_flet.device import Device
from app_flet.screen import Screen

START_SECONDS = 60.0
EXPIRY_SECONDS = 60.0
"""Flet looks for sessions that have expired every ten seconds."""
OPENED, OVER = "A screen is open.", "A screen is over."


class Told(Screen):
    """A screen whose beginning and end are told on standard output."""

    def __init__(self, page: ft.Page, device: Device, *, served_by: str = "", zone: timedelta = timedelta()) -> None:
        super().__init__(page, device, served_by=served_by, zone=zone)
        tell(OPENED)

    def close(self) -> None:
        super().close()
        tell(OVER)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Serves until killed; prints its port once it listens, then what `Told` tells."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--relay", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--session-seconds", type=int, default=web.SESSION_SECONDS)
    told = parser.parse_args()
    web.SESSION_SECONDS = told.session_seconds
    web_session.Screen = Told  # type: ignore[attr-defined]  # imported there by name
    listening = socket.create_server(("127.0.0.1", told.port))
    tell(str(listening.getsockname()[1]))
    app = web.create_app(relay_url=told.relay, data_dir=told.data)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio")).run(sockets=[listening])


@dataclass(frozen=True)
class Hosting:
    """A host that serves."""

    port: int
    process: Process

    async def hears(self, line: str) -> None:
        """Returns once the host has told this; what it told before is skipped."""
        assert self.process.stdout is not None
        async with asyncio.timeout(EXPIRY_SECONDS):
            while line not in (told := (await self.process.stdout.readline()).decode()):
                assert told, "the host has ended"


@asynccontextmanager
async def hosting(
    relay: str, data: Path, port: int = 0, *, session_seconds: int = web.SESSION_SECONDS
) -> AsyncIterator[Hosting]:
    """A host that serves meanwhile. Leaving is SIGKILL: it can put nothing in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.browser.host_process"),
        *("--relay", relay, "--data", str(data), "--port", str(port), "--session-seconds", str(session_seconds)),
        stdout=PIPE,
    )
    try:
        yield Hosting(await _port(process), process)
    finally:
        process.kill()
        await process.wait()


async def _port(process: Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        return int(await process.stdout.readline())


if __name__ == "__main__":
    main()
