"""Fan-out: one slow reader costs nobody anything, and misses nothing that was stored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.hub import reconnect_after_ms
from relay.ledger import Ledger
from relay.limits import Limits
from relay.server import Relay, sweep
from tests.relay.peers import (
    PATIENCE_SECONDS,
    FakeApp,
    FakeWorkstation,
    new_call,
    pair_attached,
    reason_of,
    record,
    relay_here,
)

SMALL = Limits(queue_bytes=16_000, max_frame_bytes=64_000, max_record_bytes=16_000)


@contextlib.asynccontextmanager
async def _slow_and_quick(relay: Relay) -> AsyncIterator[tuple[FakeWorkstation, FakeApp, FakeApp]]:
    """A workstation and two apps that look at the same session; the first app's socket is not read."""
    workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
    slow = FakeApp(relay.addresses.http, relay.addresses.origin)
    quick = FakeApp(relay.addresses.http, relay.addresses.origin)
    async with workstation.attached():
        await workstation.list_members(slow.device_id, quick.device_id)
        async with slow.attached(), quick.attached():
            for app in (slow, quick):
                await app.expect("caught_up")
                await app.send(focus=link_service_pb2.Focus(workstation_id=workstation.device_id, focus=b"session"))
            while not any(watch.count == 2 for watch in (await workstation.expect("watchers")).watches):
                pass
            yield workstation, slow, quick


async def test_a_slow_reader_is_fed_from_the_store_and_holds_up_nobody(tmp_path: Path) -> None:
    async with relay_here(tmp_path, SMALL) as relay, _slow_and_quick(relay) as (workstation, slow, quick):
        slow.socket.transport.pause_reading()
        hint = record_pb2.Volatile(focus=b"session", sealed=bytes(8_000))
        last = 2
        while not relay.services.metrics.readers_fallen_behind:
            await workstation.publish(record(last, b"key %d" % (last % 40), bytes(8_000)), volatile=[hint])
            last += 1
            assert last < 5_000
        await workstation.publish(record(last, b"last"))
        while (await quick.expect("batch")).through < last:
            pass
        link = relay.services.hub.apps[slow.device_id]
        assert link._queue.nbytes <= 4 * SMALL.queue_bytes
        slow.socket.transport.resume_reading()
        newest: dict[bytes, int] = {}
        through = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while through < last:
                batch = await slow.expect("batch")
                if batch.through:
                    assert batch.through > through
                    through = batch.through
                for stored in batch.records:
                    assert stored.seq > newest.get(stored.key, 0)
                    newest[stored.key] = stored.seq
        everything = await _everything(slow)
        assert newest == everything


async def _everything(app: FakeApp) -> dict[bytes, int]:
    """What a reader from nothing is given."""
    newest: dict[bytes, int] = {}
    async with FakeApp(app.http, app.origin, app.identity).attached() as again:
        while (frame := await again.next()).WhichOneof("frame") != "caught_up":
            newest |= {stored.key: stored.seq for stored in frame.batch.records}
    return newest


async def test_hints_are_dropped_for_a_slow_reader_only(tmp_path: Path) -> None:
    async with relay_here(tmp_path, SMALL) as relay, _slow_and_quick(relay) as (workstation, slow, quick):
        slow.socket.transport.pause_reading()
        link = relay.services.hub.apps[slow.device_id]
        sent = 0
        while not link.hints_dropped:
            hint = record_pb2.Volatile(focus=b"session", sealed=bytes(8_000))
            await workstation.send(publish=link_service_pb2.Publish(volatile=[hint]))
            while not (await quick.expect("batch")).volatile:
                pass
            sent += 1
            assert sent < 5_000
        assert relay.services.hub.apps[quick.device_id].hints_dropped == 0
        slow.socket.transport.resume_reading()


