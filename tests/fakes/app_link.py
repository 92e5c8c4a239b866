"""A headless app: pairs with a code or link, follows a workstation's log over the real WebSocket, sends calls.

Speaks the real protocol with the real seals (docs/link-protocol.md, docs/pairing-protocol.md); only the screen is
missing. Flows, chaos tests and benchmarks drive it.

    app = await AppLink.pair(relay_http, code_or_link)
    async with app.attached():
        await app.until(lambda: "workstation" in app.resources)
        response = await app.call("AgentService/Prompt", pb.PromptRequest(…), pb.PromptResponse)
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from halyard.agent.v1 import resource_pb2 as agent
from halyard.agent.v1 import session_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from wire import names, sealing
from wire.calls import uuid7
from wire.errors import KeyMissing, KeyRetired, SealBroken
from wire.identity import JTI_BYTES, Identity, PublicKeys, make_token
from wire.log import Freshness, Record, Replica
from wire.pairing import Guest, Phase, parse_code, parse_link

PATIENCE_SECONDS = 30.0
"""How long `until` and calls wait before the test fails."""
MAX_FRAME_BYTES = 4 * 1024 * 1024

Answer = TypeVar("Answer", bound=Message)


class CallFailed(Exception):
    """A call was refused; `status` says by the workstation or by the relay, and why."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(f"{status.code} {reason_of(status)}: {status.message}")
        self.status = status

    @property
    def reason(self) -> str:
        """For example "ALREADY_DECIDED"."""
        return reason_of(self.status)

    @property
    def metadata(self) -> dict[str, str]:
        """What stands beside the reason."""
        return dict(_info(self.status).metadata)


