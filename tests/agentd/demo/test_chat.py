from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError

from agentd.demo import chat
from agentd.demo.script import Call, Say, Think, Turn, say

REQUEST: dict[str, JsonValue] = {
    "model": "scripted",
    "stream": True,
    "messages": [
        {"role": "system", "content": "You are opencode."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "text of the file"},
    ],
    "tools": [{"type": "function", "function": {"name": "read", "parameters": {}}}],
}


def payloads(frames: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(frame.removeprefix(b"data: ")) for frame in frames if frame != chat.DONE]


def test_a_request_becomes_a_conversation() -> None:
    asked = chat.ChatRequest.model_validate(REQUEST).conversation()
    assert (asked.system, asked.prompt, asked.turn_index) == ("You are opencode.", "Look", 1)
    assert asked.tools == {"read"}
    [result] = asked.tool_results
    assert (result.tool_name, result.text) == ("read", "text of the file")


@pytest.mark.parametrize("body", [{}, {"model": "x"}, {"model": "x", "messages": [{"role": "captain"}]}])
def test_what_is_no_request_is_refused(body: dict[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        chat.ChatRequest.model_validate(body)


def test_text_and_thinking_stream_in_chunks() -> None:
    spoken = payloads(list(chat.text_events("m", Say(say="Ahoy⛵!", chunk=2))))
    thought = payloads(list(chat.text_events("m", Think(think="Hm.", chunk=9))))
    assert [c["choices"][0]["delta"] for c in spoken] == [{"content": p} for p in ("Ah", "oy", "⛵!")]
    assert [c["choices"][0]["delta"] for c in thought] == [{"reasoning_content": "Hm."}]


def test_a_tool_call_is_whole_and_numbered() -> None:
    [chunk] = payloads([chat.call_event("m", Call(call="bash", arguments={"command": "ls"}), 1, "call_7")])
    [call] = chunk["choices"][0]["delta"]["tool_calls"]
    assert (call["index"], call["id"]) == (1, "call_7")
    assert json.loads(call["function"]["arguments"]) == {"command": "ls"}


@pytest.mark.parametrize(("turn", "reason"), [(say("x"), "stop"), (Turn(steps=(Call(call="bash"),)), "tool_calls")])
def test_an_answer_ends_with_its_reason_its_usage_and_the_end_mark(turn: Turn, reason: str) -> None:
    frames = list(chat.finish_events("m", turn))
    finish, usage = payloads(frames)
    assert finish["choices"][0]["finish_reason"] == reason
    assert usage["usage"] == {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
    assert frames[-1] == chat.DONE


def test_errors_have_the_providers_shape() -> None:
    assert json.loads(chat.error_body("no", "bad")) == {"error": {"message": "no", "type": "bad", "code": "bad"}}
    [payload] = payloads([chat.error_event("half-way")])
    assert payload["error"]["message"] == "half-way"
