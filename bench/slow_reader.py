"""Claim: an app that stops reading for a minute costs the relay at most 10 MB and the other apps nothing, and is right
again within 2 s.

A real agentd streams 20 sessions at the speed of OpenCode; apps look at one session each, and all of them get every
record. One app's socket is not read for a minute while its heartbeats go on, as when a screen hangs or a network holds
everything back. Before that, all read for as long: the control that the others are compared with. Baseline in the same
run: the same two phases on a plain Node relay, whose one slow reader asked for all sessions.
"""

import argparse
import asyncio
import functools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import websockets

from bench.node_server import node_server
from bench.relay_process import relay_process
from bench.report import Figures, main, percentile
from bench.source import stamps
from bench.streaming_agentd import Hints, StreamingAgentd, attach, streaming_agentd
from tests.fakes.app_link import AppLink

_ROUND_SECONDS = 5.0
"""A part is closed after so long, so that records pass as they do when agents work."""
_PING_SECONDS = 10.0
_SAMPLE_SECONDS = 0.25


@dataclass
class Watch:
    """What others feel and what the server holds, until `begin` is called again."""

    process: psutil.Process
    began_ns: int = 0
    """When the first hint came: another source takes a while to begin."""
    latencies: list[float] = field(default_factory=list)
    rss_mb: float = 0.0

    def begin(self) -> None:
        """Forgets what was before."""
        self.began_ns = 0
        self.latencies.clear()
        self.rss_mb = 0.0

    def arrived(self, text: str) -> None:
        """A text of stamps is in a quick reader's hands."""
        now = time.monotonic_ns()
        self.began_ns = self.began_ns or now
        self.latencies.extend((now - said) / 1e6 for said in stamps(text))

    @asynccontextmanager
    async def sampling(self) -> AsyncIterator[None]:
        """Looks at the server's memory meanwhile."""

        async def sample() -> None:
            while True:
                self.rss_mb = max(self.rss_mb, self.process.memory_info().rss / 1e6)
                await asyncio.sleep(_SAMPLE_SECONDS)

        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(sample())
            yield
            sampling.cancel()

    def figures(self, phase: str) -> dict[str, object]:
        """What was seen since `begin`; `…_hints_per_s`: what all quick readers together got, by the clock."""
        return {
            f"{phase}_hints_per_s": round(len(self.latencies) * 1e9 / (time.monotonic_ns() - self.began_ns)),
            f"{phase}_p50_ms": round(percentile(self.latencies, 0.50), 1),
            f"{phase}_p99_ms": round(percentile(self.latencies, 0.99), 1),
            f"{phase}_rss_mb": round(self.rss_mb, 1),
        }


async def _halyard(options: argparse.Namespace) -> dict[str, object]:
    with relay_process() as relay, streaming_agentd(relay, options.sessions) as source:
        watch = Watch(relay.process)
        async with AsyncExitStack() as links:
            apps = [source.app(relay) for _ in range(options.apps + 1)]
            for app, session in zip(apps, source.sessions, strict=False):
                await attach(links, app)
                await app.until(functools.partial(app.resources.__contains__, session))
                await app.focus(session)
                app.hints = Hints(watch.arrived)
            slow = apps[-1]
            slow.hints = Hints(lambda _text: None)
            async with watch.sampling(), _beating(apps):
                await source.stream(options.rate, _ROUND_SECONDS)
                watch.begin()
                await _stream(source, options.rate, options.stalled_seconds)
                control = watch.figures("control")
                watch.begin()
                before = watch.process.memory_info().rss / 1e6
                await _stalled(slow, source, options)
                stalled = watch.figures("stalled") | {"rss_growth_mb": round(watch.rss_mb - before, 1)}
                watch.begin()
                right = await _right_again(slow, apps[0], source, options.rate)
                right["after_hints_per_s"] = watch.figures("after")["after_hints_per_s"]
    return {"path": "halyard"} | control | stalled | right


async def _stream(source: StreamingAgentd, rate: float, seconds: float) -> None:
    for _ in range(round(seconds / _ROUND_SECONDS)):
        await source.stream(rate, _ROUND_SECONDS)


