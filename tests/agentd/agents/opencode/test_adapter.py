"""The adapter against the real OpenCode: what a person asks for happens, and is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import JsonValue

from agentd.agents.agent import (
    NotWaitingError,
    UnsupportedError,
    project_name,
)
from agentd.demo.script import Call, Failure, Hold, Say, Think, Turn
from halyard.agent.v1 import decision_pb2, resource_pb2, session_pb2
from tests.fakes.opencode import Rig, calls, prompts_seen, runs, says, turn

COMMAND = """{"command": {"greet": {"template": "Greet in a few words. $ARGUMENTS", "description": "Greets"}}}"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_streamed_answer_is_told_as_deltas_and_then_whole(shared: Rig) -> None:
    session = await shared.session()
    words = "Über den Wolken ⛵ " * 10
    await shared.ask(session, turn(Think(think="Hm, let me think."), Say(say=words)))

    [prompt, answer] = shared.journal.messages(session)
    [reasoning, text] = shared.journal.parts(answer.name)
    assert reasoning.reasoning.text == "Hm, let me think."
    assert text.text.text == words
    assert "".join(d.text for d in shared.journal.deltas() if d.part == text.name) == words
    assert shared.journal.stale_deltas == 0
    assert (prompt.state, answer.state) == (session_pb2.MESSAGE_STATE_COMPLETE, session_pb2.MESSAGE_STATE_COMPLETE)
    assert answer.answers == prompt.name


async def test_a_session_tells_its_project_model_usage_and_title(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, says("Aye."), words="Hoist the main sail now")
    await shared.idle(session)
    await shared.until(lambda j: j.session(session).title != "", "a title")
    # OpenCode counts what a turn used a moment after its end.
    await shared.until(lambda j: j.session(session).usage.output_tokens > 0, "what it used")

    told = shared.journal.session(session)
    assert told.project == project_name(shared.folder)
    assert shared.journal.resources[told.project].project.path == str(shared.folder)
    assert (told.agent, told.model, told.mode) == ("opencode", "demo/scripted", "build")
    assert told.title.startswith("Hoist the main sail")
    assert (told.usage.input_tokens, told.usage.output_tokens) == (1000, 50)
    assert told.usage.context_tokens == 1050


async def test_a_command_runs_once_it_is_allowed_and_its_output_comes_as_suffixes(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("for i in 1 2 3; do echo line $i; sleep 0.2; done"), says("Ran."))
    permission = await shared.permission(session)
    assert (permission.kind, permission.action) == (session_pb2.TOOL_KIND_EXECUTE, "bash")
    assert permission.command.startswith("for i in")
    waiting = shared.journal.resources[permission.part].part.tool_call
    assert waiting.state in (session_pb2.TOOL_STATE_PENDING, session_pb2.TOOL_STATE_RUNNING)
    await shared.allow(permission)
    await shared.idle(session)

    [call] = shared.journal.calls(session)
    assert (call.state, call.output) == (session_pb2.TOOL_STATE_COMPLETE, "line 1\nline 2\nline 3\n")
    assert (call.title, call.output_bytes) == ("Runs it", 21)
    growths = [d for d in shared.journal.deltas(resource_pb2.DELTA_FIELD_OUTPUT) if d.part == permission.part]
    assert "line 1\nline 2\nline 3\n".startswith("".join(d.text for d in growths))
    assert shared.journal.withdrawn[permission.name][0] == decision_pb2.DECISION_STATE_ALLOWED_ONCE
    assert shared.journal.texts(session)[-1] == "Ran."


