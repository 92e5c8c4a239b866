"""OpenCode's events and records, written as a test needs them."""

from __future__ import annotations

from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.event_schema import (
    Change,
    MessageChanged,
    PartChanged,
    PartDelta,
    SessionChanged,
    SessionFailed,
    StatusChanged,
)
from agentd.agents.opencode.mirror import Mirror, Moment

LIVE = Moment(epoch_ms=1_000)
REPLAYED = Moment(epoch_ms=1_000, live=False)
SESSION = "ses_1"


def session(session_id: str = SESSION, **fields: JsonValue) -> SessionChanged:
    base: dict[str, JsonValue] = {"id": session_id, "directory": "/p", "time": {"created": 1, "updated": 2}}
    return SessionChanged.model_validate({"sessionID": session_id, "info": {**base, **fields}})


def prompt(message_id: str, at: int, session_id: str = SESSION, **fields: JsonValue) -> MessageChanged:
    info = {"id": message_id, "sessionID": session_id, "role": "user", "time": {"created": at}, **fields}
    return MessageChanged.model_validate({"sessionID": session_id, "info": info})


def answer(message_id: str, to: str, at: int, *, done: int | None = None, **fields: JsonValue) -> MessageChanged:
    time: dict[str, JsonValue] = {"created": at, **({"completed": done} if done else {})}
    info = {"id": message_id, "sessionID": SESSION, "role": "assistant", "parentID": to, "time": time, **fields}
    return MessageChanged.model_validate({"sessionID": SESSION, "info": info})


def part(part_id: str, message_id: str, kind: str, **fields: JsonValue) -> PartChanged:
    base = {"id": part_id, "sessionID": SESSION, "messageID": message_id, "type": kind}
    return PartChanged.model_validate({"sessionID": SESSION, "part": {**base, **fields}})


def streaming(part_id: str, message_id: str = "m2", text: str = "") -> PartChanged:
    return part(part_id, message_id, "text", text=text, time={"start": 1})


def ended(part_id: str, text: str, message_id: str = "m2") -> PartChanged:
    return part(part_id, message_id, "text", text=text, time={"start": 1, "end": 2})


def tool(part_id: str, status: str, output: str = "", message_id: str = "m2", call: str = "c1") -> PartChanged:
    state: JsonValue = {"status": status, "input": {"command": "x"}, "metadata": {"output": output}, "output": output}
    return part(part_id, message_id, "tool", tool="bash", callID=call, state=state)


def delta(part_id: str, text: str, message_id: str = "m2") -> PartDelta:
    return PartDelta(sessionID=SESSION, messageID=message_id, partID=part_id, field="text", delta=text)


def status(kind: str, session_id: str = SESSION, **fields: JsonValue) -> StatusChanged:
    return StatusChanged.model_validate({"sessionID": session_id, "status": {"type": kind, **fields}})


def failed(name: str, message: str = "") -> SessionFailed:
    return SessionFailed.model_validate({"sessionID": SESSION, "error": {"name": name, "data": {"message": message}}})


def permission(request_id: str = "per_1", call: str = "c1", session_id: str = SESSION) -> schema.PermissionRequest:
    base = {"id": request_id, "sessionID": session_id, "permission": "bash", "metadata": {"command": "x"}}
    return schema.PermissionRequest.model_validate({**base, "tool": {"messageID": "m2", "callID": call}})


def begun() -> list[Change]:
    """A session with a prompt and an answer that has begun."""
    return [session(), prompt("m1", 1), answer("m2", "m1", 2)]


def tell(mirror: Mirror, *changes: Change | StatusChanged | PartDelta) -> None:
    """Live, one after the other."""
    for change in changes:
        match change:
            case StatusChanged():
                mirror.status(change)
            case PartDelta():
                mirror.grow(change)
            case _:
                mirror.apply(change, LIVE)
