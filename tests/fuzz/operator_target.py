"""What an operator has sealed: any method with any request, carried out by the real services on a scripted agent.

The seal holds and the role suffices, so nothing but the handlers themselves stands between the request and the
workstation. Each input has a workstation of its own: an operator can rename, demote and revoke everybody.
"""

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from agentd.fitting import MAX_BODY_BYTES
from agentd.grpc_errors import reason_of
from agentd.methods import SOCKET_ONLY
from agentd.reply_fitting import MAX_REPLY_BYTES
from halyard.agent.v1 import agent_service_pb2, resource_pb2, workstation_pb2, workstation_service_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from tests.fakes.call_desk import Clock, Phone, Workstation, workstation
from tests.fakes.scripted_agent import ScriptedAgent
from tests.fuzz.draw import Draw
from wire import names
from wire.calls import uuid7
from wire.errors import Code
from wire.identity import Identity

Field = Any
"""A FieldDescriptor, or its like in C, which has no type that it shares with it."""

LIFE_MS = 60_000
MOST_CALLS = 16
SESSION, OTHER = "sessions/s", "sessions/t"
PERMISSION, QUESTION = f"{SESSION}/permissions/p", f"{SESSION}/questions/q"
MESSAGE = f"{SESSION}/messages/m"
_APT = {
    "session": SESSION, "name": SESSION, "message": MESSAGE, "permission": PERMISSION, "question": QUESTION,
    "path": "src/a.txt", "text": "Go on", "prompt": "Begin", "title": "Title", "display_name": "Tablet",
    "model": "scripted/model", "project": "", "agent": "", "folder": "", "device": "", "own": "",
    "wide": "", "circle": "", "no_text": "",
}  # fmt: skip
ODD_TEXTS = (
    "", "sessions/", SESSION + "/", "../..", "/", "/etc/passwd", "~", "~nobody-of-this-name", "\0", "x" * 300,
    "sessions/" + "x" * 200, "x/" * 3_000, "9" * 5_000 + ":x", "é" * 124_000, "\ud7ff\ufffe\U0010ffff", " \n\t",
    "pipe", "loop", "wide", "closed", "src", "src/a.txt", "way_out", "devices/x", "workstation",
)  # fmt: skip
ODD_NUMBERS = (0, 1, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)

_ODD_CHOICES = {
    FieldDescriptor.TYPE_STRING: range(len(_APT) - 5, len(_APT) + 1 + len(ODD_TEXTS)),
    FieldDescriptor.TYPE_ENUM: range(8),
    FieldDescriptor.TYPE_UINT32: range(len(ODD_NUMBERS)),
    FieldDescriptor.TYPE_UINT64: range(len(ODD_NUMBERS)),
    FieldDescriptor.TYPE_BOOL: range(2),
}


def _rpcs() -> dict[str, MethodDescriptor]:
    services = (
        agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"],
        workstation_service_pb2.DESCRIPTOR.services_by_name["WorkstationService"],
    )
    found = {
        f"/{each.full_name}/{rpc.name}": rpc for each in services for rpc in each.methods if not rpc.server_streaming
    }
    return {name: rpc for name, rpc in sorted(found.items()) if name not in SOCKET_ONLY}


RPCS = _rpcs()
"""Every method of the link by its full name."""


@dataclass
class Place:
    """A workstation with one of everything, and who calls it."""

    there: Workstation
    clock: Clock
    operator: Phone
    viewer: Phone
    witness: Phone
    apt: dict[str, str]
    """A value that makes sense, by the name of a field of text."""
    call_ids: list[bytes]

    @property
    def texts(self) -> Sequence[str]:
        return (*self.apt.values(), OTHER, *ODD_TEXTS)


