"""Hostile frames for every door of a relay, at some thousand frames a second: links in memory, relay and store real.

`python -m tests.relay.fuzzing --frames 100000` runs the long version; test_fuzzing.py a short one.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import Message

from halyard.link.v1 import link_service_pb2, record_pb2
from halyard.pairing.v1 import pairing_service_pb2
from relay import app_link, reading, workstation_link
from relay.limits import Limits, Rate
from relay.pairing_service import PairingService
from relay.server import Relay
from relay.services import Services
from tests.relay.memory_peers import MemoryPeer, MetPeer, PatientPeer
from tests.relay.peers import FakeApp, FakeWorkstation, new_call, new_identity, record, relay_here, token_for
from wire.errors import HalyardError
from wire.identity import Identity

LANES = 16
"""Hostile links at once; together they share the store's commits."""
_DAMAGED, _HUGE, _LEAVES = 0.05, 0.0005, 0.01
"""Shares of frames that are damaged or beyond the limit, and of frames after which a peer leaves in good order."""
_FREE = Rate(burst=1e9, per_second=1e9)
LIMITS = Limits(
    attach_per_device=_FREE,
    attach_per_address=_FREE,
    frames_per_workstation=_FREE,
    frames_per_app=_FREE,
    calls_per_device=_FREE,
    slots_per_workstation=_FREE,
    joins_per_address=_FREE,
    max_slots_per_workstation=1_000,
    max_workstations=1_000_000,
    first_frame_seconds=60.0,
    slot_seconds=0.5,
    # The neighbours send no pings, and a door takes its time on a busy machine.
    heartbeat_seconds=3_600,
    inbox_bytes=256 * 1024,
)


@dataclass
class Tally:
    """What came of it."""

    frames: int = 0
    links: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


