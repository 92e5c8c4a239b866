from __future__ import annotations

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import decisions, schema
from agentd.agents.opencode.place import Place
from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import session_pb2

PLACE = Place("ses_1", "/p")


def permission(kind: str, metadata: dict[str, JsonValue] | None = None, **fields: JsonValue) -> pb.Permission:
    base = {"id": "per_1", "sessionID": "ses_1", "permission": kind, "metadata": metadata or {}}
    return decisions.permission(schema.PermissionRequest.model_validate({**base, **fields}), PLACE, "part", 1000)


def test_a_command() -> None:
    ours = permission("bash", {"command": "git status && ls"}, patterns=["git status", "ls"], always=["git *", "ls *"])
    assert (ours.name, ours.state, ours.kind) == (
        "sessions/ses_1/permissions/per_1",
        pb.DECISION_STATE_PENDING,
        session_pb2.TOOL_KIND_EXECUTE,
    )
    assert (ours.title, ours.command) == ("Run git status && ls", "git status && ls")
    assert list(ours.patterns) == ["git status", "ls"]
    assert list(ours.always_rules) == ["bash: git *", "bash: ls *"]
    assert ours.always_scope == decisions.ALWAYS_SCOPE
    assert (ours.part, ours.create_time.seconds) == ("part", 1)


def test_an_edit_shows_the_difference_before_it_is_allowed() -> None:
    ours = permission("edit", {"filepath": "/p/a.py", "diff": "@@ -1 +1 @@\n-a\n+b\n"}, always=["*"])
    assert (ours.title, [d.path for d in ours.diffs]) == ("Edit a.py", ["a.py"])


def test_always_is_not_offered_without_a_rule() -> None:
    assert permission("bash", {"command": "ls"}).always_scope == ""


@pytest.mark.parametrize(
    ("kind", "metadata", "patterns", "title"),
    [
        ("webfetch", {"url": "https://example.com/"}, ["x"], "Fetch https://example.com/"),
        ("external_directory", {}, ["/etc/*"], "Reach outside the project: /etc/*"),
        ("doom_loop", {}, ["bash"], "Go on although the agent repeats itself"),
        ("mcp_thing", {}, ["*"], "Use mcp_thing"),
        ("mcp_thing", {}, ["a"], "Use mcp_thing: a"),
        ("edit", {}, ["b.py"], "Edit b.py"),
    ],
)
def test_titles(kind: str, metadata: dict[str, JsonValue], patterns: list[JsonValue], title: str) -> None:
    assert permission(kind, metadata, patterns=patterns).title == title


def test_a_question() -> None:
    theirs = schema.QuestionRequest.model_validate(
        {
            "id": "que_1",
            "sessionID": "ses_1",
            "questions": [
                {"question": "Which?", "header": "Sail", "options": [{"label": "Jib", "description": "small"}]},
                {"question": "How many?", "multiple": True, "custom": False},
            ],
        }
    )
    ours = decisions.question(theirs, PLACE, "part", 1000)
    assert ours.name == "sessions/ses_1/questions/que_1"
    first, second = ours.prompts
    assert (first.header, first.text, first.free_text, first.multiple) == ("Sail", "Which?", True, False)
    assert [(o.label, o.description) for o in first.options] == [("Jib", "small")]
    assert (second.free_text, second.multiple) == (False, True)


def test_answers_are_one_list_per_question() -> None:
    assert decisions.answers([pb.QuestionAnswer(values=["a", "b"]), pb.QuestionAnswer()]) == [["a", "b"], []]


def test_only_an_open_call_can_wait() -> None:
    def part(state: session_pb2.ToolState) -> session_pb2.Part:
        return session_pb2.Part(tool_call=session_pb2.ToolCall(state=state))

    assert decisions.waits_for(None)
    assert decisions.waits_for(part(session_pb2.TOOL_STATE_RUNNING))
    assert not decisions.waits_for(part(session_pb2.TOOL_STATE_INTERRUPTED))
