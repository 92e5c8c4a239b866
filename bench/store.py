"""Claim: the relay's store takes 5,000 durable records a second. Baselines: the same store without durability, and with
one change per commit.

Durable means committed with SQLite's synchronous FULL before it is acknowledged; without durability, synchronous OFF,
nothing waits for the disk. `store` rows drive the store in process, one record per change; the `relay` row drives a
real relay over gRPC, in frames of 50 records. `of_not_durable` is the share of the rate without durability, of the same
run.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
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


async def _with_store(path: str, seconds: float, *, max_group: int = MAX_GROUP, durable: bool = True) -> _Row:
    with TemporaryDirectory(prefix="halyard-bench-", dir=".") as folder:
        store = open_store(Path(folder, "relay.db"), Limits(), max_group=max_group)
        if not durable:
            _wait_for_no_disk(store)
        async with asyncio.TaskGroup() as group:
            group.create_task(store.run())
            writers = [_Writer(store, number) for number in range(_WRITERS)]
            for writer in writers:
                await writer.attach()
            rate = await _at_full_speed(writers, seconds)
            paced = await _paced(writers, seconds)
            store.close()
    return _Row(path, rate, paced)


def _wait_for_no_disk(store: Store) -> None:
    """The only connection that writes commits without fsync from here on."""
    writer = store._writer  # noqa: SLF001 - the relay has no such switch, and must not have one
    writer.execute("PRAGMA synchronous = OFF")
    assert writer.execute("PRAGMA synchronous").fetchone() == (0,)


@dataclass(frozen=True)
class _Row:
    """What was measured on one path: records a second at full speed, and seconds until each was durable when paced."""

    path: str
    rate: float
    paced: Sequence[float]

    def beside(self, baseline: _Row | None) -> dict[str, object]:
        """As a row of the table; None when no baseline does the same work."""
        return {
            "path": self.path,
            "records_per_s": round(self.rate),
            "of_not_durable": round(self.rate / baseline.rate, 2) if baseline else None,
            "p50_ms": _ms(self.paced, 0.5),
            "p99_ms": _ms(self.paced, 0.99),
        }


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


async def _through_relay(seconds: float) -> _Row:
    with relay_process() as relay:
        async with attached(relay) as workstation, asyncio.TaskGroup() as group:
            following = group.create_task(workstation.follow())
            began = time.perf_counter()
            sent = await _publish_frames(workstation, began + seconds)
            await workstation.until_stored(sent)
            rate = sent / (time.perf_counter() - began)
            paced = await _paced_link(workstation, sent, seconds)
            following.cancel()
    return _Row("relay, over gRPC", rate, paced)


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
    durable = asyncio.run(_with_store("store, group commit", options.seconds))
    baseline = asyncio.run(_with_store("store, group commit, synchronous OFF", options.seconds, durable=False))
    single = asyncio.run(_with_store("store, a commit each", options.seconds, max_group=1))
    relay = asyncio.run(_through_relay(options.seconds))
    rows = [*(row.beside(baseline) for row in (durable, baseline, single)), relay.beside(None)]
    return {"writers": _WRITERS, "value_bytes": _VALUE_BYTES, "paced_per_s": _PACED_RATE, "rows": rows}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=5.0)
    main("store", measure, arguments)
