"""Stopping in order, coming back, moving: whoever was linked goes on where it was, with a real relay process."""

import asyncio
import contextlib
import signal
import sqlite3
from pathlib import Path

import grpc.aio

from halyard.link.v1 import link_service_pb2, record_pb2
from tests.relay.peers import PATIENCE_SECONDS, FakeApp, FakeWorkstation, new_call, record, relay_process

BURST = 300


async def _publish_burst(workstation: FakeWorkstation, first: int) -> None:
    """Frames as fast as they are taken, until the link ends."""
    with contextlib.suppress(grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
        for seq in range(first, first + BURST):
            await workstation.send(publish=link_service_pb2.Publish(records=[record(seq)], through=seq))


async def _acknowledged_until_the_end(workstation: FakeWorkstation) -> tuple[int, bool]:
    """(how far the relay acknowledged, whether it said that it goes)."""
    stored, told = 0, False
    with contextlib.suppress(grpc.aio.AioRpcError):
        while (frame := await workstation.next()) is not None:
            stored = max(stored, frame.stored.through)
            told = told or frame.WhichOneof("frame") == "going_away"
    return stored, told


async def _received(app: FakeApp) -> tuple[list[int], bool]:
    """(seqs of all records until the link ends or is level, whether the relay said that it goes)."""
    seqs: list[int] = []
    told = False
    while (frame := await app.next()) is not None and frame.WhichOneof("frame") != "caught_up":
        seqs += [kept.seq for kept in frame.batch.records]
        told = told or frame.WhichOneof("frame") == "going_away"
    return seqs, told


def _cursor(workstation: FakeWorkstation, seq: int) -> dict[str, record_pb2.Cursor]:
    return {workstation.device_id: record_pb2.Cursor(log_epoch=workstation.epoch, seq=seq)}


async def test_a_relay_that_is_upgraded_in_full_flight_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with relay_process(folder) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached(), asyncio.TaskGroup() as tasks:
                await app.expect("caught_up")
                tasks.create_task(_publish_burst(workstation, 2))
                await app.expect("batch")
                relay.process.send_signal(signal.SIGTERM)
                acknowledging = tasks.create_task(_acknowledged_until_the_end(workstation))
                (seen, told), (stored, workstation_told) = await _received(app), await acknowledging
        assert await asyncio.to_thread(relay.process.wait, PATIENCE_SECONDS) == 0
    assert told
    assert workstation_told
    # What was acknowledged is on disk, and what is on disk has no hole.
    with contextlib.closing(sqlite3.connect(folder / "relay.db")) as db:
        kept = [seq for (seq,) in db.execute("SELECT seq FROM record ORDER BY seq")]
    assert kept == list(range(1, len(kept) + 1))
    assert stored <= len(kept)
    _, _, port = relay.http.rpartition("/")
    with relay_process(folder, "--http", port, "--grpc", relay.grpc):
        async with workstation.attached(head=BURST + 1):
            assert workstation.welcome.stored_through == len(kept)
            cursor = max([2, *seen])
            async with app.attached(_cursor(workstation, cursor)):
                rest, _ = await _received(app)
            assert rest == list(range(cursor + 1, len(kept) + 1))


async def test_a_relay_that_moves_takes_its_folder_along_and_everybody_goes_on(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    call = new_call()
    with relay_process(old) as relay:
        workstation = FakeWorkstation(relay.grpc, relay.origin)
        app = FakeApp(relay.http, relay.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
            await workstation.publish(*map(record, range(2, 6)))
        async with app.attached():
            await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            await app.expect("call_stored")
        assert relay.stop() == 0
    await asyncio.to_thread(old.rename, new)
    with relay_process(new) as relay:
        workstation.grpc, app.http = relay.grpc, relay.http
        workstation.origin = app.origin = relay.origin
        async with workstation.attached(head=5):
            assert workstation.welcome.stored_through == 5
            assert (await workstation.expect("inbox")).calls[0].call.call_id == call.call_id
            async with app.attached(_cursor(workstation, 3)):
                assert (await _received(app))[0] == [4, 5]
