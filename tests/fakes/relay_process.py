"""A real relay in its own process, on free loopback ports, without the web app."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agentd.config import RelayAddress

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class RunningRelay:
    """Where it listens."""

    http: str
    grpc: str
    origin: str
    pid: int

    @property
    def address(self) -> RelayAddress:
        """As agentd is told."""
        return RelayAddress(origin=self.origin, grpc=self.grpc)


@asynccontextmanager
async def relay_process(
    data: Path, *, http: str = "127.0.0.1:0", grpc: str = "127.0.0.1:0", options: tuple[str, ...] = ()
) -> AsyncIterator[RunningRelay]:
    """A relay that serves meanwhile; name the former ports to come back where one was. Its log goes to relay.log."""
    with (data.parent / f"{data.name}.relay.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay.main", "serve", "--json", "--no-web-app"),
            *("--http", http, "--grpc", grpc, "--data", str(data), *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            told = json.loads(await process.stdout.readline())
        yield RunningRelay(told["http"], told["grpc"], told["origin"], told["pid"])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
