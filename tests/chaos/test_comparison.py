"""The checker catches every value that an app shows otherwise than OpenCode holds it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.chaos.comparison import between_apps, differences, unfinished

SESSION = "ses_1"
OWN = f"sessions/{SESSION}"
PERSON, AGENT = "msg_1", "msg_2"
TOKENS = {"output": 50}
TOOL: dict[str, Any] = {
    "id": "prt_3",
    "type": "tool",
    "tool": "bash",
    "state": {"status": "completed", "input": {"command": "ls"}, "output": "a\n"},
}
HELD: list[dict[str, Any]] = [
    {
        "info": {"id": PERSON, "role": "user", "time": {"created": 1000}},
        "parts": [{"id": "prt_1", "type": "text", "text": "Go."}],
    },
    {
        "info": {
            "id": AGENT, "role": "assistant", "parentID": PERSON, "tokens": TOKENS,
            "time": {"created": 2000, "completed": 3000},
        },
        "parts": [
            {"id": "prt_0", "type": "step-start"},
            {"id": "prt_2", "type": "text", "text": "Gone.", "time": {"start": 1, "end": 2}},
            TOOL,
        ],
    },
]  # fmt: skip


def name(message: str, part: str = "") -> str:
    return f"sessions/{SESSION}/messages/{message}" + (f"/parts/{part}" if part else "")


def text(message: str, part: str, index: int, words: str) -> resource_pb2.Resource:
    full = name(message, part)
    ours = pb.Part(name=full, index=index, state=pb.PART_STATE_COMPLETE, text=pb.Text(text=words))
    return resource_pb2.Resource(name=full, part=ours)


def shown() -> dict[str, resource_pb2.Resource]:
    person = pb.Message(name=name(PERSON), role=pb.ROLE_PERSON, state=pb.MESSAGE_STATE_COMPLETE)
    person.create_time.FromMilliseconds(1000)
    agent = pb.Message(name=name(AGENT), role=pb.ROLE_AGENT, state=pb.MESSAGE_STATE_COMPLETE, answers=name(PERSON))
    agent.create_time.FromMilliseconds(2000)
    agent.usage.output_tokens = 50
    call = pb.ToolCall(tool="bash", state=pb.TOOL_STATE_COMPLETE, command="ls", output="a\n")
    tool = pb.Part(name=name(AGENT, "prt_3"), index=1, state=pb.PART_STATE_COMPLETE, tool_call=call)
    own = pb.Session(name=OWN, state=pb.SESSION_STATE_IDLE)
    found = [
        resource_pb2.Resource(name=person.name, message=person),
        resource_pb2.Resource(name=agent.name, message=agent),
        resource_pb2.Resource(name=own.name, session=own),
        text(PERSON, "prt_1", 0, "Go."),
        text(AGENT, "prt_2", 0, "Gone."),
        resource_pb2.Resource(name=tool.name, part=tool),
    ]
    return {one.name: one for one in found}


def wrong(ours: dict[str, resource_pb2.Resource], theirs: list[dict[str, Any]] = HELD) -> list[str]:
    return differences(SESSION, theirs, ours.values())


def test_equal_is_equal() -> None:
    assert wrong(shown()) == []


Change = Callable[[dict[str, resource_pb2.Resource]], object]
CHANGES: dict[str, Change] = {
    "a message is missing": lambda ours: ours.pop(name(AGENT)),
    "a part is missing": lambda ours: ours.pop(name(AGENT, "prt_2")),
    "a part too many": lambda ours: ours.update({"x": text(AGENT, "prt_9", 7, "More.")}),
    "a part of no message": lambda ours: ours.update({"x": text("msg_9", "prt_9", 7, "More.")}),
    "other words": lambda ours: setattr(ours[name(AGENT, "prt_2")].part.text, "text", "Gon"),
    "parts swapped": lambda ours: setattr(ours[name(AGENT, "prt_2")].part, "index", 5),
    "still open": lambda ours: setattr(ours[name(AGENT, "prt_2")].part, "state", pb.PART_STATE_OPEN),
    "messages swapped": lambda ours: ours[name(AGENT)].message.create_time.FromMilliseconds(500),
    "another role": lambda ours: setattr(ours[name(PERSON)].message, "role", pb.ROLE_AGENT),
    "still writing": lambda ours: setattr(ours[name(AGENT)].message, "state", pb.MESSAGE_STATE_WRITING),
    "still waiting": lambda ours: setattr(ours[name(PERSON)].message, "state", pb.MESSAGE_STATE_QUEUED),
    "still at work": lambda ours: setattr(ours[OWN].session, "state", pb.SESSION_STATE_WORKING),
    "answers another": lambda ours: setattr(ours[name(AGENT)].message, "answers", name("msg_0")),
    "other usage": lambda ours: setattr(ours[name(AGENT)].message.usage, "output_tokens", 49),
    "a tool that runs": lambda ours: setattr(ours[name(AGENT, "prt_3")].part.tool_call, "state", pb.TOOL_STATE_RUNNING),
    "other output": lambda ours: setattr(ours[name(AGENT, "prt_3")].part.tool_call, "output", "b\n"),
    "another command": lambda ours: setattr(ours[name(AGENT, "prt_3")].part.tool_call, "command", "rm"),
    "an error": lambda ours: setattr(ours[name(AGENT, "prt_3")].part.tool_call, "error", "No."),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_mismatched_replica_is_caught(change: Change) -> None:
    ours = shown()
    change(ours)
    assert len(wrong(ours)) >= 1


def test_two_apps_that_hold_a_value_differently_are_caught() -> None:
    one, other = shown(), shown()
    assert between_apps(one.values(), other.values()) == []
    other[name(AGENT, "prt_2")].part.text.text = "Gon"
    del one[OWN]
    assert between_apps(one.values(), other.values()) == [OWN, name(AGENT, "prt_2")]


def test_words_that_opencode_lost_are_kept_and_marked() -> None:
    held = copy.deepcopy(HELD)
    held[1]["parts"][1] = {"id": "prt_2", "type": "text", "text": "", "time": {"start": 1}}
    ours = shown()
    assert len(wrong(ours, held)) == 1
    ours[name(AGENT, "prt_2")].part.state = pb.PART_STATE_INTERRUPTED
    assert wrong(ours, held) == []


def test_a_call_that_nobody_will_end_is_caught() -> None:
    held = copy.deepcopy(HELD)
    assert unfinished(held) == []
    held[1]["parts"][2]["state"]["status"] = "running"
    assert unfinished(held) == ["bash prt_3 is left running"]
