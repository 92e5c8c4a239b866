"""Fuzzed parts of agentd: what a relay says, what a member has sealed."""

import asyncio
import atexit
import contextlib
import json
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from agentd import relay_card as card
from agentd.config import RelayAddress
from agentd.devices import METHOD_ROLES
from agentd.relay_stream import LinkEnded
from agentd.uplink_session import Ends, RolledBack, UplinkSession
from agentd.verdicts import Reached, judge_relay
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import resource_pb2, workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from tests.fakes.call_desk import Clock, Phone, Workstation, workstation
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fuzz.draw import Draw
from wire.calls import uuid7
from wire.identity import Identity
from wire.vigil import Vigil

# --- the relay's card -------------------------------------------------------------------------------------------------

ORIGIN = "https://relay.example"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATES = [
    "Sat, 21 Nov 2026 12:00:00 GMT",
    "Sat, 21 Nov 2026 12:00:00 -0000",
    "Sat, 21 Nov 2026 99999999999:00:00 GMT",
    "",
]


def relay_card(data: bytes) -> None:
    """Any answer where a relay's card should be: the doctor can say what it is, and what is kept of it can be used."""
    draw = Draw(data)
    at = draw.below(len(DATES) + 1)
    date = DATES[at] if at < len(DATES) else draw.chunk(40).decode("latin-1")
    facts = card.read(ORIGIN, draw.rest(), date, NOW)
    for check in judge_relay(Reached(), Reached(), facts, Reached(), NOW):
        assert check.SerializeToString()
    if not facts.error:
        known = RelayAddress(facts.announced_origin or ORIGIN, facts.grpc)
        assert known.is_encrypted in (True, False)
        assert json.dumps([known.origin, known.grpc]).isascii()
        f"{known.origin} {known.grpc} {facts.version}".encode()
        where = urlsplit(f"//{facts.grpc}")
        assert not facts.grpc or (where.hostname and where.port != 0)


# --- the relay --------------------------------------------------------------------------------------------------------


class _Stream:
    """What a relay sends, and then the end in good order."""

    def __init__(self, frames: list[link.AttachWorkstationResponse | None]) -> None:
        self._frames = frames

    async def read(self) -> object:
        await asyncio.sleep(0)
        return self._frames.pop(0) if self._frames else aio.EOF

    async def write(self, frame: link.AttachWorkstationRequest) -> None:
        assert frame.SerializeToString()

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    async def details(self) -> str:
        return ""


