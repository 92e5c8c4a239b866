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
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from halyard.agent.v1 import resource_pb2 as agent
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard.pairing.v1 import pairing_service_pb2 as pairing
from tests.fakes.app_pairing import MAX_FRAME_BYTES, binary, introduce, socket_url
from tests.fakes.app_refusals import CallFailed, LinkRefused, reason_of
from tests.fakes.app_replica import AppReplica
from wire import names
from wire.calls import uuid7
from wire.identity import JTI_BYTES, Identity, PublicKeys, make_token

__all__ = ["AppLink", "CallFailed", "LinkRefused", "reason_of"]

PATIENCE_SECONDS = 60.0
"""How long `until` and calls wait before the test fails."""

Answer = TypeVar("Answer", bound=Message)


@dataclass
class _Pending:
    """A call that is not answered yet; it is sealed and sent again on every new link."""

    call_id: bytes
    expires_ms: int
    plaintext: bytes
    answer: asyncio.Future[agent.CallResult]
    states: list[str] = field(default_factory=lambda: ["on this device"])


class AppLink(AppReplica):
    """One app, paired with one workstation."""

    def __init__(self, http: str, identity: Identity, host: pairing.HostIntroduction) -> None:
        """`http`: where the relay listens, for example "http://127.0.0.1:8080"."""
        self.http = http
        super().__init__(identity, PublicKeys(host.sign_key, host.agree_key))
        self.role = host.role
        self.relay_origin = host.relay_origin
        self.removed = False
        self.refusal: LinkRefused | None = None
        """Why the relay ended the last link, when it did."""
        self.closed: ConnectionClosedError | None = None
        """How the last link ended, when not in good order."""
        self._pending: dict[bytes, _Pending] = {}
        self._socket: ClientConnection | None = None
        self._focus = link.Focus()
        self._changed = asyncio.Condition()

    @classmethod
    async def pair(cls, http: str, code_or_link: str, *, display_name: str = "Test phone") -> "AppLink":
        """An app that has just been paired; PairingFailed or LinkRefused when the workstation or relay says no."""
        return cls(http, *await introduce(http, code_or_link, display_name))

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
        url = socket_url(self.http, "/link")
        # As the app does: heartbeats are frames of the protocol.
        async with connect(url, max_size=MAX_FRAME_BYTES, ping_interval=None) as socket:
            await socket.send(self._hello().SerializeToString())
            welcome = link.AttachAppResponse.FromString(binary(await socket.recv()))
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

    async def ping(self) -> None:
        """A heartbeat: a relay takes a device for dead that says nothing for two and a half intervals."""
        await self._frame(link.AttachAppRequest(ping=record_pb2.Ping()))

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns once the condition holds; it is asked after every frame. TimeoutError when it does not in time."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: bool(condition()))

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
                await self._take(link.AttachAppResponse.FromString(binary(data)))
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

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

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
