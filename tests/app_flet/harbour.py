"""A relay with its workstations in one process, as an app meets them: real frames and pairing over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as link
from halyard_client.halyard.pairing import v1 as pairing
from tests.app_flet.workstation import Workstation, now, refusal, resource
from wire import names
from wire.errors import ClockSkew, HalyardError, PairingFailed
from wire.identity import PublicKeys, verify_token
from wire.pairing import Host, Link, Secrets, draw_secrets


@dataclass(eq=False)
class Reader:
    """One app's link."""

    device: str
    socket: ServerConnection
    focus: link.Focus = field(default_factory=link.Focus)


@dataclass(eq=False)
class Harbour:
    """The relay's side, for any number of apps and workstations."""

    workstations: dict[str, Workstation] = field(default_factory=dict)
    slots: dict[str, tuple[Workstation, Secrets]] = field(default_factory=dict)
    readers: list[Reader] = field(default_factory=list)
    hellos: list[link.AppHello] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    clock_offset_s: int = 0
    truncated_through: int = 0
    """What the relay says it has let go of; 0: nothing."""
    tells_time: Callable[[], datetime] | None = None
    """What it says the time is when it refuses a token for its times; None: the truth as it knows it."""
    heartbeat_seconds: int = 25
    reconnect_ceiling_seconds: int = 0
    pings: int = 0
    """Heartbeats heard, of all readers."""
    is_closed: bool = False
    """Nobody is let in: as a relay that is gone, whose port stays taken."""
    hands_out_nothing: bool = False
    """It welcomes and answers Pings; no log leaves it."""
    holds_calls: bool = False
    """Calls are stored and not passed on."""
    is_deaf: bool = False
    """No workstation hears that somebody looks: each is online, and its link has died unheard."""
    drops_replies: bool = False
    """The workstation takes calls and does them; its answers get lost."""
    calls: list[link.SealedCall] = field(default_factory=list)
    """Every call that came, repeats among them."""
    answered: dict[bytes, link.SealedReply] = field(default_factory=dict)
    """The workstations' memory of calls."""
    origin: str = ""

    def add(self, workstation: Workstation) -> Workstation:
        self.workstations[workstation.id] = workstation
        return workstation

    # --- what the workstation does ------------------------------------------------------------------------------------

    async def publish(self, workstation: Workstation, *values: v1.Resource) -> None:
        """Writes values and hands them to every reader."""
        records = [workstation.write(value) for value in values]
        batch = link.Batch(
            workstation_id=workstation.id, records=records, through=workstation.log.head.seq, head=workstation.head()
        )
        await self.broadcast(workstation, link.AttachAppResponse(batch=batch))

    async def stream(self, workstation: Workstation, session: str, *deltas: v1.Delta) -> None:
        """Hands hints to the readers that look at the session."""
        volatile = workstation.hints(session, deltas)
        batch = link.Batch(workstation_id=workstation.id, volatile=[volatile])
        for reader in list(self.readers):
            if reader.focus.focus == volatile.focus:
                await _send(reader.socket, link.AttachAppResponse(batch=batch))

    async def reset(self, workstation: Workstation) -> None:
        """The workstation's log began anew: every reader is told and gets it from its beginning, grant first."""
        epoch = link.Cursor(log_epoch=workstation.log.head.epoch)
        for reader in [reader for reader in self.readers if reader.device in workstation.members]:
            reset = link.Reset(workstation_id=workstation.id, cursor=epoch)
            await _send(reader.socket, link.AttachAppResponse(reset=reset))
            records = [workstation.grant(reader.device), *workstation.records_after(0)]
            batch = link.Batch(workstation_id=workstation.id, records=records, through=workstation.log.head.seq)
            await _send(reader.socket, link.AttachAppResponse(batch=batch))

    async def join(self, workstation: Workstation) -> None:
        """Every reader is told that the workstation lists it."""
        for reader in [reader for reader in self.readers if reader.device in workstation.members]:
            joined = link.Joined(workstation=self._state(reader, workstation))
            await _send(reader.socket, link.AttachAppResponse(joined=joined))

    async def presence(self, workstation: Workstation, *, online: bool) -> None:
        workstation.online = online
        frame = link.Presence(workstation_id=workstation.id, online=online, last_seen_time=now())
        await self.broadcast(workstation, link.AttachAppResponse(presence=frame))

    async def broadcast(self, workstation: Workstation, frame: link.AttachAppResponse) -> None:
        for reader in list(self.readers):
            if reader.device in workstation.members:
                await _send(reader.socket, frame)

    async def cut(self) -> None:
        """Every link breaks."""
        for reader in list(self.readers):
            await reader.socket.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something to be so; asked again whenever a frame came."""
        async with self.changed:
            await self.changed.wait_for(condition)

    def invite(self, workstation: Workstation, nameplate: str = "7") -> tuple[str, Link]:
        """Opens a slot; returns the code and the link that lead to it."""
        shown = draw_secrets()
        self.slots[nameplate] = (workstation, shown)
        return f"{nameplate}-{shown.digits}", Link(self.origin, nameplate, shown.link)

    # --- sockets ------------------------------------------------------------------------------------------------------

    async def handle(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        handler = {"/link": self._link, "/pairing": self._pairing}.get(path)
        if handler is not None and not self.is_closed:
            try:
                await handler(socket)
            except ConnectionClosed:
                return

    async def _link(self, socket: ServerConnection) -> None:
        first = link.AttachAppRequest.parse(await socket.recv(decode=False))
        hello = first.hello or link.AppHello()
        self.hellos.append(hello)
        async with self.changed:
            self.changed.notify_all()
        at = round(now().timestamp()) + self.clock_offset_s
        try:
            proof = verify_token(hello.token, self.origin, at)
        except HalyardError as error:
            told = self.tells_time() if self.tells_time else datetime.fromtimestamp(at, UTC)
            time = told if isinstance(error, ClockSkew) else None
            status = refusal(error.code, error.reason, error.message)
            await _send(socket, link.AttachAppResponse(refused=link.Refused(status=status, server_time=time)))
            return
        reader = Reader(proof.device_id, socket)
        known = [w for w in self.workstations.values() if proof.device_id in w.members]
        if not known:
            status = refusal(7, "NOT_A_MEMBER", "No workstation lists this device.")
            await _send(socket, link.AttachAppResponse(refused=link.Refused(status=status)))
            return
        await self._welcome(reader, hello, known)
        self.readers.append(reader)
        try:
            async for data in socket:
                await self._take(reader, link.AttachAppRequest.parse(data if isinstance(data, bytes) else b""))
                async with self.changed:
                    self.changed.notify_all()
        finally:
            self.readers.remove(reader)
            async with self.changed:
                self.changed.notify_all()

    async def _welcome(self, reader: Reader, hello: link.AppHello, known: list[Workstation]) -> None:
        states = [self._state(reader, workstation) for workstation in known]
        limits = link.Limits(max_frame_bytes=2**20, max_items=512, heartbeat_seconds=self.heartbeat_seconds)
        limits.reconnect_ceiling_seconds = self.reconnect_ceiling_seconds
        welcome = link.AppWelcome(workstations=states, limits=limits, server_time=now())
        await _send(reader.socket, link.AttachAppResponse(welcome=welcome))
        for workstation in known if not self.hands_out_nothing else ():
            await self._catch_up(reader, hello, workstation)

    def _state(self, reader: Reader, workstation: Workstation) -> link.WorkstationState:
        return link.WorkstationState(
            workstation_id=workstation.id,
            online=workstation.online,
            last_seen_time=now(),
            stored=link.Cursor(log_epoch=workstation.log.epoch, seq=workstation.log.head.seq),
            grant=workstation.grant(reader.device),
            head=workstation.head(),
            truncated_through=self.truncated_through,
        )

    async def _catch_up(self, reader: Reader, hello: link.AppHello, workstation: Workstation) -> None:
        cursors = {c.workstation_id: c.cursor for c in hello.cursors if c.cursor is not None}
        cursor = cursors.get(workstation.id)
        seq = cursor.seq if cursor is not None and cursor.log_epoch == workstation.log.epoch else 0
        records = workstation.records_after(seq)
        for at in range(0, len(records), 200):
            batch = link.Batch(
                workstation_id=workstation.id, records=records[at : at + 200], through=records[at : at + 200][-1].seq
            )
            await _send(reader.socket, link.AttachAppResponse(batch=batch))
        level = link.CaughtUp(
            workstation_id=workstation.id,
            cursor=link.Cursor(log_epoch=workstation.log.epoch, seq=workstation.log.head.seq),
            truncated_through=self.truncated_through,
        )
        await _send(reader.socket, link.AttachAppResponse(caught_up=level))

    async def _take(self, reader: Reader, frame: link.AttachAppRequest) -> None:
        if frame.ping is not None:
            self.pings += 1
            await _send(reader.socket, link.AttachAppResponse(pong=link.Pong(server_time=now())))
        if frame.focus is not None:
            reader.focus = frame.focus
            await self._looked_at(reader)
        if frame.call is not None and frame.call.call is not None:
            await self._call(reader, frame.call.workstation_id, frame.call.call)

    async def _looked_at(self, reader: Reader) -> None:
        """Workstations answer whoever looks with a new head."""
        there = (w for w in self.workstations.values() if w.online and reader.device in w.members)
        for workstation in there if reader.focus.foreground and not self.is_deaf else ():
            batch = link.Batch(workstation_id=workstation.id, head=workstation.head())
            await _send(reader.socket, link.AttachAppResponse(batch=batch))

    async def _call(self, reader: Reader, workstation_id: str, call: link.SealedCall) -> None:
        self.calls.append(call)
        stored = link.CallStored(workstation_id=workstation_id, call_id=call.call_id)
        await _send(reader.socket, link.AttachAppResponse(call_stored=stored))
        workstation = self.workstations[workstation_id]
        if self.holds_calls or not workstation.online:
            return
        taken = link.CallTaken(workstation_id=workstation_id, call_id=call.call_id)
        await _send(reader.socket, link.AttachAppResponse(call_taken=taken))
        if call.call_id not in self.answered:
            self.answered[call.call_id] = workstation.reply(reader.device, call)
        if self.drops_replies:
            return
        reply = link.AppReply(workstation_id=workstation_id, reply=self.answered[call.call_id])
        await _send(reader.socket, link.AttachAppResponse(reply=reply))

    async def _pairing(self, socket: ServerConnection) -> None:
        frame = pairing.JoinRequest.parse(await socket.recv(decode=False))
        slot = self.slots.pop(frame.join.nameplate, None) if frame.join else None
        if slot is None or frame.join is None:
            status = refusal(
                5, "CODE_UNKNOWN", "No workstation waits under this code. Run `agentd pair` for a new one."
            )
            await socket.send(bytes(pairing.JoinResponse(closed=pairing.SlotClosed(status=status))))
            return
        await socket.send(bytes(pairing.JoinResponse(joined=pairing.SlotJoined())))
        workstation, shown = slot
        host = Host(frame.join.nameplate, shown, 0)
        await self._host(socket, host, workstation)

    async def _host(self, socket: ServerConnection, host: Host, workstation: Workstation) -> None:
        while True:
            step = pairing.JoinRequest.parse(await socket.recv(decode=False)).step
            try:
                turn = host.receive(step.body if step else b"", 0)
            except PairingFailed as failed:
                await _step(socket, failed.last_words or b"")
                return
            if turn.send is not None:
                await _step(socket, turn.send)
            if turn.introduction is not None:
                await _step(socket, host.welcome(await self._met(workstation, turn.introduction)))
                return

    async def _met(self, workstation: Workstation, introduction: bytes) -> bytes:
        guest = pairing.GuestIntroduction.parse(introduction)
        keys = PublicKeys(guest.sign_key, guest.agree_key)
        workstation.members[keys.device_id] = keys
        device = v1.Device(
            name=names.device(keys.device_id),
            display_name=guest.display_name,
            platform=guest.platform,
            role=v1.DeviceRole.OPERATOR,
            pair_time=now(),
        )
        await self.publish(workstation, resource(device.name, device=device))
        own = workstation.identity.public
        return bytes(
            pairing.HostIntroduction(
                sign_key=own.sign,
                agree_key=own.agree,
                display_name=workstation.name,
                role="operator",
                relay_origin=self.origin,
            )
        )


async def _send(socket: ServerConnection, frame: link.AttachAppResponse) -> None:
    await socket.send(bytes(frame))


async def _step(socket: ServerConnection, body: bytes) -> None:
    await socket.send(bytes(pairing.JoinResponse(step=pairing.Step(body=body))))


@asynccontextmanager
async def open_harbour() -> AsyncIterator[Harbour]:
    """A harbour on a free port of this machine."""
    harbour = Harbour()
    async with serve(harbour.handle, "127.0.0.1", 0, compression=None) as server:
        harbour.origin = f"http://127.0.0.1:{_port(server)}"
        yield harbour


def _port(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
