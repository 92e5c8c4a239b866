from __future__ import annotations

from dataclasses import replace

from agentd.agents.agent import PromptOrder
from agentd.agents.opencode import prompting, schema
from agentd.agents.opencode.prompting import SlashCommand
from halyard.agent.v1 import session_pb2
from tests.agentd.agents.opencode import shapes

ORDER = PromptOrder("ses_1", "msg_1f8cb8406001LdP5YAFrSq2HAH", "Hoist it")


def test_a_prompt_carries_its_own_id_and_the_ids_of_its_parts() -> None:
    assert prompting.prompt_body(ORDER, "/p") == {
        "messageID": ORDER.message_id,
        "parts": [{"id": "prt_1f8cb8406001LdP5YAFrSq2H00", "type": "text", "text": "Hoist it"}],
    }


def test_model_and_mode_are_named_only_when_chosen() -> None:
    body = prompting.prompt_body(PromptOrder("s", ORDER.message_id, "x", model="demo/a/b", mode="plan"), "/p")
    assert body["model"] == {"providerID": "demo", "modelID": "a/b"}
    assert body["agent"] == "plan"


def test_files_come_with_their_bytes_or_their_place() -> None:
    with_bytes = session_pb2.FileRef(path="photos/sail.png", media_type="image/png", content=b"x")
    in_project = session_pb2.FileRef(path="src/a b.py")
    first, second = prompting.file_parts([with_bytes, in_project], "/p", ORDER.message_id)
    assert first == {
        "id": "prt_1f8cb8406001LdP5YAFrSq2H01",
        "type": "file",
        "mime": "image/png",
        "filename": "sail.png",
        "url": "data:image/png;base64,eA==",
    }
    assert second == {
        "id": "prt_1f8cb8406001LdP5YAFrSq2H02",
        "type": "file",
        "mime": "text/plain",
        "filename": "a b.py",
        "url": "file:///p/src/a%20b.py",
    }


def test_only_known_commands_are_commands() -> None:
    known = {"init", "review"}
    assert prompting.slash_command("/init the house", known) == SlashCommand("init", "the house")
    assert prompting.slash_command("  /review", known) == SlashCommand("review", "")
    assert prompting.slash_command("/etc/passwd is a file", known) is None
    assert prompting.slash_command("init", known) is None


def test_a_command_names_its_model_in_one_word() -> None:
    order = PromptOrder("s", ORDER.message_id, "/init x", model="demo/a/b", mode="plan")
    assert prompting.command_body(order, SlashCommand("init", "x"), "/p") == {
        "messageID": ORDER.message_id,
        "command": "init",
        "arguments": "x",
        "parts": [],
        "model": "demo/a/b",
        "agent": "plan",
    }


def test_waking_adds_nothing() -> None:
    plain = schema.UserMessage(role="user", id="msg_1", sessionID="s", time=schema.Span())
    assert prompting.wake_body(plain) == {"messageID": "msg_1", "parts": []}


def test_waking_keeps_agent_and_model() -> None:
    model = schema.MessageModel(providerID="demo", modelID="a/b")
    chosen = schema.UserMessage(role="user", id="msg_1", sessionID="s", time=schema.Span(), agent="plan", model=model)
    body = prompting.wake_body(chosen)
    assert (body["agent"], body["model"]) == ("plan", {"providerID": "demo", "modelID": "a/b"})


def user(message_id: str) -> schema.MessageWithParts:
    info = schema.UserMessage(role="user", id=message_id, sessionID="s", time=schema.Span())
    return schema.MessageWithParts(info=info, parts=[])


def answer(parent: str) -> schema.MessageWithParts:
    info = schema.AssistantMessage(role="assistant", id="a", sessionID="s", parentID=parent, time=schema.Span())
    return schema.MessageWithParts(info=info, parts=[])


def test_a_prompt_is_answered_by_its_own_answer_or_that_of_a_later_one() -> None:
    assert prompting.is_answered("m1", [user("m1"), answer("m1")])
    assert prompting.is_answered("m1", [user("m1"), user("m2"), answer("m2")])
    assert not prompting.is_answered("m2", [user("m1"), answer("m1"), user("m2")])
    assert prompting.unanswered([user("m1"), answer("m1"), user("m2"), user("m3")]) == ["m2", "m3"]
    assert prompting.unanswered([user("m1"), user("m2"), answer("m2")]) == []
    assert prompting.is_answered("m0", [answer("m0"), user("m1")])


def test_a_prompt_is_whole_with_its_text_and_at_least_one_part_for_each_file() -> None:
    text, file = shapes.ended("p1", "Hoist it").part, shapes.ended("p2", "of the file").part
    assert not prompting.is_whole(ORDER, [])
    assert prompting.is_whole(ORDER, [text])
    with_file = replace(ORDER, files=[session_pb2.FileRef(path="README.md")])
    assert not prompting.is_whole(with_file, [text])
    assert prompting.is_whole(with_file, [text, file])
    assert prompting.is_whole(with_file, [text, file, file])
