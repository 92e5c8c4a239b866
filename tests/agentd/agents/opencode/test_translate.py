from __future__ import annotations

import base64

import pytest
from pydantic import JsonValue

from agentd.agents.opencode import schema, translate
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.translate import Activity
from halyard.agent.v1 import session_pb2 as pb

PLACE = Place("ses_1", "/p")
SESSION: dict[str, JsonValue] = {
    "id": "ses_1",
    "directory": "/p",
    "title": "New session - 2026-11-20T11:50:49.279Z",
    "agent": "build",
    "model": {"id": "a/b", "providerID": "demo"},
    "cost": 0.0123456,
    "tokens": {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 3, "write": 1}},
    "time": {"created": 1000, "updated": 2000},
}
ASSISTANT: dict[str, JsonValue] = {
    "id": "msg_2",
    "sessionID": "ses_1",
    "role": "assistant",
    "parentID": "msg_1",
    "providerID": "demo",
    "modelID": "a/b",
    "mode": "build",
    "time": {"created": 1000},
    "unheard_of": {"anything": 1},
}


def session(**changes: JsonValue) -> pb.Session:
    return translate.session(schema.Session.model_validate({**SESSION, **changes}), Activity(context_tokens=21))


def message(*, cut_off: bool = False, **changes: JsonValue) -> pb.Message:
    theirs = schema.AssistantMessage.model_validate({**ASSISTANT, **changes})
    return translate.agent_message(theirs, PLACE, cut_off=cut_off)


def part(**fields: JsonValue) -> pb.Part | None:
    theirs = schema.MessageWithParts.model_validate(
        {"info": ASSISTANT, "parts": [{"id": "prt_1", "sessionID": "ses_1", "messageID": "msg_2", **fields}]}
    )
    return translate.part(theirs.parts[0], 3, PLACE)


def test_a_session() -> None:
    ours = session()
    assert (ours.name, ours.model, ours.mode, ours.state) == (
        "sessions/ses_1",
        "demo/a/b",
        "build",
        pb.SESSION_STATE_IDLE,
    )
    assert ours.usage == pb.Usage(
        input_tokens=10,
        output_tokens=5,
        reasoning_tokens=2,
        cache_read_tokens=3,
        cache_write_tokens=1,
        cost_micro_usd=12346,
        context_tokens=21,
    )
    assert (ours.create_time.seconds, ours.update_time.seconds) == (1, 2)


def test_a_session_without_a_title_of_its_own_has_none() -> None:
    assert session().title == ""
    assert session(title="Child session - 2026-11-20T11:50:49.279Z").title == ""
    assert session(title="New session").title == "New session"


def test_marks_of_a_session() -> None:
    assert session(parentID="ses_0").parent == "sessions/ses_0"
    assert session(time={"created": 1, "updated": 2, "archived": 3}).archived
    assert not session(time={"created": 1, "updated": 2, "archived": 0}).archived
    assert session(revert={"messageID": "msg_9"}).reverted_from == "sessions/ses_1/messages/msg_9"


@pytest.mark.parametrize(
    ("changes", "cut_off", "state"),
    [
        ({}, False, pb.MESSAGE_STATE_WRITING),
        ({}, True, pb.MESSAGE_STATE_INTERRUPTED),
        ({"time": {"created": 1, "completed": 2}}, True, pb.MESSAGE_STATE_COMPLETE),
        ({"error": {"name": "MessageAbortedError", "data": {"message": ""}}}, False, pb.MESSAGE_STATE_STOPPED),
        ({"error": {"name": "APIError", "data": {"message": "no"}}}, False, pb.MESSAGE_STATE_FAILED),
    ],
)
def test_how_far_an_answer_is(changes: dict[str, JsonValue], cut_off: bool, state: pb.MessageState) -> None:
    assert message(cut_off=cut_off, **changes).state == state


def test_a_stopped_answer_has_no_error_text_and_a_failed_one_has() -> None:
    assert message(error={"name": "MessageAbortedError", "data": {"message": "Aborted"}}).error == ""
    assert message(error={"name": "APIError", "data": {"message": "no"}}).error == "no"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"message": "Too many"}, "Too many"),
        ({"message": "Bad", "statusCode": 401}, "Bad (HTTP 401)"),
        ({"message": "Bad", "responseBody": '{"error":{"message":"Key expired"}}'}, "Bad: Key expired"),
        ({"message": "Bad", "responseBody": '{"error":"Key expired"}'}, "Bad: Key expired"),
        ({"message": "Bad", "responseBody": '{"detail":"x"}'}, "Bad"),
        ({"message": "Key expired", "responseBody": '{"error":{"message":"expired"}}'}, "Key expired"),
        ({"message": "Bad", "responseBody": "<html>" + "x" * 300}, "Bad"),
        ({"message": "Bad", "responseBody": "upstream timeout"}, "Bad: upstream timeout"),
        ({"message": "Bad", "responseBody": "[" * 50_000}, "Bad"),
        ({}, "SomeError"),
    ],
)
def test_a_providers_own_words_are_in_the_error(data: dict[str, JsonValue], text: str) -> None:
    assert translate.error_text(schema.NamedError.model_validate({"name": "SomeError", "data": data})) == text


