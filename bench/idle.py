"""Claim: 2,000 idle workstations cost a relay less than 150 MB.

Baseline: as many idle WebSockets on a Node `ws` server.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import websockets

from bench.node_server import node_server
from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main
from bench.workstation_link import attached

_WATCHED_SECONDS = 10
_AT_ONCE = 50


async def _idle_workstations(relay: RelayProcess, count: int) -> dict[str, object]:
    base = relay.rss_mb()
    async with AsyncExitStack() as links:
        for done in range(0, count, _AT_ONCE):
            for _ in range(min(_AT_ONCE, count - done)):
                await links.enter_async_context(attached(relay))
        return {"server": "halyard relay (gRPC)"} | await _watch(relay.process, base, count)


async def _idle_sockets(url: str, process: psutil.Process, count: int) -> dict[str, object]:
    base = process.memory_info().rss / 1e6
    async with AsyncExitStack() as sockets:
        for _ in range(count):
            await sockets.enter_async_context(websockets.connect(url, ping_interval=None, compression=None))
        return {"server": "node ws (WebSocket)"} | await _watch(process, base, count)


async def _watch(process: psutil.Process, base_mb: float, count: int) -> dict[str, object]:
    before = process.cpu_times()
    await asyncio.sleep(_WATCHED_SECONDS)
    after = process.cpu_times()
    rss = process.memory_info().rss / 1e6
    busy = (after.user - before.user) + (after.system - before.system)
    return {
        "links": count,
        "base_mb": round(base_mb, 1),
        "rss_mb": round(rss, 1),
        "kb_per_link": round((rss - base_mb) * 1e3 / count, 1),
        "idle_cpu_percent": round(100 * busy / _WATCHED_SECONDS, 2),
    }


def measure(options: argparse.Namespace) -> Figures:
    """Resident memory and CPU of both servers while all links are idle for ten seconds."""
    with relay_process() as relay:
        ours = asyncio.run(_idle_workstations(relay, options.links))
    with node_server(Path("idle_ws.mjs")) as (url, process):
        theirs = asyncio.run(_idle_sockets(url, process, options.links))
    return {"rows": [ours, theirs]}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.idle", description=__doc__)
    arguments.add_argument("--links", type=int, default=2000)
    main("idle", measure, arguments)
