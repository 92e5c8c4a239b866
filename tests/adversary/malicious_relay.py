"""A relay in the hands of an enemy, between a real daemon and a real app: real frames over real sockets.

It behaves until a test bends something. It checks nothing that would protect anybody, keeps every byte that crossed it
(`crossed`), and lets a test say anything to either side. What it must never do is open a seal: it has no keys.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from grpc import aio
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from agentd.config import RelayAddress
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard.link.v1.link_service_pb2_grpc import LinkServiceServicer, add_LinkServiceServicer_to_server
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from halyard.pairing.v1.pairing_service_pb2_grpc import PairingServiceServicer, add_PairingServiceServicer_to_server

PATIENCE_SECONDS = 60.0
ToWorkstation = link.AttachWorkstationResponse
ToApp = link.AttachAppResponse


def as_it_is(frame: Any) -> list[Any]:
    return [frame]


@dataclass
class Backup:
    """What a relay has on disk of one log."""

    epoch: bytes = b""
    records: dict[bytes, record_pb2.Record] = field(default_factory=dict)
    through: int = 0
    head: record_pb2.Head | None = None

    def copy(self) -> "Backup":
        return Backup(self.epoch, dict(self.records), self.through, self.head)


class MaliciousRelay(LinkServiceServicer, PairingServiceServicer):
    """One workstation, any number of apps."""

    def __init__(self) -> None:
        self.crossed: list[bytes] = []
        self.disk = Backup()
        self.workstation_id = ""
        self.app_id = ""
        self.members: list[str] = []
        self.published: list[record_pb2.Record] = []
        """Every record that ever came, the replaced ones too."""
        self.calls: list[link.InboxCall] = []
        """Every call that ever came from an app."""
        self.replies: list[link.DeviceReply] = []
        self.hellos: list[link.AppHello] = []
        self.bend_batch: Callable[[link.Batch], list[link.Batch]] = as_it_is
        self.bend_call: Callable[[link.InboxCall], list[link.InboxCall]] = as_it_is
        self.bend_reply: Callable[[link.DeviceReply], list[link.DeviceReply]] = as_it_is
        self.bend_state: Callable[[link.WorkstationState], list[link.WorkstationState]] = as_it_is
        self.bend_step: Callable[[bytes, str], bytes] = lambda body, _side: body
        self.time_ms: Callable[[], int] | None = None
        self.grpc_port = self.http_port = 0
        self._inbox_seq = 0
        self._to_workstation: asyncio.Queue[ToWorkstation | None] | None = None
        self._apps: dict[ServerConnection, str] = {}
        self._focus: dict[ServerConnection, bytes] = {}
        self._slot: tuple[asyncio.Queue[pairing.HostResponse], asyncio.Queue[bytes]] | None = None
        self._changed = asyncio.Condition()

    @property
    def address(self) -> RelayAddress:
        return RelayAddress(origin=self.origin, grpc=f"127.0.0.1:{self.grpc_port}")

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns once it is so; asked after every frame."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    # --- what an enemy does ---

    def tell_workstation(self, **frame: Any) -> None:
        assert self._to_workstation is not None, "the workstation is linked"
        self._to_workstation.put_nowait(self._kept(ToWorkstation(**frame)))

    async def tell_apps(self, **frame: Any) -> None:
        for socket in list(self._apps):
            await self._say(socket, **frame)

    def hand_over(self, *calls: link.InboxCall) -> None:
        """Gives calls to the workstation as if they had just come."""
        for call in calls:
            self._inbox_seq += 1
            call.inbox_seq = self._inbox_seq
        self.tell_workstation(inbox=link.Inbox(calls=calls))

    async def cut_apps(self) -> None:
        for socket in list(self._apps):
            await socket.close()

    def cut_workstation(self) -> None:
        assert self._to_workstation is not None, "the workstation is linked"
        self._to_workstation.put_nowait(None)

    def restore(self, backup: Backup) -> None:
        """Its disk is an older copy from now on."""
        self.disk = backup.copy()

    # --- the workstation's link ---

    async def AttachWorkstation(
        self, requests: AsyncIterator[link.AttachWorkstationRequest], context: Any
    ) -> AsyncIterator[ToWorkstation]:
        hello = (await anext(aiter(requests))).hello
        if hello.head.log_epoch != self.disk.epoch:
            self.disk = Backup(hello.head.log_epoch)
            cursor = record_pb2.Cursor(log_epoch=self.disk.epoch)
            await self.tell_apps(reset=link.Reset(workstation_id=self.workstation_id, cursor=cursor))
        queue: asyncio.Queue[ToWorkstation | None] = asyncio.Queue()
        self._to_workstation = queue
        limits = record_pb2.Limits(heartbeat_seconds=20)
        self.tell_workstation(welcome=link.WorkstationWelcome(stored_through=self.disk.through, limits=limits))
        self._tell_watchers()
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(self._hear(requests))
            while (frame := await queue.get()) is not None:
                yield frame
            hearing.cancel()

    async def _hear(self, requests: AsyncIterator[link.AttachWorkstationRequest]) -> None:
        async for frame in requests:
            self._kept(frame)
            match frame.WhichOneof("frame"):
                case "publish":
                    await self._published(frame.publish)
                case "members":
                    self.members = list(frame.members.device_ids)
                case "inbox_ack":
                    await self._taken(frame.inbox_ack.through)
                case "replies":
                    for reply in frame.replies.replies:
                        self.replies.append(reply)
                        for bent in self.bend_reply(reply):
                            await self.tell_apps(
                                reply=link.AppReply(workstation_id=self.workstation_id, reply=bent.reply)
                            )
            await self._tell()

    async def _published(self, publish: link.Publish) -> None:
        self.published.extend(publish.records)
        self.disk.records |= {record.key: record for record in publish.records}
        self.disk.through = max(self.disk.through, publish.through)
        if publish.HasField("head"):
            self.disk.head = publish.head
        if publish.through:
            self.tell_workstation(stored=link.Stored(through=self.disk.through))
        batch = link.Batch(
            workstation_id=self.workstation_id, records=publish.records, through=publish.through,
            volatile=publish.volatile, head=publish.head if publish.HasField("head") else None,
        )  # fmt: skip
        for bent in self.bend_batch(batch):
            await self.tell_apps(batch=bent)

    async def _taken(self, through: int) -> None:
        for call in self.calls:
            if call.inbox_seq <= through:
                taken = link.CallTaken(workstation_id=self.workstation_id, call_id=call.call.call_id)
                await self.tell_apps(call_taken=taken)

    def _tell_watchers(self) -> None:
        if self._to_workstation is not None:
            watches = [link.Watch(focus=focus, count=1) for focus in set(self._focus.values()) if focus]
            self.tell_workstation(watchers=link.Watchers(watches=watches, apps=len(self._apps)))

    # --- an app's link ---

    async def handle(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        try:
            await (self._pair(socket) if path == "/pairing" else self._serve(socket))
        except ConnectionClosed:
            return
        finally:
            self._apps.pop(socket, None)
            self._focus.pop(socket, None)
            await self._tell()

    async def _serve(self, socket: ServerConnection) -> None:
        hello = self._kept(link.AttachAppRequest.FromString(await socket.recv(decode=False))).hello
        self.hellos.append(hello)
        if self.time_ms is not None:
            await self._refuse_clock(socket)
            return
        self._apps[socket] = ""
        states = self.bend_state(self.state())
        limits = record_pb2.Limits(heartbeat_seconds=20)
        await self._say(socket, welcome=link.AppWelcome(workstations=states, limits=limits))
        seq = next((at.cursor.seq for at in hello.cursors if at.cursor.log_epoch == self.disk.epoch), 0)
        for batch in self.bend_batch(self.batch_after(seq)):
            await self._say(socket, batch=batch)
        await self._say(socket, caught_up=self.caught_up())
        self._tell_watchers()
        await self._tell()
        async for data in socket:
            assert isinstance(data, bytes)
            await self._take(socket, self._kept(link.AttachAppRequest.FromString(data)))
            await self._tell()

    async def _refuse_clock(self, socket: ServerConnection) -> None:
        assert self.time_ms is not None
        refused = link.Refused()
        refused.server_time.FromMilliseconds(self.time_ms())
        await self._say(socket, refused=refused)

    def state(self) -> link.WorkstationState:
        cursor = record_pb2.Cursor(log_epoch=self.disk.epoch, seq=self.disk.through)
        return link.WorkstationState(
            workstation_id=self.workstation_id, online=True, stored=cursor, head=self.disk.head, grant=self.grant()
        )

    def grant(self) -> record_pb2.Record | None:
        """The app's grant, as far as its disk has one."""
        return self.disk.records.get(b"grants/" + self.app_id.encode())

    def batch_after(self, seq: int) -> link.Batch:
        records = sorted((r for r in self.disk.records.values() if r.seq > seq), key=lambda record: record.seq)
        return link.Batch(workstation_id=self.workstation_id, records=records, through=self.disk.through)

    def caught_up(self) -> link.CaughtUp:
        cursor = record_pb2.Cursor(log_epoch=self.disk.epoch, seq=self.disk.through)
        return link.CaughtUp(workstation_id=self.workstation_id, cursor=cursor)

    async def _take(self, socket: ServerConnection, frame: link.AttachAppRequest) -> None:
        match frame.WhichOneof("frame"):
            case "focus":
                self._focus[socket] = frame.focus.focus
                self._tell_watchers()
            case "ping":
                await self._say(socket, pong=record_pb2.Pong())
            case "call":
                self._inbox_seq += 1
                call = link.InboxCall(inbox_seq=self._inbox_seq, device_id=self.app_id, call=frame.call.call)
                self.calls.append(call)
                stored = link.CallStored(workstation_id=frame.call.workstation_id, call_id=call.call.call_id)
                await self._say(socket, call_stored=stored)
                for bent in self.bend_call(call):
                    self.tell_workstation(inbox=link.Inbox(calls=[bent]))

    async def _say(self, socket: ServerConnection, **frame: Any) -> None:
        try:
            await socket.send(self._kept(ToApp(**frame)).SerializeToString())
        except ConnectionClosed:
            return

    async def AttachApp(self, requests: Any, context: Any) -> AsyncIterator[ToApp]:
        for response in list[ToApp]():
            yield response

    # --- pairing ---

    async def Join(self, requests: Any, context: Any) -> AsyncIterator[pairing.JoinResponse]:
        for response in list[pairing.JoinResponse]():
            yield response

    async def Host(
        self, requests: AsyncIterator[pairing.HostRequest], context: Any
    ) -> AsyncIterator[pairing.HostResponse]:
        await anext(aiter(requests))
        to_host: asyncio.Queue[pairing.HostResponse] = asyncio.Queue()
        to_guest: asyncio.Queue[bytes] = asyncio.Queue()
        self._slot = to_host, to_guest
        to_host.put_nowait(pairing.HostResponse(opened=pairing.SlotOpened(nameplate="7")))
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(self._hear_host(requests, to_guest))
            while not hearing.done():
                getting = group.create_task(to_host.get())
                await asyncio.wait({getting, hearing}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
                getting.cancel()

    async def _hear_host(self, requests: AsyncIterator[pairing.HostRequest], to_guest: "asyncio.Queue[bytes]") -> None:
        async for frame in requests:
            self._kept(frame)
            to_guest.put_nowait(self.bend_step(frame.step.body, "guest"))

    def say_to_host(self, body: bytes) -> None:
        """A step in the name of a guest; the first one enters the slot. No relay of honest people does this."""
        assert self._slot is not None
        self._slot[0].put_nowait(pairing.HostResponse(step=pairing.Step(body=body)))

    async def host_said(self) -> bytes:
        """The host's next step."""
        assert self._slot is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._slot[1].get()

    async def _pair(self, socket: ServerConnection) -> None:
        self._kept(pairing.JoinRequest.FromString(await socket.recv(decode=False)))
        assert self._slot is not None, "the workstation shows a code"
        to_host, to_guest = self._slot
        to_host.put_nowait(pairing.HostResponse(joined=pairing.GuestJoined()))
        await socket.send(pairing.JoinResponse(joined=pairing.SlotJoined()).SerializeToString())
        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(self._speak(socket, to_guest))
            try:
                async for data in socket:
                    assert isinstance(data, bytes)
                    step = self._kept(pairing.JoinRequest.FromString(data)).step
                    self.say_to_host(self.bend_step(step.body, "host"))
            finally:
                speaking.cancel()

    async def _speak(self, socket: ServerConnection, to_guest: "asyncio.Queue[bytes]") -> None:
        while True:
            step = pairing.Step(body=await to_guest.get())
            await socket.send(pairing.JoinResponse(step=step).SerializeToString())

    # --- inside ---

    def _kept(self, frame: Any) -> Any:
        assert isinstance(frame, Message)
        self.crossed.append(frame.SerializeToString())
        return frame

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def malicious_relay() -> AsyncIterator[MaliciousRelay]:
    """One that listens meanwhile."""
    relay, server = MaliciousRelay(), aio.server()
    add_LinkServiceServicer_to_server(relay, server)
    add_PairingServiceServicer_to_server(relay, server)
    relay.grpc_port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with serve(relay.handle, "127.0.0.1", 0, compression=None, close_timeout=0.2) as http:
            relay.http_port = next(iter(http.sockets)).getsockname()[1]
            yield relay
    finally:
        await server.stop(None)