def operator_call(data: bytes) -> None:
    """Any request of an operator gets an orderly answer, and leaves a log that a relay takes and a desk that works."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="halyard-fuzz-") as folder, _defects():
        asyncio.run(_operate(Path(folder), Draw(data)))


class _Kept(logging.Handler):
    def __init__(self, seen: list[logging.LogRecord]) -> None:
        super().__init__(logging.ERROR)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.append(record)


@contextmanager
def _defects() -> Iterator[None]:
    """Raises the first defect that agentd logged meanwhile."""
    seen: list[logging.LogRecord] = []
    handler = _Kept(seen)
    log = logging.getLogger("agentd")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        for record in seen:
            raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)


async def _operate(folder: Path, draw: Draw) -> None:
    clock, agent = Clock(), ScriptedAgent()
    async with workstation(folder, clock, agent) as there:
        at = _furnished(there, clock, folder / "project")
        await there.store.flush()
        written = there.log.written
        at.call_ids += [uuid7(clock.now_ms, number.to_bytes(10)) for number in range(1 + draw.below(MOST_CALLS))]
        asked = {call_id: _asked(at, draw) for call_id in at.call_ids}
        await there.receive(*(_sealed(at, at.operator, call_id, call) for call_id, call in asked.items()))
        await _answered(at, asked)
        await _witnessed(at)
        await there.store.flush()
        for entry in there.log.after(written, 10_000):
            names.parse(entry.name)
            assert len(entry.body) <= MAX_BODY_BYTES, f"{entry.name} has {len(entry.body)} bytes: no relay takes it"


def _furnished(there: Workstation, clock: Clock, folder: Path) -> Place:
    operator, viewer, witness = (Phone(Identity.from_bytes(bytes([n]) * 64)) for n in (21, 22, 23))
    for phone, role in (
        (operator, workstation_pb2.DEVICE_ROLE_OPERATOR),
        (viewer, workstation_pb2.DEVICE_ROLE_VIEWER),
        (witness, workstation_pb2.DEVICE_ROLE_OPERATOR),
    ):
        there.devices.add(phone.identity.public, "Phone", "test", role)
    _furnish(folder)
    project = there.projects.add(str(folder)).name
    for name in (SESSION, OTHER):
        there.agent.begin_session(name.removeprefix("sessions/"), project)
    there.agent.say_as_agent(MESSAGE, "Hello")
    there.agent.ask(PERMISSION)
    there.agent.ask_question(QUESTION)
    apt = {
        **_APT, "project": project, "agent": there.agent.id, "folder": str(folder),
        "wide": str(folder / "wide"), "circle": str(folder / "loop"), "no_text": str(folder / "to_no_text"),
        "device": "devices/" + viewer.identity.device_id, "own": "devices/" + operator.identity.device_id,
    }  # fmt: skip
    return Place(there, clock, operator, viewer, witness, apt, [])


def _furnish(folder: Path) -> None:
    """A project as one may be: with links that lead out or nowhere, a pipe, and names that are no text."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.txt").write_text("text\n")
    (folder / "way_out").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    (folder / "wide" / ".git" / "HEAD").mkdir(parents=True)
    (folder / os.fsdecode(b"\xff\xfe")).mkdir()
    (folder / "to_no_text").symlink_to(os.fsdecode(b"\xff\xfe"))


def _asked(at: Place, draw: Draw) -> resource_pb2.Call:
    method = draw.one_of([*RPCS, "/halyard.agent.v1.AgentService/None"])
    request = b""
    if method in RPCS:
        valid = GetMessageClass(RPCS[method].input_type)()
        way = draw.below(4)
        if way != 1:
            _fill(valid, at, draw)
        request = draw.chunk(512) if way == 1 else valid.SerializeToString()
        request = draw.bent(request) if way == 2 else request
    return resource_pb2.Call(method=method, request=request)


def _fill(message: Message, at: Place, draw: Draw) -> None:
    """Gives every field a value that makes sense, or one that does not. Once `draw` is spent, all make sense."""
    for field in message.DESCRIPTOR.fields:
        way = draw.below(4)
        if way == 3 or (field.containing_oneof and message.WhichOneof(field.containing_oneof.name) and way == 0):
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _fill_within(message, field, at, draw)
        elif field.is_repeated:
            getattr(message, field.name).extend(_value(field, at, draw, way) for _ in range(1 + draw.below(3)))
        else:
            setattr(message, field.name, _value(field, at, draw, way))


def _fill_within(message: Message, field: Field, at: Place, draw: Draw) -> None:
    held = getattr(message, field.name)
    if field.is_repeated:
        for _ in range(draw.below(3)):
            _fill(held.add(), at, draw)
    elif field.message_type.full_name == "google.protobuf.Timestamp" and draw.below(4) == 0:
        held.FromMilliseconds(at.clock.now_ms + LIFE_MS)
    else:
        held.SetInParent()
        _fill(held, at, draw)