@asynccontextmanager
async def _beating(apps: Sequence[AppLink]) -> AsyncIterator[None]:
    """Every app says that it is there, also the one that reads nothing."""

    async def beat() -> None:
        while True:
            for app in apps:
                await app.ping()
            await asyncio.sleep(_PING_SECONDS)

    async with asyncio.TaskGroup() as group:
        beating = group.create_task(beat())
        yield
        beating.cancel()


async def _stalled(slow: AppLink, source: StreamingAgentd, options: argparse.Namespace) -> None:
    """The stream goes on while one app's socket is not read."""
    socket = slow._socket  # noqa: SLF001 - a hang is not among the things that a fake app offers
    assert socket is not None
    socket.transport.pause_reading()
    await _stream(source, options.rate, options.stalled_seconds)


async def _right_again(slow: AppLink, quick: AppLink, source: StreamingAgentd, rate: float) -> dict[str, object]:
    """How long the slow app takes to know what a quick one knows when it reads again, while the stream goes on."""
    socket = slow._socket  # noqa: SLF001 - as above
    assert socket is not None
    assert slow.replica is not None
    assert quick.replica is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(source.stream(rate, _ROUND_SECONDS))
        # The stream's parts are open once hints of them come again.
        await asyncio.sleep(1.0)
        known, own = quick.replica.resume().seq, slow.replica.resume().seq
        began = time.perf_counter()
        socket.transport.resume_reading()
        await slow.until(lambda: slow.replica is not None and slow.replica.resume().seq >= known)
        seconds = time.perf_counter() - began
    await slow.until(lambda: slow.resources == quick.resources)
    return {"missed_seqs": known - own, "right_after_s": round(seconds, 2)}


async def _node(options: argparse.Namespace, url: str, process: psutil.Process) -> dict[str, object]:
    watch = Watch(process)
    names = [f"s{n}" for n in range(options.sessions)]
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(websockets.connect(url, compression=None, ping_interval=None))
        await slow.send(json.dumps({"type": "watch", "sessions": names}))
        readers = await stack.enter_async_context(asyncio.TaskGroup())
        reading = [readers.create_task(_read(url, session, watch)) for session in names[: options.apps]]
        async with watch.sampling():
            await _plain_source(url, options, _ROUND_SECONDS)
            watch.begin()
            await _plain_source(url, options, options.stalled_seconds)
            control = watch.figures("control")
            watch.begin()
            before = process.memory_info().rss / 1e6
            slow.transport.pause_reading()
            await _plain_source(url, options, options.stalled_seconds)
            stalled = watch.figures("stalled") | {"rss_growth_mb": round(watch.rss_mb - before, 1)}
        for task in reading:
            task.cancel()
        slow.transport.abort()
    return (
        {"path": "node ws relay, JSON"}
        | control
        | stalled
        | dict.fromkeys(("missed_seqs", "right_after_s", "after_hints_per_s"), "-")
    )


async def _read(url: str, session: str, watch: Watch) -> None:
    async with websockets.connect(url, compression=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "watch", "sessions": [session]}))
        async for message in socket:
            watch.arrived(json.loads(message)["properties"]["delta"])


async def _plain_source(url: str, options: argparse.Namespace, seconds: float) -> None:
    arguments = ["ws", url, str(options.sessions), str(options.rate), str(seconds)]
    source = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.plain_source", *arguments)
    await source.wait()


def measure(options: argparse.Namespace) -> Figures:
    """A row per relay. `wanted_hints_per_s`: what the readers would be given if nothing held the stream back."""
    rows = [asyncio.run(_halyard(options))]
    with node_server(Path("relay_ws.mjs")) as (url, process):
        rows.append(asyncio.run(_node(options, url, process)))
    return {
        "sessions": options.sessions,
        "seconds_of_each_phase": options.stalled_seconds,
        "wanted_hints_per_s": round(min(options.apps, options.sessions) * options.rate),
        "rows": rows,
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.slow_reader", description=__doc__)
    arguments.add_argument("--sessions", type=int, default=20)
    arguments.add_argument("--apps", type=int, default=8, help="apps that read, beside the one that does not")
    arguments.add_argument("--rate", type=float, default=250.0, help="events a second per session")
    arguments.add_argument("--stalled-seconds", type=float, default=60.0, help="of the control phase as well")
    main("slow_reader", measure, arguments)
