"""The disk fills up, another program holds the file, the file rots: under a relay that serves."""

import asyncio
import contextlib
import ctypes
import os
import resource
import secrets
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from halyard.link.v1 import link_service_pb2, record_pb2
from relay import database, reading
from relay.errors import StoreDamaged, StoreLost, StoreUnavailable
from relay.ledger import Ledger
from relay.limits import Limits
from relay.main import DAMAGED
from relay.store import open_store
from tests.relay.peers import (
    PATIENCE_SECONDS,
    FakeApp,
    FakeWorkstation,
    RelayProcess,
    new_call,
    reason_of,
    record,
    relay_here,
    relay_process,
)

WS, EPOCH = "a" * 26, b"0123456789abcdef"
SMALL_DISK_BYTES = 4 * 1024 * 1024
VALUE_BYTES = 100_000


# --- a full disk ------------------------------------------------------------------------------------------------------


class SmallDisk(Protocol):
    """Somewhere to put a relay's data, that has little room."""

    folder: Path

    def fill(self, process: int) -> None:
        """There is no room any more."""

    def empty(self, process: int) -> None:
        """There is plenty."""


class Tmpfs:
    """A file system of its own, as root may make one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, process: int) -> None:
        with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def empty(self, process: int) -> None:
        (self.folder / "ballast").unlink()


class LimitedFiles:
    """Anywhere else: the process may not write beyond the first page of a file, which SQLite takes for a sick disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, process: int) -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def empty(self, process: int) -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={SMALL_DISK_BYTES}".encode()
    if libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, options) == 0:
        try:
            yield Tmpfs(folder)
        finally:
            libc.umount2(os.fsencode(folder), 2)
    else:
        yield LimitedFiles(folder)


async def _publish_until_refused(workstation: FakeWorkstation) -> tuple[int, str]:
    """(how far the relay acknowledged, what it said in the end)."""
    stored = 1
    for seq in range(2, 200):
        publish = link_service_pb2.Publish(records=[record(seq, sealed=secrets.token_bytes(VALUE_BYTES))])
        await workstation.send(publish=publish)
        try:
            stored = (await workstation.expect("stored")).through
        except (AssertionError, Exception):  # noqa: BLE001 - however gRPC tells the end; `ended` says which it was
            error = await workstation.ended()
            assert reason_of(error) == "STORE_UNAVAILABLE"
            return stored, str(error.details())
    raise AssertionError("the disk never became full")


async def test_a_full_disk_refuses_and_loses_nothing_and_goes_on_when_there_is_room(small_disk: SmallDisk) -> None:
    with relay_process(small_disk.folder / "data") as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            small_disk.fill(relay.process.pid)
            stored, said = await _publish_until_refused(workstation)
        assert "What was acknowledged is safe." in said
        # Readers are served all the same, with everything that was acknowledged.
        async with app.attached():
            assert (await app.expect("caught_up")).cursor.seq == stored
            # A call is not refused, which would be its last word: the link ends, and the app sends it again.
            call = link_service_pb2.AppCall(workstation_id=workstation.device_id, call=new_call())
            await app.send(call=call)
            assert (await app.refusal())[1] == "STORE_UNAVAILABLE"
        small_disk.empty(relay.process.pid)
        async with workstation.attached(head=300):
            assert workstation.welcome.stored_through == stored
            await workstation.publish(record(stored + 1))
            async with app.attached():
                await app.send(call=call)
                await app.expect("call_stored")
        assert relay.stop() == 0


