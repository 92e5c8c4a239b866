"""The checker catches every value that an app shows otherwise than OpenCode holds it."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from halyard.agent.v1 import resource_pb2, workstation_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.chaos.comparison import Held, between_apps, differences, of_authors, of_session, unfinished

SESSION = "ses_1"
OWN = f"sessions/{SESSION}"
PERSON, AGENT = "msg_1", "msg_2"
FOLDER = "/p"
TOKENS = {"input": 7, "output": 50, "reasoning": 3, "cache": {"read": 2, "write": 1}}
PATCH = "Index: /p/a.txt\n--- /p/a.txt\n+++ /p/a.txt\n@@ -1,1 +1,1 @@\n-one\n+two\n"
SHOWN_PATCH = "--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,1 @@\n-one\n+two\n"
DIFF = {"file": "/p/a.txt", "patch": PATCH, "additions": 1, "deletions": 1}
SPAN = {"start": 2100, "end": 2200}
INFO: dict[str, Any] = {
    "id": SESSION, "title": "Go", "directory": FOLDER, "agent": "build", "model": {"providerID": "fake", "id": "one"},
    "cost": 0.5, "tokens": TOKENS, "time": {"created": 1000, "updated": 3000},
}  # fmt: skip
RUN: dict[str, Any] = {
    "id": "prt_3", "type": "tool", "tool": "bash",
    "state": {
        "status": "completed", "input": {"command": "ls", "description": "Lists"}, "output": "a\n", "title": "Lists",
        "time": SPAN,
    },
}  # fmt: skip
EDIT: dict[str, Any] = {
    "id": "prt_4", "type": "tool", "tool": "edit",
    "state": {
        "status": "completed", "input": {"filePath": "/p/a.txt", "oldString": "one", "newString": "two"},
        "output": "Edited.", "title": "a.txt", "metadata": {"diff": PATCH, "filediff": DIFF}, "time": SPAN,
    },
}  # fmt: skip
MESSAGES: list[dict[str, Any]] = [
    {
        "info": {
            "id": PERSON, "role": "user", "time": {"created": 1000}, "agent": "build", "summary": {"diffs": [DIFF]},
        },
        "parts": [{"id": "prt_1", "type": "text", "text": "Go."}],
    },
    {
        "info": {
            "id": AGENT, "role": "assistant", "parentID": PERSON, "tokens": TOKENS, "cost": 0.5, "mode": "build",
            "providerID": "fake", "modelID": "one", "finish": "stop", "time": {"created": 2000, "completed": 3000},
        },
        "parts": [
            {"id": "prt_0", "type": "step-start"},
            {"id": "prt_2", "type": "text", "text": "Gone.", "time": SPAN},
            RUN,
            EDIT,
            {"id": "prt_5", "type": "reasoning", "text": "Hm.", "time": SPAN},
            {"id": "prt_6", "type": "patch", "files": ["/p/a.txt"]},
        ],
    },
]  # fmt: skip
TODOS = [{"content": "See to it", "status": "in_progress", "priority": "high"}]

Shown = dict[str, resource_pb2.Resource]


def name(message: str, part: str = "") -> str:
    return f"sessions/{SESSION}/messages/{message}" + (f"/parts/{part}" if part else "")


def held(messages: list[dict[str, Any]] | None = None, **info: Any) -> Held:
    return Held(INFO | info, copy.deepcopy(MESSAGES) if messages is None else messages, TODOS)


def usage() -> pb.Usage:
    return pb.Usage(
        input_tokens=7,
        output_tokens=50,
        reasoning_tokens=3,
        cache_read_tokens=2,
        cache_write_tokens=1,
        cost_micro_usd=500_000,
        context_tokens=63,
    )


def part(message: str, own: str, index: int, **content: Any) -> pb.Part:
    ours = pb.Part(name=name(message, own), index=index, state=pb.PART_STATE_COMPLETE, **content)
    if message == AGENT and own != "prt_6":
        ours.create_time.FromMilliseconds(2100)
    return ours


def call(**values: Any) -> pb.ToolCall:
    made = pb.ToolCall(state=pb.TOOL_STATE_COMPLETE, output_bytes=len(values["output"]), **values)
    made.start_time.FromMilliseconds(2100)
    made.end_time.FromMilliseconds(2200)
    return made


def shown() -> Shown:
    person = pb.Message(name=name(PERSON), role=pb.ROLE_PERSON, state=pb.MESSAGE_STATE_COMPLETE, mode="build")
    person.create_time.FromMilliseconds(1000)
    agent = pb.Message(name=name(AGENT), role=pb.ROLE_AGENT, state=pb.MESSAGE_STATE_COMPLETE, answers=name(PERSON))
    agent.mode, agent.model = "build", "fake/one"
    agent.create_time.FromMilliseconds(2000)
    agent.complete_time.FromMilliseconds(3000)
    agent.usage.CopyFrom(usage())
    run = call(tool="bash", kind=pb.TOOL_KIND_EXECUTE, title="Lists", command="ls", output="a\n")
    run.input_json = '{"command": "ls", "description": "Lists"}'
    edit = call(tool="edit", kind=pb.TOOL_KIND_EDIT, title="a.txt", path="a.txt", output="Edited.")
    edit.input_json = '{"filePath": "/p/a.txt", "oldString": "one", "newString": "two"}'
    edit.diffs.add(path="a.txt", patch=SHOWN_PATCH, additions=1, deletions=1, change=pb.FILE_CHANGE_MODIFIED)
    own = pb.Session(name=OWN, project="projects/p", title="Go", agent="opencode", model="fake/one", mode="build")
    own.state = pb.SESSION_STATE_IDLE
    own.create_time.FromMilliseconds(1000)
    own.update_time.FromMilliseconds(3000)
    own.usage.CopyFrom(usage())
    own.changes.CopyFrom(pb.ChangeCount(files=1, additions=1, deletions=1))
    todo = pb.Todo(text="See to it", state=pb.TODO_STATE_ACTIVE, priority=pb.TODO_PRIORITY_HIGH)
    parts = [
        part(PERSON, "prt_1", 0, text=pb.Text(text="Go.")),
        part(AGENT, "prt_2", 0, text=pb.Text(text="Gone.")),
        part(AGENT, "prt_3", 1, tool_call=run),
        part(AGENT, "prt_4", 2, tool_call=edit),
        part(AGENT, "prt_5", 3, reasoning=pb.Reasoning(text="Hm.")),
        part(AGENT, "prt_6", 4, changes=pb.ChangeSet(diffs=[pb.FileDiff(path="a.txt")])),
    ]
    found = [
        resource_pb2.Resource(name="projects/p", project=workstation_pb2.Project(name="projects/p", path=FOLDER)),
        resource_pb2.Resource(name=person.name, message=person),
        resource_pb2.Resource(name=agent.name, message=agent),
        resource_pb2.Resource(name=own.name, session=own),
        resource_pb2.Resource(name=f"{OWN}/todos", todo_list=pb.TodoList(name=f"{OWN}/todos", todos=[todo])),
        *(resource_pb2.Resource(name=one.name, part=one) for one in parts),
    ]
    return {one.name: one for one in found}


def wrong(ours: Shown, theirs: Held | None = None) -> list[str]:
    true = theirs or held()
    return differences(true, ours.values()) + of_session(true, ours.values())


def test_equal_is_equal() -> None:
    assert wrong(shown()) == []


# --- every field of the contract ---

NOT_OPENCODES = {
    "Message.call_id": "Halyard's own: see `of_authors`",
    "Message.author_device": "Halyard's own: see `of_authors`",
    "Part.index": "Halyard's own: only the order that comes of it is compared, see below",
}


def holders(found: Message) -> Iterator[Message]:
    """A message and all that are in it, except times, which are values."""
    yield found
    for field, content in found.ListFields():
        if has_fields(field):
            for inner in content if field.is_repeated else (content,):
                yield from holders(inner)


def has_fields(field: Any) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.name != "Timestamp")


def fields() -> list[tuple[str, int, str]]:
    """(resource, place among its holders, field) of everything in a session that OpenCode knows of."""
    return [
        (one.name, place, field.name)
        for one in shown().values()
        if one.WhichOneof("value") != "project"
        for place, holder in enumerate(holders(one))
        for field in holder.DESCRIPTOR.fields
        if place and f"{holder.DESCRIPTOR.name}.{field.name}" not in NOT_OPENCODES
    ]


def change(holder: Message, field: Any) -> None:
    """Gives the field another value."""
    value = getattr(holder, field.name)
    if field.is_repeated or has_fields(field):
        is_set = len(value) if field.is_repeated else holder.HasField(field.name)
        if is_set:
            holder.ClearField(field.name)
        else:
            value.add() if field.is_repeated else value.SetInParent()
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        value.FromMilliseconds(value.ToMilliseconds() + 7)
    elif field.type == FieldDescriptor.TYPE_STRING:
        setattr(holder, field.name, f"{value}x")
    elif field.type == FieldDescriptor.TYPE_BOOL:
        setattr(holder, field.name, not value)
    else:
        setattr(holder, field.name, value + 1)


@pytest.mark.parametrize(("key", "place", "field"), fields())
def test_a_replica_in_which_one_field_differs_is_caught(key: str, place: int, field: str) -> None:
    ours = shown()
    holder = list(holders(ours[key]))[place]
    change(holder, holder.DESCRIPTOR.fields_by_name[field])
    assert wrong(ours)


# --- what more than one field tells ---

Change = Callable[[Shown], object]
CHANGES: dict[str, Change] = {
    "a message is missing": lambda ours: ours.pop(name(AGENT)),
    "a part is missing": lambda ours: ours.pop(name(AGENT, "prt_2")),
    "a part too many": lambda ours: ours.update({"x": of_nothing(AGENT)}),
    "a part of no message": lambda ours: ours.update({"x": of_nothing("msg_9")}),
    "parts swapped": lambda ours: setattr(ours[name(AGENT, "prt_2")].part, "index", 5),
    "parts in one place": lambda ours: setattr(ours[name(AGENT, "prt_2")].part, "index", 1),
    "messages swapped": lambda ours: ours[name(AGENT)].message.create_time.FromMilliseconds(500),
    "no session": lambda ours: ours.pop(OWN),
    "no todos": lambda ours: ours.pop(f"{OWN}/todos"),
    "a project elsewhere": lambda ours: setattr(ours["projects/p"].project, "path", "/other"),
    "still at work": lambda ours: setattr(ours[OWN].session, "state", pb.SESSION_STATE_WORKING),
    "still waiting": lambda ours: setattr(ours[name(PERSON)].message, "state", pb.MESSAGE_STATE_QUEUED),
}


def of_nothing(message: str) -> resource_pb2.Resource:
    extra = part(message, "prt_9", 9, text=pb.Text(text="More."))
    return resource_pb2.Resource(name=extra.name, part=extra)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_mismatched_replica_is_caught(change: Change) -> None:
    ours = shown()
    change(ours)
    assert wrong(ours)


@pytest.mark.parametrize(("call", "device"), [(b"\1", ""), (b"\2", "phone"), (b"", "phone")])
def test_a_prompt_that_is_credited_to_another_call_is_caught(call: bytes, device: str) -> None:
    ours, said = shown(), {"01": "t1x0", "02": "t1x1"}
    ours[name(PERSON, "prt_1")].part.text.text = "Order t1x0."
    prompt = ours[name(PERSON)].message
    prompt.call_id, prompt.author_device = b"\1", "phone"
    assert of_authors(said, ours.values()) == []
    prompt.call_id, prompt.author_device = call, device
    assert len(of_authors(said, ours.values())) == 1


def test_two_apps_that_hold_a_value_differently_are_caught() -> None:
    one, other = shown(), shown()
    assert between_apps(one.values(), other.values()) == []
    other[name(AGENT, "prt_2")].part.text.text = "Gon"
    del one[OWN]
    assert between_apps(one.values(), other.values()) == [OWN, name(AGENT, "prt_2")]


def test_words_that_opencode_lost_are_kept_and_marked() -> None:
    theirs = held()
    theirs.messages[1]["parts"][1] = {"id": "prt_2", "type": "text", "text": "", "time": {"start": 2100}}
    ours = shown()
    assert len(wrong(ours, theirs)) == 1
    ours[name(AGENT, "prt_2")].part.state = pb.PART_STATE_INTERRUPTED
    assert wrong(ours, theirs) == []


def test_a_session_without_a_title_shows_none() -> None:
    theirs = held(title="New session - 2026-01-01T00:00:00.000Z")
    assert len(wrong(shown(), theirs)) == 1
    ours = shown()
    ours[OWN].session.title = ""
    assert wrong(ours, theirs) == []


def cut_off() -> tuple[Held, Shown]:
    """A turn whose process died while it wrote, as OpenCode has it and as an app shows it."""
    theirs, ours = held(), shown()
    del theirs.messages[1]["info"]["time"]["completed"]
    ours[name(AGENT)].message.state = pb.MESSAGE_STATE_INTERRUPTED
    ours[name(AGENT)].message.ClearField("complete_time")
    ours[OWN].session.state, ours[OWN].session.state_detail = pb.SESSION_STATE_INTERRUPTED, "It stopped."
    ours[OWN].session.usage.context_tokens = 0
    return theirs, ours


def test_a_turn_that_was_cut_off_shows_as_such() -> None:
    theirs, ours = cut_off()
    assert wrong(ours, theirs) == []
    ours[OWN].session.state, ours[OWN].session.state_detail = pb.SESSION_STATE_IDLE, ""
    assert len(wrong(ours, theirs)) == 1
    ours[name(AGENT)].message.state = pb.MESSAGE_STATE_WRITING
    assert len(wrong(ours, theirs)) == 2


def test_a_turn_that_is_whole_was_not_cut_off() -> None:
    ours = shown()
    ours[OWN].session.state, ours[OWN].session.state_detail = pb.SESSION_STATE_INTERRUPTED, "It stopped."
    assert len(wrong(ours)) == 1
    between_steps = held()
    between_steps.messages[1]["info"]["finish"] = "tool-calls"
    assert wrong(ours, between_steps) == []


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        ({"name": "MessageAbortedError", "data": {"message": "Aborted"}}, pb.MESSAGE_STATE_STOPPED, ""),
        ({"name": "APIError", "data": {"message": "No."}}, pb.MESSAGE_STATE_FAILED, "No. (HTTP 500)"),
    ],
)
def test_how_an_answer_ended_shows(error: dict[str, Any], state: pb.MessageState, words: str) -> None:
    theirs, ours = held(), shown()
    theirs.messages[1]["info"]["error"] = error
    assert wrong(ours, theirs)
    ours[name(AGENT)].message.state, ours[name(AGENT)].message.error = state, words
    if words:
        ours[OWN].session.state, ours[OWN].session.state_detail = pb.SESSION_STATE_FAILED, words
    assert wrong(ours, theirs) == []
    ours[name(AGENT)].message.error = "Yes."
    assert len(wrong(ours, theirs)) == 1


@pytest.mark.parametrize(
    "ended",
    [
        {"status": "error", "error": "Tool execution aborted"},
        {"status": "error", "error": "OpenCode was restarted while this ran, so it is not known how far it came."},
        {"status": "completed", "output": "a\n\nUser aborted the command"},
    ],
)
def test_a_call_that_was_stopped_shows_as_cut_off_and_keeps_its_output(ended: dict[str, Any]) -> None:
    theirs, ours = held(), shown()
    theirs.messages[1]["parts"][2]["state"].update({"output": ""} | ended)
    shown_part = ours[name(AGENT, "prt_3")].part
    shown_part.tool_call.error = ended.get("error", "")
    if "output" in ended:
        shown_part.tool_call.output, shown_part.tool_call.output_bytes = ended["output"], len(ended["output"])
    assert len(wrong(ours, theirs)) >= 2
    shown_part.state, shown_part.tool_call.state = pb.PART_STATE_INTERRUPTED, pb.TOOL_STATE_INTERRUPTED
    assert wrong(ours, theirs) == []


def test_the_middle_of_a_long_output_may_be_missing_and_nothing_else() -> None:
    theirs, ours = held(), shown()
    output = "".join(f"line {n}\n" for n in range(20_000))
    theirs.messages[1]["parts"][2]["state"]["output"] = output
    shown_call = ours[name(AGENT, "prt_3")].part.tool_call
    shown_call.output, shown_call.output_bytes = f"{output[:500]}\n… 99 bytes cut …\n{output[-500:]}", len(output)
    assert wrong(ours, theirs) == []
    shown_call.output = f"{output[:500]}x\n… 99 bytes cut …\n{output[-500:]}"
    assert len(wrong(ours, theirs)) == 1


def test_a_call_that_nobody_will_end_is_caught() -> None:
    messages = copy.deepcopy(MESSAGES)
    assert unfinished(messages) == []
    messages[1]["parts"][2]["state"]["status"] = "running"
    assert unfinished(messages) == ["bash prt_3 is left running"]
