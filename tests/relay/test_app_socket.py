"""The app's door: catching up, living along, calling, being let go; and what does not get in."""

import time
from pathlib import Path
from typing import Any

import pytest
import websockets

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.limits import Limits, Rate
from tests.relay.peers import (
    FakeApp,
    FakeWorkstation,
    new_call,
    new_identity,
    pair_attached,
    reason_of,
    record,
    relay_here,
    token_for,
)


async def _catch_up(app: FakeApp) -> tuple[list[record_pb2.Record], link_service_pb2.CaughtUp]:
    records: list[record_pb2.Record] = []
    while (frame := await app.next()).WhichOneof("frame") != "caught_up":
        assert frame.WhichOneof("frame") == "batch"
        records += frame.batch.records
    return records, frame.caught_up


async def test_an_app_is_welcomed_and_gets_what_is_stored(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=3) as (workstation, app):
        again = FakeApp(app.http, app.origin, app.identity)
        async with again.attached():
            (state,) = again.welcome.workstations
            assert (state.workstation_id, state.online) == (workstation.device_id, True)
            assert state.stored == record_pb2.Cursor(log_epoch=workstation.epoch, seq=4)
            records, caught_up = await _catch_up(again)
            assert [stored.seq for stored in records] == [1, 2, 3, 4]
            assert records[1] == record(2)
            assert caught_up.cursor.seq == 4


async def test_an_app_continues_at_its_cursor(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=3) as (workstation, app):
        cursor = record_pb2.Cursor(log_epoch=workstation.epoch, seq=3)
        async with FakeApp(app.http, app.origin, app.identity).attached({workstation.device_id: cursor}) as again:
            records, _ = await _catch_up(again)
            assert [stored.seq for stored in records] == [4]