def test_text_is_open_until_it_has_an_end() -> None:
    streaming = part(type="text", text="", time={"start": 1000})
    ended = part(type="text", text="Done.", time={"start": 1000, "end": 2000})
    typed = part(type="text", text="Typed.", synthetic=True)
    assert streaming is not None
    assert ended is not None
    assert typed is not None
    assert (streaming.state, streaming.index, streaming.create_time.seconds) == (pb.PART_STATE_OPEN, 3, 1)
    assert (ended.state, ended.text.text) == (pb.PART_STATE_COMPLETE, "Done.")
    assert (typed.state, typed.text.synthetic) == (pb.PART_STATE_COMPLETE, True)


def test_other_kinds_of_parts() -> None:
    thought = part(type="reasoning", text="Hm.", time={"start": 1, "end": 2})
    patch = part(type="patch", hash="x", files=["/p/a.py", "/elsewhere/b.py"])
    compaction = part(type="compaction", auto=False)
    retry = part(type="retry", attempt=1, error={"name": "APIError", "data": {"message": "busy"}})
    assert thought is not None
    assert patch is not None
    assert compaction is not None
    assert retry is not None
    assert thought.reasoning.text == "Hm."
    assert [d.path for d in patch.changes.diffs] == ["a.py", "/elsewhere/b.py"]
    assert compaction.notice.kind == pb.NOTICE_KIND_COMPACTION
    assert (retry.notice.kind, "busy" in retry.notice.text) == (pb.NOTICE_KIND_RETRY, True)


@pytest.mark.parametrize("kind", ["step-start", "step-finish", "snapshot", "agent", "something-new"])
def test_kinds_that_mean_nothing_to_a_person_are_left_out(kind: str) -> None:
    assert part(type=kind, name="x") is None


def test_an_attached_file_keeps_its_bytes_when_they_are_few() -> None:
    def attached(content: bytes) -> pb.FileRef:
        url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        ours = part(type="file", mime="image/png", filename="sail.png", url=url)
        assert ours is not None
        return ours.file

    assert attached(b"tiny") == pb.FileRef(path="sail.png", media_type="image/png", size_bytes=4, content=b"tiny")
    assert attached(b"x" * 300_000) == pb.FileRef(path="sail.png", media_type="image/png", size_bytes=300_000)
    broken = part(type="file", mime="image/png", filename="sail.png", url="data:image/png;base64,%%%")
    local = part(type="file", mime="text/plain", filename="a.py", url="file:///p/src/a.py")
    assert broken is not None
    assert local is not None
    assert (broken.file.path, broken.file.content) == ("sail.png", b"")
    assert local.file.path == "src/a.py"


def test_a_tools_part_ends_as_its_call_does() -> None:
    running = part(type="tool", tool="bash", callID="c", state={"status": "running", "time": {"start": 1000}})
    stopped = part(type="tool", tool="bash", callID="c", state={"status": "error", "error": "Tool execution aborted"})
    done = part(type="tool", tool="bash", callID="c", state={"status": "completed"})
    assert running is not None
    assert stopped is not None
    assert done is not None
    assert (running.state, running.create_time.seconds) == (pb.PART_STATE_OPEN, 1)
    assert stopped.state == pb.PART_STATE_INTERRUPTED
    assert done.state == pb.PART_STATE_COMPLETE


def test_a_list_keeps_words_it_does_not_know() -> None:
    theirs = [
        schema.Todo(content="a", status="completed", priority="low"),
        schema.Todo(content="b", status="waiting", priority="?"),
    ]
    ours = translate.todo_list(theirs, PLACE)
    assert ours.name == "sessions/ses_1/todos"
    assert [(t.text, t.state, t.priority) for t in ours.todos] == [
        ("a", pb.TODO_STATE_DONE, pb.TODO_PRIORITY_LOW),
        ("b", pb.TODO_STATE_UNSPECIFIED, pb.TODO_PRIORITY_UNSPECIFIED),
    ]
