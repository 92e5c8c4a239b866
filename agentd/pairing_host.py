"""Shows pairing codes and lets in whoever proves to know one (docs/pairing-protocol.md; counterpart: wire/pairing.py).

One slot at a time. A code that expires unused is replaced; a burnt one is replaced twice, and the third stops pairing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from google.protobuf.message import DecodeError
from grpc import aio

from agentd import relay_stream
from agentd.devices import Devices, role_word
from agentd.errors import Refused, malformed
from agentd.grpc_errors import reason_of
from agentd.pairing_turns import Turn, Turns
from agentd.relay_access import RelayAccess, channel, rpc_status
from agentd.relay_stream import LinkEnded, LinkSilent
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as pb
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from halyard.pairing.v1.pairing_service_pb2_grpc import PairingServiceStub
from wire.errors import Code, HalyardError, Malformed, PairingFailed
from wire.identity import PublicKeys
from wire.pairing import BurntCodes, Host, Link, Secrets, draw_secrets
from wire.pairing import Code as TypedCode

PUBLISH_SECONDS = 20.0
"""How long the relay may take to learn of a new device."""
ANSWER_SECONDS = 15.0
"""How long the relay may take to open a slot."""

Slot: TypeAlias = "aio.StreamStreamCall[pairing.HostRequest, pairing.HostResponse]"


class SlotExpired(Exception):
    """Nobody came within five minutes."""


class PairingHost:
    """Opens pairings for a person at the workstation."""

    def __init__(
        self,
        devices: Devices,
        access: RelayAccess | None,
        keys: PublicKeys,
        display_name: str,
        published: Callable[[], Awaitable[None]],
    ) -> None:
        """`published` returns once the relay knows everything that the log and the list of members say."""
        self._devices = devices
        self._published = published
        self._access = access
        self._keys = keys
        self._display_name = display_name
        self._turns = Turns()

    async def pair(self, role: workstation_pb2.DeviceRole) -> AsyncGenerator[pb.PairResponse, None]:
        """Codes and what becomes of them, until a device is paired.

        Raises what the relay refuses, CODE_BURNT after the third burnt code, and SUPERSEDED once somebody asks for a
        newer code.
        """
        if self._access is None:
            raise malformed("No relay is configured, so there is nowhere to meet; start with `agentd run --relay URL`.")
        async with self._turns.taken() as turn:
            burnt = BurntCodes()
            while burnt.may_show_another:
                try:
                    async for event in self._one_code(self._access, role, turn):
                        yield event
                        if event.HasField("paired"):
                            return
                except SlotExpired:
                    continue
                except PairingFailed as failure:
                    burnt = burnt.burnt()
                    yield pb.PairResponse(burnt=pb.PairingBurnt(reason=failure.message))
            raise Refused(
                Code.ABORTED,
                "CODE_BURNT",
                "Three codes in a row were used up without a pairing: somebody may be guessing. "
                "Pairing has stopped; start it again when you know who it was.",
            )

    async def _one_code(
        self, access: RelayAccess, role: workstation_pb2.DeviceRole, turn: Turn
    ) -> AsyncIterator[pb.PairResponse]:
        async with channel(access.relay) as dialled:
            slot = PairingServiceStub(dialled).Host(metadata=access.metadata())
            try:
                opened = await self._open(slot)
                shown = draw_secrets()
                yield pb.PairResponse(code=_shown_code(opened, shown, access.relay.origin))
                async for event in self._meet(slot, Host(opened.nameplate, shown, _now_ms()), role, turn):
                    yield event
            except aio.AioRpcError as error:
                raise _refusal(error) from error
            finally:
                turn.proving = False
                slot.cancel()

    async def _open(self, slot: Slot) -> pairing.SlotOpened:
        await relay_stream.write(slot, pairing.HostRequest(open=pairing.OpenSlot()))
        return (await _read(slot, ANSWER_SECONDS)).opened

    async def _meet(
        self, slot: Slot, host: Host, role: workstation_pb2.DeviceRole, turn: Turn
    ) -> AsyncIterator[pb.PairResponse]:
        while True:
            frame = await _read_patiently(slot, turn)
            match frame.WhichOneof("frame"):
                case "joined":
                    turn.proving = True
                    yield pb.PairResponse(joined=pb.PairingJoined())
                case "step":
                    introduction = await self._step(slot, host, frame.step.body)
                    if introduction is not None:
                        device = await self._welcome(slot, host, introduction, role)
                        yield pb.PairResponse(paired=device)
                        return
                case "closed":
                    raise _closed(host, frame.closed)

    async def _step(self, slot: Slot, host: Host, body: bytes) -> pairing.GuestIntroduction | None:
        try:
            turn = host.receive(body, _now_ms())
        except PairingFailed as failure:
            if failure.last_words:
                await _send(slot, failure.last_words)
            raise
        if turn.send is not None:
            await _send(slot, turn.send)
        if turn.introduction is None:
            return None
        try:
            return pairing.GuestIntroduction.FromString(turn.introduction)
        except DecodeError as error:
            raise PairingFailed("The app introduced itself in a way that cannot be read; update it.") from error

    async def _welcome(
        self, slot: Slot, host: Host, guest: pairing.GuestIntroduction, role: workstation_pb2.DeviceRole
    ) -> workstation_pb2.Device:
        granted = role or workstation_pb2.DEVICE_ROLE_OPERATOR
        try:
            keys = PublicKeys(guest.sign_key, guest.agree_key)
            device = self._devices.add(keys, guest.display_name or "app", guest.platform, granted)
        except (Malformed, Refused) as error:
            host.left()
            raise PairingFailed(f"The app introduced itself wrongly: {error.message}") from error
        try:
            # When the app hears that it is paired, it is: its first link must find it listed.
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._published()
                welcomed = await _send(slot, host.welcome(self._introduction(granted).SerializeToString()))
        except TimeoutError:
            welcomed = False
        if not welcomed:
            self._devices.revoke(device.name)
            raise PairingFailed("The link to the relay broke while the app was let in; show a new code.")
        await slot.done_writing()
        return device

    def _introduction(self, role: workstation_pb2.DeviceRole) -> pairing.HostIntroduction:
        return pairing.HostIntroduction(
            sign_key=self._keys.sign,
            agree_key=self._keys.agree,
            display_name=self._display_name,
            role=role_word(role),
            relay_origin=self._access.relay.origin if self._access else "",
        )


async def _read_patiently(slot: Slot, turn: Turn) -> pairing.HostResponse:
    if turn.proving:
        return await _read(slot)
    async with turn.waiting():
        return await _read(slot)


async def _read(slot: Slot, within_seconds: float | None = None) -> pairing.HostResponse:
    try:
        return await relay_stream.read(slot, within_seconds)
    except (LinkEnded, LinkSilent) as error:
        raise PairingFailed(str(error)) from error


async def _send(slot: Slot, step: bytes) -> bool:
    return await relay_stream.write(slot, pairing.HostRequest(step=pairing.Step(body=step)))


def _closed(host: Host, closed: pairing.SlotClosed) -> Exception:
    """What it means that the slot closed, from how far the exchange was."""
    unused = host.phase.name in ("OPEN", "EXPIRED") and reason_of(closed.status) == "CODE_EXPIRED"
    host.left()
    if unused:
        return SlotExpired()
    return PairingFailed(closed.status.message or "The app left before it was paired.")


def _shown_code(opened: pairing.SlotOpened, shown: Secrets, origin: str) -> pb.PairingCode:
    code = TypedCode(opened.nameplate, shown.digits)
    link = Link(origin, opened.nameplate, shown.link)
    return pb.PairingCode(code=str(code), url=str(link), expire_time=opened.expire_time)


def _refusal(error: aio.AioRpcError) -> HalyardError:
    status = rpc_status(error)
    reason = reason_of(status)
    if status.code == Code.UNAVAILABLE and not reason:
        return Refused(Code.UNAVAILABLE, "UNSPECIFIED", "The relay went away.")
    return Refused(Code(status.code), reason or "UNSPECIFIED", f"The relay refused: {status.message}")


def _now_ms() -> int:
    # Any one clock; this one never jumps.
    return time.monotonic_ns() // 1_000_000
