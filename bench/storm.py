"""Claim: a relay that restarts under 2,000 workstations has all of them back within 40 s, without a thundering herd.

First the 2,000 are idle while 200 more stream to an app each. Then the relay is told to stop, is away for a while, and
comes back on the same ports; once more, it is killed. Nobody helps: each workstation waits as agentd does. Baseline in
the same run: none exists for links with backoff; the ideal, everybody at the pace at which the relay can take them, is
drawn from nothing but the number of links. `--svg FILE` draws both returns.
"""

import argparse
import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.app_socket import app_attached, new_identity
from bench.relay_process import RelayProcess, relay_process
from bench.report import Figures, main, percentile
from bench.spoken_to import SpokenTo, spoken_to
from bench.storm_plot import plot
from bench.workstation_link import WorkstationLink, attached
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2 as record

_HINT_BYTES = 100
_STAMP_BYTES = 8


@dataclass(frozen=True)
class Return:
    """How a crowd came back. Seconds are counted from when the relay was ready again."""

    how: str
    dials: list[float]
    welcomes: list[float]

    @property
    def per_second(self) -> list[int]:
        """Workstations welcomed in each second."""
        counts = Counter(int(max(0.0, at)) for at in self.welcomes)
        return [counts[second] for second in range(max(counts) + 1)]

    def row(self) -> dict[str, object]:
        """One line of the table."""
        return {
            "restart": self.how,
            "half_back_s": round(percentile(self.welcomes, 0.5), 1),
            "all_back_s": round(max(self.welcomes), 1),
            "most_per_s": max(self.per_second),
            "dials_per_workstation": round(len(self.dials) / len(self.welcomes), 2),
        }


async def _streaming(relay: RelayProcess, options: argparse.Namespace) -> dict[str, object]:
    """What 200 streaming workstations feel of 2,000 idle ones, and what the relay spends on all."""
    latencies: list[float] = []
    async with AsyncExitStack() as links:
        readers = await links.enter_async_context(asyncio.TaskGroup())
        sources = []
        for _ in range(options.streaming):
            workstation, focus, read = await _watched(links, relay, latencies)
            sources.append((workstation, focus))
            links.callback(readers.create_task(read).cancel)
        await _stream(sources, options.frames_per_second, 2.0)
        latencies.clear()
        before = relay.cpu_seconds()
        await _stream(sources, options.frames_per_second, options.seconds)
        busy = relay.cpu_seconds() - before
    return {
        "workstations": options.workstations + options.streaming,
        "streaming": options.streaming,
        "hints_per_s": round(len(latencies) / options.seconds),
        "p50_ms": round(percentile(latencies, 0.50), 1),
        "p99_ms": round(percentile(latencies, 0.99), 1),
        "relay_cpu_percent": round(100 * busy / options.seconds),
        "relay_rss_mb": round(relay.rss_mb(), 1),
    }


async def _watched(
    links: AsyncExitStack, relay: RelayProcess, latencies: list[float]
) -> tuple[WorkstationLink, bytes, Coroutine[None, None, None]]:
    """A workstation, its session's key, and the reading of an app that looks at it."""
    identity, focus = new_identity(), secrets.token_bytes(16)
    workstation = await links.enter_async_context(attached(relay, [identity.device_id]))
    app = await links.enter_async_context(app_attached(relay, identity))
    await app.focus(workstation.identity.device_id, focus)

    async def read() -> None:
        while True:
            frame = await app.receive()
            now = time.monotonic_ns()
            hints = link.AttachAppResponse.FromString(frame).batch.volatile
            latencies.extend((now - int.from_bytes(hint.sealed[:_STAMP_BYTES])) / 1e6 for hint in hints)

    return workstation, focus, read()


async def _stream(sources: Sequence[tuple[WorkstationLink, bytes]], rate: float, seconds: float) -> None:
    filling = secrets.token_bytes(_HINT_BYTES - _STAMP_BYTES)
    begin = time.monotonic()

    async def say(at: int, workstation: WorkstationLink, focus: bytes) -> None:
        for count in range(round(rate * seconds)):
            # Spread over the interval: workstations do not speak in chorus.
            await asyncio.sleep(begin + (count + at / len(sources)) / rate - time.monotonic())
            sealed = time.monotonic_ns().to_bytes(_STAMP_BYTES) + filling
            hint = record.Volatile(focus=focus, key_epoch=1, sealed=sealed)
            await workstation.stream.write(link.AttachWorkstationRequest(publish=link.Publish(volatile=[hint])))

    async with asyncio.TaskGroup() as streams:
        for at, (workstation, focus) in enumerate(sources):
            streams.create_task(say(at, workstation, focus))


def _restarts(relay: RelayProcess, crowd: SpokenTo, stack: ExitStack, options: argparse.Namespace) -> list[Return]:
    data = relay.process.cmdline()[relay.process.cmdline().index("--data") + 1]
    same = ("--data", data, "--http", relay.http.removeprefix("http://"), "--grpc", relay.grpc)
    returns = []
    for how in ("told to stop", "killed"):
        crowd.ask("down")
        if how == "killed":
            relay.process.kill()
        else:
            relay.process.terminate()
        relay.process.wait()
        time.sleep(options.away_seconds)
        relay = stack.enter_context(relay_process(*same))
        ready = time.monotonic()
        told = crowd.ask("back")
        dials, welcomes = ([at - ready for at in told[what]] for what in ("dialled", "welcomed"))
        # Those before found nobody, and cost the relay nothing.
        returns.append(Return(how, [at for at in dials if at >= 0], welcomes))
    return returns


def measure(options: argparse.Namespace) -> Figures:
    """The crowd at rest while others stream, then its returns."""
    with TemporaryDirectory(prefix="halyard-bench-") as data, ExitStack() as stack:
        relay = stack.enter_context(relay_process("--data", data))
        crowd = stack.enter_context(spoken_to("bench.crowd", relay.grpc, relay.origin, options.workstations))
        crowd.ask("up")
        at_work = asyncio.run(_streaming(relay, options))
        returns = _restarts(relay, crowd, stack, options)
    if options.svg:
        options.svg.write_text(plot([(f"The relay was {each.how}", each.per_second) for each in returns]))
    series = {each.how: each.per_second for each in returns}
    return {
        "at_work": at_work,
        "away_seconds": options.away_seconds,
        "welcomed_per_second": series,
        "rows": [each.row() for each in returns],
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.storm", description=__doc__)
    arguments.add_argument("--workstations", type=int, default=2000)
    arguments.add_argument("--streaming", type=int, default=200)
    arguments.add_argument("--frames-per-second", type=float, default=10.0, help="of each streaming workstation")
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument(
        "--away", dest="away_seconds", metavar="SECONDS", type=float, default=3.0, help="how long there is no relay"
    )
    arguments.add_argument("--svg", type=Path, help="where to draw the returns")
    main("storm", measure, arguments)
