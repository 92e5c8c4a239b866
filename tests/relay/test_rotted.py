"""A bit flips inside a sealed value, where SQLite has no checksum: the value is served to nobody and comes again."""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from halyard.link.v1 import record_pb2
from relay import database, reading
from relay.channel import WorkstationLink
from relay.errors import StoreDamaged, StoreUnavailable, ValueRotted
from relay.grants import grant_key
from relay.ledger import Ledger
from relay.limits import Limits
from relay.places import Attached
from relay.store import open_store
from tests.relay.peers import FakeApp, FakeWorkstation, reason_of, record, relay_here, relay_process

WS, EPOCH = "a" * 26, b"0123456789abcdef"
LAST = 12


def _values(first: int = 2) -> list[record_pb2.Record]:
    return [record(seq, sealed=secrets.token_bytes(600)) for seq in range(first, LAST + 1)]


def _flip_a_bit(file: Path, value: bytes) -> None:
    """Inside `value`, and in no other byte of the file; not seen by SQLite."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    at = content.index(value) + len(value) // 2
    content[at] ^= 0x10
    with file.open("r+b") as raw:
        raw.seek(at)
        raw.write(content[at : at + 1])
    database.check(file, thoroughly=True)


async def _until_level(app: FakeApp, seq: int) -> dict[int, bytes]:
    """What came before the reader was told that it is level at `seq`, by seq."""
    came: dict[int, bytes] = {}
    while (frame := await app.next()) is not None:
        came |= {kept.seq: kept.sealed for kept in frame.batch.records}
        if frame.WhichOneof("frame") == "caught_up" and frame.caught_up.cursor.seq >= seq:
            return came
    raise AssertionError(f"the link ended after {sorted(came)}")


async def test_a_value_that_rotted_while_the_relay_was_stopped_is_sent_again_by_its_workstation(tmp_path: Path) -> None:
    folder, values = tmp_path / "data", _values()
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*values, head=record_pb2.Head(key_epoch=1, sealed=b"head"))
        assert relay.stop() == 0
    _flip_a_bit(folder / "relay.db", values[5].sealed)
    with relay_process(folder) as relay:
        workstation.grpc, app.http = relay.grpc, relay.http
        workstation.origin = app.origin = relay.origin
        # Whoever comes before the workstation gets what is sound, and no head that speaks of more.
        async with app.attached():
            came = await _until_level(app, values[4].seq)
            assert came == {1: b"sealed value"} | {kept.seq: kept.sealed for kept in values[:5]}
        async with app.attached():
            assert not app.welcome.workstations[0].HasField("head")
        async with workstation.attached(head=LAST):
            assert workstation.welcome.stored_through == values[4].seq
            await workstation.publish(*values[5:])
            async with app.attached():
                came = await _until_level(app, LAST)
        assert came == {1: b"sealed value"} | {kept.seq: kept.sealed for kept in values}
        assert relay.stop() == 0
    assert "look after the disk" in (tmp_path / "data.log").read_text()


async def test_a_value_that_rots_under_a_relay_that_serves_is_sent_again_at_once(tmp_path: Path) -> None:
    folder, values = tmp_path / "data", _values()
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app, other = FakeApp(relay.http, relay.origin), FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id, other.device_id)
            await workstation.publish(*values)
            _flip_a_bit(folder / "relay.db", values[5].sealed)
            async with app.attached():
                came = await _until_level(app, values[4].seq)
                # The workstation links again, and sends what is missing.
                assert reason_of(await workstation.ended()) == "STORE_UNAVAILABLE"
                async with workstation.attached(head=LAST):
                    assert workstation.welcome.stored_through == values[4].seq
                    await workstation.publish(*values[5:])
                    while max(came) < LAST:
                        came |= {kept.seq: kept.sealed for kept in (await app.expect("batch")).records}
                    async with other.attached():
                        assert await _until_level(other, LAST) == came
        assert came == {1: b"sealed value"} | {kept.seq: kept.sealed for kept in values}
        assert relay.process.poll() is None


async def test_a_reader_who_has_the_value_hears_when_the_relay_has_it_again(tmp_path: Path) -> None:
    values = _values()
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        newcomer = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id, newcomer.device_id)
            await workstation.publish(*values)
        _flip_a_bit(tmp_path / "relay.db", values[5].sealed)
        async with newcomer.attached():
            await _until_level(newcomer, values[4].seq)
        cursor = {workstation.device_id: record_pb2.Cursor(log_epoch=workstation.epoch, seq=LAST)}
        async with app.attached(cursor), workstation.attached(head=LAST):
            assert (await app.expect("caught_up")).cursor.seq == values[4].seq
            await workstation.publish(*values[5:])
            assert (await app.expect("caught_up")).cursor.seq == LAST
        assert relay.services.metrics.values_rotted == 1


async def test_a_grant_that_rotted_is_not_handed_out_with_the_welcome(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        granted = record(2, grant_key(app.device_id), secrets.token_bytes(600))
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(granted, record(3))
        _flip_a_bit(tmp_path / "relay.db", granted.sealed)
        async with app.attached():
            assert not app.welcome.workstations[0].HasField("grant")
            await _until_level(app, 1)
            async with workstation.attached(head=3):
                assert workstation.welcome.stored_through == 1
                await workstation.publish(granted, record(3))
                assert granted in (await app.expect("batch")).records
        async with app.attached():
            assert app.welcome.workstations[0].grant == granted


# --- the log is cut back ----------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    database.prepare(tmp_path / "relay.db")
    ledger = Ledger(database.connect(tmp_path / "relay.db"), Limits())
    ledger.begin()
    return ledger


def _attach(ledger: Ledger) -> Attached:
    return ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000)


def test_what_was_under_way_on_an_older_link_leaves_no_hole_behind_the_cut(ledger: Ledger) -> None:
    before = _attach(ledger)
    ledger.publish(WS, EPOCH, _values(1), LAST, 1_000, cuts=before.cuts)
    ledger.note_head(WS, record_pb2.Head(key_epoch=1, sealed=b"head"))
    cut = ledger.cut_back(WS, EPOCH, 7)
    assert cut is not None
    # The head vouches for more than is left.
    assert (cut.place.stored_through, cut.place.head_sealed) == (6, None)
    with pytest.raises(StoreUnavailable, match="sends it again"):
        ledger.publish(WS, EPOCH, [record(LAST + 1)], LAST + 1, 1_000, cuts=before.cuts)
    after = _attach(ledger)
    assert after.place.stored_through == 6
    assert ledger.publish(WS, EPOCH, [record(7)], 7, 1_000, cuts=after.cuts).stored_through == 7


def test_two_readers_that_meet_it_cut_the_log_back_once(ledger: Ledger) -> None:
    _attach(ledger)
    ledger.publish(WS, EPOCH, _values(1), LAST, 1_000)
    assert ledger.cut_back(WS, EPOCH, 7) is not None
    assert ledger.cut_back(WS, EPOCH, 7) is None
    assert ledger.cut_back(WS, b"another epoch of", 3) is None
    assert ledger.cut_back("b" * 26, EPOCH, 3) is None


def test_what_will_come_again_is_not_counted_as_let_go_of(ledger: Ledger) -> None:
    ledger = Ledger(ledger._db, Limits(log_bytes=8_000))
    _attach(ledger)
    place = ledger.publish(WS, EPOCH, [record(1, grant_key("b" * 26)), *_values()], LAST, 1_000)
    place = ledger.publish(WS, EPOCH, [record(LAST + 1, sealed=bytes(2_000))], LAST + 1, 1_000)
    assert place.truncated_through > 0
    cut = ledger.cut_back(WS, EPOCH, 1)
    assert cut is not None
    assert (cut.place.stored_through, cut.place.truncated_through, cut.place.log_bytes_bound) == (0, 0, 0)


ROT: dict[str, Callable[[sqlite3.Connection], object]] = {
    "value": lambda db: db.execute("UPDATE record SET sealed = x'00' || substr(sealed, 2) WHERE seq = 3"),
    "key": lambda db: db.execute("UPDATE record SET key = x'00' || substr(key, 2) WHERE seq = 3"),
    "key epoch": lambda db: db.execute("UPDATE record SET key_epoch = 2 WHERE seq = 3"),
    "seq": lambda db: db.execute("UPDATE record SET seq = 4 WHERE seq = 3"),
    "type": lambda db: db.execute("UPDATE record SET sealed = 7 WHERE seq = 3"),
    "type of the key epoch": lambda db: db.execute("UPDATE record SET key_epoch = x'01' WHERE seq = 3"),
    "checksum": lambda db: db.execute("UPDATE record SET crc = crc + 1 WHERE seq = 3"),
}


@pytest.mark.parametrize("rot", ROT.values(), ids=ROT)
def test_whatever_of_a_record_rots_it_is_not_read(ledger: Ledger, rot: Callable[[sqlite3.Connection], object]) -> None:
    _attach(ledger)
    ledger.publish(WS, EPOCH, [record(seq) for seq in (1, 2, 3)], 9, 1_000)
    ledger.commit()
    db = ledger._db
    rot(db)
    page = reading.log_page(db, WS, "b" * 26, after=0, max_items=10, max_bytes=10_000)
    assert page is not None
    assert ([kept.seq for kept in page.records], page.through, page.level) == ([1, 2], 2, False)
    with pytest.raises(ValueRotted):
        reading.log_page(db, WS, "b" * 26, after=2, max_items=10, max_bytes=10_000)


async def test_what_cannot_be_cut_out_is_damage_of_the_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "relay.db", Limits())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        await store.do(_attach)
        await store.do(lambda ledger: ledger.publish(WS, EPOCH, [record(1), record(2)], 2, 1_000))
        store._writer.execute("UPDATE record SET seq = 99 WHERE seq = 2")
        query = partial(reading.log_page, workstation_id=WS, device_id="b" * 26, after=1, max_items=9, max_bytes=9_999)
        with pytest.raises(StoreUnavailable):
            await store.read_sound(query, lambda cut: pytest.fail(f"{cut}") if cut else None)
        assert store.broken.is_set()
        assert isinstance(store.broken_by, StoreDamaged)
        assert "record 99 of workstation" in str(store.broken_by)
        store.close()


async def test_a_workstation_that_was_welcomed_before_the_cut_links_again(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        services = relay.services
        attached = await services.store.do(_attach)
        await services.store.do(lambda ledger: ledger.publish(WS, EPOCH, _values(1), LAST, 1_000))
        channel = services.hub.attach_workstation(_link(attached), attached)
        channel._cut_back(await services.store.do(lambda ledger: ledger.cut_back(WS, EPOCH, 7)))
        late = _link(attached)
        services.hub.attach_workstation(late, attached)
        assert isinstance(late.error, StoreUnavailable)
        assert channel.place.stored_through == 6
        services.hub.detach_workstation(late)


def _link(attached: Attached) -> WorkstationLink:
    return WorkstationLink(WS, Limits(), 1.0, EPOCH, attached.cuts)