async def test_a_long_output_is_not_repeated_with_every_line(shared: Rig) -> None:
    """OpenCode repeats the whole output each time; what is told stays near its size."""
    session = await shared.session()
    before = len(shared.journal.told)
    line = "a line of a command that has much to say and takes its time to say it"
    await shared.prompt(session, runs(f"for i in $(seq 200); do echo {line} $i; sleep 0.005; done"), says("Said."))
    await shared.allow(await shared.permission(session))
    await shared.idle(session)

    [call] = shared.journal.calls(session)
    told = [t for t in shared.journal.told[before:] if isinstance(t, resource_pb2.Delta | resource_pb2.Resource)]
    grown = [t for t in told if isinstance(t, resource_pb2.Delta) and t.field == resource_pb2.DELTA_FIELD_OUTPUT]
    assert call.output.endswith(f"{line} 200\n")
    assert len(grown) > 5
    assert sum(len(t.text) for t in grown) <= call.output_bytes
    whole = [t for t in told if isinstance(t, resource_pb2.Resource) and len(t.part.tool_call.output) > 1000]
    assert len(whole) <= 2
    assert shared.journal.stale_deltas == 0


async def test_always_allows_the_next_one_without_asking(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("uname -s"), runs("uname -m"), says("Both."))
    permission = await shared.permission(session)
    assert list(permission.always_rules) == ["bash: uname *"]
    assert "restarts" in permission.always_scope
    await shared.agent.decide(permission.name, decision_pb2.DECISION_STATE_ALLOWED_ALWAYS, "")
    await shared.idle(session)

    assert [c.state for c in shared.journal.calls(session)] == [session_pb2.TOOL_STATE_COMPLETE] * 2
    asked = [name for name in shared.journal.permissions if session in name]
    assert asked == [permission.name]


async def test_a_refusal_ends_the_turn(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("touch refused"), says("Never said."))
    permission = await shared.permission(session)
    await shared.agent.decide(permission.name, decision_pb2.DECISION_STATE_DENIED, "")
    await shared.idle(session)

    [call] = shared.journal.calls(session)
    assert call.state == session_pb2.TOOL_STATE_FAILED
    assert "rejected" in call.error
    assert shared.journal.texts(session) == []
    assert not (shared.folder / "refused").exists()


async def test_a_prompt_queued_behind_a_refusal_is_answered_once(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("touch refused"), says("Never said."))
    permission = await shared.permission(session)
    queued = await shared.prompt(session, says("Answered all the same."), words="Queued behind a refusal.")
    name = f"sessions/{session}/messages/{queued.message_id}"
    await shared.until(lambda j: name in j.resources, "the queued prompt")
    await shared.agent.decide(permission.name, decision_pb2.DECISION_STATE_DENIED, "")
    await shared.idle(session)

    assert shared.journal.texts(session) == ["Answered all the same."]
    assert shared.journal.resources[name].message.state == session_pb2.MESSAGE_STATE_COMPLETE
    assert prompts_seen(shared.asked, "Queued behind a refusal.") == 1
    held = (await shared.agent._life().client.message(session, queued.message_id)).parts
    assert len(held) == 1


async def test_a_refusal_with_a_word_reaches_the_model_and_the_turn_goes_on(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("touch refused"), says("Understood."))
    permission = await shared.permission(session)
    await shared.agent.decide(permission.name, decision_pb2.DECISION_STATE_DENIED, "use the other sail")
    await shared.idle(session)

    assert shared.journal.texts(session) == ["Understood."]
    assert "use the other sail" in shared.journal.calls(session)[0].error


async def test_a_refusal_settles_everything_that_the_session_waits_for(shared: Rig) -> None:
    session = await shared.session()
    both = turn(*(Call(call="bash", arguments={"command": f"ls {n}", "description": "Lists"}) for n in "ab"))
    await shared.prompt(session, both)
    await shared.until(lambda j: sum(session in name for name in j.pending()) == 2, "two permissions")
    first, second = (name for name in shared.journal.pending() if session in name)
    await shared.agent.decide(first, decision_pb2.DECISION_STATE_DENIED, "")
    await shared.until(lambda j: second in j.withdrawn, "the second to be withdrawn")

    assert shared.journal.withdrawn[second][0] == decision_pb2.DECISION_STATE_DENIED