async def test_a_batch_is_built_once_for_all_who_look_at_the_same(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _slow_and_quick(relay) as (workstation, slow, quick):
        metrics = relay.services.metrics
        built, fanned = metrics.batches_built, metrics.batches_fanned_out
        hint = record_pb2.Volatile(focus=b"session", sealed=b"hint")
        await workstation.send(publish=link_service_pb2.Publish(volatile=[hint]))
        for app in (slow, quick):
            while not (await app.expect("batch")).volatile:
                pass
        assert (metrics.batches_built - built, metrics.batches_fanned_out - fanned) == (1, 2)


async def test_a_reader_that_reads_nothing_at_all_is_let_go(tmp_path: Path) -> None:
    async with (
        relay_here(tmp_path, replace(SMALL, stuck_seconds=0.05)) as relay,
        pair_attached(relay) as (workstation, app),
    ):
        app.socket.transport.pause_reading()
        reply = record_pb2.SealedReply(call_id=new_call().call_id, sealed=bytes(15_000))
        replies = link_service_pb2.Replies(
            replies=[link_service_pb2.DeviceReply(device_id=app.device_id, reply=reply) for _ in range(4)]
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while app.device_id in relay.services.hub.apps:
                await workstation.send(replies=replies)
                await workstation.send(ping=record_pb2.Ping())
                await workstation.expect("pong")
        assert await workstation.publish(record(2)) == 2


async def test_a_batch_over_the_frame_limit_is_read_in_pages(tmp_path: Path) -> None:
    limits = Limits(max_frame_bytes=20_000, max_first_frame_bytes=20_000)
    async with relay_here(tmp_path, limits) as relay, pair_attached(relay) as (workstation, app):
        records = [record(seq, sealed=bytes(4_900)) for seq in range(2, 6)]
        publish = link_service_pb2.Publish(records=records)
        frame = link_service_pb2.AttachWorkstationRequest(publish=publish).ByteSize()
        records[-1].sealed += bytes(20_000 - frame)
        await workstation.publish(*records)
        came: list[int] = []
        while not came or came[-1] < 5:
            batch = await app.expect("batch")
            assert batch.ByteSize() < 20_000
            came += [stored.seq for stored in batch.records if stored.seq > 1]
        assert came == [2, 3, 4, 5]


async def test_a_workstation_that_does_not_take_calls_gets_them_in_pages(tmp_path: Path) -> None:
    limits = Limits(queue_bytes=3_000, max_frame_bytes=8_000, max_first_frame_bytes=8_000)
    async with relay_here(tmp_path, limits) as relay, pair_attached(relay) as (workstation, app):
        calls = [new_call(sealed=bytes(1_000)) for _ in range(40)]
        for call in calls:
            await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            await app.expect("call_stored")
        came: list[bytes] = []
        while len(came) < len(calls):
            came += [waiting.call.call_id for waiting in (await workstation.expect("inbox")).calls]
        assert came == [call.call_id for call in calls]


async def test_a_call_that_could_not_be_delivered_in_time_is_refused(tmp_path: Path) -> None:
    clock = [1_800_000_000.0]
    async with relay_here(tmp_path) as relay:
        relay.services.now = lambda: clock[0]
        relay.services.tokens._now = relay.services.now
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin, clock=lambda: clock[0])
        app = FakeApp(relay.addresses.http, relay.addresses.origin, clock=lambda: clock[0])
        async with workstation.attached():
            await workstation.list_members(app.device_id)
        async with app.attached():
            call = new_call()
            call.expire_time.FromSeconds(int(clock[0]) + 60)
            await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            await app.expect("call_stored")
            clock[0] += 61
            sweep(relay.services)
            refused = await app.expect("call_refused")
            assert (refused.call_id, reason_of(refused.status)) == (call.call_id, "CALL_EXPIRED")
        async with workstation.attached(head=1):
            await workstation.send(ping=record_pb2.Ping())
            kinds = {(await workstation.next()).WhichOneof("frame") for _ in range(2)}
            assert kinds == {"watchers", "pong"}


async def test_a_delivered_call_that_expires_is_not_called_undone(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        call = new_call(seconds=30)
        await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
        await app.expect("call_stored")
        await workstation.expect("inbox")

        def expire(ledger: Ledger) -> None:
            relay.services.hub.calls_expired(ledger.sweep(2**52).expired)

        await relay.services.store.do(expire)
        await app.send(ping=record_pb2.Ping())
        kinds: list[str] = []
        while "pong" not in kinds:
            kinds.append((await app.next()).WhichOneof("frame"))
        assert "call_refused" not in kinds


async def test_truncation_is_told(tmp_path: Path) -> None:
    async with relay_here(tmp_path, Limits(log_bytes=20_000)) as relay, pair_attached(relay) as (workstation, app):
        for seq in range(2, 60):
            await workstation.publish(record(seq, sealed=bytes(1_000)))
        async with FakeApp(app.http, app.origin, app.identity).attached() as again:
            truncated = again.welcome.workstations[0].truncated_through
            assert truncated > 1
            assert (await again.expect("batch")).records[0].seq == truncated + 1
            assert (await again.expect("caught_up")).truncated_through == truncated


async def test_age_is_told_too(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=2) as (workstation, _):
        relay.services.now = lambda: 4_000_000_000.0
        sweep(relay.services)
        await relay.services.store.do(lambda _ledger: None)
        assert relay.services.hub.channels[workstation.device_id].place.truncated_through == 3


async def test_a_forgotten_workstation_is_let_go_with_its_apps(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        await relay.services.store.do(lambda ledger: ledger.forget(workstation.device_id))
        relay.services.hub.forget(workstation.device_id)
        assert await app.refusal() == (4007, "REVOKED")
        error = await workstation.ended()
        assert (error.code(), reason_of(error)) == (grpc.StatusCode.ABORTED, "NOT_FOUND")


async def test_who_does_not_read_cannot_keep_the_relay_from_stopping(tmp_path: Path) -> None:
    limits = replace(SMALL, drain_seconds=0.05, stuck_seconds=0.05)
    async with contextlib.AsyncExitStack() as peers:
        async with relay_here(tmp_path, limits) as relay:
            workstation, slow, _ = await peers.enter_async_context(_slow_and_quick(relay))
            slow.socket.transport.pause_reading()
            seq = 2
            while not relay.services.metrics.readers_fallen_behind:
                await workstation.publish(record(seq, sealed=bytes(8_000)))
                seq += 1
        assert (await workstation.expect("going_away")).reconnect_after_ms > 0


def test_the_more_links_the_longer_the_time_over_which_they_come_back() -> None:
    """Devices draw between once and twice what they are told, so that is also how far they are spread."""
    assert [reconnect_after_ms(links) for links in (0, 2, 2_000)] == [500, 504, 4_500]
    assert reconnect_after_ms(20_000) == reconnect_after_ms(1_000_000) == 15_000


async def test_a_stopping_relay_says_so_and_flushes(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as peers:
        async with relay_here(tmp_path) as relay:
            workstation, app = await peers.enter_async_context(pair_attached(relay))
            await workstation.send(publish=link_service_pb2.Publish(records=[record(2)]))
            await workstation.send(ping=record_pb2.Ping())
            await workstation.expect("pong")
        assert (await workstation.expect("going_away")).reconnect_after_ms == reconnect_after_ms(2)
        assert (await app.expect("going_away")).reconnect_after_ms == reconnect_after_ms(2)
        assert "stored" in await workstation.rest()
        await app.rest()
        assert app.socket.close_code == 1012
    async with relay_here(tmp_path) as relay:
        again = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin, workstation.identity, workstation.epoch)
        async with again.attached(head=2):
            assert again.welcome.stored_through == 2