async def test_a_cursor_of_another_epoch_begins_anew(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        cursor = record_pb2.Cursor(log_epoch=b"epoch of old day", seq=30)
        async with FakeApp(app.http, app.origin, app.identity).attached({workstation.device_id: cursor}) as again:
            assert (await again.expect("reset")).cursor == record_pb2.Cursor(log_epoch=workstation.epoch)
            records, _ = await _catch_up(again)
            assert [stored.seq for stored in records] == [1]


async def test_only_the_newest_value_of_a_key_is_sent(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        await workstation.publish(record(2, b"part", b"old"), record(3, b"other"), record(4, b"part", b"new"))
        async with FakeApp(app.http, app.origin, app.identity).attached() as again:
            records, _ = await _catch_up(again)
            assert [(stored.seq, stored.sealed) for stored in records if stored.key == b"part"] == [(4, b"new")]


async def test_a_grant_is_in_the_welcome(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        grant = record(2, f"grants/{app.device_id}".encode())
        await workstation.publish(grant)
        async with FakeApp(app.http, app.origin, app.identity).attached() as again:
            assert again.welcome.workstations[0].grant == grant


async def test_grants_of_others_are_nobodys_business(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        mine = record(2, f"grants/{app.device_id}".encode())
        other = record(3, f"grants/{new_identity().device_id}".encode())
        odd = record(4, b"grants/" + b"\xff" * 30)
        await workstation.publish(mine, other, odd, record(5))
        while (batch := await app.expect("batch")).through < 5:
            pass
        assert [stored.seq for stored in batch.records] == [2, 5]
        async with FakeApp(app.http, app.origin, app.identity).attached() as again:
            records, caught_up = await _catch_up(again)
            assert [stored.seq for stored in records] == [1, 2, 5]
            assert caught_up.cursor.seq == 5


async def test_records_and_heads_come_live(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        head = record_pb2.Head(key_epoch=1, sealed=b"head")
        await workstation.publish(record(2), record(3), head=head)
        batch = await app.expect("batch")
        while not batch.records or batch.records[0].seq != 2:
            batch = await app.expect("batch")
        assert (batch.workstation_id, batch.through, batch.head) == (workstation.device_id, 3, head)
        assert [stored.seq for stored in batch.records] == [2, 3]


async def test_presence_is_told(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with workstation.attached():
            await workstation.list_members(app.device_id)
        async with app.attached():
            assert not app.welcome.workstations[0].online
            async with workstation.attached(head=1):
                assert (await app.expect("presence")).online
            presence = await app.expect("presence")
            assert not presence.online
            assert presence.last_seen_time.seconds > 0


async def test_a_new_epoch_resets_readers(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=2) as (workstation, app):
        reborn = FakeWorkstation(workstation.grpc, workstation.origin, workstation.identity)
        async with reborn.attached():
            assert (await app.expect("reset")).cursor == record_pb2.Cursor(log_epoch=reborn.epoch)
            await reborn.publish(record(1, b"new log"))
            while (batch := await app.expect("batch")).records[0].key != b"new log":
                pass
            assert batch.through == 1


async def test_joining_a_second_workstation_while_attached(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (_, app):
        second = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        async with second.attached():
            await second.publish(record(1, f"grants/{app.device_id}".encode()))
            await second.list_members(app.device_id, at=2)
            joined = (await app.expect("joined")).workstation
            assert (joined.workstation_id, joined.grant.seq) == (second.device_id, 1)
            while (await app.expect("caught_up")).workstation_id != second.device_id:
                pass


async def test_a_removed_device_loses_that_log_at_once(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (first, app):
        second = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        async with second.attached():
            await second.list_members(app.device_id)
            await app.expect("joined")
            await second.list_members(at=2)
            assert (await app.expect("removed")).workstation_id == second.device_id
            await app.send(call=link_service_pb2.AppCall(workstation_id=second.device_id, call=new_call()))
            assert reason_of((await app.expect("call_refused")).status) == "NOT_A_MEMBER"
            await first.list_members(at=2)
            assert await app.refusal() == (4007, "REVOKED")
        async with FakeApp(app.http, app.origin, app.identity).connected() as back:
            await back.say_hello()
            assert await back.refusal() == (4007, "NOT_A_MEMBER")


async def test_the_others_go_on_when_one_is_removed(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        other = FakeApp(app.http, app.origin)
        await workstation.list_members(app.device_id, other.device_id, at=2)
        async with other.attached():
            await workstation.list_members(other.device_id, at=3)
            assert await app.refusal() == (4007, "REVOKED")
            await workstation.publish(record(4))
            while (await other.expect("batch")).through < 4:
                pass


async def test_an_older_list_of_members_is_ignored(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        await workstation.list_members(app.device_id, at=2)
        workstation.revision = 0
        await workstation.list_members(at=3)
        while (await app.expect("batch")).through < 3:
            pass
        assert not app.socket.close_code


async def test_a_newer_link_of_the_same_app_takes_over(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (_, app):
        async with FakeApp(app.http, app.origin, app.identity).attached() as newer:
            assert await app.refusal() == (4010, "SUPERSEDED")
            await newer.send(ping=record_pb2.Ping())
            await newer.expect("pong")


async def test_a_stranger_is_refused(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            await app.say_hello()
            assert await app.refusal() == (4007, "NOT_A_MEMBER")


async def test_a_token_is_good_once_for_this_relay_and_this_minute(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (_, app):
        used = token_for(app.identity, app.origin)
        async with FakeApp(app.http, app.origin, app.identity).attached(token=used):
            pass
        wrong = {
            used: "TOKEN_REPLAYED",
            token_for(app.identity, "https://elsewhere.example"): "TOKEN_INVALID",
            token_for(app.identity, app.origin, time.time() - 3600): "CLOCK_SKEW",
            "not a token": "TOKEN_INVALID",
        }
        for token, reason in wrong.items():
            async with FakeApp(app.http, app.origin, app.identity).connected() as again:
                await again.say_hello(token=token)
                refused = await again.expect("refused")
                assert reason_of(refused.status) == reason
                assert abs(refused.server_time.seconds - time.time()) < 60


async def test_text_frames_are_refused(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            await app.socket.send("text")
            assert await app.refusal() == (4003, "MALFORMED")


@pytest.mark.parametrize("path", ["/link", "/pairing"])
async def test_pages_of_another_origin_are_refused(tmp_path: Path, path: str) -> None:
    async with relay_here(tmp_path) as relay:
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with app.connected(path, origin="https://evil.example"):
                pass
        assert caught.value.response.status_code == 403
        async with app.connected(path, origin=relay.addresses.origin):
            pass


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        (b"\x0a", 3, "MALFORMED"),
        (b"\x22\x00", 3, "MALFORMED"),
        (b"\x0a" + b"\xff\xff\x03" + bytes(65535), 8, "TOO_LARGE"),
        (bytes(1024 * 1024 + 1), 8, "TOO_LARGE"),
    ],
)
async def test_a_bad_first_frame_ends_the_link(tmp_path: Path, frame: bytes, code: int, reason: str) -> None:
    async with relay_here(tmp_path) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            await app.socket.send(frame)
            assert await app.refusal() == (4000 + code, reason)


async def test_a_socket_that_says_nothing_is_closed(tmp_path: Path) -> None:
    async with relay_here(tmp_path, Limits(first_frame_seconds=0.05)) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            assert (await app.expect("refused")).status.code == 4


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_greeting=0), "RATE_LIMITED"),
        (Limits(max_links=0), "RATE_LIMITED"),
    ],
)
async def test_no_more_connections_than_the_relay_takes(tmp_path: Path, limits: Limits, reason: str) -> None:
    async with relay_here(tmp_path, limits) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            assert await app.refusal() == (4008, reason)


async def test_an_address_that_connects_too_often_is_told_to_wait(tmp_path: Path) -> None:
    limits = Limits(attach_per_address=Rate(burst=1, per_second=0.001))
    async with relay_here(tmp_path, limits, behind_tls_proxy=True) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            await app.say_hello()
            assert await app.refusal() == (4007, "NOT_A_MEMBER")
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            assert await app.refusal() == (4008, "RATE_LIMITED")


async def test_a_mistake_in_one_frame_ends_the_link(tmp_path: Path) -> None:
    limits = Limits(max_record_bytes=100)
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"call": link_service_pb2.AppCall(workstation_id=new_identity().device_id)}, "MALFORMED"),
        ({"focus": link_service_pb2.Focus(workstation_id="?")}, "MALFORMED"),
        ({"focus": link_service_pb2.Focus(focus=bytes(65))}, "MALFORMED"),
        ({"hello": link_service_pb2.AppHello()}, "MALFORMED"),
        (
            {
                "call": link_service_pb2.AppCall(
                    workstation_id=new_identity().device_id, call=new_call(sealed=bytes(101))
                )
            },
            "TOO_LARGE",
        ),
    ]
    for frame, reason in mistakes:
        async with relay_here(tmp_path, limits) as relay, pair_attached(relay) as (_, app):
            await app.send(**frame)
            assert (await app.refusal())[1] == reason


@pytest.mark.parametrize(
    ("limits", "life_seconds", "reason"),
    [
        (Limits(), -5, "CALL_EXPIRED"),
        (Limits(max_call_ttl_seconds=10), 120, "TOO_LARGE"),
        (Limits(max_waiting_calls=0), 60, "RATE_LIMITED"),
        (Limits(inbox_bytes=8), 60, "RATE_LIMITED"),
        (Limits(calls_per_device=Rate(burst=0, per_second=0.001)), 60, "RATE_LIMITED"),
    ],
)
async def test_calls_that_are_not_taken(tmp_path: Path, limits: Limits, life_seconds: float, reason: str) -> None:
    call = new_call(life_seconds)
    async with relay_here(tmp_path, limits) as relay, pair_attached(relay) as (workstation, app):
        await app.send(call=link_service_pb2.AppCall(workstation_id=workstation.device_id, call=call))
        refused = await app.expect("call_refused")
        assert (refused.call_id, reason_of(refused.status)) == (call.call_id, reason)
        await app.send(ping=record_pb2.Ping())
        await app.expect("pong")


async def test_too_many_frames_end_the_link(tmp_path: Path) -> None:
    limits = Limits(frames_per_app=Rate(burst=3, per_second=0.001))
    async with relay_here(tmp_path, limits) as relay, pair_attached(relay) as (_, app):
        for _ in range(4):
            await app.send(ping=record_pb2.Ping())
        assert (await app.refusal())[1] == "RATE_LIMITED"


async def test_more_cursors_than_items_are_too_many(tmp_path: Path) -> None:
    async with relay_here(tmp_path, Limits(max_items=3)) as relay:
        async with FakeApp(relay.addresses.http, relay.addresses.origin).connected() as app:
            cursor = record_pb2.Cursor(log_epoch=bytes(16))
            await app.say_hello({new_identity().device_id: cursor for _ in range(4)})
            assert await app.refusal() == (4008, "TOO_LARGE")


async def test_the_loopback_name_is_an_audience_for_processes_of_this_machine(tmp_path: Path) -> None:
    async with relay_here(tmp_path, public_url="https://relay.example.org") as relay:
        local = relay.addresses.local
        assert relay.addresses.origin == "https://relay.example.org"
        app = FakeApp(local, local)
        async with FakeWorkstation(relay.addresses.grpc, relay.addresses.origin).attached() as workstation:
            await workstation.list_members(app.device_id)
            async with app.attached():
                await app.expect("caught_up")
            async with app.connected(additional_headers={"X-Forwarded-For": "203.0.113.9"}):
                await app.say_hello()
                assert await app.refusal() == (4016, "TOKEN_INVALID")