async def test_a_second_decision_is_told_that_nobody_waits(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("true"), says("Done."))
    permission = await shared.permission(session)
    await shared.allow(permission)
    with pytest.raises(NotWaitingError):
        await shared.allow(permission)
    await shared.idle(session)


async def test_an_outcome_that_opencode_has_no_word_for_is_refused(shared: Rig) -> None:
    with pytest.raises(UnsupportedError, match="allow once"):
        await shared.agent.decide("sessions/s/permissions/p", decision_pb2.DECISION_STATE_EXPIRED, "")


async def test_an_edit_is_asked_for_with_its_difference_and_changes_the_file(shared: Rig) -> None:
    session = await shared.session()
    target = shared.folder / "new sail.txt"
    # A former try of this test may have left it.
    target.unlink(missing_ok=True)
    await shared.prompt(session, calls("write", filePath=str(target), content="red\n"), says("Written."))
    permission = await shared.permission(session)
    [diff] = permission.diffs
    assert (permission.kind, diff.path, diff.change) == (
        session_pb2.TOOL_KIND_EDIT,
        "new sail.txt",
        session_pb2.FILE_CHANGE_ADDED,
    )
    assert diff.patch.splitlines() == ["--- /dev/null", "+++ b/new sail.txt", "@@ -0,0 +1,1 @@", "+red"]
    assert not target.exists()
    await shared.allow(permission)
    await shared.idle(session)

    assert target.read_text() == "red\n"
    [prompt, *_] = shared.journal.messages(session)
    message_id = prompt.name.rpartition("/")[2]
    # OpenCode sums a turn up a moment after it became idle.
    await shared.until(lambda j: j.session(session).changes.files == 1, "a changed file to be counted")
    [turned] = await shared.agent.turn_diff(session, message_id)
    assert (turned.path, turned.additions, turned.change) == ("new sail.txt", 1, session_pb2.FILE_CHANGE_ADDED)
    assert "+red" in turned.patch
    assert [d.path for d in await shared.agent.session_diff(session)] == ["new sail.txt"]
    assert "new sail.txt" in [d.path for d in await shared.agent.working_tree_diff(shared.folder)]


async def test_a_question_is_asked_and_answered(shared: Rig) -> None:
    session = await shared.session()
    sails: list[JsonValue] = [{"label": "Jib", "description": "small"}, {"label": "Spinnaker", "description": "large"}]
    asked: JsonValue = {"question": "Which sail?", "header": "Sail", "options": sails}
    ask = turn(Call(call="question", arguments={"questions": [asked]}))
    await shared.prompt(session, ask, says("Thank you."))
    question = await shared.question(session)
    [prompt] = question.prompts
    assert (prompt.text, [o.label for o in prompt.options], prompt.free_text) == (
        "Which sail?",
        ["Jib", "Spinnaker"],
        True,
    )
    assert shared.journal.resources[question.part].part.tool_call.kind == session_pb2.TOOL_KIND_QUESTION
    await shared.agent.answer(question.name, [decision_pb2.QuestionAnswer(values=["Jib"])])
    await shared.idle(session)

    assert shared.journal.withdrawn[question.name][0] == decision_pb2.DECISION_STATE_ANSWERED
    assert "Jib" in shared.journal.calls(session)[0].output


async def test_a_question_is_dismissed(shared: Rig) -> None:
    session = await shared.session()
    asked: JsonValue = {"question": "Now?", "header": "Now", "options": []}
    await shared.prompt(session, turn(Call(call="question", arguments={"questions": [asked]})))
    question = await shared.question(session)
    await shared.agent.dismiss(question.name)
    await shared.until(lambda j: question.name in j.withdrawn, "the question to be withdrawn")

    assert shared.journal.withdrawn[question.name][0] == decision_pb2.DECISION_STATE_DENIED
    with pytest.raises(NotWaitingError):
        await shared.agent.dismiss(question.name)