class LinkRefused(Exception):
    """The relay refused the link, or the pairing."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(f"{status.code} {reason_of(status)}: {status.message}")
        self.status = status
        self.reason = reason_of(status)


def reason_of(status: status_pb2.Status) -> str:
    """The reason in a status; empty when it has none."""
    return _info(status).reason


def _info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return info
    return info


@dataclass
class _Pending:
    """A call that is not answered yet; it is sealed and sent again on every new link."""

    call_id: bytes
    expires_ms: int
    plaintext: bytes
    answer: asyncio.Future[agent.CallResult]
    states: list[str] = field(default_factory=lambda: ["on this device"])


class AppLink:
    """One app, paired with one workstation."""

    def __init__(self, http: str, identity: Identity, host: pairing.HostIntroduction) -> None:
        """`http`: where the relay listens, for example "http://127.0.0.1:8080"."""
        self.http = http
        self.identity = identity
        self.role = host.role
        self.relay_origin = host.relay_origin
        self._channel = sealing.Channel(identity, PublicKeys(host.sign_key, host.agree_key))
        self.workstation_id = self._channel.peer.device_id
        self.resources: dict[str, agent.Resource] = {}
        """Live values by name, as the newest opened records say."""
        self.hints: list[agent.Delta] = []
        """All hints that came, in order."""
        self.arrivals: list[tuple[str, int]] = []
        """(name, time.perf_counter_ns) of everything that was opened, records and hints alike."""
        self.online = False
        self.removed = False
        self.refusal: LinkRefused | None = None
        """Why the relay ended the last link, when it did."""
        self.closed: ConnectionClosedError | None = None
        """How the last link ended, when not in good order."""
        self.caught_up = False
        self.freshness = Freshness()
        self.ring: sealing.KeyRing | None = None
        self.replica: Replica[bytes] | None = None
        self._texts: dict[str, str] = {}
        self._unopened: list[record_pb2.Record] = []
        self._pending: dict[bytes, _Pending] = {}
        self._socket: ClientConnection | None = None
        self._focus = link.Focus()
        self._changed = asyncio.Condition()

    # --- pairing ---

    @classmethod
    async def pair(cls, http: str, code_or_link: str, *, display_name: str = "Test phone") -> "AppLink":
        """An app that has just been paired; PairingFailed or LinkRefused when the workstation or relay says no."""
        nameplate, secret = _parse_invitation(code_or_link)
        identity = Identity.from_bytes(secrets.token_bytes(64))
        introduction = pairing.GuestIntroduction(
            sign_key=identity.public.sign, agree_key=identity.public.agree, display_name=display_name, platform="test"
        )
        guest = Guest(nameplate, secret, introduction.SerializeToString(), _monotonic_ms())
        async with connect(_socket_url(http, "/pairing"), max_size=MAX_FRAME_BYTES) as socket:
            await socket.send(pairing.JoinRequest(join=pairing.JoinSlot(nameplate=nameplate)).SerializeToString())
            await _joined(socket)
            await _send_step(socket, guest.first_step)
            while True:
                turn = guest.receive(await _step(socket), _monotonic_ms())
                if turn.send is not None:
                    await _send_step(socket, turn.send)
                if guest.phase is Phase.PAIRED and turn.introduction is not None:
                    return cls(http, identity, pairing.HostIntroduction.FromString(turn.introduction))

    @classmethod
    def again(cls, former: "AppLink") -> "AppLink":
        """The same device with an empty replica, as after its storage was cleared."""
        peer = former._channel.peer
        host = pairing.HostIntroduction(
            sign_key=peer.sign, agree_key=peer.agree, role=former.role, relay_origin=former.relay_origin
        )
        return cls(former.http, former.identity, host)

    # --- following ---

    @asynccontextmanager
    async def attached(self) -> AsyncIterator["AppLink"]:
        """The link stands meanwhile; unanswered calls are sent again when it begins. LinkRefused when it may not."""
        async with connect(_socket_url(self.http, "/link"), max_size=MAX_FRAME_BYTES) as socket:
            await socket.send(self._hello().SerializeToString())
            welcome = link.AttachAppResponse.FromString(_binary(await socket.recv()))
            if welcome.HasField("refused"):
                raise LinkRefused(welcome.refused.status)
            await self._take(welcome)
            self._socket = socket
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read(socket))
                await socket.send(link.AttachAppRequest(focus=self._focus).SerializeToString())
                for call in list(self._pending.values()):
                    await self.send(call)
                try:
                    yield self
                finally:
                    self._socket = None
                    reading.cancel()

    async def focus(self, session: str) -> None:
        """The session is on screen from now on: hints of it will come. Empty: none is."""
        key = names.opaque_key(self._keys().name_key, session) if session else b""
        self._focus = link.Focus(workstation_id=self.workstation_id if session else "", focus=key)
        await self._frame(link.AttachAppRequest(focus=self._focus))

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns once the condition holds; it is asked after every frame. TimeoutError when it does not in time."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

    def named(self, prefix: str) -> list[agent.Resource]:
        """Live values whose name begins with `prefix`, in order of name."""
        return [self.resources[name] for name in sorted(self.resources) if name.startswith(prefix)]

    def text(self, part: str) -> str:
        """What is known of a part's growing text: its record, and the hints that join on to it."""
        return self._texts.get(part, "")

    # --- calling ---

    async def call(self, method: str, request: Message, answer: type[Answer], *, ttl_seconds: float = 60.0) -> Answer:
        """The answer to `method` ("AgentService/Prompt"); CallFailed when it was refused. Waits through lost links."""
        call = self.prepare(method, request, ttl_seconds=ttl_seconds)
        await self.send(call)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return self.read_answer(await call.answer, answer)

    def prepare(self, method: str, request: Message, *, ttl_seconds: float = 60.0) -> _Pending:
        """A call in the outbox, sent as soon as a link stands (`attached`, or `repeat`)."""
        plaintext = agent.Call(method=f"/halyard.agent.v1.{method}", request=request.SerializeToString())
        now_ms = time.time_ns() // 1_000_000
        call = _Pending(
            uuid7(now_ms, secrets.token_bytes(10)),
            now_ms + round(ttl_seconds * 1000),
            plaintext.SerializeToString(),
            asyncio.get_running_loop().create_future(),
        )
        self._pending[call.call_id] = call
        return call

    async def repeat(self, call: _Pending) -> agent.CallResult:
        """Sends the very same call once more and returns what it is answered with."""
        call.answer = asyncio.get_running_loop().create_future()
        self._pending[call.call_id] = call
        await self.send(call)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await call.answer

    @staticmethod
    def read_answer(result: agent.CallResult, answer: type[Answer]) -> Answer:
        """The response in a result; CallFailed when it holds a refusal."""
        if result.HasField("error"):
            raise CallFailed(result.error)
        return answer.FromString(result.response)

    # --- frames out ---

    def _hello(self) -> link.AttachAppRequest:
        now = time.time_ns() // 1_000_000_000
        token = make_token(self.identity, self.relay_origin, now, secrets.token_bytes(JTI_BYTES))
        hello = link.AppHello(token=token, version="test")
        if self.replica is not None:
            at = self.replica.resume()
            cursor = record_pb2.Cursor(log_epoch=at.epoch, seq=at.seq)
            hello.cursors.add(workstation_id=self.workstation_id, cursor=cursor)
        return link.AttachAppRequest(hello=hello)

    async def send(self, call: _Pending) -> None:
        """Sends a prepared call, when a link stands; else it leaves with the next one."""
        sealed = record_pb2.SealedCall(
            call_id=call.call_id, sealed=self._channel.seal_call(call.call_id, call.expires_ms, call.plaintext)
        )
        sealed.expire_time.FromMilliseconds(call.expires_ms)
        await self._frame(link.AttachAppRequest(call=link.AppCall(workstation_id=self.workstation_id, call=sealed)))

    async def _frame(self, frame: link.AttachAppRequest) -> None:
        if self._socket is not None:
            await self._socket.send(frame.SerializeToString())

    # --- frames in ---

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                await self._take(link.AttachAppResponse.FromString(_binary(data)))
        except ConnectionClosedError as closed:
            self.closed = closed
        await self._tell()

    async def _take(self, frame: link.AttachAppResponse) -> None:
        match frame.WhichOneof("frame"):
            case "welcome":
                for state in frame.welcome.workstations:
                    self._on_state(state)
            case "joined":
                self._on_state(frame.joined.workstation)
            case "batch":
                self._on_batch(frame.batch)
            case "caught_up":
                self._on_caught_up(frame.caught_up)
            case "reset":
                self._begin(frame.reset.cursor.log_epoch)
            case "presence":
                self.online = frame.presence.online
            case "removed":
                self.removed = True
            case "refused":
                self.refusal = LinkRefused(frame.refused.status)
            case _:
                self._take_call_frame(frame)
        await self._tell()

    def _take_call_frame(self, frame: link.AttachAppResponse) -> None:
        match frame.WhichOneof("frame"):
            case "call_stored":
                self._on_call(frame.call_stored.call_id, "at the relay")
            case "call_taken":
                self._on_call(frame.call_taken.call_id, "at the workstation")
            case "reply":
                self._on_reply(frame.reply.reply)
            case "call_refused":
                self._answer(frame.call_refused.call_id, agent.CallResult(error=frame.call_refused.status))

    def _on_caught_up(self, mark: link.CaughtUp) -> None:
        self.caught_up = True
        self._log_of(mark.cursor.log_epoch).caught_up(mark.cursor.seq, mark.truncated_through)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _on_state(self, state: link.WorkstationState) -> None:
        if state.workstation_id != self.workstation_id:
            return
        self.online = state.online
        if state.stored.log_epoch:
            self._log_of(state.stored.log_epoch)
        if state.HasField("grant"):
            self._open_grant(state.grant)
        if state.HasField("head"):
            self._note_head(state.head)

    def _on_batch(self, batch: link.Batch) -> None:
        if self.replica is None:
            return
        records = [Record(record.seq, record.key, record.sealed) for record in batch.records]
        changed = {record.seq for record in self.replica.apply(records, through=batch.through or None)}
        self._open_all(record for record in batch.records if record.seq in changed)
        for volatile in batch.volatile:
            self._on_volatile(volatile)
        if batch.HasField("head"):
            self._note_head(batch.head)

    def _open_all(self, records: Iterable[record_pb2.Record]) -> None:
        for record in records:
            if record.key == names.grant(self.identity.device_id).encode():
                self._open_grant(record)
            elif names.granted_device(record.key) is None:
                self._open(record)

    def _open(self, record: record_pb2.Record) -> None:
        if self.ring is None:
            self._unopened.append(record)
            return
        try:
            plaintext = sealing.open_record(self.ring, self._origin(), record.seq, record.key, record.sealed)
        except KeyMissing:
            self._unopened.append(record)
            return
        value = agent.Resource.FromString(plaintext)
        assert names.opaque_key(self.ring.name_key, value.name) == record.key, "a record is filed under its own name"
        self._note(value)

    def _note(self, value: agent.Resource) -> None:
        self.arrivals.append((value.name, time.perf_counter_ns()))
        if value.HasField("deleted"):
            gone = [name for name in self.resources if name == value.name or name.startswith(value.name + "/")]
            for name in gone:
                del self.resources[name]
            return
        self.resources[value.name] = value
        if value.HasField("part"):
            self._settle_text(value)

    def _settle_text(self, value: agent.Resource) -> None:
        part = value.part
        text = part.tool_call.output or part.reasoning.text or part.text.text
        held = self._texts.get(value.name, "")
        # A checkpoint may be older than the hints that came meanwhile: what continues it stays.
        if part.state != session_pb2.PART_STATE_OPEN or not held.startswith(text):
            self._texts[value.name] = text

    def _on_volatile(self, volatile: record_pb2.Volatile) -> None:
        try:
            plaintext = sealing.open_volatile(self._keys(), self._origin(), volatile.focus, volatile.sealed)
        except (KeyMissing, KeyRetired):
            return
        for delta in agent.DeltaBatch.FromString(plaintext).deltas:
            self.arrivals.append((delta.part, time.perf_counter_ns()))
            self.hints.append(delta)
            held = self._texts.get(delta.part, "").encode()
            if delta.offset_bytes <= len(held) < delta.offset_bytes + len(delta.text.encode()):
                fresh = delta.text.encode()[len(held) - delta.offset_bytes :]
                self._texts[delta.part] = (held + fresh).decode()

    def _open_grant(self, record: record_pb2.Record) -> None:
        if not record.sealed or self.replica is None:
            return
        self.ring = self._channel.open_grant(self.replica.epoch, record.sealed)
        waiting, self._unopened = self._unopened, []
        self._open_all(waiting)

    def _note_head(self, head: record_pb2.Head) -> None:
        if self.ring is None or self.replica is None:
            return
        try:
            opened = sealing.open_head(self.ring, self._origin(), head.sealed)
        except SealBroken:
            return
        self.freshness = self.freshness.note(opened, self.replica.through, time.time_ns() // 1_000_000)

    def _on_call(self, call_id: bytes, state: str) -> None:
        if call_id in self._pending:
            self._pending[call_id].states.append(state)

    def _on_reply(self, reply: record_pb2.SealedReply) -> None:
        call = self._pending.get(reply.call_id)
        if call is None:
            return
        opened = self._channel.open_reply(call.call_id, call.expires_ms, reply.sealed)
        self._answer(call.call_id, agent.CallResult.FromString(opened))

    def _answer(self, call_id: bytes, result: agent.CallResult) -> None:
        call = self._pending.pop(call_id, None)
        if call is not None and not call.answer.done():
            call.answer.set_result(result)

    # --- what is known ---

    def _log_of(self, epoch: bytes) -> Replica[bytes]:
        if self.replica is None or self.replica.epoch != epoch:
            self._begin(epoch)
        assert self.replica is not None
        return self.replica

    def _begin(self, epoch: bytes) -> None:
        self.replica = Replica(epoch)
        # Another log, another name key: the grant comes among the first records.
        self.ring = None
        self.resources.clear()
        self._texts.clear()
        self._unopened.clear()
        self.caught_up = False

    def _origin(self) -> sealing.Origin:
        assert self.replica is not None
        return sealing.Origin(self.workstation_id, self.replica.epoch)

    def _keys(self) -> sealing.KeyRing:
        assert self.ring is not None, "the grant has not arrived yet: await until(lambda: app.ring)"
        return self.ring


def _parse_invitation(text: str) -> tuple[str, str | bytes]:
    if "#" in text:
        opened = parse_link(text)
        return opened.nameplate, opened.secret
    code = parse_code(text)
    return code.nameplate, code.digits


async def _joined(socket: ClientConnection) -> None:
    answer = pairing.JoinResponse.FromString(_binary(await socket.recv()))
    if answer.HasField("closed"):
        raise LinkRefused(answer.closed.status)


async def _step(socket: ClientConnection) -> bytes:
    answer = pairing.JoinResponse.FromString(_binary(await socket.recv()))
    if answer.HasField("closed"):
        raise LinkRefused(answer.closed.status)
    return answer.step.body


async def _send_step(socket: ClientConnection, body: bytes) -> None:
    await socket.send(pairing.JoinRequest(step=pairing.Step(body=body)).SerializeToString())


def _binary(data: str | bytes) -> bytes:
    assert isinstance(data, bytes), "the relay speaks in binary frames"
    return data


def _socket_url(http: str, path: str) -> str:
    return http.replace("http", "ws", 1) + path


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