async def test_a_call_behind_one_that_could_not_be_stored_does_not_overtake_it(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        store = relay.services.store
        # Each call has a commit of its own: the ones behind the large one have room.
        store._max_group = 1
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        calls = [new_call(sealed=bytes(size)) for size in (100_000, 10, 10, 10)]
        async with app.attached():
            for call in calls:
                await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            assert (await app.refusal())[1] == "STORE_UNAVAILABLE"
        assert (await store.read(reading.totals))[1] == 0
        store._writer.execute("PRAGMA max_page_count = 1000000")
        async with app.attached(), workstation.attached(head=1):
            for call in calls:
                await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            came: list[bytes] = []
            while len(came) < len(calls):
                came += [waiting.call.call_id for waiting in (await workstation.expect("inbox")).calls]
        assert came == [call.call_id for call in calls]


async def test_a_relay_does_not_start_on_a_full_disk_and_says_why(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "relay.main", "serve", "--no-web-app", "--data", str(tmp_path / "data")]
    command += ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    done = await asyncio.to_thread(
        subprocess.run, command, check=False, capture_output=True, text=True, timeout=60, preexec_fn=no_room
    )
    assert done.returncode == 2
    assert "did not start" in done.stderr
    assert "Traceback" not in done.stderr


# --- a lock -----------------------------------------------------------------------------------------------------------


async def test_while_another_program_holds_the_file_readers_are_served_and_nothing_is_lost(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        relay.services.store._writer.execute("PRAGMA busy_timeout = 20")
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            with contextlib.closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await workstation.send(publish=link_service_pb2.Publish(records=[record(2)]))
                error = await workstation.ended()
                assert reason_of(error) == "STORE_UNAVAILABLE"
                assert "Another program holds the relay's database" in str(error.details())
                async with app.attached():
                    assert (await app.expect("caught_up")).cursor.seq == 1
                other.execute("ROLLBACK")
        async with workstation.attached(head=2):
            assert workstation.welcome.stored_through == 1
            await workstation.publish(record(2))


# --- damage -----------------------------------------------------------------------------------------------------------


async def test_damage_under_a_relay_that_serves_ends_it_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        values = {seq: secrets.token_bytes(VALUE_BYTES) for seq in range(2, 80)}
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*(record(seq, sealed=value[:10_000]) for seq, value in values.items()))
            await asyncio.to_thread(_rot, folder / "relay.db")
            async with app.attached():
                came = await _records(app)
        assert all(kept.sealed == values[kept.seq][:10_000] for kept in came if kept.seq in values)
        assert len(came) < len(values)
        assert await asyncio.to_thread(relay.process.wait, PATIENCE_SECONDS) == DAMAGED
    said = (tmp_path / "data.log").read_text()
    assert "is damaged" in said.splitlines()[-1]
    assert "relay restore FILE" in said.splitlines()[-1]
    assert "Traceback" not in said


def _rot(file: Path) -> None:
    """Everything but the first pages is overwritten, once it is no longer in the write-ahead log."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as raw:
        raw.seek(20 * 4096)
        raw.write(b"\xa5" * (file.stat().st_size - 20 * 4096))


async def _records(app: FakeApp) -> list[record_pb2.Record]:
    """All records until the link ends."""
    came: list[record_pb2.Record] = []
    while (frame := await app.next()) is not None:
        assert frame.WhichOneof("frame") != "caught_up"
        came += frame.batch.records
    return came


async def test_a_row_that_makes_no_sense_is_damage_too(tmp_path: Path) -> None:
    store = open_store(tmp_path / "relay.db", Limits())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        await store.do(lambda ledger: ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000))
        await store.do(lambda ledger: ledger.put_call(WS, ("b" * 26, b"id"), 9_000, b"\xffno message"))
        with pytest.raises(StoreUnavailable):
            await store.read(lambda db: reading.inbox_page(db, WS, 0, 10, 10_000))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await store.broken.wait()
        assert isinstance(store.broken_by, StoreDamaged)
        # Nothing is taken from here on, nothing is read.
        with pytest.raises(StoreUnavailable):
            await store.do(partial(_publish, seq=1))
        with pytest.raises(StoreUnavailable):
            await store.read(reading.known)
        store.close()


async def test_a_file_that_is_gone_is_noticed_while_nobody_writes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "relay.db", Limits())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        store.look()
        assert not store.broken.is_set()
        database.beside(tmp_path / "relay.db", "-wal").unlink()
        store.look()
        assert store.broken.is_set()
        assert isinstance(store.broken_by, StoreLost)
        store.close()


# --- what must not grow -----------------------------------------------------------------------------------------------


async def test_the_write_ahead_log_stays_small_while_readers_never_pause(tmp_path: Path) -> None:
    file, bound = tmp_path / "relay.db", 256 * 1024
    store = open_store(file, Limits(), wal_bytes=bound)
    largest = 0
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        await store.do(lambda ledger: ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000))
        with _always_a_reader(file):
            for seq in range(1, 301):
                await store.do(partial(_publish, seq=seq))
                largest = max(largest, database.beside(file, "-wal").stat().st_size)
        store.close()
    # 6 MB were written.
    assert largest < 4 * bound


def _publish(ledger: Ledger, seq: int) -> None:
    ledger.publish(WS, EPOCH, [record(seq, b"one key", bytes(20_000))], seq, 1_000)


@contextlib.contextmanager
def _always_a_reader(file: Path) -> Iterator[None]:
    """Two readers that take turns: each lets go of its snapshot only when the other has one."""
    done = threading.Event()

    def read(mine: threading.Semaphore, other: threading.Semaphore) -> None:
        with contextlib.closing(database.connect(file)) as db:
            while not done.is_set():
                db.execute("BEGIN")
                db.execute("SELECT count(*) FROM record").fetchone()
                other.release()
                mine.acquire()
                db.execute("COMMIT")
            other.release()

    turns = threading.Semaphore(0), threading.Semaphore(0)
    threads = [threading.Thread(target=read, args=order) for order in (turns, turns[::-1])]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


async def test_descriptors_stay_few(tmp_path: Path) -> None:
    with relay_process(tmp_path / "data") as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        counted: list[int] = []
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            for turn in range(12):
                async with app.attached():
                    await app.expect("caught_up")
                    await workstation.publish(*(record(2 + turn * 100 + at) for at in range(100)))
                counted.append(_descriptors(relay))
    assert max(counted[6:]) <= max(counted[:6])


def _descriptors(relay: RelayProcess) -> int:
    files = psutil.Process(relay.process.pid).open_files()
    return sum(Path(opened.path).name.startswith("relay.db") for opened in files)
