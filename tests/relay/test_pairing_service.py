"""Two strangers meet in a slot: one host, one guest ever, steps unread, and both hear when it is over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import websockets

from halyard.pairing.v1 import pairing_service_pb2, pairing_service_pb2_grpc
from halyard.pairing.v1.pairing_service_pb2 import HostRequest, JoinRequest, JoinResponse
from relay.limits import Limits, Rate
from relay.server import Relay
from tests.relay.peers import OWN_CONNECTION, bearer, new_identity, reason_of, relay_here, token_for


@contextlib.asynccontextmanager
async def _host(relay: Relay, identity: Any = None) -> AsyncIterator[Any]:
    identity = identity or new_identity()
    async with grpc.aio.insecure_channel(relay.addresses.grpc, options=OWN_CONNECTION) as channel:
        call = pairing_service_pb2_grpc.PairingServiceStub(channel).Host(
            metadata=bearer(token_for(identity, relay.addresses.origin))
        )
        await call.write(HostRequest(open=pairing_service_pb2.OpenSlot()))
        yield call
        call.cancel()


@contextlib.asynccontextmanager
async def _guest(relay: Relay, nameplate: str) -> AsyncIterator[Any]:
    async with websockets.connect(relay.addresses.http.replace("http", "ws", 1) + "/pairing") as socket:
        await socket.send(JoinRequest(join={"nameplate": nameplate}).SerializeToString())
        yield socket


async def _heard(socket: Any) -> JoinResponse:
    return JoinResponse.FromString(await socket.recv())


async def test_host_and_guest_exchange_steps(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _host(relay) as host:
        opened = (await host.read()).opened
        assert opened.nameplate.isdecimal()
        assert len(opened.nameplate) == 1
        async with _guest(relay, opened.nameplate) as guest:
            assert (await _heard(guest)).HasField("joined")
            assert (await host.read()).HasField("joined")
            await guest.send(JoinRequest(step={"body": b"from guest"}).SerializeToString())
            assert (await host.read()).step.body == b"from guest"
            await host.write(HostRequest(step={"body": b"from host"}))
            assert (await _heard(guest)).step.body == b"from host"


async def test_a_slot_has_one_guest_ever(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _host(relay) as host:
        nameplate = (await host.read()).opened.nameplate
        async with _guest(relay, nameplate) as first:
            await _heard(first)
            async with _guest(relay, nameplate) as second:
                assert reason_of((await _heard(second)).closed.status) == "CODE_BURNT"
        assert (await host.read()).HasField("joined")
        assert reason_of((await host.read()).closed.status) == "CODE_BURNT"
        async with _guest(relay, nameplate) as late:
            assert reason_of((await _heard(late)).closed.status) in ("CODE_BURNT", "CODE_UNKNOWN")


async def test_what_the_host_said_last_reaches_the_guest_before_the_end(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _host(relay) as host:
        async with _guest(relay, (await host.read()).opened.nameplate) as guest:
            await _heard(guest)
            await host.read()
            await host.write(HostRequest(step={"body": b"introduction"}))
            await host.done_writing()
            assert (await _heard(guest)).step.body == b"introduction"
            assert reason_of((await _heard(guest)).closed.status) == "CODE_BURNT"


async def test_an_unknown_nameplate_finds_nothing(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _guest(relay, "4711") as guest:
        assert reason_of((await _heard(guest)).closed.status) == "CODE_UNKNOWN"
        with pytest.raises(websockets.ConnectionClosed) as caught:
            await guest.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4005


async def test_a_slot_expires_for_both(tmp_path: Path) -> None:
    async with relay_here(tmp_path, Limits(slot_seconds=0.3)) as relay, _host(relay) as host:
        async with _guest(relay, (await host.read()).opened.nameplate) as guest:
            await _heard(guest)
            assert (await host.read()).HasField("joined")
            assert reason_of((await _heard(guest)).closed.status) in ("CODE_EXPIRED", "CODE_BURNT")
            assert reason_of((await host.read()).closed.status) in ("CODE_EXPIRED", "CODE_BURNT")
        assert len(relay.services.slots) == 0


@pytest.mark.parametrize(
    ("limits", "steps", "reason"),
    [
        (Limits(max_step_bytes=4), [b"12345"], "TOO_LARGE"),
        (Limits(max_steps=2), [b"1", b"2"], "TOO_LARGE"),
    ],
)
async def test_steps_are_bounded(tmp_path: Path, limits: Limits, steps: list[bytes], reason: str) -> None:
    async with relay_here(tmp_path, limits) as relay, _host(relay) as host:
        async with _guest(relay, (await host.read()).opened.nameplate) as guest:
            await _heard(guest)
            for body in steps:
                await guest.send(JoinRequest(step={"body": body}).SerializeToString())
            assert reason_of((await _heard(guest)).closed.status) == reason


async def test_a_workstation_has_few_slots_open(tmp_path: Path) -> None:
    identity = new_identity()
    async with relay_here(tmp_path, Limits(max_slots_per_workstation=1)) as relay:
        async with _host(relay, identity) as first, _host(relay, identity) as second:
            frames = [await first.read(), await second.read()]
            (refused,) = [frame for frame in frames if frame.HasField("closed")]
            assert reason_of(refused.closed.status) == "RATE_LIMITED"


async def test_joins_are_counted_per_address_on_loopback_too(tmp_path: Path) -> None:
    limits = Limits(joins_per_address=Rate(burst=1, per_second=0.001))
    async with relay_here(tmp_path, limits) as relay:
        reasons = []
        for _ in range(2):
            async with _guest(relay, "1") as guest:
                reasons.append(reason_of((await _heard(guest)).closed.status))
        assert reasons == ["CODE_UNKNOWN", "RATE_LIMITED"]


async def test_a_host_must_say_who_it_is(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, grpc.aio.insecure_channel(relay.addresses.grpc) as channel:
        call = pairing_service_pb2_grpc.PairingServiceStub(channel).Host()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            # The refusal may come before the frame is out, and then a write is an invalid state.
            with contextlib.suppress(asyncio.InvalidStateError):
                await call.write(HostRequest(open=pairing_service_pb2.OpenSlot()))
            await call.read()
        assert reason_of(caught.value) == "TOKEN_INVALID"


async def test_a_host_speaks_only_when_somebody_joined(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _host(relay) as host:
        await host.read()
        await host.write(HostRequest(step={"body": b"too early"}))
        assert reason_of((await host.read()).closed.status) == "MALFORMED"


async def test_guests_may_join_over_grpc(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay, _host(relay) as host:
        nameplate = (await host.read()).opened.nameplate
        async with grpc.aio.insecure_channel(relay.addresses.grpc, options=OWN_CONNECTION) as channel:
            call = pairing_service_pb2_grpc.PairingServiceStub(channel).Join()
            await call.write(JoinRequest(join={"nameplate": nameplate}))
            heard = await call.read()
            assert isinstance(heard, JoinResponse)
            assert heard.HasField("joined")
            call.cancel()


@pytest.mark.parametrize("frame", [b"\xff", JoinRequest(step={"body": b"x"}).SerializeToString(), b""])
async def test_a_bad_first_frame_is_refused(tmp_path: Path, frame: bytes) -> None:
    async with relay_here(tmp_path) as relay:
        async with websockets.connect(relay.addresses.http.replace("http", "ws", 1) + "/pairing") as guest:
            await guest.send(frame)
            assert reason_of((await _heard(guest)).closed.status) == "MALFORMED"
