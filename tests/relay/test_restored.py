"""The relay loses its store, or goes back to a backup: workstations and readers make it whole, nothing runs back."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc.aio

from halyard.link.v1 import link_service_pb2, record_pb2
from tests.relay.peers import PATIENCE_SECONDS, FakeApp, FakeWorkstation, RelayProcess, new_call, record, relay_process


def _relay(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "relay.main", *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def _serving_where(former: RelayProcess, folder: Path) -> Iterator[RelayProcess]:
    """The relay again, at the ports that it had."""
    former.stop()
    _, _, http = former.http.rpartition("/")
    with relay_process(folder, "--http", http, "--grpc", former.grpc) as relay:
        yield relay


def _cursor(workstation: FakeWorkstation, seq: int) -> dict[str, record_pb2.Cursor]:
    return {workstation.device_id: record_pb2.Cursor(log_epoch=workstation.epoch, seq=seq)}


async def _seqs(app: FakeApp) -> list[int]:
    """The seqs of the records that come until the reader is level."""
    seqs: list[int] = []
    while (frame := await app.next()) is not None and frame.WhichOneof("frame") != "caught_up":
        seqs += [kept.seq for kept in frame.batch.records]
    return seqs


async def _call(app: FakeApp, workstation: FakeWorkstation, call: record_pb2.SealedCall) -> None:
    await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
    assert (await app.expect("call_stored")).call_id == call.call_id


async def test_after_a_restore_of_an_older_copy_everybody_is_right_again(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "backup.db"
    waits, taken, later = (new_call(sealed=name) for name in (b"waits", b"taken", b"later"))
    with relay_process(folder) as first:
        workstation = FakeWorkstation(first.grpc, first.origin)
        app = FakeApp(first.http, first.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 11)))
            async with app.attached():
                assert await _seqs(app) == list(range(1, 11))
                await _call(app, workstation, waits)
                given = (await workstation.expect("inbox")).calls[0].inbox_seq
                await asyncio.to_thread(_relay, "backup", str(copy), "--data", str(folder))
                # From here on, nothing is in the backup.
                await workstation.publish(*map(record, range(11, 21)))
                await _call(app, workstation, taken)
                newest = (await workstation.expect("inbox")).calls[0].inbox_seq
                await workstation.send(inbox_ack=link_service_pb2.InboxAck(through=newest))
                await app.expect("call_taken")
        assert first.stop() == 0
        _relay("restore", str(copy), "--data", str(folder))
        with _serving_where(first, folder):
            # The reader has more than the relay: it sees that, keeps what it has, and is told once it is refilled.
            async with app.attached(_cursor(workstation, 20)):
                assert app.welcome.workstations[0].stored.seq == 10
                assert (await app.expect("caught_up")).cursor.seq == 10
                async with workstation.attached(head=21):
                    assert workstation.welcome.stored_through == 10
                    again = (await workstation.expect("inbox")).calls[0]
                    assert (again.inbox_seq, again.call.call_id) == (given, waits.call_id)
                    await workstation.publish(*map(record, range(11, 22)))
                    assert (await app.expect("caught_up")).cursor.seq == 21
                    await _call(app, workstation, later)
                    assert (await workstation.expect("inbox")).calls[0].inbox_seq > newest
                    newcomer = FakeApp(first.http, first.origin, identity=app.identity)
                    async with newcomer.attached():
                        assert await _seqs(newcomer) == list(range(1, 22))


async def test_a_restore_under_a_relay_that_serves_is_made_whole_by_those_who_come_back(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "backup.db"
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 11)))
            await asyncio.to_thread(_relay, "backup", str(copy), "--data", str(folder))
            await workstation.publish(*map(record, range(11, 21)))
            async with app.attached(), asyncio.TaskGroup() as tasks:
                assert await _seqs(app) == list(range(1, 21))
                tasks.create_task(asyncio.to_thread(_relay, "restore", str(copy), "--data", str(folder)))
                # As before any planned restart.
                await workstation.expect("going_away")
                await app.expect("going_away")
                await app.rest()
        # The same process, at the same addresses.
        assert relay.process.poll() is None
        async with workstation.attached(head=20):
            assert workstation.welcome.stored_through == 10
            async with app.attached(_cursor(workstation, 20)):
                assert (await app.expect("caught_up")).cursor.seq == 10
                await workstation.publish(*map(record, range(11, 21)))
                while (await app.expect("caught_up")).cursor.seq < 20:
                    pass
        [replaced] = folder.glob("relay.db.replaced-*Z")
        assert replaced.stat().st_size > 0
        assert not (folder / "relay.db.restoring").exists()
        assert relay.stop() == 0


async def test_a_store_that_is_lost_while_the_relay_is_stopped_is_filled_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with relay_process(folder) as first:
        workstation = FakeWorkstation(first.grpc, first.origin)
        app = FakeApp(first.http, first.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 11)))
        first.stop()
        _forget(folder)
        with _serving_where(first, folder):
            # Whoever comes before the workstation is refused, and comes back.
            async with app.connected():
                await app.say_hello(_cursor(workstation, 10))
                assert (await app.refusal())[1] == "NOT_A_MEMBER"
            async with workstation.attached(head=10):
                assert workstation.welcome.stored_through == 0
                await workstation.list_members(app.device_id)
                async with app.attached(_cursor(workstation, 10)):
                    await workstation.publish(*map(record, range(2, 11)))
                    while (await app.expect("caught_up")).cursor.seq < 10:
                        pass


async def test_a_store_that_is_lost_under_the_relay_is_begun_anew_and_filled_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 11)))
            async with app.attached():
                await _seqs(app)
                _forget(folder)
                await workstation.send(publish=link_service_pb2.Publish(records=[record(11)], through=11))
                await _ended(workstation)
                await app.rest()
        assert relay.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            told = json.loads(await asyncio.to_thread(relay.process.stdout.readline))
        assert (told["http"], told["grpc"], told["pid"]) == (relay.http, relay.grpc, relay.process.pid)
        async with workstation.attached(head=11):
            assert workstation.welcome.stored_through == 0
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 12)))
            async with app.attached():
                assert await _seqs(app) == list(range(1, 12))
        assert relay.stop() == 0


def _forget(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"relay.db{suffix}").unlink(missing_ok=True)


async def _ended(workstation: FakeWorkstation) -> None:
    """Whatever the relay says last, it does not say that the record is stored."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        while (frame := await workstation.next()) is not None:
            assert frame.stored.through <= 10