class Mutator:
    """Makes hostile frames of good ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, good: bytes) -> bytes:
        """One frame: as it is, damaged, cut, doubled, foreign or beyond a limit."""
        fate = self._chance.random()
        if fate > _DAMAGED:
            return good
        damage = self._chance.choice((self._flipped, self._cut, self._doubled, self._noise))
        return self._huge(good) if fate < _HUGE else damage(bytearray(good))

    def _flipped(self, frame: bytearray) -> bytes:
        for _ in range(self._chance.randint(1, 4)):
            if frame:
                frame[self._chance.randrange(len(frame))] = self._chance.randrange(256)
        return bytes(frame)

    def _cut(self, frame: bytearray) -> bytes:
        return bytes(frame[: self._chance.randint(0, len(frame))])

    def _doubled(self, frame: bytearray) -> bytes:
        return bytes(frame + frame[self._chance.randint(0, len(frame)) :])

    def _noise(self, _frame: bytearray) -> bytes:
        return self._chance.randbytes(self._chance.randint(0, 64))

    def _huge(self, good: bytes) -> bytes:
        return good + bytes(LIMITS.max_frame_bytes)


class Fuzz:
    """A run against one relay."""

    def __init__(self, relay: Relay, frames: int, seed: int) -> None:
        self._services = relay.services
        self._origin = relay.addresses.origin
        self._pairing = PairingService(relay.services, behind_proxy=False)
        self._frames = frames
        self._chance = random.Random(seed)
        self._mutate = Mutator(self._chance)
        self._epochs: dict[str, bytes] = {}
        self.acknowledged: dict[str, int] = {}

    async def door(self, link: "Callable[[Fuzz, Tally, Identity], Awaitable[HalyardError | None]]") -> Tally:
        """Sends that many frames through one door, on as many links as that takes."""
        tally = Tally()
        async with asyncio.TaskGroup() as tasks:
            for identity in [new_identity() for _ in range(LANES)]:
                tasks.create_task(self._lane(link, tally, identity))
        return tally

    async def _lane(
        self,
        link: "Callable[[Fuzz, Tally, Identity], Awaitable[HalyardError | None]]",
        tally: Tally,
        identity: Identity,
    ) -> None:
        while tally.frames < self._frames:
            tally.links += 1
            try:
                error = await link(self, tally, identity)
            except HalyardError as refusal:
                error = refusal
            tally.refusals[error.reason if error else "good order"] += 1

    async def workstation(self, tally: Tally, identity: Identity) -> HalyardError | None:
        """One hostile workstation. It notes what was acknowledged, to be found again."""
        epoch = identity.device_id.encode()[:16]
        seq = self.acknowledged.get(identity.device_id, 0)

        def good() -> Message:
            nonlocal seq
            seq += 1
            return self._chance.choice(_WORKSTATION_FRAMES)(seq)

        hello = link_service_pb2.WorkstationHello(head=record_pb2.Cursor(log_epoch=epoch, seq=seq))
        first = link_service_pb2.AttachWorkstationRequest(hello=hello)
        peer = self._peer(tally, first, good)
        try:
            return await workstation_link.serve(peer, identity.device_id, self._services)
        finally:
            self._note(identity.device_id, peer)

    def _note(self, device_id: str, peer: MemoryPeer) -> None:
        """Remembers what was acknowledged of the log that the (perhaps damaged) hello named."""
        for heard in map(link_service_pb2.AttachWorkstationResponse.FromString, peer.heard):
            if heard.HasField("welcome"):
                epoch = link_service_pb2.AttachWorkstationRequest.FromString(peer.first).hello.head.log_epoch
                if self._epochs.get(device_id) == epoch:
                    assert heard.welcome.stored_through >= self.acknowledged[device_id]
                self._epochs[device_id] = epoch
                self.acknowledged[device_id] = heard.welcome.stored_through
            if heard.HasField("stored"):
                self.acknowledged[device_id] = heard.stored.through

    async def app(self, tally: Tally, identity: Identity) -> HalyardError | None:
        """One hostile app, which a workstation lists."""
        hello = link_service_pb2.AppHello(token=token_for(identity, self._origin))
        workstation_id = next(iter(self._services.hub.channels))
        self._enlist(workstation_id, identity.device_id)
        peer = self._peer(
            tally,
            link_service_pb2.AttachAppRequest(hello=hello),
            lambda: self._chance.choice(_APP_FRAMES)(workstation_id),
        )
        try:
            return await app_link.serve(peer, self._services)
        finally:
            for heard in peer.heard:
                link_service_pb2.AttachAppResponse.FromString(heard)

    async def host(self, tally: Tally, identity: Identity) -> HalyardError | None:
        """One hostile workstation that pairs."""
        opened = pairing_service_pb2.HostRequest(open=pairing_service_pb2.OpenSlot())
        step = pairing_service_pb2.HostRequest(step=pairing_service_pb2.Step(body=b"step"))
        plain = self._peer(tally, opened, lambda: step)
        peer = MetPeer(plain.first, plain._next_frame)
        async with asyncio.TaskGroup() as tasks:
            guest = tasks.create_task(self._patient_guest(peer))
            try:
                await self._pairing.host(peer, identity.device_id)
            except HalyardError as error:
                return error
            finally:
                guest.cancel()
        return None

    async def _patient_guest(self, host: MetPeer) -> None:
        join = pairing_service_pb2.JoinRequest(join=pairing_service_pb2.JoinSlot(nameplate=await host.nameplate.get()))
        with contextlib.suppress(HalyardError):
            await self._pairing.join(PatientPeer(join.SerializeToString()))

    async def guest(self, tally: Tally, _identity: Identity) -> HalyardError | None:
        """One hostile app that pairs."""
        step = pairing_service_pb2.JoinRequest(step=pairing_service_pb2.Step(body=b"step"))
        opened = pairing_service_pb2.HostRequest(open=pairing_service_pb2.OpenSlot()).SerializeToString()
        host = PatientPeer(opened)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._patient_host(host))
            nameplate = await host.nameplate()
            join = pairing_service_pb2.JoinRequest(join=pairing_service_pb2.JoinSlot(nameplate=nameplate))
            try:
                await self._pairing.join(self._peer(tally, join, lambda: step))
            except HalyardError as error:
                return error
            finally:
                host.leave.set()
        return None

    async def _patient_host(self, host: PatientPeer) -> None:
        # Its slot may expire before the guest is done with it.
        with contextlib.suppress(HalyardError):
            await self._pairing.host(host, "h" * 26)

    def _peer(self, tally: Tally, first: Message, good: Callable[[], Message]) -> MemoryPeer:
        def next_frame() -> bytes | None:
            if tally.frames >= self._frames or self._chance.random() < _LEAVES:
                return None
            tally.frames += 1
            return self._mutate(good().SerializeToString())

        tally.frames += 1
        begin = first.SerializeToString()
        return MemoryPeer(self._mutate(begin) if self._chance.random() < 0.1 else begin, next_frame)

    def _enlist(self, workstation_id: str, device_id: str) -> None:
        hub = self._services.hub
        hub.set_members(workstation_id, hub.channels[workstation_id].members | {device_id})


def _publish(seq: int) -> Message:
    publish = link_service_pb2.Publish(records=[record(seq, b"key %d" % (seq % 50))], through=seq)
    return link_service_pb2.AttachWorkstationRequest(publish=publish)


def _hints(seq: int) -> Message:
    hint = record_pb2.Volatile(focus=b"session", sealed=b"hint %d" % seq)
    head = record_pb2.Head(key_epoch=1, sealed=b"head")
    return link_service_pb2.AttachWorkstationRequest(publish=link_service_pb2.Publish(volatile=[hint], head=head))


def _ack(seq: int) -> Message:
    return link_service_pb2.AttachWorkstationRequest(inbox_ack=link_service_pb2.InboxAck(through=seq))


def _replies(_seq: int) -> Message:
    reply = record_pb2.SealedReply(call_id=new_call().call_id, sealed=b"answer")
    replies = link_service_pb2.Replies(replies=[link_service_pb2.DeviceReply(device_id="a" * 26, reply=reply)])
    return link_service_pb2.AttachWorkstationRequest(replies=replies)


def _members(seq: int) -> Message:
    members = link_service_pb2.Members(device_ids=["b" * 26, "c" * 26], revision=seq)
    return link_service_pb2.AttachWorkstationRequest(members=members)


def _ping(_seq: int) -> Message:
    return link_service_pb2.AttachWorkstationRequest(ping=record_pb2.Ping())


_WORKSTATION_FRAMES = (_publish, _publish, _publish, _hints, _ack, _replies, _members, _ping)


def _focus(workstation_id: str) -> Message:
    return link_service_pb2.AttachAppRequest(
        focus=link_service_pb2.Focus(workstation_id=workstation_id, focus=secrets.token_bytes(16))
    )


def _call(workstation_id: str) -> Message:
    return link_service_pb2.AttachAppRequest(
        call=link_service_pb2.AppCall(workstation_id=workstation_id, call=new_call(random.uniform(-5, 60)))
    )


def _app_ping(_workstation_id: str) -> Message:
    return link_service_pb2.AttachAppRequest(ping=record_pb2.Ping())


_APP_FRAMES = (_focus, _call, _call, _app_ping)
DOORS = {"workstation": Fuzz.workstation, "app": Fuzz.app, "host": Fuzz.host, "guest": Fuzz.guest}


async def fuzz(folder: Path, frames: int, seed: int = 1) -> dict[str, Tally]:
    """Fuzzes every door of one relay while two neighbours work; AssertionError when anything dies or is lost."""
    async with relay_here(folder, LIMITS) as relay:
        neighbour = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
        app = FakeApp(relay.addresses.http, relay.addresses.origin)
        run = Fuzz(relay, frames, seed)
        tallies: dict[str, Tally] = {}
        async with neighbour.attached():
            await neighbour.list_members(app.device_id)
            async with app.attached():
                for seq, (name, link) in enumerate(DOORS.items(), start=2):
                    tallies[name] = await run.door(link)
                    assert await neighbour.publish(record(seq)) == seq
                    while (await app.expect("batch")).through < seq:
                        pass
        await _nothing_is_lost(relay.services, run.acknowledged)
        assert not relay.services.hub.apps
        assert relay.services.greeting == 0
        assert len(relay.services.slots) == 0
        return tallies


async def _nothing_is_lost(services: Services, acknowledged: dict[str, int]) -> None:
    places = {place.device_id: place for place in (await services.store.read(reading.known)).places}
    assert acknowledged
    for device_id, through in acknowledged.items():
        assert places[device_id].stored_through >= through


def main() -> None:
    """The long version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="per door")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="halyard-fuzz-") as folder:
        tallies = asyncio.run(fuzz(Path(folder), options.frames, options.seed))
    for name, tally in tallies.items():
        sys.stdout.write(f"{name:12} {tally.frames:8} frames {tally.links:7} links  {dict(tally.refusals)}\n")
    sys.stdout.write(f"seed {options.seed}, {time.monotonic() - began:.1f} s\n")


if __name__ == "__main__":
    main()
