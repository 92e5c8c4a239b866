"""What OpenCode's `/global/event` stream and `/sync/history` say, decoded into one type per kind of event.

The stream carries every durable event twice: as a plain frame and as a numbered `sync` twin. Only the twin is decoded
into a `Durable`; its plain copy becomes `Ignored`. Transient kinds exist as plain frames only.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from agentd.agents.opencode.schema import (
    Message,
    NamedError,
    Part,
    PermissionRequest,
    QuestionRequest,
    Session,
    Status,
    Theirs,
    Todo,
)

_log = logging.getLogger(__name__)


class SessionChanged(Theirs):
    """A session was made or changed; `info` is whole."""

    session_id: str = Field(alias="sessionID")
    info: Session


class SessionDeleted(Theirs):
    """A session and everything in it is gone."""

    session_id: str = Field(alias="sessionID")


class MessageChanged(Theirs):
    """A message was made or changed."""

    session_id: str = Field(alias="sessionID")
    info: Message


class MessageRemoved(Theirs):
    """A message and its parts are gone."""

    session_id: str = Field(alias="sessionID")
    message_id: str = Field(alias="messageID")


class PartChanged(Theirs):
    """A part was made or changed; it is whole, but for the text of a part that still streams."""

    session_id: str = Field(alias="sessionID")
    part: Part


class PartRemoved(Theirs):
    """A part is gone."""

    session_id: str = Field(alias="sessionID")
    message_id: str = Field(alias="messageID")
    part_id: str = Field(alias="partID")


Change = SessionChanged | SessionDeleted | MessageChanged | MessageRemoved | PartChanged | PartRemoved


class PartDelta(Theirs):
    """Text was appended to a part. No offset, no number: lost when nobody listens."""

    session_id: str = Field(alias="sessionID")
    message_id: str = Field(alias="messageID")
    part_id: str = Field(alias="partID")
    field: str
    delta: str


class StatusChanged(Theirs):
    """What a session is doing now."""

    session_id: str = Field(alias="sessionID")
    status: Status


class SessionFailed(Theirs):
    """A turn ended with an error. Sent twice, and before the last updates of the turn."""

    session_id: str = Field(default="", alias="sessionID")
    error: NamedError | None = None


class PermissionReplied(Theirs):
    """A permission was settled: "once", "always" or "reject"."""

    session_id: str = Field(alias="sessionID")
    request_id: str = Field(alias="requestID")
    reply: str


class QuestionSettled(Theirs):
    """A question was answered or dismissed."""

    session_id: str = Field(alias="sessionID")
    request_id: str = Field(alias="requestID")
    answers: list[list[str]] | None = None


class TodosChanged(Theirs):
    """The agent's list, whole."""

    session_id: str = Field(alias="sessionID")
    todos: list[Todo]


class BranchChanged(Theirs):
    """Another branch is checked out."""

    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The first frame of a stream. The subscription may begin only a moment after it."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent every 10 s."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A kind that is of no use here, or the plain copy of a durable event."""

    type: str


@dataclass(frozen=True, slots=True)
class Durable:
    """A numbered change: `seq` counts 0, 1, 2 … within the session. `change` is None for kinds that are not read."""

    session_id: str
    seq: int
    change: Change | None
    id: str = field(default="", compare=False)
    """OpenCode's own id of the event: the same number under another id is another past."""


Transient = (
    PartDelta
    | StatusChanged
    | SessionFailed
    | PermissionRequest
    | PermissionReplied
    | QuestionRequest
    | QuestionSettled
    | TodosChanged
    | BranchChanged
)
Event = Durable | Transient | Connected | Heartbeat | Ignored

_CHANGES: dict[str, type[Theirs]] = {
    "session.created": SessionChanged,
    "session.updated": SessionChanged,
    "session.deleted": SessionDeleted,
    "message.updated": MessageChanged,
    "message.removed": MessageRemoved,
    "message.part.updated": PartChanged,
    "message.part.removed": PartRemoved,
}
_TRANSIENT: dict[str, type[Theirs]] = {
    "message.part.delta": PartDelta,
    "session.status": StatusChanged,
    "session.error": SessionFailed,
    "permission.asked": PermissionRequest,
    "permission.replied": PermissionReplied,
    "question.asked": QuestionRequest,
    "question.replied": QuestionSettled,
    "question.rejected": QuestionSettled,
    "todo.updated": TodosChanged,
    "vcs.branch.updated": BranchChanged,
}


class _SyncEvent(Theirs):
    id: str = ""
    type: str
    seq: int
    aggregate_id: str = Field(alias="aggregateID")
    data: dict[str, Any]


class _HistoryEvent(Theirs):
    id: str = ""
    type: str
    seq: int
    aggregate_id: str
    data: dict[str, Any]


class _Payload(Theirs):
    type: str = ""
    properties: dict[str, Any] = Field(default_factory=dict)
    sync_event: _SyncEvent | None = Field(default=None, alias="syncEvent")


class _Frame(Theirs):
    directory: str = ""
    payload: _Payload


_HISTORY = TypeAdapter(list[_HistoryEvent])


class MalformedEventError(ValueError):
    """A frame is not what this release of OpenCode was seen to send."""


@dataclass(frozen=True, slots=True)
class Frame:
    """An event and the directory it belongs to; the directory is empty for events of the server itself."""

    directory: str
    event: Event


def decode_frame(data: bytes | str) -> Frame:
    """Returns the event of one server-sent frame. Raises MalformedEventError."""
    try:
        frame = _Frame.model_validate_json(data)
        return Frame(frame.directory, _decode_payload(frame.payload))
    except ValidationError as error:
        raise MalformedEventError(str(error)) from error


def _decode_payload(payload: _Payload) -> Event:
    if payload.sync_event is not None:
        sync = payload.sync_event
        return Durable(sync.aggregate_id, sync.seq, _decode_change(sync.type, sync.data), sync.id)
    if payload.type == "server.connected":
        return Connected()
    if payload.type == "server.heartbeat":
        return Heartbeat()
    decoder = _TRANSIENT.get(payload.type)
    if decoder is None:
        return Ignored(payload.type)
    return decoder.model_validate(payload.properties)  # type: ignore[return-value]  # the table holds Transient only


def _decode_change(versioned_type: str, data: dict[str, Any]) -> Change | None:
    # "message.updated.1": the number is the version of the event's shape.
    name, _, version = versioned_type.rpartition(".")
    decoder = _CHANGES.get(name if version.isdigit() else versioned_type)
    if decoder is None:
        return None
    try:
        return decoder.model_validate(data)  # type: ignore[return-value]  # the table holds Change only
    except ValidationError as error:
        # The number still counts: losing one odd event must not look like a hole for ever.
        _log.warning("a %s could not be read: %s", versioned_type, error)
        return None


def decode_history(body: bytes) -> Sequence[Durable]:
    """Returns the events of a `/sync/history` answer in their order. Raises MalformedEventError."""
    try:
        events = _HISTORY.validate_json(body)
    except ValidationError as error:
        raise MalformedEventError(str(error)) from error
    return [Durable(e.aggregate_id, e.seq, _decode_change(e.type, e.data), e.id) for e in events]
