"""The store: nothing is acknowledged before it is on disk, and nothing that was is lost, whatever the disk does."""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import grpc.aio
import pytest

from halyard.link.v1 import link_service_pb2
from relay import reading
from relay.errors import Forgotten, InviteInvalid, InviteNeeded, RateLimited, StoreUnavailable
from relay.ledger import Ledger
from relay.limits import Limits
from relay.places import Attached, Place
from relay.store import Lane, Store, open_store
from tests.relay.peers import PATIENCE_SECONDS, FakeWorkstation, new_call, reason_of, record, relay_here, relay_process
from wire.errors import HalyardError

EPOCH = b"0123456789abcdef"
WS = "a" * 26
APP = "b" * 26


@contextlib.asynccontextmanager
async def _store(folder: Path, limits: Limits | None = None, busy_seconds: float = 5.0) -> AsyncIterator[Store]:
    store = open_store(folder / "relay.db", limits or Limits(), busy_seconds)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        try:
            yield store
        finally:
            store.close()


def _attach(ledger: Ledger, device_id: str = WS, epoch: bytes = EPOCH) -> Attached:
    return ledger.attach(device_id, epoch, None, invited_only=False, now_ms=1_000)


def _publish(ledger: Ledger, *seqs: int, size: int = 10, now_ms: int = 1_000, key: bytes | None = None) -> Place:
    records = [record(seq, key, bytes(size)) for seq in seqs]
    return ledger.publish(WS, EPOCH, records, seqs[-1], now_ms)


async def _page(store: Store, after: int = 0, max_items: int = 512, max_bytes: int = 10**6) -> reading.LogPage:
    query = partial(
        reading.log_page, workstation_id=WS, device_id=APP, after=after, max_items=max_items, max_bytes=max_bytes
    )
    page = await store.read(query)
    assert page is not None
    return page


async def test_pages_are_cut_by_items_and_by_bytes(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: _publish(ledger, *range(1, 8), size=1_000))
        by_items = await _page(store, max_items=3)
        assert ([stored.seq for stored in by_items.records], by_items.through, by_items.level) == ([1, 2, 3], 3, False)
        by_bytes = await _page(store, after=3, max_bytes=2_300)
        assert ([stored.seq for stored in by_bytes.records], by_bytes.level) == ([4, 5], False)
        rest = await _page(store, after=5)
        assert ([stored.seq for stored in rest.records], rest.through, rest.level) == ([6, 7], 7, True)
        assert (await _page(store, after=7)).records == []


async def test_a_page_holds_one_record_however_large(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: _publish(ledger, 1, 2, size=1_000))
        assert [stored.seq for stored in (await _page(store, max_bytes=10)).records] == [1]


async def test_repeats_and_compacted_ends(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: _publish(ledger, 3, key=b"new"))
        await store.do(lambda ledger: _publish(ledger, 2, 3, key=b"old"))
        place = await store.do(lambda ledger: ledger.publish(WS, EPOCH, [], 9, 1_000))
        assert place.stored_through == 9
        page = await _page(store)
        assert [stored.key for stored in page.records] == [b"new"]
        assert page.through == 9


async def test_the_oldest_records_fall_out_first_but_grants_stay(tmp_path: Path) -> None:
    limits = Limits(log_bytes=20_000)
    async with _store(tmp_path, limits) as store:
        await store.do(_attach)
        grant = record(1, b"grants/" + APP.encode(), bytes(500))
        await store.do(lambda ledger: ledger.publish(WS, EPOCH, [grant], 1, 1_000))
        places = [await store.do(partial(_publish_one, seq=seq)) for seq in range(2, 60)]
        truncated = places[-1].truncated_through
        page = await _page(store)
        assert page.records[0].seq == 1
        assert 2 < truncated < 59
        assert page.records[1].seq == truncated + 1
        assert sum(len(stored.sealed) + 64 for stored in page.records) <= 20_000


def _publish_one(ledger: Ledger, seq: int, key: bytes | None = None) -> Place:
    return _publish(ledger, seq, size=1_000, key=key)


async def test_rewriting_the_same_keys_truncates_nothing(tmp_path: Path) -> None:
    async with _store(tmp_path, Limits(log_bytes=20_000)) as store:
        await store.do(_attach)
        places = [await store.do(partial(_publish_one, seq=seq, key=b"one key")) for seq in range(1, 100)]
        assert places[-1].truncated_through == 0


async def test_even_grants_cannot_outgrow_the_limit(tmp_path: Path) -> None:
    async with _store(tmp_path, Limits(log_bytes=20_000)) as store:
        await store.do(_attach)
        for seq in range(1, 60):
            await store.do(partial(_publish_one, seq=seq, key=b"grants/" + b"%026d" % seq))
        stored = await store.read(lambda db: db.execute("SELECT sum(size) FROM record").fetchone()[0])
        assert 0 < stored <= 20_000


