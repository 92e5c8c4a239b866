"""What the relay sees of the log: opaque keys and seals that only a member opens, each in its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentd.sealer import WRITE_AHEAD_SEALS, Sealer
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import resource_pb2, session_pb2
from tests.fakes.call_desk import WORKSTATION, Clock
from wire import names, sealing
from wire.errors import KeyRetired, SealBroken


@asynccontextmanager
async def sealed_log(folder: Path, clock: Clock) -> AsyncIterator[tuple[SessionLog, Sealer]]:
    with Store(folder / "db") as store:
        log = SessionLog(store, clock)
        yield log, Sealer(store, log, WORKSTATION.device_id, clock)
        await store.flush()


def put(log: SessionLog, title: str) -> int:
    log.put(resource_pb2.Resource(name="sessions/s", session=session_pb2.Session(name="sessions/s", title=title)))
    return log.written


async def test_a_record_opens_in_its_place_only(tmp_path: Path) -> None:
    async with sealed_log(tmp_path, Clock()) as (log, sealer):
        put(log, "Secret")
        await log.flush()
        record = sealer.record(log.after(0, 1)[0])
        assert record.key == names.opaque_key(sealer.ring.name_key, "sessions/s")
        opened = sealing.open_record(sealer.ring, sealer.origin, record.seq, record.key, record.sealed)
        assert resource_pb2.Resource.FromString(opened).session.title == "Secret"
        assert b"Secret" not in record.SerializeToString()
        with pytest.raises(SealBroken):
            sealing.open_record(sealer.ring, sealer.origin, record.seq + 1, record.key, record.sealed)


async def test_a_new_key_seals_from_its_place_on(tmp_path: Path) -> None:
    async with sealed_log(tmp_path, Clock()) as (log, sealer):
        put(log, "before")
        await log.flush()
        before = log.after(0, 1)[0]
        sealer.turn()
        put(log, "after")
        await log.flush()
        after = log.after(before.seq, 1)[0]
        assert [sealer.record(entry).key_epoch for entry in (before, after)] == [1, 2]
        old = sealing.seal_record(sealer.ring.keys[0], sealer.origin, after.seq, b"k" * 16, b"forged")
        with pytest.raises(KeyRetired):
            sealing.open_record(sealer.ring, sealer.origin, after.seq, b"k" * 16, old)


async def test_hints_and_heads_open_with_the_newest_key(tmp_path: Path) -> None:
    clock = Clock()
    async with sealed_log(tmp_path, clock) as (log, sealer):
        sealer.turn()
        seq = put(log, "x")
        await log.flush()
        volatile = sealer.volatile(sealer.focus("sessions/s"), b"hints")
        assert sealing.open_volatile(sealer.ring, sealer.origin, volatile.focus, volatile.sealed) == b"hints"
        head = sealing.open_head(sealer.ring, sealer.origin, sealer.head().sealed)
        assert (head.seq, head.time_ms) == (seq, clock.now_ms)


async def test_each_head_is_newer_than_the_last_also_when_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = Clock()
    async with sealed_log(tmp_path, clock) as (_, sealer):

        def told_ms() -> int:
            return sealing.open_head(sealer.ring, sealer.origin, sealer.head().sealed).time_ms

        told = [told_ms(), told_ms()]
        clock.now_ms -= 3_600_000
        told += [told_ms(), told_ms()]
        clock.now_ms += 2 * 3_600_000
        told.append(told_ms())
        assert told == sorted(set(told))
        assert told[-1] == clock.now_ms


async def test_the_ring_is_remembered(tmp_path: Path) -> None:
    async with sealed_log(tmp_path, Clock()) as (_, sealer):
        sealer.turn()
        ring = sealer.ring
    async with sealed_log(tmp_path, Clock()) as (_, sealer):
        assert sealer.ring == ring


async def test_keys_wear_out_by_age_and_by_use_also_across_crashes(tmp_path: Path) -> None:
    clock = Clock()
    async with sealed_log(tmp_path, clock) as (_, sealer):
        assert sealer.is_worn is False
        sealer.volatile(bytes(16), b"x")
    async with sealed_log(tmp_path, clock) as (_, sealer):
        assert sealer._use.seals == WRITE_AHEAD_SEALS
        clock.now_ms += sealing.MAX_KEY_AGE_MS
        worn = [sealer.is_worn]
        sealer.turn()
        worn.append(sealer.is_worn)
        sealer._use = sealer._use.sealed(sealing.MAX_SEALS)
        assert [*worn, sealer.is_worn] == [True, False, True]


async def test_another_log_has_another_name_key_and_never_an_old_number(tmp_path: Path) -> None:
    async with sealed_log(tmp_path, Clock()) as (log, sealer):
        put(log, "x")
        await log.flush()
        before = sealer.record(log.after(0, 1)[0])
        former = sealer.ring
        log.renew_epoch()
        sealer.begin_anew()
        after = sealer.record(log.after(0, 1)[0])
        assert after.key != before.key
        assert after.key_epoch == former.newest.number + 1
        ring = sealer.ring
    async with sealed_log(tmp_path, Clock()) as (_, sealer):
        assert sealer.ring == ring
