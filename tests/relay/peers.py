"""Peers that speak the real protocol to a real relay: a workstation over gRPC, an app over WebSocket."""

import asyncio
import contextlib
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from halyard.link.v1 import link_service_pb2, link_service_pb2_grpc, record_pb2
from relay.config import Address, ServeConfig
from relay.limits import Limits
from relay.server import Relay, running
from wire.calls import uuid7
from wire.identity import Identity, make_token

PATIENCE_SECONDS = 60.0
PUBLIC_URL = "https://relay.example.org"
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]

FromRelay = link_service_pb2.AttachWorkstationResponse
ToRelay = link_service_pb2.AttachWorkstationRequest
ToApp = link_service_pb2.AttachAppResponse
FromApp = link_service_pb2.AttachAppRequest


def new_identity() -> Identity:
    return Identity.from_bytes(secrets.token_bytes(64))


def token_for(identity: Identity, origin: str, at: float | None = None) -> str:
    return make_token(identity, origin, int(time.time() if at is None else at), secrets.token_bytes(16))


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def new_call(seconds: float = 60.0, sealed: bytes = b"sealed call") -> record_pb2.SealedCall:
    expire = Timestamp()
    expire.FromMilliseconds(round((time.time() + seconds) * 1000))
    call_id = uuid7(int(time.time() * 1000), secrets.token_bytes(10))
    return record_pb2.SealedCall(call_id=call_id, expire_time=expire, sealed=sealed)


def record(seq: int, key: bytes | None = None, sealed: bytes = b"sealed value") -> record_pb2.Record:
    return record_pb2.Record(seq=seq, key=key or b"key %d" % seq, key_epoch=1, sealed=sealed)


