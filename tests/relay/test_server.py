"""The whole relay: what comes over its ports before any protocol is spoken, and what it remembers across restarts."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from relay.errors import ConfigError
from tests.relay.peers import FakeApp, FakeWorkstation, new_call, pair_attached, record, relay_here

OPENINGS = (
    b"",
    (
        b"GET /link HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ),
    b"POST /link HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


async def _garbage(port: int, opening: bytes, noise: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(opening + noise)
        writer.write_eof()
        await reader.read()
    except ConnectionError:
        return
    finally:
        writer.close()


async def test_garbage_on_the_ports_harms_nobody(tmp_path: Path) -> None:
    chance = random.Random(11)
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        ports = [int(where.rpartition(":")[2]) for where in (relay.addresses.http, relay.addresses.grpc)]
        for port in ports:
            async with asyncio.TaskGroup() as tasks:
                for number in range(60):
                    opening = OPENINGS[number % len(OPENINGS)]
                    tasks.create_task(_garbage(port, opening, chance.randbytes(chance.randint(1, 3_000))))
        assert await workstation.publish(record(2)) == 2
        while (await app.expect("batch")).through < 2:
            pass
        assert relay.services.greeting == 0


async def test_members_calls_and_heads_survive_a_restart(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        before = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        device = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with before.attached():
            await before.list_members(device.device_id)
            await before.publish(record(2), head={"key_epoch": 1, "sealed": b"head"})
        async with device.attached():
            call = new_call()
            await device.send(call={"workstation_id": before.device_id, "call": call})
            await device.expect("call_stored")
    async with relay_here(tmp_path) as relay:
        app = FakeApp(relay.addresses.http, relay.addresses.origin, device.identity)
        async with app.attached():
            (state,) = app.welcome.workstations
            assert (state.stored.seq, state.head.sealed, state.online) == (2, b"head", False)
            assert state.last_seen_time.seconds > 0
        after = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin, before.identity, before.epoch)
        async with after.attached(head=2):
            assert [waiting.call for waiting in (await after.expect("inbox")).calls] == [call]


async def test_a_relay_alone_with_its_store(tmp_path: Path) -> None:
    async with relay_here(tmp_path):
        with pytest.raises(ConfigError, match="Another relay"):
            async with relay_here(tmp_path):
                pass
    async with relay_here(tmp_path):
        pass


async def test_the_store_is_private_and_whole_after_a_stop(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=5):
        pass
    assert (tmp_path / "relay.db").stat().st_mode & 0o777 == 0o600
    db = sqlite3.connect(tmp_path / "relay.db")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT count(*) FROM record").fetchone() == (6,)
    db.close()
