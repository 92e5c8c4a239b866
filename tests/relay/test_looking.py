"""Who looks is told to the workstation, and what it answers reaches whoever looks."""

import asyncio
from pathlib import Path

import pytest

from halyard.link.v1 import link_service_pb2, record_pb2
from relay.channel import Reader
from tests.relay.peers import (
    FakeApp,
    FakeWorkstation,
    pair_attached,
    relay_here,
)


async def test_hints_go_only_to_those_who_look(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, pair_attached(relay) as (workstation, app):
        await app.send(focus=link_service_pb2.Focus(workstation_id=workstation.device_id, focus=b"session 1"))
        while not (watchers := await workstation.expect("watchers")).watches:
            pass
        assert [(watch.focus, watch.count) for watch in watchers.watches] == [(b"session 1", 1)]
        assert watchers.apps == 1
        hints = [record_pb2.Volatile(focus=b"session %d" % n, sealed=b"hint %d" % n) for n in (1, 2)]
        await workstation.send(publish=link_service_pb2.Publish(volatile=hints))
        while not (batch := await app.expect("batch")).volatile:
            pass
        assert [hint.sealed for hint in batch.volatile] == [b"hint 1"]
        assert batch.through == 0
        await app.send(focus=link_service_pb2.Focus())
        while (await workstation.expect("watchers")).watches:
            pass


async def test_a_workstation_is_told_of_apps_in_the_foreground_whatever_is_on_their_screens(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)

        async def told(foreground_apps: int, watches: int) -> None:
            while True:
                watchers = await workstation.expect("watchers")
                if (watchers.foreground_apps, len(watchers.watches)) == (foreground_apps, watches):
                    return

        async with workstation.attached():
            await workstation.list_members(app.device_id)
            async with app.attached():
                await told(0, 0)
                await app.send(focus=link_service_pb2.Focus(foreground=True))
                await told(1, 0)
                session = link_service_pb2.Focus(workstation_id=workstation.device_id, focus=b"s", foreground=True)
                await app.send(focus=session)
                await told(1, 1)
                await app.send(focus=link_service_pb2.Focus())
                await told(0, 0)
                await app.send(focus=link_service_pb2.Focus(foreground=True))
                await told(1, 0)
            await told(0, 0)


async def test_a_head_that_comes_while_an_app_catches_up_is_not_lost_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up, may_read = Reader.catch_up, asyncio.Event()

    async def late(reader: Reader) -> None:
        await may_read.wait()
        await catch_up(reader)

    head = record_pb2.Head(key_epoch=1, sealed=b"head")
    async with relay_here(tmp_path) as relay, pair_attached(relay, records=3) as (workstation, app):
        monkeypatch.setattr(Reader, "catch_up", late)
        slow = FakeApp(app.http, app.origin)
        await workstation.list_members(app.device_id, slow.device_id, at=5)
        async with slow.attached():
            assert not slow.welcome.workstations[0].HasField("head")
            await workstation.send(publish=link_service_pb2.Publish(head=head))
            while not (await app.expect("batch")).HasField("head"):
                pass
            may_read.set()
            while not (batch := await slow.expect("batch")).HasField("head"):
                pass
            assert (batch.head, len(batch.records)) == (head, 0)
            await slow.expect("caught_up")
