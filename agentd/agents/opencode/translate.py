"""OpenCode's sessions, messages and parts → halyard.agent.v1. Pure.

What a value says by itself is translated here. What follows from several (a message that nobody works on any more,
text that is still arriving) is passed in by `mirror.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from pathlib import Path

from agentd.agents.agent import project_name
from agentd.agents.opencode import schema
from agentd.agents.opencode.place import Place, count, path_of_url, timestamp
from agentd.agents.opencode.tools import OPEN_STATES, tool_call
from halyard.agent.v1 import session_pb2 as pb

AGENT_ID = "opencode"
MAX_FILE_BYTES = 256 * 1024
# OpenCode's name for a session that has no title yet.
_NO_TITLE = re.compile(r"^(New|Child) session - \d{4}-\d\d-\d\dT")
_MICRO_USD = 1_000_000
_ABORTED = "MessageAbortedError"

_TODO_STATES = {
    "pending": pb.TODO_STATE_PENDING,
    "in_progress": pb.TODO_STATE_ACTIVE,
    "completed": pb.TODO_STATE_DONE,
    "cancelled": pb.TODO_STATE_CANCELLED,
}
_TODO_PRIORITIES = {
    "low": pb.TODO_PRIORITY_LOW,
    "medium": pb.TODO_PRIORITY_MEDIUM,
    "high": pb.TODO_PRIORITY_HIGH,
}


@dataclass(frozen=True, slots=True)
class Activity:
    """What a session is doing: known from transient events only, so it is kept beside the session's own record."""

    state: pb.SessionState = pb.SESSION_STATE_IDLE
    detail: str = ""
    retry_ms: float = 0
    context_tokens: int = 0


def was_aborted(error: schema.NamedError | None) -> bool:
    """Returns whether a person stopped it."""
    return error is not None and error.name == _ABORTED


def error_text(error: schema.NamedError) -> str:
    """Returns what went wrong, the provider's own words included."""
    said = error.data.message or error.name
    status = f" (HTTP {error.data.status_code})" if error.data.status_code else ""
    words = _provider_words(error.data.response_body)
    return f"{said}{status}: {words}" if words and words not in said else said + status


def _provider_words(body: str) -> str:
    """Returns the message in a provider's error body, or the body itself when it is short and not JSON."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return body if len(body) <= 200 else ""
    inner = data.get("error", data) if isinstance(data, dict) else None
    found = inner.get("message") if isinstance(inner, dict) else inner
    return found if isinstance(found, str) else ""


def usage(tokens: schema.Tokens, cost: float, context_tokens: int = 0) -> pb.Usage:
    """Returns tokens and cost; the cost is rounded to a millionth of a dollar."""
    return pb.Usage(
        input_tokens=count(tokens.input),
        output_tokens=count(tokens.output),
        reasoning_tokens=count(tokens.reasoning),
        cache_read_tokens=count(tokens.cache.read),
        cache_write_tokens=count(tokens.cache.write),
        cost_micro_usd=count(cost * _MICRO_USD + 0.5),
        context_tokens=context_tokens,
    )


def context_tokens(tokens: schema.Tokens) -> int:
    """Returns how much of the context a message left filled; 0 when it does not tell."""
    parts = tokens.input + tokens.output + tokens.reasoning + tokens.cache.read + tokens.cache.write
    return count(tokens.total or parts)


def context_left(message: schema.UserMessage | schema.AssistantMessage) -> int:
    """Returns how much of the context a message left filled; 0 while it has no end, and for a summary."""
    if isinstance(message, schema.UserMessage) or not message.time.completed or message.summary:
        return 0
    return context_tokens(message.tokens)


def title(theirs: schema.Session) -> str:
    """Returns the session's title; empty while it has none."""
    return "" if _NO_TITLE.match(theirs.title) else theirs.title


def session(theirs: schema.Session, activity: Activity) -> pb.Session:
    """Returns the session with what it is doing."""
    return pb.Session(
        name=f"sessions/{theirs.id}",
        project=project_name(Path(theirs.directory)),
        title=title(theirs),
        agent=AGENT_ID,
        model=f"{theirs.model.provider_id}/{theirs.model.id}" if theirs.model else "",
        mode=theirs.agent,
        state=activity.state,
        state_detail=activity.detail,
        retry_time=timestamp(activity.retry_ms),
        parent=f"sessions/{theirs.parent_id}" if theirs.parent_id else "",
        create_time=timestamp(theirs.time.created),
        update_time=timestamp(theirs.time.updated),
        usage=usage(theirs.tokens, theirs.cost, activity.context_tokens),
        archived=bool(theirs.time.archived),
        reverted_from=f"sessions/{theirs.id}/messages/{theirs.revert.message_id}" if theirs.revert else "",
    )


def person_message(theirs: schema.UserMessage, place: Place, state: pb.MessageState, error: str = "") -> pb.Message:
    """Returns a person's message; how far it is depends on what followed it."""
    return pb.Message(
        name=place.message(theirs.id),
        role=pb.ROLE_PERSON,
        state=state,
        create_time=timestamp(theirs.time.created),
        mode=theirs.agent,
        error=error,
    )


