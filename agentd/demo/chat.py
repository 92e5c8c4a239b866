"""The chat-completions wire: a request decoded into a `Conversation`, an answer encoded as server-sent events. Pure.

Only what agents use is spoken; unknown fields of a request are ignored. Source: the request and stream shapes that
OpenAI-compatible providers accept and that `@ai-sdk/openai-compatible` sends.
"""

import json
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from agentd.demo.script import Call, Conversation, Message, Say, Think, Turn

DONE = b"data: [DONE]\n\n"


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _ContentPart(_Loose):
    type: str
    text: str = ""


class _Function(_Loose):
    name: str


class _ToolUse(_Loose):
    id: str
    function: _Function


class _Tool(_Loose):
    function: _Function


class _ChatMessage(_Loose):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_ContentPart] | None = None
    tool_calls: list[_ToolUse] | None = None
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class ChatRequest(_Loose):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: list[_ChatMessage]
    tools: list[_Tool] | None = None

    def conversation(self) -> Conversation:
        """Returns the request as the script sees it."""
        names = {use.id: use.function.name for m in self.messages for use in m.tool_calls or ()}
        return Conversation(
            system="\n".join(m.text for m in self.messages if m.role in ("system", "developer")),
            messages=tuple(
                Message(role=m.role, text=m.text, tool_name=names.get(m.tool_call_id, ""))
                for m in self.messages
                if m.role in ("user", "assistant", "tool")
            ),
            tools=frozenset(tool.function.name for tool in self.tools or ()),
        )


def event(payload: JsonValue) -> bytes:
    """Returns one server-sent event."""
    return b"data: " + json.dumps(payload, separators=(",", ":")).encode() + b"\n\n"


def _chunk(model: str, delta: dict[str, JsonValue], finish: str | None = None) -> bytes:
    choice: dict[str, JsonValue] = {"index": 0, "delta": delta, "finish_reason": finish}
    return event(
        {"id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}
    )


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def text_events(model: str, step: Say | Think) -> Iterator[bytes]:
    """Yields the events that stream this text."""
    if isinstance(step, Say):
        yield from (_chunk(model, {"content": piece}) for piece in _pieces(step.say, step.chunk))
    else:
        yield from (_chunk(model, {"reasoning_content": piece}) for piece in _pieces(step.think, step.chunk))


def call_event(model: str, step: Call, index: int, call_id: str) -> bytes:
    """Returns the event that carries a whole tool call; `index` counts the calls of this turn."""
    function: JsonValue = {"name": step.call, "arguments": json.dumps(step.arguments)}
    return _chunk(model, {"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": function}]})


def finish_events(model: str, turn: Turn) -> Iterator[bytes]:
    """Yields the events that close an answer: the reason, the usage, the end mark."""
    calls = any(isinstance(step, Call) for step in turn.steps)
    yield _chunk(model, {}, "tool_calls" if calls else "stop")
    usage: JsonValue = {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
    }
    yield event(
        {
            "id": "chatcmpl-script",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
            "choices": [],
            "usage": usage,
        }
    )
    yield DONE


def error_body(message: str, kind: str = "scripted_error") -> bytes:
    """Returns the body of an HTTP error, in the shape OpenAI-compatible providers use."""
    return json.dumps({"error": {"message": message, "type": kind, "code": kind}}).encode()


def error_event(message: str) -> bytes:
    """Returns the event of a stream that fails half-way."""
    return event({"error": {"message": message, "type": "server_error", "code": "server_error"}})
