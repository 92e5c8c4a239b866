"""The app's side of a pairing, over the real WebSocket (docs/pairing-protocol.md)."""

import secrets
import time

from websockets.asyncio.client import ClientConnection, connect

from halyard.pairing.v1 import pairing_service_pb2 as pairing
from tests.fakes.app_refusals import LinkRefused
from wire.identity import Identity
from wire.pairing import Guest, Phase, parse_code, parse_link

MAX_FRAME_BYTES = 4 * 1024 * 1024


async def introduce(http: str, code_or_link: str, display_name: str) -> tuple[Identity, pairing.HostIntroduction]:
    """A fresh identity, and what the workstation said of itself; PairingFailed or LinkRefused without a pairing."""
    nameplate, secret = _parse_invitation(code_or_link)
    identity = Identity.from_bytes(secrets.token_bytes(64))
    introduction = pairing.GuestIntroduction(
        sign_key=identity.public.sign, agree_key=identity.public.agree, display_name=display_name, platform="test"
    )
    guest = Guest(nameplate, secret, introduction.SerializeToString(), _monotonic_ms())
    async with connect(socket_url(http, "/pairing"), max_size=MAX_FRAME_BYTES) as socket:
        await socket.send(pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate)).SerializeToString())
        await _joined(socket)
        await _send_step(socket, guest.first_step)
        while True:
            turn = guest.receive(await _step(socket), _monotonic_ms())
            if turn.send is not None:
                await _send_step(socket, turn.send)
            if guest.phase is Phase.PAIRED and turn.introduction is not None:
                return identity, pairing.HostIntroduction.FromString(turn.introduction)


def binary(data: str | bytes) -> bytes:
    """A binary frame."""
    assert isinstance(data, bytes), "the relay speaks in binary frames"
    return data


def socket_url(http: str, path: str) -> str:
    """The WebSocket address of `path` at a relay that listens at `http`."""
    return http.replace("http", "ws", 1) + path


def _parse_invitation(text: str) -> tuple[str, str | bytes]:
    if "#" in text:
        opened = parse_link(text)
        return opened.nameplate, opened.secret
    code = parse_code(text)
    return code.nameplate, code.digits


async def _joined(socket: ClientConnection) -> None:
    answer = pairing.JoinResponse.FromString(binary(await socket.recv()))
    if answer.HasField("closed"):
        raise LinkRefused(answer.closed.status)


async def _step(socket: ClientConnection) -> bytes:
    answer = pairing.JoinResponse.FromString(binary(await socket.recv()))
    if answer.HasField("closed"):
        raise LinkRefused(answer.closed.status)
    return answer.step.body


async def _send_step(socket: ClientConnection, body: bytes) -> None:
    await socket.send(pairing.JoinRequest(step=pairing.Step(body=body)).SerializeToString())


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
