from __future__ import annotations

import json

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.tools import CUT_OFF, MAX_INPUT_BYTES, MAX_OUTPUT_BYTES, cut_middle, tool_call, tool_kind
from halyard.agent.v1 import session_pb2 as pb

PLACE = Place("ses_1", "/p")


def call(tool: str, state: dict[str, JsonValue]) -> pb.ToolCall:
    theirs = {"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_1", "type": "tool", "tool": tool, "callID": "c"}
    return tool_call(schema.ToolPart.model_validate({**theirs, "state": state}), PLACE)


def test_a_command_shows_its_purpose_its_line_and_its_output() -> None:
    arguments: JsonValue = {"command": "make test\nmake lint", "description": "Run the tests"}
    ours = call(
        "bash", {"status": "running", "input": arguments, "metadata": {"output": "ok\n"}, "time": {"start": 5000}}
    )
    assert (ours.kind, ours.state, ours.title) == (pb.TOOL_KIND_EXECUTE, pb.TOOL_STATE_RUNNING, "Run the tests")
    assert (ours.command, ours.output, ours.output_bytes) == ("make test\nmake lint", "ok\n", 3)
    assert ours.start_time.seconds == 5
    assert not ours.HasField("end_time")


def test_a_command_without_a_purpose_is_titled_by_its_first_line() -> None:
    assert call("bash", {"status": "pending", "input": {"command": "ls\npwd"}}).title == "ls"


def test_an_edit_shows_its_file_and_its_difference() -> None:
    state: dict[str, JsonValue] = {
        "status": "completed",
        "input": {"filePath": "/p/src/a.py"},
        "output": "Edit applied.",
        "title": "src/a.py",
        "metadata": {
            "filediff": {"file": "/p/src/a.py", "patch": "@@ -1 +1 @@\n-a\n+b\n", "additions": 1, "deletions": 1}
        },
    }
    ours = call("edit", state)
    assert (ours.kind, ours.path, ours.title) == (pb.TOOL_KIND_EDIT, "src/a.py", "src/a.py")
    assert [(d.path, d.additions) for d in ours.diffs] == [("src/a.py", 1)]


def test_a_subagent_names_its_session() -> None:
    ours = call("task", {"status": "running", "input": {"description": "Look"}, "metadata": {"sessionId": "ses_2"}})
    assert (ours.kind, ours.child_session, ours.title) == (pb.TOOL_KIND_SUBAGENT, "sessions/ses_2", "Look")


@pytest.mark.parametrize(
    ("state", "ours"),
    [
        ({"status": "error", "error": "The user rejected permission"}, pb.TOOL_STATE_FAILED),
        ({"status": "error", "error": "Tool execution aborted"}, pb.TOOL_STATE_INTERRUPTED),
        ({"status": "error", "error": CUT_OFF}, pb.TOOL_STATE_INTERRUPTED),
        ({"status": "completed", "output": "x\n\nUser aborted the command"}, pb.TOOL_STATE_INTERRUPTED),
        ({"status": "completed", "output": "x"}, pb.TOOL_STATE_COMPLETE),
    ],
)
def test_what_was_stopped_is_not_called_failed_or_done(state: dict[str, JsonValue], ours: pb.ToolState) -> None:
    assert call("bash", state).state == ours


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    ours = call("bash", {"status": "completed", "output": "first\n" + "ü" * MAX_OUTPUT_BYTES + "\nlast"})
    assert len(ours.output.encode()) <= MAX_OUTPUT_BYTES
    assert ours.output.startswith("first\n")
    assert ours.output.endswith("\nlast")
    assert "bytes cut" in ours.output
    assert ours.output_bytes == 2 * MAX_OUTPUT_BYTES + 11


def test_a_long_input_is_cut_and_says_so() -> None:
    ours = call("write", {"status": "running", "input": {"filePath": "/p/a", "content": "x" * MAX_INPUT_BYTES}})
    assert ours.input_truncated
    assert len(ours.input_json.encode()) == MAX_INPUT_BYTES
    short = call("write", {"status": "running", "input": {"filePath": "/p/a", "content": "⛵"}})
    assert json.loads(short.input_json) == {"filePath": "/p/a", "content": "⛵"}
    assert not short.input_truncated


def test_what_other_peoples_tools_put_under_known_names_does_no_harm() -> None:
    ours = call("plugin_thing", {"status": "completed", "output": "x", "metadata": {"output": {"a": 1}, "diff": 7}})
    assert (ours.kind, ours.title, ours.output) == (pb.TOOL_KIND_OTHER, "plugin_thing", "x")
    assert tool_kind("webfetch") == pb.TOOL_KIND_FETCH


def test_a_short_text_is_not_cut() -> None:
    assert cut_middle("⛵" * 10, 30) == "⛵" * 10