def agent_message(theirs: schema.AssistantMessage, place: Place, *, cut_off: bool) -> pb.Message:
    """Returns the agent's message. `cut_off`: nobody works on it any more although it has no end."""
    return pb.Message(
        name=place.message(theirs.id),
        role=pb.ROLE_AGENT,
        state=_agent_state(theirs, cut_off=cut_off),
        create_time=timestamp(theirs.time.created),
        complete_time=timestamp(theirs.time.completed),
        model=f"{theirs.provider_id}/{theirs.model_id}" if theirs.model_id else "",
        mode=theirs.mode,
        usage=usage(theirs.tokens, theirs.cost, context_tokens(theirs.tokens)),
        error=error_text(theirs.error) if theirs.error and not was_aborted(theirs.error) else "",
        answers=place.message(theirs.parent_id) if theirs.parent_id else "",
        summary=theirs.summary,
    )


def _agent_state(theirs: schema.AssistantMessage, *, cut_off: bool) -> pb.MessageState:
    if was_aborted(theirs.error):
        return pb.MESSAGE_STATE_STOPPED
    if theirs.error is not None:
        return pb.MESSAGE_STATE_FAILED
    if theirs.time.completed:
        return pb.MESSAGE_STATE_COMPLETE
    return pb.MESSAGE_STATE_INTERRUPTED if cut_off else pb.MESSAGE_STATE_WRITING


def is_growing(theirs: schema.Part) -> bool:
    """Returns whether text of this part is still to come as deltas."""
    return isinstance(theirs, schema.TextPart) and theirs.time is not None and not theirs.time.end


def part(theirs: schema.Part, index: int, place: Place) -> pb.Part | None:
    """Returns the part, or None for kinds that mean nothing to a person (step marks, snapshots, unknown ones)."""
    ours = pb.Part(name=place.part(theirs.message_id, theirs.id), index=index, state=pb.PART_STATE_COMPLETE)
    match theirs:
        case schema.TextPart():
            _fill_text(ours, theirs)
        case schema.ToolPart():
            _fill_tool(ours, theirs, place)
        case schema.FilePart():
            ours.file.CopyFrom(_file(theirs, place))
        case schema.PatchPart():
            ours.changes.diffs.extend(pb.FileDiff(path=place.relative(path)) for path in theirs.files)
        case schema.CompactionPart():
            ours.notice.CopyFrom(
                pb.Notice(kind=pb.NOTICE_KIND_COMPACTION, text="Older conversation was summed up to save room.")
            )
        case schema.RetryPart():
            reason = error_text(theirs.error) if theirs.error else "no reason given"
            ours.notice.CopyFrom(pb.Notice(kind=pb.NOTICE_KIND_RETRY, text=f"The model's provider failed: {reason}"))
        case _:
            return None
    return ours


def _fill_text(ours: pb.Part, theirs: schema.TextPart) -> None:
    if theirs.time is not None:
        ours.create_time.MergeFrom(timestamp(theirs.time.start) or ours.create_time)
        ours.state = pb.PART_STATE_COMPLETE if theirs.time.end else pb.PART_STATE_OPEN
    if theirs.type == "reasoning":
        ours.reasoning.CopyFrom(pb.Reasoning(text=theirs.text))
    else:
        ours.text.CopyFrom(pb.Text(text=theirs.text, synthetic=theirs.synthetic))


def _fill_tool(ours: pb.Part, theirs: schema.ToolPart, place: Place) -> None:
    call = tool_call(theirs, place)
    ours.tool_call.CopyFrom(call)
    if call.HasField("start_time"):
        ours.create_time.CopyFrom(call.start_time)
    if call.state in OPEN_STATES:
        ours.state = pb.PART_STATE_OPEN
    elif call.state == pb.TOOL_STATE_INTERRUPTED:
        ours.state = pb.PART_STATE_INTERRUPTED


def _file(theirs: schema.FilePart, place: Place) -> pb.FileRef:
    content = _data_url_content(theirs.url)
    return pb.FileRef(
        path=place.relative(path_of_url(theirs.url)) or theirs.filename,
        media_type=theirs.mime,
        size_bytes=len(content),
        content=content if len(content) <= MAX_FILE_BYTES else b"",
    )


def _data_url_content(url: str) -> bytes:
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return b""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return b""


def with_text(ours: pb.Part, text: str, state: pb.PartState) -> pb.Part:
    """Returns a copy of a text or reasoning part that holds this text."""
    copy = pb.Part()
    copy.CopyFrom(ours)
    copy.state = state
    if copy.WhichOneof("content") == "reasoning":
        copy.reasoning.text = text
    else:
        copy.text.text = text
    return copy


def text_of(ours: pb.Part) -> str:
    """Returns the text of a text or reasoning part; empty for other kinds."""
    return ours.reasoning.text if ours.WhichOneof("content") == "reasoning" else ours.text.text


def todo_list(todos: list[schema.Todo], place: Place) -> pb.TodoList:
    """Returns the agent's list."""
    return pb.TodoList(
        name=f"{place.session}/todos",
        todos=[
            pb.Todo(
                text=todo.content,
                state=_TODO_STATES.get(todo.status, pb.TODO_STATE_UNSPECIFIED),
                priority=_TODO_PRIORITIES.get(todo.priority, pb.TODO_PRIORITY_UNSPECIFIED),
            )
            for todo in todos
        ],
    )