async def test_the_agents_list_is_told(shared: Rig) -> None:
    session = await shared.session()
    todos = [{"content": "Untie", "status": "in_progress", "priority": "high"}]
    await shared.ask(session, turn(Call(call="todowrite", arguments={"todos": [{**t} for t in todos]})), says("Ok."))

    [todo] = shared.journal.resources[f"sessions/{session}/todos"].todo_list.todos
    assert (todo.text, todo.state, todo.priority) == (
        "Untie",
        session_pb2.TODO_STATE_ACTIVE,
        session_pb2.TODO_PRIORITY_HIGH,
    )


async def test_a_subagent_has_a_session_of_its_own_and_its_permission_can_be_decided(shared: Rig) -> None:
    session = await shared.session()
    from agentd.demo.script import Script  # noqa: PLC0415

    inner = Script(turns=(runs("echo child"), says("Child done.")))
    task = calls("task", description="Look", prompt=f"Go.\n{inner.directive()}", subagent_type="general")
    await shared.prompt(session, task, says("All done."))
    await shared.until(lambda j: any(session not in n for n in j.pending()), "the child's permission")
    [name] = [n for n in shared.journal.pending() if session not in n]
    child = name.split("/")[1]
    assert shared.journal.session(child).parent == f"sessions/{session}"
    await shared.agent.decide(name, decision_pb2.DECISION_STATE_ALLOWED_ONCE, "")
    await shared.idle(session)

    [call] = shared.journal.calls(session)
    assert (call.kind, call.child_session) == (session_pb2.TOOL_KIND_SUBAGENT, f"sessions/{child}")
    assert shared.journal.texts(child) == ["Child done."]


async def test_a_turn_is_stopped_and_keeps_what_had_arrived(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, turn(Say(say="Half a sentence"), Hold(hold="stopped")))
    await shared.model.reached("stopped")
    await shared.until(lambda j: any(d.text == "nce" for d in j.deltas()), "the text")
    assert await shared.agent.interrupt(session)
    stopped = session_pb2.MESSAGE_STATE_STOPPED
    await shared.until(lambda j: j.messages(session)[-1].state == stopped, "the answer to be stopped")

    assert shared.journal.session(session).state == session_pb2.SESSION_STATE_IDLE
    assert shared.journal.texts(session) == ["Half a sentence"]
    assert not await shared.agent.interrupt(session)


async def test_a_prompt_queued_behind_a_stopped_turn_says_that_it_was_stopped(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, turn(Say(say="First."), Hold(hold="queued")))
    await shared.model.reached("queued")
    queued = await shared.prompt(session, says("Second."))
    name = f"sessions/{session}/messages/{queued.message_id}"
    await shared.until(lambda j: name in j.resources, "the queued prompt")
    assert shared.journal.resources[name].message.state == session_pb2.MESSAGE_STATE_QUEUED
    await shared.agent.interrupt(session)
    stopped = session_pb2.MESSAGE_STATE_STOPPED
    await shared.until(lambda j: j.resources[name].message.state == stopped, "the queued prompt to be stopped")

    assert "Second." not in shared.journal.texts(session)


async def test_stopping_clears_what_the_turn_waited_for(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("true"))
    permission = await shared.permission(session)
    await shared.agent.interrupt(session)
    await shared.until(lambda j: permission.name in j.withdrawn, "the permission to be withdrawn")

    assert shared.journal.withdrawn[permission.name][0] == decision_pb2.DECISION_STATE_EXPIRED
    listed = await shared.agent._life().client.permissions(str(shared.folder))
    assert permission.name.rpartition("/")[2] not in [request.id for request in listed]
    with pytest.raises(NotWaitingError, match="over"):
        await shared.allow(permission)
    await shared.until(lambda j: j.calls(session)[0].state == session_pb2.TOOL_STATE_INTERRUPTED, "the call to end")


