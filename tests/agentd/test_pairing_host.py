"""Pairing through a real relay: by code, by link, by guessing, by leaving."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio
from websockets.asyncio.client import connect

from agentd import pairing_turns
from agentd.daemon import Daemon
from agentd.errors import Refused
from agentd.pairing_host import _refusal
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as pb
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from tests.fakes.app_link import AppLink, LinkRefused
from tests.fakes.app_pairing import socket_url
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay
from wire.errors import PairingFailed
from wire.pairing import parse_code, parse_link

APPROVER = workstation_pb2.DEVICE_ROLE_APPROVER
Events = AsyncIterator[pb.PairResponse]


async def kinds_until(events: Events, last: str) -> list[str]:
    """What came, up to the first event of the kind `last`."""
    seen: list[str] = []
    async with asyncio.timeout(30):
        while last not in seen:
            seen.append((await anext(events)).WhichOneof("event") or "")
    return seen


async def test_code_and_link_say_the_same(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    shown = (await anext(events)).code
    code, link = parse_code(shown.code), parse_link(shown.url)
    assert (code.nameplate, link.relay) == (link.nameplate, relay.origin)
    await events.aclose()


async def test_a_link_pairs_and_gives_the_role(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    shown = (await anext(events)).code
    async with asyncio.TaskGroup() as group:
        joining = group.create_task(AppLink.pair(relay.http, shown.url, display_name="Tablet"))
        assert await kinds_until(events, "paired") == ["joined", "paired"]
    app = joining.result()
    assert (app.role, app.workstation_id) == ("approver", daemon.identity.device_id)
    (device,) = daemon.devices.list()
    assert (device.display_name, device.platform, device.role) == ("Tablet", "test", APPROVER)
    assert device.name == f"devices/{app.identity.device_id}"


async def test_a_paired_app_finds_itself_listed_at_once(daemon: Daemon, relay: RunningRelay) -> None:
    for number in range(3):
        app = await pair_app(daemon, relay, display_name=f"Phone {number}")
        async with app.attached():
            await _granted(app)


async def _granted(app: AppLink) -> None:
    await app.until(lambda: app.ring)


async def test_three_wrong_guesses_stop_pairing(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    for _ in range(3):
        shown = parse_code((await anext(events)).code.code)
        wrong = f"{(int(shown.digits) + 1) % 1_000_000:06}"
        async with asyncio.TaskGroup() as group:
            group.create_task(_guess(relay, f"{shown.nameplate}-{wrong}"))
            assert await kinds_until(events, "burnt") == ["joined", "burnt"]
    with pytest.raises(Refused) as stopped:
        await anext(events)
    assert stopped.value.reason == "CODE_BURNT"
    assert daemon.devices.list() == []


async def _guess(relay: RunningRelay, code: str) -> None:
    with pytest.raises((PairingFailed, LinkRefused)):
        await AppLink.pair(relay.http, code)


async def test_a_used_code_is_used_up(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    code = (await anext(events)).code.code
    async with asyncio.TaskGroup() as group:
        group.create_task(AppLink.pair(relay.http, code))
        await kinds_until(events, "paired")
    with pytest.raises(LinkRefused) as refused:
        await AppLink.pair(relay.http, code)
    assert refused.value.reason in ("CODE_BURNT", "CODE_UNKNOWN")


async def test_a_guest_that_leaves_has_burnt_the_code(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    nameplate = parse_code((await anext(events)).code.code).nameplate
    async with connect(socket_url(relay.http, "/pairing")) as socket:
        await socket.send(pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate)).SerializeToString())
        await socket.recv()
    assert await kinds_until(events, "code") == ["joined", "burnt", "code"]
    await events.aclose()


async def test_nonsense_burns_the_code_and_nothing_else(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    nameplate = parse_code((await anext(events)).code.code).nameplate
    async with connect(socket_url(relay.http, "/pairing")) as socket:
        await socket.send(pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate)).SerializeToString())
        await socket.recv()
        await socket.send(pairing.JoinRequest(step=pairing.Step(body=b"x" * 100)).SerializeToString())
        assert await kinds_until(events, "burnt") == ["joined", "burnt"]
    await events.aclose()
    await pair_app(daemon, relay)


async def test_whoever_asks_for_a_code_last_has_it(daemon: Daemon, relay: RunningRelay) -> None:
    first, second = daemon.pairing.pair(APPROVER), daemon.pairing.pair(APPROVER)
    former = (await anext(first)).code.code
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_end_of(first))
        newer = (await anext(second)).code.code
    assert waiting.result().reason == "SUPERSEDED"
    with pytest.raises(LinkRefused):
        await AppLink.pair(relay.http, former)
    async with asyncio.TaskGroup() as group:
        group.create_task(AppLink.pair(relay.http, newer))
        assert await kinds_until(second, "paired") == ["joined", "paired"]


async def _end_of(events: Events) -> Refused:
    with pytest.raises(Refused) as end:
        await anext(events)
    return end.value


async def test_an_app_that_is_being_let_in_is_not_interrupted(daemon: Daemon, relay: RunningRelay) -> None:
    events = daemon.pairing.pair(APPROVER)
    nameplate = parse_code((await anext(events)).code.code).nameplate
    async with connect(socket_url(relay.http, "/pairing")) as socket:
        await socket.send(pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate)).SerializeToString())
        assert await kinds_until(events, "joined") == ["joined"]
        with pytest.raises(Refused, match="is being let in"):
            await anext(daemon.pairing.pair(APPROVER))
    assert await kinds_until(events, "code") == ["burnt", "code"]
    await events.aclose()
    after = daemon.pairing.pair(APPROVER)
    assert (await anext(after)).HasField("code")
    await after.aclose()


async def test_a_pairing_that_nobody_follows_does_not_hold_up_another_for_ever(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing_turns, "GIVE_WAY_SECONDS", 0.05)
    first = daemon.pairing.pair(APPROVER)
    await anext(first)
    with pytest.raises(Refused, match="does not end"):
        await anext(daemon.pairing.pair(APPROVER))
    await first.aclose()


async def test_pairing_again_keeps_one_entry(daemon: Daemon, relay: RunningRelay) -> None:
    app = await pair_app(daemon, relay, display_name="Old name")
    daemon.devices.add(app.identity.public, "New name", "test", APPROVER)
    assert [device.display_name for device in daemon.devices.list()] == ["New name"]


def test_a_relay_that_went_away_did_not_refuse() -> None:
    gone = aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, aio.Metadata(), aio.Metadata(), "Stream removed")
    assert _refusal(gone).message == "The relay went away."
    no = aio.AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, aio.Metadata(), aio.Metadata(), "Too many codes.")
    assert _refusal(no).message == "The relay refused: Too many codes."