async def test_the_sweep_takes_what_outlived_its_time(tmp_path: Path) -> None:
    async with _store(tmp_path, Limits(log_age_seconds=10)) as store:
        await store.do(_attach)
        await store.do(lambda ledger: ledger.set_members(WS, frozenset({APP}), 1))
        await store.do(lambda ledger: _publish(ledger, 1, 2, now_ms=1_000))
        await store.do(lambda ledger: _publish(ledger, 3, now_ms=9_000))
        await store.do(lambda ledger: ledger.put_call(WS, (APP, b"early"), 5_000, b"call"))
        await store.do(lambda ledger: ledger.put_call(WS, (APP, b"later"), 50_000, b"call"))
        swept = await store.do(lambda ledger: ledger.sweep(12_000))
        assert [(ref.device_id, ref.call_id, ref.workstation_id) for ref in swept.expired] == [(APP, b"early", WS)]
        assert swept.truncated == {WS: 2}
        assert [stored.seq for stored in (await _page(store)).records] == [3]


async def test_invites_are_good_once_and_for_a_while(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:

        def attach(ledger: Ledger, device_id: str, invite: bytes | None, now_ms: int = 0) -> Attached:
            return ledger.attach(device_id, EPOCH, invite, invited_only=True, now_ms=now_ms)

        await store.do(lambda ledger: ledger.put_invite(b"hash", 1_000))
        await store.do(lambda ledger: ledger.put_invite(b"brief", 1_000))
        with pytest.raises(InviteNeeded):
            await store.do(lambda ledger: attach(ledger, WS, None))
        with pytest.raises(InviteInvalid):
            await store.do(lambda ledger: attach(ledger, WS, b"wrong"))
        with pytest.raises(InviteInvalid):
            await store.do(lambda ledger: attach(ledger, WS, b"brief", now_ms=2_000))
        await store.do(lambda ledger: attach(ledger, WS, b"hash"))
        await store.do(lambda ledger: attach(ledger, WS, None))
        with pytest.raises(InviteInvalid):
            await store.do(lambda ledger: attach(ledger, APP, b"hash"))


async def test_workstations_are_bounded(tmp_path: Path) -> None:
    async with _store(tmp_path, Limits(max_workstations=1)) as store:
        await store.do(_attach)
        with pytest.raises(RateLimited):
            await store.do(lambda ledger: _attach(ledger, APP))


async def test_a_forgotten_workstation_leaves_nothing(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: _publish(ledger, 1))
        await store.do(lambda ledger: ledger.set_members(WS, frozenset({APP}), 1))
        await store.do(lambda ledger: ledger.put_call(WS, (APP, b"id"), 5_000, b"call"))
        await store.do(lambda ledger: ledger.forget(WS))
        assert await store.read(reading.known) == reading.Known([], [])
        assert await store.read(reading.totals) == (0, 0)
        with pytest.raises(Forgotten):
            await store.do(lambda ledger: _publish(ledger, 2))


async def test_members_that_leave_take_their_waiting_calls_along(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        call = new_call().SerializeToString()
        await store.do(lambda ledger: ledger.set_members(WS, frozenset({APP, WS}), 1))
        await store.do(lambda ledger: ledger.put_call(WS, (APP, b"gone"), 5_000, call))
        await store.do(lambda ledger: ledger.put_call(WS, (WS, b"stays"), 5_000, call))
        await store.do(lambda ledger: ledger.set_members(WS, frozenset({WS}), 2))
        page = await store.read(lambda db: reading.inbox_page(db, WS, 0, 10, 10_000))
        assert [waiting.device_id for waiting in page.calls] == [WS]


async def test_a_workstation_that_lost_its_store_counts_its_lists_of_members_anew(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: ledger.set_members(WS, frozenset({APP}), 7))
        assert await store.do(lambda ledger: ledger.set_members(WS, frozenset(), 1)) is None
        await store.do(lambda ledger: _attach(ledger, epoch=b"another epoch..."))
        assert await store.do(lambda ledger: ledger.set_members(WS, frozenset(), 1)) == frozenset()


async def test_a_full_disk_acknowledges_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        await store.do(lambda ledger: _publish(ledger, 1, size=1_000))
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreUnavailable):
            await store.do(lambda ledger: _publish(ledger, 2, size=100_000))
        assert [stored.seq for stored in (await _page(store)).records] == [1]
        store._writer.execute("PRAGMA max_page_count = 1000000")
        assert (await store.do(lambda ledger: _publish(ledger, 2, size=100_000))).stored_through == 2


async def test_a_locked_file_acknowledges_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with _store(tmp_path, busy_seconds=0.01) as store:
        await store.do(_attach)
        with contextlib.closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                await store.do(lambda ledger: _publish(ledger, 1))
            other.execute("ROLLBACK")
        assert (await store.do(lambda ledger: _publish(ledger, 1))).stored_through == 1


async def test_what_stands_behind_a_failure_on_the_same_lane_fails_too(tmp_path: Path) -> None:
    lane, outcomes = Lane(), asyncio.Queue[object]()
    async with _store(tmp_path) as store:
        await store.do(_attach)

        def broken(_ledger: Ledger) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        store.submit(broken, outcomes.put_nowait, outcomes.put_nowait, lane)
        assert isinstance(await outcomes.get(), StoreUnavailable)
        store.submit(lambda ledger: _publish(ledger, 2), outcomes.put_nowait, outcomes.put_nowait, lane)
        assert isinstance(await outcomes.get(), StoreUnavailable)
        store.submit(lambda ledger: _publish(ledger, 1), outcomes.put_nowait, outcomes.put_nowait, Lane())
        assert isinstance(await outcomes.get(), Place)


async def test_a_refusal_concerns_only_its_own_job(tmp_path: Path) -> None:
    outcomes: list[object] = []
    async with _store(tmp_path) as store:
        await store.do(_attach)
        held = asyncio.Event()

        def refused(_ledger: Ledger) -> None:
            raise Forgotten("not here")

        def note(outcome: Place | HalyardError | None) -> None:
            outcomes.append(outcome)
            if len(outcomes) == 3:
                held.set()

        store.submit(lambda ledger: _publish(ledger, 1), note, note)
        store.submit(refused, note, note)
        store.submit(lambda ledger: _publish(ledger, 2), note, note)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await held.wait()
        assert [type(outcome) for outcome in outcomes] == [Place, Forgotten, Place]
        assert (await _page(store)).through == 2


async def test_what_comes_during_a_commit_shares_the_next_one(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.do(_attach)
        before = store.counters.commits
        async with asyncio.TaskGroup() as tasks:
            for seq in range(1, 201):
                tasks.create_task(store.do(partial(_publish_one, seq=seq)))
        assert (await _page(store)).through == 200
        assert store.counters.commits - before < 100


async def test_what_was_queued_before_closing_is_committed(tmp_path: Path) -> None:
    outcomes: list[object] = []
    async with _store(tmp_path) as store:
        await store.do(_attach)
        for seq in range(1, 50):
            store.submit(partial(_publish_one, seq=seq), outcomes.append, outcomes.append)
    assert [outcome.stored_through for outcome in outcomes if isinstance(outcome, Place)] == list(range(1, 50))


async def test_a_failing_store_ends_the_link_and_what_was_stored_stays(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        async with workstation.attached():
            await workstation.publish(record(1))
            store = relay.services.store
            pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
            store._writer.execute(f"PRAGMA max_page_count = {pages}")
            big = link_service_pb2.Publish(records=[record(2, sealed=secrets.token_bytes(200_000))])
            await workstation.send(publish=big)
            assert reason_of(await workstation.ended()) == "STORE_UNAVAILABLE"
        store._writer.execute("PRAGMA max_page_count = 1000000")
        async with workstation.attached(head=2):
            assert workstation.welcome.stored_through == 1


async def test_a_killed_relay_has_everything_that_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    workstation, stored = FakeWorkstation("", ""), 0
    with relay_process(folder) as relay:
        workstation.grpc, workstation.origin = relay.grpc, relay.origin
        async with workstation.attached(), asyncio.TaskGroup() as tasks:
            tasks.create_task(_publish_until_it_breaks(workstation))
            while stored < 300:
                stored = (await workstation.expect("stored")).through
            relay.kill()
            while (frame := await _next_or_none(workstation)) is not None:
                stored = max(stored, frame.stored.through)
    with relay_process(folder) as relay:
        workstation.grpc, workstation.origin = relay.grpc, relay.origin
        async with workstation.attached(head=10**6):
            assert workstation.welcome.stored_through >= stored
        assert relay.stop() == 0
    with contextlib.closing(sqlite3.connect(folder / "relay.db")) as db:
        seqs = [row[0] for row in db.execute("SELECT seq FROM record ORDER BY seq")]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= stored


async def _publish_until_it_breaks(workstation: FakeWorkstation) -> None:
    seq = 0
    # A write after the end is an InvalidStateError in grpc.aio, or the error of the call: whichever comes first.
    with contextlib.suppress(grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
        while True:
            seq += 1
            await workstation.send(publish=link_service_pb2.Publish(records=[record(seq)], through=seq))


async def _next_or_none(workstation: FakeWorkstation) -> link_service_pb2.AttachWorkstationResponse | None:
    try:
        frame: link_service_pb2.AttachWorkstationResponse | None = await workstation.next()
    except grpc.aio.AioRpcError:
        return None
    return frame