async def test_a_providers_refusal_is_shown_in_its_own_words(shared: Rig) -> None:
    session = await shared.session()
    failure = Failure(status=401, message="This key has sailed.")
    await shared.prompt(session, Turn(failures=(failure,) * 9))
    await shared.idle(session, session_pb2.SESSION_STATE_FAILED)

    assert "This key has sailed." in shared.journal.session(session).state_detail
    assert "401" in shared.journal.session(session).state_detail
    await shared.until(lambda j: j.messages(session)[-1].error != "", "the message's error")
    assert "This key has sailed." in shared.journal.messages(session)[-1].error
    await shared.ask(session, says("Better."))
    assert shared.journal.session(session).state_detail == ""


async def test_a_busy_provider_is_tried_again_and_the_wait_is_told(shared: Rig) -> None:
    session = await shared.session()
    failure = Failure(status=429, message="too many sailors", headers={"retry-after": "1"})
    await shared.prompt(session, Turn(failures=(failure,), steps=(Say(say="There."),)))
    retrying = session_pb2.SESSION_STATE_RETRYING
    await shared.until(lambda j: j.session(session).state == retrying, "a retry")
    told = shared.journal.session(session)
    assert "too many sailors" in told.state_detail
    assert told.retry_time.ToMilliseconds() > told.create_time.ToMilliseconds()
    await shared.idle(session)
    assert shared.journal.texts(session) == ["There."]


async def test_an_answer_that_breaks_off_is_kept_and_another_one_follows(shared: Rig) -> None:
    from agentd.demo.script import StreamError  # noqa: PLC0415

    session = await shared.session()
    await shared.prompt(session, turn(Say(say="Broken "), Hold(hold="breaking"), StreamError(stream_error="overload")))
    await shared.model.reached("breaking")
    await shared.until(lambda j: any(d.text == "Broken " for d in j.deltas()), "the text")
    shared.model.release("breaking")
    await shared.until(lambda j: j.session(session).state == session_pb2.SESSION_STATE_RETRYING, "a retry")

    [broken] = [p for p in shared.journal.all_parts(session) if p.text.text == "Broken "]
    assert broken.state == session_pb2.PART_STATE_INTERRUPTED
    await shared.agent.interrupt(session)
    await shared.until(lambda j: j.session(session).state == session_pb2.SESSION_STATE_IDLE, "the end")


async def test_a_model_that_does_not_exist_fails_the_prompt_visibly(shared: Rig) -> None:
    session = await shared.session()
    await shared.agent.prompt(replace(shared.order(session, "Hello"), model="nobody/nothing"))
    await shared.idle(session, session_pb2.SESSION_STATE_FAILED)

    [prompt] = shared.journal.messages(session)
    assert prompt.state == session_pb2.MESSAGE_STATE_FAILED
    assert "nobody" in prompt.error


async def test_reading_in_the_project_is_not_asked_for_but_its_secrets_are(shared: Rig) -> None:
    session = await shared.session()
    (shared.folder / ".env").write_text("KEY=1\n")
    await shared.prompt(session, calls("read", filePath=str(shared.folder / "README.md")), says("Read."))
    await shared.idle(session)
    await shared.prompt(session, calls("read", filePath=str(shared.folder / ".env")), says("Read."))
    permission = await shared.permission(session)
    assert (permission.action, permission.reason) == ("read", "The file looks as if it held secrets.")
    await shared.agent.interrupt(session)


async def test_reaching_outside_the_project_and_the_network_is_asked_for(shared: Rig) -> None:
    for action, call in (
        ("external_directory", calls("read", filePath="/etc/hostname")),
        ("webfetch", calls("webfetch", url="http://127.0.0.1:9/", format="text")),
    ):
        session = await shared.session()
        await shared.prompt(session, call)
        permission = await shared.permission(session)
        assert permission.action == action
        await shared.agent.interrupt(session)
