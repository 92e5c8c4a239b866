"""The workstation's door: records are stored once, calls come in order, who breaks the contract loses one link."""

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.limits import Limits, Rate
from tests.relay.peers import (
    OWN_CONNECTION,
    PATIENCE_SECONDS,
    FakeApp,
    FakeWorkstation,
    RawStream,
    new_call,
    new_identity,
    pair_attached,
    reason_of,
    record,
    relay_here,
    token_for,
)


def _workstation(relay: object, **more: object) -> FakeWorkstation:
    return FakeWorkstation(relay.addresses.grpc, relay.addresses.origin, **more)  # type: ignore[attr-defined,arg-type]


async def test_records_are_stored_and_the_next_link_continues_above_them(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = _workstation(relay)
        async with workstation.attached():
            assert workstation.welcome.stored_through == 0
            assert workstation.welcome.limits.max_frame_bytes == 1024 * 1024
            assert await workstation.publish(record(1), record(2)) == 2
            assert await workstation.publish(record(7, b"key 1"), through=9) == 9
        async with workstation.attached(head=9):
            assert workstation.welcome.stored_through == 9


async def test_records_survive_a_restart_of_the_relay(tmp_path: Path) -> None:
    identity, epoch = new_identity(), b"e" * 16
    async with relay_here(tmp_path) as relay, _workstation(relay, identity=identity, epoch=epoch).attached() as before:
        await before.publish(record(1), record(2))
    async with relay_here(tmp_path) as relay, _workstation(relay, identity=identity, epoch=epoch).attached() as after:
        assert after.welcome.stored_through == 2


async def test_another_log_epoch_begins_at_nothing(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = _workstation(relay)
        async with workstation.attached():
            await workstation.publish(record(5))
        workstation.epoch = b"another epoch 16"
        async with workstation.attached():
            assert workstation.welcome.stored_through == 0


async def test_heads_and_hints_alone_are_not_stored_and_pings_are_answered(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _workstation(relay).attached() as workstation:
        hint = record_pb2.Volatile(focus=b"session", key_epoch=1, sealed=b"hint")
        head = record_pb2.Head(key_epoch=1, sealed=b"head")
        await workstation.send(publish=link_service_pb2.Publish(volatile=[hint], head=head))
        await workstation.send(ping=record_pb2.Ping())
        assert (await workstation.expect("pong")).server_time.seconds > 0
        assert relay.services.hub.channels[workstation.device_id].place.stored_through == 0


async def test_a_newer_link_of_the_same_workstation_takes_over(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        older = _workstation(relay)
        newer = _workstation(relay, identity=older.identity, epoch=older.epoch)
        async with older.attached(), newer.attached():
            error = await older.ended()
            assert (error.code(), reason_of(error)) == (grpc.StatusCode.ABORTED, "SUPERSEDED")
            assert await newer.publish(record(1)) == 1


async def test_calls_wait_in_order_until_they_are_acknowledged(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        async with pair_attached(relay) as (workstation, app):
            calls = [new_call() for _ in range(3)]
            for call in calls:
                await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
                assert (await app.expect("call_stored")).call_id == call.call_id
            came: list[link_service_pb2.InboxCall] = []
            while len(came) < 3:
                came += (await workstation.expect("inbox")).calls
            assert [call.call.call_id for call in came] == [call.call_id for call in calls]
            assert {call.device_id for call in came} == {app.device_id}
            await workstation.send(inbox_ack=link_service_pb2.InboxAck(through=came[1].inbox_seq))
            taken = [(await app.expect("call_taken")).call_id for _ in range(2)]
            assert taken == [call.call_id for call in calls[:2]]
        async with workstation.attached(head=1):
            assert workstation.welcome.inbox_through == came[1].inbox_seq
            again = (await workstation.expect("inbox")).calls
            assert [call.call for call in again] == [calls[2]]


async def test_a_repeated_call_is_kept_once_while_it_waits(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        call = link_service_pb2.AppCall(workstation_id=workstation.device_id, call=new_call())
        await app.send(call=call)
        await app.expect("call_stored")
        await app.send(call=call)
        await app.expect("call_stored")
        inbox = await workstation.expect("inbox")
        assert len(inbox.calls) == 1
        await workstation.send(ping=record_pb2.Ping())
        assert (await workstation.next()).WhichOneof("frame") in ("pong", "watchers")


async def test_a_queued_call_reaches_a_workstation_that_comes_back(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = _workstation(relay)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
        async with app.attached():
            call = new_call()
            await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
            await app.expect("call_stored")
            async with workstation.attached(head=1):
                assert [waiting.call for waiting in (await workstation.expect("inbox")).calls] == [call]
                assert (await app.expect("presence")).online


async def test_replies_go_to_their_device(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        call_id = new_call().call_id
        reply = record_pb2.SealedReply(call_id=call_id, sealed=b"sealed answer")
        stranger = new_identity().device_id
        replies = [
            link_service_pb2.DeviceReply(device_id=stranger, reply=reply),
            link_service_pb2.DeviceReply(device_id=app.device_id, reply=reply),
        ]
        await workstation.send(replies=link_service_pb2.Replies(replies=replies))
        answer = await app.expect("reply")
        assert (answer.workstation_id, answer.reply) == (workstation.device_id, reply)


async def test_a_stranger_without_a_token_is_refused(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        workstation = _workstation(relay)
        workstation.open(channel, token="nonsense")
        error = await workstation.ended()
        assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


@pytest.mark.parametrize(
    ("first", "code", "reason"),
    [
        (b"\x0a", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (b"\x0b" * 50, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (
            link_service_pb2.AttachWorkstationRequest(ping=record_pb2.Ping()).SerializeToString(),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MALFORMED",
        ),
        (b"\x0a\xff\xff\x03" + bytes(65535), grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE"),
    ],
)
async def test_a_bad_first_frame_ends_the_link(
    tmp_path: Path, first: bytes, code: grpc.StatusCode, reason: str
) -> None:
    async with relay_here(tmp_path) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        stream = RawStream(channel, "AttachWorkstation", token_for(new_identity(), relay.addresses.origin))
        await stream.write(first)
        error = await stream.ended()
        assert (error.code(), reason_of(error)) == (code, reason)


async def test_a_link_without_a_first_frame_ends(tmp_path: Path) -> None:
    limits = Limits(first_frame_seconds=0.05)
    async with relay_here(tmp_path, limits) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        workstation = _workstation(relay)
        workstation.open(channel)
        assert (await workstation.ended()).code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"publish": link_service_pb2.Publish(records=[record(1, sealed=bytes(2_001))])}, "TOO_LARGE"),
        ({"publish": link_service_pb2.Publish(records=[record(seq) for seq in range(1, 9)])}, "TOO_LARGE"),
        (
            {"publish": link_service_pb2.Publish(records=[record(1, sealed=bytes(1_900)) for _ in range(4)])},
            "TOO_LARGE",
        ),
        ({"publish": link_service_pb2.Publish(records=[record(2), record(1)])}, "MALFORMED"),
        ({"publish": link_service_pb2.Publish(records=[record(1, b"k" * 65)])}, "MALFORMED"),
        ({"publish": link_service_pb2.Publish(records=[record(2**63)])}, "MALFORMED"),
        ({"publish": link_service_pb2.Publish(volatile=[record_pb2.Volatile(sealed=b"x")])}, "MALFORMED"),
        ({"members": link_service_pb2.Members(device_ids=["not an id"])}, "MALFORMED"),
        ({"replies": link_service_pb2.Replies(replies=[link_service_pb2.DeviceReply(device_id="x")])}, "MALFORMED"),
        ({"hello": link_service_pb2.WorkstationHello(head=record_pb2.Cursor(log_epoch=bytes(16)))}, "MALFORMED"),
    ],
)
async def test_a_frame_over_a_limit_ends_that_link_and_nothing_else(
    tmp_path: Path, frame: dict[str, object], reason: str
) -> None:
    limits = Limits(max_record_bytes=2_000, max_items=7, max_frame_bytes=6_000)
    async with relay_here(tmp_path, limits) as relay, _workstation(relay).attached() as neighbour:
        async with _workstation(relay).attached() as workstation:
            await workstation.send(**frame)
            assert reason_of(await workstation.ended()) == reason
        assert await neighbour.publish(record(1)) == 1


async def test_too_many_frames_end_the_link(tmp_path: Path) -> None:
    limits = Limits(frames_per_workstation=Rate(burst=3, per_second=0.001))
    async with relay_here(tmp_path, limits) as relay, _workstation(relay).attached() as workstation:
        for _ in range(4):
            await workstation.send(ping=record_pb2.Ping())
        assert reason_of(await workstation.ended()) == "RATE_LIMITED"


async def test_a_device_that_connects_too_often_is_told_to_wait(tmp_path: Path) -> None:
    limits = Limits(attach_per_device=Rate(burst=1, per_second=0.001))
    async with relay_here(tmp_path, limits) as relay:
        workstation = _workstation(relay)
        async with workstation.attached():
            pass
        async with grpc.aio.insecure_channel(relay.addresses.grpc, options=OWN_CONNECTION) as channel:
            workstation.open(channel)
            assert reason_of(await workstation.ended()) == "RATE_LIMITED"


async def test_a_silent_link_is_taken_for_dead(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _workstation(relay).attached() as workstation:
        relay.services.hub.beat(relay.services.now() + relay.services.limits.dead_after_seconds + 1)
        assert (await workstation.ended()).code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_relay_is_heard_where_it_has_nothing_to_say(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _workstation(relay).attached() as workstation:
        relay.services.hub.beat(relay.services.now() + relay.services.limits.late_heartbeat_seconds + 1)
        await workstation.expect("pong")


async def test_unknown_frames_are_skipped(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        call = RawStream(channel, "AttachWorkstation", token_for(new_identity(), relay.addresses.origin))
        hello = link_service_pb2.WorkstationHello(head=record_pb2.Cursor(log_epoch=bytes(16)))
        await call.write(link_service_pb2.AttachWorkstationRequest(hello=hello).SerializeToString())
        await call.write(b"\xc2\x3e\x03abc")
        await call.write(link_service_pb2.AttachWorkstationRequest(ping=record_pb2.Ping()).SerializeToString())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not link_service_pb2.AttachWorkstationResponse.FromString(await call.read()).HasField("pong"):
                pass


async def test_apps_can_be_followed_over_grpc_too(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = _workstation(relay)
        device = new_identity()
        async with workstation.attached(), grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
            await workstation.list_members(device.device_id)
            attach = RawStream(channel, "AttachApp")
            hello = link_service_pb2.AppHello(token=token_for(device, relay.addresses.origin))
            await attach.write(link_service_pb2.AttachAppRequest(hello=hello))
            kinds = [await _kind(attach) for _ in range(3)]
            assert kinds == ["welcome", "batch", "caught_up"]
            attach.cancel()
        async with grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
            attach = RawStream(channel, "AttachApp")
            await attach.write(link_service_pb2.AttachAppRequest(hello={"token": "nonsense"}))
            refused = link_service_pb2.AttachAppResponse.FromString(await attach.read()).refused
            assert reason_of(refused.status) == "TOKEN_INVALID"
            assert (await attach.ended()).code() is grpc.StatusCode.UNAUTHENTICATED


async def _kind(attach: RawStream) -> str | None:
    frame = link_service_pb2.AttachAppResponse.FromString(await attach.read())
    kind: str | None = frame.WhichOneof("frame")
    return kind