def _value(field: Field, at: Place, draw: Draw, way: int) -> Any:
    """A value for `field`: 0, one that makes sense; 1, an odd one; 2, any."""
    match field.type:
        case FieldDescriptor.TYPE_STRING if way == 2:
            return draw.chunk(256).decode(errors="replace")
        case FieldDescriptor.TYPE_STRING:
            return draw.one_of(at.texts) if way else at.apt.get(field.name, "")
        case FieldDescriptor.TYPE_BYTES:
            return draw.chunk(64) if way == 2 else draw.one_of(at.call_ids)
        case FieldDescriptor.TYPE_BOOL:
            return bool(draw.below(2))
        case FieldDescriptor.TYPE_ENUM:
            return _within(field, draw.number(4)) if way == 2 else draw.below(8)
        case _:
            return _within(field, draw.number(8) if way == 2 else draw.one_of(ODD_NUMBERS))


def _within(field: Field, number: int) -> int:
    """The number, cut to what the field can hold."""
    wide = field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64)
    bits = 64 if wide else 32
    number %= 2**bits
    is_signed = field.type not in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64)
    return number - 2**bits if is_signed and number >= 2 ** (bits - 1) else number


def _sealed(at: Place, phone: Phone, call_id: bytes, call: resource_pb2.Call) -> link.InboxCall:
    expires = at.clock.now_ms + LIFE_MS
    sealed = phone.channel.seal_call(call_id, expires, call.SerializeToString())
    carried = record_pb2.SealedCall(call_id=call_id, sealed=sealed)
    carried.expire_time.FromMilliseconds(expires)
    return link.InboxCall(inbox_seq=1, device_id=phone.identity.device_id, call=carried)


async def _answered(at: Place, asked: dict[bytes, resource_pb2.Call]) -> None:
    """Every call has an answer that can be read, unless its device was revoked: there is nobody to answer then."""
    at.there.devices.on_change(lambda: at.there.replies.put_nowait(link.DeviceReply()))
    waiting = set(asked)
    while waiting and at.there.devices.member(at.operator.identity.device_id):
        reply = (await at.there.reply()).reply
        if reply.call_id in waiting:
            waiting.discard(reply.call_id)
            opened = at.operator.channel.open_reply(reply.call_id, at.clock.now_ms + LIFE_MS, reply.sealed)
            _check(asked[reply.call_id], opened)


def _check(call: resource_pb2.Call, opened: bytes) -> None:
    result = resource_pb2.CallResult.FromString(opened)
    if result.HasField("error"):
        assert result.error.code != int(Code.INTERNAL), call.method
        assert result.error.message.strip(), call.method
        assert reason_of(result.error), call.method
    else:
        assert GetMessageClass(RPCS[call.method].output_type).FromString(result.response) is not None
        assert len(result.response) <= MAX_REPLY_BYTES, call.method


async def _witnessed(at: Place) -> None:
    """Another device, which nobody could name, is served as ever."""
    call_id = uuid7(at.clock.now_ms, b"witness".rjust(10))
    request = agent_service_pb2.AddProjectRequest(path=at.apt["folder"])
    call = resource_pb2.Call(method="/halyard.agent.v1.AgentService/AddProject", request=request.SerializeToString())
    await at.there.receive(_sealed(at, at.witness, call_id, call))
    while (reply := (await at.there.reply()).reply).call_id != call_id:
        pass
    opened = at.witness.channel.open_reply(call_id, at.clock.now_ms + LIFE_MS, reply.sealed)
    assert resource_pb2.CallResult.FromString(opened).HasField("response")


def seeds() -> list[bytes]:
    """Each method with a request that makes sense, with bytes, and with each odd value in each of its fields."""
    calls = [call for at, rpc in enumerate(RPCS.values()) for call in _seed_calls(at, rpc)]
    batches = [calls[at :: -(-len(calls) // MOST_CALLS)] for at in range(-(-len(calls) // MOST_CALLS))]
    return [bytes([len(batch) - 1]) + b"".join(batch) for batch in batches]


def _seed_calls(at: int, rpc: MethodDescriptor) -> Iterator[bytes]:
    apt = [b"\0" if field.type == FieldDescriptor.TYPE_STRING else b"\0\0" for field in rpc.input_type.fields]
    yield bytes([at, 0]) + b"".join(apt)
    yield bytes([at, 1, 4, 0, 10, 2, 97, 98])
    for place, field in enumerate(rpc.input_type.fields):
        odd = _ODD_CHOICES.get(field.type, ())
        yield from (bytes([at, 0, *b"".join(apt[:place]), 1, n, *b"".join(apt[place + 1 :])]) for n in odd)