def scratch() -> Path:
    """A folder whose files reach no disk, where there is such a thing."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None, prefix="halyard-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class _Rig:
    """A workstation that lives for the whole run, in one task of its own loop."""

    def __init__(self) -> None:
        self.clock, self.agent = Clock(), ScriptedAgent()
        self.operator, self.viewer, self.revoked, self.stranger = (
            Phone(Identity.from_bytes(bytes([n]) * 64)) for n in (11, 12, 13, 14)
        )
        self._loop = asyncio.new_event_loop()
        self._jobs: asyncio.Queue[tuple[bytes, Any, asyncio.Future[None]]] = asyncio.Queue()
        self._life = self._loop.create_task(self._live())
        self.count = 0

    def run(self, data: bytes, job: Any) -> None:
        self._loop.run_until_complete(self._handed(data, job))

    async def _handed(self, data: bytes, job: Any) -> None:
        done = self._loop.create_future()
        self._jobs.put_nowait((data, job, done))
        await asyncio.wait({done, self._life}, return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            self._life.result()
        done.result()

    async def _live(self) -> None:
        folder = scratch()
        async with workstation(folder, self.clock, self.agent) as at:
            for phone, role in (
                (self.operator, workstation_pb2.DEVICE_ROLE_OPERATOR),
                (self.viewer, workstation_pb2.DEVICE_ROLE_VIEWER),
                (self.revoked, workstation_pb2.DEVICE_ROLE_OPERATOR),
            ):
                at.devices.add(phone.identity.public, "Phone", "test", role)
            at.devices.revoke("devices/" + self.revoked.identity.device_id)
            self.agent.begin_session("s", at.projects.add(str(folder)).name)
            while True:
                data, job, done = await self._jobs.get()
                try:
                    await job(self, at, Draw(data))
                except BaseException as error:  # noqa: BLE001 - told to whoever handed the job over
                    done.set_exception(error)
                else:
                    done.set_result(None)

    def close(self) -> None:
        """Ends the workstation, whose store would keep the process from ending."""
        self._life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._life)
        self._loop.close()

    def prompt(self, phone: Phone, text: str, ttl_ms: int = 60_000) -> link.InboxCall:
        request = pb.PromptRequest(session="sessions/s", text=text)
        return phone.call(self.clock, "AgentService/Prompt", request, ttl_ms=ttl_ms)

    def tidy(self, at: Workstation) -> None:
        """What was answered long ago need not slow the run down."""
        self.count += 1
        self.agent.asked.clear()
        self.agent.prompts.clear()
        if self.count % 100 == 0:
            self.clock.now_ms += 10 * 24 * 3_600_000
            at.desk._book.forget_old()


@cache
def rig() -> _Rig:
    return _Rig()


def close() -> None:
    """Ends what targets left running."""
    if rig.cache_info().currsize:
        rig().close()
        rig.cache_clear()


def agentd_link(data: bytes) -> None:
    """A whole link with a relay that says anything: calls of others, bent, repeated, late, for other devices."""
    rig().run(data, _link)


async def _link(at: _Rig, there: Workstation, draw: Draw) -> None:
    calls = [
        at.prompt(at.operator, "wanted"), at.prompt(at.viewer, "not allowed"), at.prompt(at.revoked, "revoked"),
        at.prompt(at.stranger, "unknown"), at.prompt(at.operator, "late", ttl_ms=-1),
        at.prompt(at.operator, "too far", ttl_ms=30 * 24 * 3_600_000),
    ]  # fmt: skip
    frames = [_frame(draw, calls) for _ in range(12) if not draw.is_spent]
    ends = Ends(there.log, there.sealer, there.devices, there.desk, there.transcripts)
    welcome = link.WorkstationWelcome(stored_through=draw.below(30))
    with contextlib.suppress(DecodeError):
        welcome.MergeFromString(draw.chunk(64))
    try:
        stream = cast("Any", _Stream(frames))
        await UplinkSession(ends, stream, welcome, lambda: None, lambda _: None, Vigil()).run()
    except (RolledBack, LinkEnded):
        pass
    except BaseExceptionGroup as errors:
        rest = errors.split((RolledBack, LinkEnded))[1]
        if rest is not None:
            raise rest from None
    last = at.prompt(at.operator, f"still here {at.count}")
    there.desk.connect(lambda _: None)
    await there.receive(last)
    assert await at.agent.heard(f"still here {at.count}")
    texts = [asked[1] for asked in at.agent.asked if asked[0] == "prompt"]
    assert set(texts) <= {"wanted", f"still here {at.count}"}, texts
    assert len(texts) == len(set(texts)), "a call takes effect once"
    at.tidy(there)


def _frame(draw: Draw, calls: list[link.InboxCall]) -> link.AttachWorkstationResponse | None:
    match draw.below(4):
        case 0:
            try:
                return link.AttachWorkstationResponse.FromString(draw.chunk(256))
            except DecodeError:
                return None  # what gRPC hands over for bytes that are no message
        case 1:
            frame = link.AttachWorkstationResponse(stored=link.Stored(through=draw.number(8)))
        case 2:
            watch = link.Watch(focus=draw.take(16), count=draw.number())
            frame = link.AttachWorkstationResponse(watchers=link.Watchers(watches=[watch], apps=draw.number()))
        case _:
            inbox = link.Inbox(calls=[_call(draw, calls) for _ in range(1 + draw.below(3))])
            frame = link.AttachWorkstationResponse(inbox=inbox)
    return frame


def _call(draw: Draw, calls: list[link.InboxCall]) -> link.InboxCall:
    """A call of somebody, in another's name, under another id, with another expiry, in another's envelope."""
    call = link.InboxCall.FromString(draw.one_of(calls).SerializeToString())
    call.inbox_seq = draw.number(8)
    match draw.below(6):
        case 0:
            call.device_id = draw.one_of(calls).device_id
        case 1:
            call.call.call_id = draw.bent(draw.one_of(calls).call.call_id)
        case 2:
            call.call.expire_time.seconds += draw.number(2)
        case 3:
            call.call.sealed = draw.bent(draw.one_of(calls).call.sealed)
    return call


def agentd_call(data: bytes) -> None:
    """What lies inside a seal that holds: any method, any request. A viewer's changes nothing."""
    rig().run(data, _sealed)


async def _sealed(at: _Rig, there: Workstation, draw: Draw) -> None:
    written, calls = there.log.written, []
    for number in range(1 + draw.below(6)):
        call_id = uuid7(at.clock.now_ms, (8 * at.count + number).to_bytes(10))
        expires = at.clock.now_ms + 60_000
        plaintext = draw.chunk(512) if draw.below(4) == 0 else _plain(draw)
        sealed = record_pb2.SealedCall(call_id=call_id, sealed=at.viewer.channel.seal_call(call_id, expires, plaintext))
        sealed.expire_time.FromMilliseconds(expires)
        calls.append(link.InboxCall(inbox_seq=1, device_id=at.viewer.identity.device_id, call=sealed))
    there.desk.connect(there.replies.put_nowait)
    await there.receive(*calls)
    waiting = {call.call.call_id for call in calls}
    while waiting:
        waiting.discard((await there.reply()).reply.call_id)
    assert [asked for asked in at.agent.asked if asked[0] != "messages"] == []
    names = {entry.name for entry in there.log.after(written, 10)}
    assert names <= {"devices/" + at.viewer.identity.device_id}, names
    at.tidy(there)


def _plain(draw: Draw) -> bytes:
    call = resource_pb2.Call(method=draw.one_of(sorted(METHOD_ROLES)), request=draw.chunk(256))
    return call.SerializeToString()
