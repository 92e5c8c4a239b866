"""Meeting a workstation: the guest's side of a pairing, over a WebSocket at `/pairing`. docs/pairing-protocol.md."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app_flet.reading import read
from app_flet.store import WorkstationRow
from halyard_client.halyard.pairing.v1 import (
    GuestIntroduction,
    HostIntroduction,
    JoinRequest,
    JoinResponse,
    JoinSlot,
    SlotClosed,
    Step,
)
from wire.errors import HalyardError, PairingFailed
from wire.identity import Identity, PublicKeys
from wire.pairing import Code, Guest, Link

OPEN_SECONDS = 10
STEP_SECONDS = 60
"""A host answers each step at once; longer than this means that it is gone."""
MAX_FRAME_BYTES = 16 * 1024
BURNT = "The code did not match or was used before. Run `agentd pair` for a new one."


class PairingBroken(Exception):
    """The pairing did not come about; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Paired:
    """A workstation that introduced itself."""

    keys: PublicKeys
    display_name: str
    role: str
    relay: str

    @property
    def workstation(self) -> str:
        """Its device id, made from its keys."""
        return self.keys.device_id

    def row(self, former: WorkstationRow | None) -> WorkstationRow:
        """What to keep; what is held of the same workstation stays."""
        fresh = WorkstationRow(
            self.workstation, self.keys.sign, self.keys.agree, self.display_name, self.role, self.relay
        )
        if former is None:
            return fresh
        return replace(former, display_name=self.display_name, role=self.role, relay=self.relay)


@dataclass(frozen=True, slots=True)
class Guise:
    """How this device introduces itself."""

    display_name: str
    platform: str


def websocket_url(relay: str, path: str) -> str:
    """`http(s)://host` → `ws(s)://host/path`."""
    return "ws" + relay.removeprefix("http").rstrip("/") + path


def proxy_for(url: str) -> Literal[True] | None:
    """Whether to ask the environment for a proxy: never for this machine itself."""
    host = url.split("//", 1)[-1]
    return None if host.startswith(("127.", "localhost", "[::1]")) else True


async def pair(relay: str, code: Code | Link, own: Identity, guise: Guise, now_ms: Callable[[], int]) -> Paired:
    """Joins the slot that `code` names and proves to know its secret. PairingBroken when it did not come about."""
    url = websocket_url(relay, "/pairing")
    try:
        async with connect(
            url, max_size=MAX_FRAME_BYTES, open_timeout=OPEN_SECONDS, compression=None, proxy=proxy_for(url)
        ) as socket:
            return await _converse(socket, code, own, guise, now_ms)
    except HalyardError as error:
        raise PairingBroken(error.message) from None
    except TimeoutError:
        raise PairingBroken("The workstation does not answer. Is `agentd pair` still waiting?") from None
    except (OSError, WebSocketException):
        raise PairingBroken(f"The relay at {relay} cannot be reached. Check the address and your network.") from None


async def _converse(
    socket: ClientConnection, code: Code | Link, own: Identity, guise: Guise, now_ms: Callable[[], int]
) -> Paired:
    await socket.send(bytes(JoinRequest(join=JoinSlot(nameplate=code.nameplate))))
    await _joined(socket)
    secret = code.digits if isinstance(code, Code) else code.secret
    guest = Guest(code.nameplate, secret, _introduction(own, guise), now_ms())
    await _say(socket, guest.first_step)
    while True:
        try:
            turn = guest.receive(await _step(socket), now_ms())
        except PairingFailed as failed:
            if failed.last_words is not None:
                await _say(socket, failed.last_words)
            raise PairingBroken(failed.message) from None
        if turn.send is not None:
            await _say(socket, turn.send)
        if turn.introduction is not None:
            return _met(read(HostIntroduction, turn.introduction))


def _introduction(own: Identity, guise: Guise) -> bytes:
    keys = own.public
    return bytes(
        GuestIntroduction(
            sign_key=keys.sign, agree_key=keys.agree, display_name=guise.display_name, platform=guise.platform
        )
    )


def _met(host: HostIntroduction) -> Paired:
    return Paired(PublicKeys(host.sign_key, host.agree_key), host.display_name, host.role, host.relay_origin)


async def _say(socket: ClientConnection, body: bytes) -> None:
    await socket.send(bytes(JoinRequest(step=Step(body=body))))


async def _joined(socket: ClientConnection) -> None:
    frame = await _receive(socket)
    if frame.joined is None:
        raise _closed(frame.closed)


async def _step(socket: ClientConnection) -> bytes:
    frame = await _receive(socket)
    if frame.step is None:
        raise _closed(frame.closed)
    return frame.step.body


async def _receive(socket: ClientConnection) -> JoinResponse:
    async with asyncio.timeout(STEP_SECONDS):
        data = await socket.recv(decode=False)
    return read(JoinResponse, data)


def _closed(closed: SlotClosed | None) -> PairingBroken:
    text = closed.status.message if closed is not None and closed.status is not None else ""
    return PairingBroken(text or BURNT)
