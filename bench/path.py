"""Claim: an agent's words are opened in the app within 5 ms (p50) and 50 ms (p99), at 20 sessions of 60 hints a second.

The whole path: agentd's journal, coalescing, sealing, gRPC, relay, WebSocket, opening; one app per session. Baselines
in the same run: a plain JSON relay on Node's `ws` that stores and seals nothing, and a direct read of an SSE server.
"""

import argparse
import asyncio
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import websockets
from httpx_sse import aconnect_sse

from bench.node_server import node_server
from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main, percentile
from bench.source import stamps
from bench.streaming_agentd import Hints, StreamingAgentd, attach, streaming_agentd

_WARM_UP_SECONDS = 2.0


@dataclass
class Cost:
    """What a process spends between `begin` and `end`."""

    process: psutil.Process
    cpu_seconds: float = 0.0
    rss_mb: float = 0.0

    def begin(self) -> None:
        """From now on it counts."""
        self.cpu_seconds = self._cpu()

    def end(self) -> None:
        """Until now it counted."""
        self.cpu_seconds = self._cpu() - self.cpu_seconds
        self.rss_mb = self.process.memory_info().rss / 1e6

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass
class Latencies:
    """How long hints took, in milliseconds."""

    values: list[float] = field(default_factory=list)

    def arrived(self, text: str) -> None:
        """A text of stamps is in the reader's hands."""
        now = time.monotonic_ns()
        self.values.extend((now - said) / 1e6 for said in stamps(text))

    def row(self, path: str, sessions: int, relay: Cost | None, source: Cost | None) -> dict[str, object]:
        """One line of the table; CPU in µs per hint delivered."""
        count = max(1, len(self.values))
        return {
            "path": path,
            "sessions": sessions,
            "hints": len(self.values),
            "p50_ms": round(percentile(self.values, 0.50), 2),
            "p99_ms": round(percentile(self.values, 0.99), 2),
            "relay_us_per_hint": round(relay.cpu_seconds * 1e6 / count, 1) if relay else 0.0,
            "relay_rss_mb": round(relay.rss_mb, 1) if relay else 0.0,
            "source_us_per_hint": round(source.cpu_seconds * 1e6 / count, 1) if source else 0.0,
            "source_rss_mb": round(source.rss_mb, 1) if source else 0.0,
        }


async def _halyard(relay: RelayProcess, source: StreamingAgentd, rate: float, seconds: float) -> dict[str, object]:
    latencies = Latencies()
    cost, source_cost = Cost(relay.process), Cost(source.process)
    async with AsyncExitStack() as apps:
        for session in source.sessions:
            app = source.app(relay)
            await attach(apps, app)
            await app.until(functools.partial(app.resources.__contains__, session))
            await app.focus(session)
            app.hints = Hints(latencies.arrived)
        await source.stream(rate, _WARM_UP_SECONDS)
        latencies.values.clear()
        _each((cost, source_cost), Cost.begin)
        await source.stream(rate, seconds)
        _each((cost, source_cost), Cost.end)
    return latencies.row("halyard", len(source.sessions), cost, source_cost)


async def _node(url: str, process: psutil.Process, sessions: int, rate: float, seconds: float) -> dict[str, object]:
    latencies = Latencies()
    cost = Cost(process)

    async def read(session: str) -> None:
        async with websockets.connect(url, compression=None) as link:
            await link.send(json.dumps({"type": "watch", "sessions": [session]}))
            for _ in range(round(rate * seconds)):
                latencies.arrived(json.loads(await link.recv())["properties"]["delta"])

    async with asyncio.TaskGroup() as readers:
        for n in range(sessions):
            readers.create_task(read(f"s{n}"))
        await asyncio.sleep(_WARM_UP_SECONDS)
        cost.begin()
        command = [sys.executable, "-m", "bench.plain_source", "ws", url, str(sessions), str(rate), str(seconds)]
        source = await asyncio.create_subprocess_exec(*command)
        await source.wait()
    cost.end()
    return latencies.row("node ws relay, JSON", sessions, cost, None)


async def _direct(sessions: int, rate: float, seconds: float) -> dict[str, object]:
    latencies = Latencies()
    command = [sys.executable, "-m", "bench.plain_source", "sse", str(rate), str(seconds)]
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    port = json.loads(await server.stdout.readline())["port"]
    source = Cost(psutil.Process(server.pid))

    async def read(client: httpx.AsyncClient, session: str) -> None:
        async with aconnect_sse(client, "GET", f"http://127.0.0.1:{port}/events/{session}") as stream:
            async for event in stream.aiter_sse():
                latencies.arrived(event.json()["properties"]["delta"])

    try:
        source.begin()
        async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as readers:
            for n in range(sessions):
                readers.create_task(read(client, f"s{n}"))
        source.end()
    finally:
        server.terminate()
        await server.wait()
    return latencies.row("direct SSE", sessions, None, source)


def _each(costs: Sequence[Cost], action: Callable[[Cost], None]) -> None:
    for cost in costs:
        action(cost)


def measure(options: argparse.Namespace) -> Figures:
    """A row per path and number of sessions."""
    rows: list[dict[str, object]] = []
    for sessions in options.sessions:
        with relay_process() as relay, streaming_agentd(relay, sessions) as source:
            rows.append(asyncio.run(_halyard(relay, source, options.rate, options.seconds)))
        with node_server(Path("relay_ws.mjs")) as (url, process):
            rows.append(asyncio.run(_node(url, process, sessions, options.rate, options.seconds)))
        rows.append(asyncio.run(_direct(sessions, options.rate, options.seconds)))
    return {"rate_per_session": options.rate, "seconds": options.seconds, "rows": rows}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.path", description=__doc__)
    arguments.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 20])
    arguments.add_argument("--rate", type=float, default=60.0, help="hints a second per session")
    arguments.add_argument("--seconds", type=float, default=10.0)
    main("path", measure, arguments)
