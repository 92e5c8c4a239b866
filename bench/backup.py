"""Claim: a backup of a full store takes seconds, and holds up those who write by tenths of a second.
Baseline: the same writes without a backup.

A relay process with one workstation's store of 64 MiB; 200 records a second are published to it, each in a frame of
its own and timed until the relay says that it is stored; `relay backup` runs beside it, as an operator starts it.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.relay_process import relay_process
from bench.report import Figures, main, percentile
from bench.workstation_link import WorkstationLink, attached
from halyard.link.v1 import record_pb2

_STORE_MIB = 64
_VALUE_BYTES = 1024
_PER_FRAME = 64
_PACED_RATE = 200


def _record(seq: int) -> record_pb2.Record:
    return record_pb2.Record(seq=seq, key=seq.to_bytes(16), key_epoch=1, sealed=secrets.token_bytes(_VALUE_BYTES))


@dataclass
class _Paced:
    """Records at a steady rate, each with the moment at which it was sent and the seconds until it was stored."""

    workstation: WorkstationLink
    seq: int
    taken: list[tuple[float, float]] = field(default_factory=list)

    async def write(self) -> None:
        """Until cancelled."""
        begin, count = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(begin + count / _PACED_RATE - time.perf_counter())
                count += 1
                self.seq += 1
                sent = time.perf_counter()
                await self.workstation.publish([_record(self.seq)])
                group.create_task(self._stored(self.seq, sent))

    async def _stored(self, seq: int, sent: float) -> None:
        await self.workstation.until_stored(seq)
        self.taken.append((sent, time.perf_counter() - sent))

    def between(self, begin: float, end: float) -> list[float]:
        """What was sent in that time."""
        return [seconds for sent, seconds in self.taken if begin <= sent < end]


async def _fill(workstation: WorkstationLink) -> int:
    records = _STORE_MIB * 1024 * 1024 // _VALUE_BYTES
    for first in range(1, records + 1, _PER_FRAME):
        await workstation.publish([_record(seq) for seq in range(first, first + _PER_FRAME)])
        await workstation.until_stored(max(0, first - 16 * _PER_FRAME))
    await workstation.until_stored(records)
    return records


async def _back_up(data: str, target: Path) -> dict[str, float]:
    command = ["-m", "relay.main", "backup", str(target), "--overwrite", "--json", "--data", data]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    answer: dict[str, float] = json.loads(told)
    return answer


async def _measured(seconds: float, backups: int) -> Figures:
    with (
        TemporaryDirectory(prefix="halyard-bench-", dir=".") as data,
        relay_process("--data", data, "--log-mib", str(4 * _STORE_MIB)) as relay,
    ):
        async with attached(relay) as workstation, asyncio.TaskGroup() as group:
            following = group.create_task(workstation.follow())
            paced = _Paced(workstation, await _fill(workstation))
            writing = group.create_task(paced.write())
            began = time.perf_counter()
            await asyncio.sleep(seconds)
            quiet = paced.between(began, time.perf_counter())
            beside: list[float] = []
            copies = []
            for _ in range(backups):
                began = time.perf_counter()
                copies.append(await _back_up(data, Path(data, "backup.db")))
                beside += paced.between(began, time.perf_counter())
            writing.cancel()
            following.cancel()
    return {
        "backups": backups,
        "backup_mib": round(copies[-1]["bytes"] / 2**20, 1),
        "backup_s_median": percentile([copy["seconds"] for copy in copies], 0.5),
        "backup_s_max": max(copy["seconds"] for copy in copies),
        "paced_per_s": _PACED_RATE,
        "rows": [_row("without a backup", quiet), _row("while one is made", beside)],
    }


def _row(name: str, taken: Sequence[float]) -> dict[str, object]:
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {"commits": name, "count": len(taken)} | {
        column: round(percentile(taken, share) * 1e3, 2) for column, share in shares.items()
    }


def measure(options: argparse.Namespace) -> Figures:
    """How long a backup takes, and commits with and without it."""
    return asyncio.run(_measured(options.seconds, options.backups))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.backup", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8.0, help="of writing without a backup")
    arguments.add_argument("--backups", type=int, default=5)
    main("backup", measure, arguments)
