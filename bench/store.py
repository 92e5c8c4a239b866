"""Claim: the relay's store takes 5,000 durable records a second. Baseline: the same store with one change per commit.

Durable means committed with SQLite's synchronous FULL before it is acknowledged. `store` rows drive the store in
process, one record per change; the `relay` row drives a real relay over gRPC, in frames of 50 records.
"""

import argparse
import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.relay_process import relay_process
from bench.report import Figures, main, percentile
from bench.workstation_link import WorkstationLink, attached
from halyard.link.v1 import record_pb2
from relay.limits import Limits
from relay.store import MAX_GROUP, Store, open_store

_WRITERS = 64
_VALUE_BYTES = 300
_PACED_RATE = 200
_FRAME_RECORDS = 50
_KEYS = 2_000


def _record(seq: int) -> record_pb2.Record:
    key = (seq % _KEYS).to_bytes(16)
    return record_pb2.Record(seq=seq, key=key, key_epoch=1, sealed=secrets.token_bytes(_VALUE_BYTES))


class _Writer:
    """One workstation that publishes single records."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._device = f"{number:026d}"
        self._epoch = secrets.token_bytes(16)
        self._seq = 0

    async def attach(self) -> None:
        """Makes its place."""
        await self._store.do(
            lambda ledger: ledger.attach(self._device, self._epoch, None, invited_only=False, now_ms=_now_ms())
        )

    async def publish(self) -> float:
        """Seconds until one more record was durable."""
        self._seq += 1
        record = _record(self._seq)
        began = time.perf_counter()
        await self._store.do(lambda ledger: ledger.publish(self._device, self._epoch, [record], record.seq, _now_ms()))
        return time.perf_counter() - began


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _with_store(max_group: int, seconds: float) -> dict[str, object]:
    with TemporaryDirectory(prefix="halyard-bench-", dir=".") as folder:
        store = open_store(Path(folder, "relay.db"), Limits(), max_group=max_group)
        async with asyncio.TaskGroup() as group:
            group.create_task(store.run())
            writers = [_Writer(store, number) for number in range(_WRITERS)]
            for writer in writers:
                await writer.attach()
            rate = await _at_full_speed(writers, seconds)
            paced = await _paced(writers, seconds)
            store.close()
    return _row("store, group commit" if max_group > 1 else "store, a commit each", rate, paced)


def _row(path: str, rate: float, paced: Sequence[float]) -> dict[str, object]:
    return {"path": path, "records_per_s": round(rate), "p50_ms": _ms(paced, 0.5), "p99_ms": _ms(paced, 0.99)}


def _ms(values: Sequence[float], share: float) -> float:
    return round(percentile(values, share) * 1e3, 2)


async def _at_full_speed(writers: Sequence[_Writer], seconds: float) -> float:
    end = time.perf_counter() + seconds
    done = 0

    async def work(writer: _Writer) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await writer.publish()
            done += 1

    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(work(writer))
    return done / seconds


async def _paced(writers: Sequence[_Writer], seconds: float) -> list[float]:
    taken: list[float] = []

    async def publish(writer: _Writer) -> None:
        taken.append(await writer.publish())

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for count in range(round(_PACED_RATE * seconds)):
            await asyncio.sleep(begin + count / _PACED_RATE - time.perf_counter())
            group.create_task(publish(writers[count % len(writers)]))
    return taken


async def _through_relay(seconds: float) -> dict[str, object]:
    with relay_process() as relay:
        async with attached(relay) as workstation, asyncio.TaskGroup() as group:
            following = group.create_task(workstation.follow())
            began = time.perf_counter()
            sent = await _publish_frames(workstation, began + seconds)
            await workstation.until_stored(sent)
            rate = sent / (time.perf_counter() - began)
            paced = await _paced_link(workstation, sent, seconds)
            following.cancel()
    return {
        "path": "relay, over gRPC",
        "records_per_s": round(rate),
        "p50_ms": _ms(paced, 0.5),
        "p99_ms": _ms(paced, 0.99),
    }


async def _publish_frames(workstation: WorkstationLink, end: float) -> int:
    seq = 0
    while time.perf_counter() < end:
        await workstation.publish([_record(seq + n + 1) for n in range(_FRAME_RECORDS)])
        seq += _FRAME_RECORDS
    return seq


async def _paced_link(workstation: WorkstationLink, seq: int, seconds: float) -> list[float]:
    taken = []
    begin = time.perf_counter()
    for count in range(round(_PACED_RATE * seconds)):
        await asyncio.sleep(begin + count / _PACED_RATE - time.perf_counter())
        sent = time.perf_counter()
        seq += 1
        await workstation.publish([_record(seq)])
        await workstation.until_stored(seq)
        taken.append(time.perf_counter() - sent)
    return taken


def measure(options: argparse.Namespace) -> Figures:
    """Records a second at full speed, and times until durable at 200 a second."""
    rows = [
        asyncio.run(_with_store(MAX_GROUP, options.seconds)),
        asyncio.run(_with_store(1, options.seconds)),
        asyncio.run(_through_relay(options.seconds)),
    ]
    return {"writers": _WRITERS, "value_bytes": _VALUE_BYTES, "paced_per_s": _PACED_RATE, "rows": rows}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5.0)
    main("store", measure, arguments)