def reason_of(error: aio.AioRpcError | status_pb2.Status) -> str:
    """The reason in the ErrorInfo of a status."""
    status = error if isinstance(error, status_pb2.Status) else status_pb2.Status()
    if isinstance(error, aio.AioRpcError):
        trailing = dict(error.trailing_metadata() or ())
        status.ParseFromString(trailing["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "halyard"
    return info.reason


@contextlib.asynccontextmanager
async def relay_here(folder: Path, limits: Limits | None = None, **settings: Any) -> AsyncIterator[Relay]:
    """A relay in this process on free loopback ports."""
    if settings.get("behind_tls_proxy"):
        settings.setdefault("public_url", PUBLIC_URL)
    config = ServeConfig(
        http=settings.pop("http", Address("127.0.0.1", 0)),
        grpc=Address("127.0.0.1", 0),
        data_dir=folder,
        database=folder / "relay.db",
        limits=limits or Limits(),
        **{"web_app": False, **settings},
    )
    async with running(config) as relay:
        yield relay


@dataclass
class RelayProcess:
    """A relay in a process of its own."""

    http: str
    grpc: str
    origin: str
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """Asks it to stop; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def relay_process(folder: Path, *arguments: str) -> Iterator[RelayProcess]:
    """`python -m relay.main serve --json`; killed in the end if it still runs."""
    command = [sys.executable, "-m", "relay.main", "serve", "--json", "--no-web-app", "--data", str(folder)]
    command += ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *arguments]
    with (
        (folder.parent / f"{folder.name}.log").open("a") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["pid"] == process.pid
            yield RelayProcess(told["http"], told["grpc"], told["origin"], process)
        finally:
            process.kill()


class _Inbound:
    """Frames as they came, to be waited for by kind."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._waiting: list[Any] = []

    async def expect(self, kind: str) -> Any:
        """The next frame of `kind`; others that come before it are kept for later."""
        for index, frame in enumerate(self._waiting):
            if frame.WhichOneof("frame") == kind:
                return getattr(self._waiting.pop(index), kind)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = await self._read()
                assert frame is not None, f"the link ended before a {kind}"
                if frame.WhichOneof("frame") == kind:
                    return getattr(frame, kind)
                self._waiting.append(frame)

    async def next(self) -> Any:
        """The next frame of any kind, None at the end."""
        if self._waiting:
            return self._waiting.pop(0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._read()

    async def rest(self) -> list[str]:
        """The kinds of all frames until the end."""
        kinds: list[str] = []
        while (frame := await self.next()) is not None:
            kinds.append(frame.WhichOneof("frame"))
        return kinds


@dataclass
class FakeWorkstation:
    """One workstation: knows its log epoch and the seq it reached."""

    grpc: str
    origin: str
    identity: Identity = field(default_factory=new_identity)
    epoch: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    revision: int = 0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.welcome = link_service_pb2.WorkstationWelcome()
        self._call: Any = None
        self._inbound = _Inbound(self._read)

    @property
    def device_id(self) -> str:
        return self.identity.device_id

    @contextlib.asynccontextmanager
    async def attached(
        self, head: int = 0, invite: str = "", token: str | None = None
    ) -> AsyncIterator["FakeWorkstation"]:
        """The link, welcomed."""
        async with aio.insecure_channel(self.grpc, options=OWN_CONNECTION) as channel:
            self.open(channel, token)
            hello = link_service_pb2.WorkstationHello(
                head=record_pb2.Cursor(log_epoch=self.epoch, seq=head), invite=invite, version="test"
            )
            await self.send(hello=hello)
            self.welcome = await self.expect("welcome")
            yield self
            await self.leave()

    async def leave(self) -> None:
        """Ends the link in good order: when this returns, the relay knows."""
        with contextlib.suppress(aio.AioRpcError, aio.UsageError, asyncio.InvalidStateError):
            await self.half_close()
            await self.rest()

    def open(self, channel: aio.Channel, token: str | None = None) -> None:
        """Opens the stream without a hello."""
        token = token_for(self.identity, self.origin, self.clock()) if token is None else token
        self._inbound = _Inbound(self._read)
        self._call = link_service_pb2_grpc.LinkServiceStub(channel).AttachWorkstation(metadata=bearer(token))

    async def send(self, **frame: Any) -> None:
        await self._call.write(ToRelay(**frame))

    async def expect(self, kind: str) -> Any:
        return await self._inbound.expect(kind)

    async def next(self) -> Any:
        return await self._inbound.next()

    async def ended(self) -> aio.AioRpcError:
        """The error with which the relay ended the link."""
        try:
            while await self.next() is not None:
                pass
            await self._call
        except aio.AioRpcError as error:
            return error
        raise AssertionError("the link ended in good order")

    async def half_close(self) -> None:
        await self._call.done_writing()

    async def publish(self, *records: record_pb2.Record, through: int = 0, **more: Any) -> int:
        """Publishes and waits until it is stored; returns how far."""
        wanted = through or records[-1].seq
        await self.send(publish=link_service_pb2.Publish(records=records, through=through, **more))
        while (stored := await self.expect("stored")).through < wanted:
            pass
        return int(stored.through)

    async def list_members(self, *device_ids: str, at: int = 1) -> None:
        """Lists members and waits until that is in effect: a record stored behind them says so."""
        self.revision += 1
        members = link_service_pb2.Members(device_ids=device_ids, revision=self.revision)
        await self.send(members=members)
        await self.publish(record(at, b"members"))

    async def rest(self) -> list[str]:
        """The kinds of all frames until the link ends in good order."""
        return await self._inbound.rest()

    async def _read(self) -> FromRelay | None:
        frame = await self._call.read()
        return frame if isinstance(frame, FromRelay) else None


@dataclass
class FakeApp:
    """One app: keeps nothing, so that tests say what it knows."""

    http: str
    origin: str
    identity: Identity = field(default_factory=new_identity)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.welcome = link_service_pb2.AppWelcome()
        self.socket: Any = None
        self._inbound = _Inbound(self._read)

    @property
    def device_id(self) -> str:
        return self.identity.device_id

    @contextlib.asynccontextmanager
    async def attached(
        self, cursors: dict[str, record_pb2.Cursor] | None = None, token: str | None = None
    ) -> AsyncIterator["FakeApp"]:
        """The link, welcomed."""
        async with self.connected():
            await self.say_hello(cursors, token)
            self.welcome = await self.expect("welcome")
            yield self

    @contextlib.asynccontextmanager
    async def connected(self, path: str = "/link", **options: Any) -> AsyncIterator["FakeApp"]:
        """The socket, without a hello."""
        url = self.http.replace("http", "ws", 1) + path
        async with websockets.connect(
            url, max_size=None, ping_interval=None, close_timeout=0.2, **options
        ) as self.socket:
            self._inbound = _Inbound(self._read)
            yield self

    async def say_hello(self, cursors: dict[str, record_pb2.Cursor] | None = None, token: str | None = None) -> None:
        hello = link_service_pb2.AppHello(
            token=token_for(self.identity, self.origin, self.clock()) if token is None else token,
            cursors=[
                link_service_pb2.WorkstationCursor(workstation_id=workstation_id, cursor=cursor)
                for workstation_id, cursor in (cursors or {}).items()
            ],
        )
        await self.send(hello=hello)

    async def send(self, **frame: Any) -> None:
        await self.socket.send(FromApp(**frame).SerializeToString())

    async def expect(self, kind: str) -> Any:
        return await self._inbound.expect(kind)

    async def next(self) -> Any:
        return await self._inbound.next()

    async def rest(self) -> list[str]:
        """The kinds of all frames until the link ends."""
        return await self._inbound.rest()

    async def refusal(self) -> tuple[int, str]:
        """(close code, reason) with which the relay ended the link."""
        refused = await self.expect("refused")
        assert await self._read() is None
        assert self.socket.close_code == 4000 + refused.status.code
        return int(self.socket.close_code), reason_of(refused.status)

    async def _read(self) -> ToApp | None:
        try:
            return ToApp.FromString(await self.socket.recv())
        except websockets.ConnectionClosed:
            return None


class RawStream:
    """A stream of raw frames over gRPC, for what no honest peer sends."""

    def __init__(self, channel: aio.Channel, method: str, token: str = "") -> None:
        self._call: Any = channel.stream_stream(f"/halyard.link.v1.LinkService/{method}")(metadata=bearer(token))

    async def write(self, frame: bytes | Message) -> None:
        await self._call.write(frame if isinstance(frame, bytes) else frame.SerializeToString())

    async def read(self) -> bytes:
        frame = await self._call.read()
        assert isinstance(frame, bytes)
        return frame

    async def ended(self) -> aio.AioRpcError:
        """The error with which the relay ended the stream."""
        try:
            while await self._call.read() is not aio.EOF:
                pass
            await self._call.code()
        except aio.AioRpcError as error:
            return error
        raise AssertionError("the stream ended in good order")

    def cancel(self) -> None:
        self._call.cancel()


@contextlib.asynccontextmanager
async def pair_attached(relay: Relay, records: int = 0) -> AsyncIterator[tuple[FakeWorkstation, FakeApp]]:
    """A workstation and its one app, both attached; the app has caught up with the members record and `records`."""
    workstation = FakeWorkstation(relay.addresses.grpc, relay.addresses.origin)
    app = FakeApp(relay.addresses.http, relay.addresses.origin)
    async with workstation.attached():
        await workstation.list_members(app.device_id)
        for seq in range(2, records + 2):
            await workstation.publish(record(seq))
        async with app.attached():
            await app.expect("caught_up")
            yield workstation, app
