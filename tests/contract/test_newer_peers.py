"""A peer one release newer: what it says beyond this release is skipped or refused in words, at every door."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from google.protobuf.message import Message
from grpc import aio

from app_flet.intents import Intent
from app_flet.outgoing import Refused
from halyard.agent.v1 import resource_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from halyard.pairing.v1.pairing_service_pb2_grpc import PairingServiceStub
from halyard_client.halyard.agent import v1
from tests.adversary.scene import Scene, opened
from tests.relay.peers import OWN_CONNECTION, FakeApp, FakeWorkstation, bearer, new_identity, relay_here, token_for
from wire.sealing import Origin, seal_record

M = TypeVar("M", bound=Message)
AGENTS = "/halyard.agent.v1.AgentService/"
# Field 9999: a whole frame of a later release, or a field of one within a known frame.
TOMORROW = b"\xfa\xf0\x04\x03new"
DATA = b"\xf8\xf0\x04\x96\x01"


def with_more(message: Message) -> bytes:
    """The message as a later release writes it."""
    return message.SerializeToString() + TOMORROW + DATA


async def read(stream: Any, kind: type[M]) -> M:
    frame = await stream.read()
    assert isinstance(frame, kind)
    return frame


async def test_the_relay_takes_newer_apps_and_workstations(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        desk = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        async with desk.attached():
            await desk.list_members(app.device_id)
            await desk._call.write(link.AttachWorkstationRequest.FromString(TOMORROW))
            publish = link.Publish.FromString(
                with_more(link.Publish(records=[record_pb2.Record(seq=2, key=b"k", sealed=b"s")], through=2))
            )
            await desk.send(publish=publish)
            assert (await desk.expect("stored")).through == 2
            async with app.connected():
                hello = link.AppHello(token=token_for(app.identity, app.origin), capabilities=["sails", "oars"])
                await app.socket.send(with_more(link.AttachAppRequest(hello=hello)))
                assert (await app.expect("welcome")).workstations
                await app.socket.send(TOMORROW)
                await app.socket.send(with_more(link.AttachAppRequest(ping=record_pb2.Ping())))
                await app.expect("pong")


async def test_the_relay_takes_newer_sides_of_a_pairing(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as relay:
        token = token_for(new_identity(), relay.addresses.origin)
        async with aio.insecure_channel(relay.addresses.grpc, options=OWN_CONNECTION) as channel:
            stub = PairingServiceStub(channel)
            host = stub.Host(metadata=bearer(token))
            await host.write(pairing.HostRequest.FromString(with_more(pairing.HostRequest(open=pairing.OpenSlot()))))
            nameplate = (await read(host, pairing.HostResponse)).opened.nameplate
            guest = stub.Join()
            join = pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate))
            await guest.write(pairing.JoinRequest.FromString(with_more(join)))
            assert (await read(guest, pairing.JoinResponse)).HasField("joined")
            assert (await read(host, pairing.HostResponse)).HasField("joined")
            step = pairing.JoinRequest(step=pairing.Step(body=b"a step of tomorrow"))
            await guest.write(pairing.JoinRequest.FromString(with_more(step)))
            assert (await read(host, pairing.HostResponse)).step.body == b"a step of tomorrow"
            host.cancel()
            guest.cancel()


async def test_agentd_and_the_app_take_a_newer_relay(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        assert at.relay._to_workstation is not None
        at.relay._to_workstation.put_nowait(link.AttachWorkstationResponse.FromString(TOMORROW))
        stored = link.AttachWorkstationResponse(stored=link.Stored(through=1))
        at.relay._to_workstation.put_nowait(link.AttachWorkstationResponse.FromString(with_more(stored)))
        for socket in list(at.relay._apps):
            await socket.send(TOMORROW)
            await socket.send(with_more(link.AttachAppResponse(pong=record_pb2.Pong())))
        await at.settled()
        await at.rename("still followed")
        await at.until(lambda: at.title() == "still followed")


async def test_the_app_takes_a_newer_workstation(tmp_path: Path) -> None:
    """A resource of a kind that nobody knows, and a known one with fields, roles and states of tomorrow."""
    async with opened(tmp_path) as at:
        head = at.relay.disk.through
        kind = resource_pb2.Resource(name="sessions/s9").SerializeToString() + TOMORROW
        session = v1.Session(name="sessions/s8", title="from tomorrow", state=v1.SessionState(77))
        known = bytes(v1.Resource(name="sessions/s8", session=session)) + DATA
        part = f"{at.session}/messages/m9/parts/p9"
        open_part = bytes(v1.Resource(name=part, part=v1.Part(name=part, state=v1.PartState(77)))) + TOMORROW
        values = [("sessions/s9", kind), ("sessions/s8", known), (part, open_part)]
        records = [_sealed(at, head + 100 + n, name, value) for n, (name, value) in enumerate(values)]
        await at.relay.tell_apps(batch=link.Batch(workstation_id=at.desk, records=records))
        await at.until(lambda: at.title("sessions/s8") == "from tomorrow")
        await at.settled()
        assert at.view.warning == ""


def _sealed(at: Scene, seq: int, name: str, value: bytes) -> record_pb2.Record:
    assert at.daemon.uplink is not None
    sealer = at.daemon.uplink._ends.sealer
    key = sealer.focus(name)
    sealed = seal_record(sealer.ring.newest, Origin(at.desk, at.daemon.log.epoch), seq, key, value)
    return record_pb2.Record(seq=seq, key=key, key_epoch=sealer.ring.newest.number, sealed=sealed)


async def _refusal(answer: Awaitable[bytes]) -> str:
    """The reason; empty when it was done."""
    try:
        await answer
    except Refused as refused:
        return refused.reason
    return ""


@pytest.mark.parametrize(
    ("method", "request_bytes", "reason"),
    [
        ("Sail", b"", "UNSUPPORTED"),
        ("Prompt", bytes(v1.PromptRequest(session="sessions/s", text="hello")) + TOMORROW, ""),
        (
            "Decide",
            bytes(v1.DecideRequest(permission="sessions/s/permissions/p", outcome=v1.DecisionState(77))),
            "MALFORMED",
        ),
    ],
    ids=["a method", "a field", "a decision"],
)
async def test_agentd_takes_a_newer_app(tmp_path: Path, method: str, request_bytes: bytes, reason: str) -> None:
    async with opened(tmp_path) as at:
        at.agent.ask(f"{at.session}/permissions/p")
        await at.until(lambda: f"{at.session}/permissions/p" in at.view.held)
        refused = await _refusal(at.phone.ask(at.desk, Intent(AGENTS + method, request_bytes, 60_000)))
        assert refused == reason
        assert [asked for asked in at.agent.asked if asked[0] == "decide"] == []
        await at.settled()
