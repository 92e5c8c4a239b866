"""Every prompt that the welcome text promises, played against the real OpenCode: files change and commands run."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from agentd.agents.agent import StartOrder
from agentd.demo import project, scenarios
from agentd.demo.script import Conversation, Message, choose
from halyard.agent.v1 import decision_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.fakes.opencode import Rig

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def begin(shared: Rig, folder: Path, text: str) -> str:
    order = StartOrder(folder=folder, token=secrets.token_hex(8))
    session = (await shared.agent.start_session(order)).name.removeprefix("sessions/")
    await shared.agent.prompt(shared.order(session, text))
    return session


async def test_fixing_the_greeter_edits_the_file_and_runs_it(shared: Rig, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "sample").resolve()
    session = await begin(shared, folder, "Please fix the greeter")
    edit = await shared.permission(session)
    assert [d.path for d in edit.diffs] == ["greeter.py"]
    await shared.allow(edit)
    await shared.until(lambda j: any(session in n and n != edit.name for n in j.pending()), "the run to be asked for")
    await shared.allow(await shared.permission(session))
    await shared.idle(session)

    assert project.FIX in (folder / "greeter.py").read_text()
    run = shared.journal.calls(session)[-1]
    assert (run.state, run.output) == (pb.TOOL_STATE_COMPLETE, "Hello, sailor!\n")
    assert "Done." in shared.journal.texts(session)[-1]


async def test_a_refusal_with_a_word_is_answered_with_that_word(shared: Rig, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "sample").resolve()
    session = await begin(shared, folder, "fix it")
    edit = await shared.permission(session)
    await shared.agent.decide(edit.name, decision_pb2.DECISION_STATE_DENIED, "not on a Friday")
    await shared.idle(session)

    assert "not on a Friday" in shared.journal.texts(session)[-1]
    assert project.BUG in (folder / "greeter.py").read_text()


async def test_where_there_is_nothing_to_fix_a_note_is_written(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "change something")
    await shared.allow(await shared.permission(session))
    await shared.idle(session)

    assert (shared.folder / "halyard-demo.md").read_text().startswith("# Written by the demo")


async def test_running_a_command_shows_what_it_printed(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "run a command")
    await shared.allow(await shared.permission(session))
    await shared.idle(session)

    assert str(shared.folder) in shared.journal.texts(session)[-1]


async def test_a_question_is_asked_and_its_answer_repeated(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "ask me a question")
    question = await shared.question(session)
    await shared.agent.answer(question.name, [decision_pb2.QuestionAnswer(values=["Spinnaker"])])
    await shared.idle(session)

    assert "Spinnaker" in shared.journal.texts(session)[-1]


async def test_a_plan_fills_up(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "make a plan")
    await shared.idle(session)

    todos = shared.journal.resources[f"sessions/{session}/todos"].todo_list.todos
    assert [todo.state for todo in todos] == [pb.TODO_STATE_DONE] * 3


async def test_a_subagent_works_in_a_session_of_its_own(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "use a subagent")
    await shared.idle(session)

    child = shared.journal.calls(session)[0].child_session.removeprefix("sessions/")
    assert "I am the subagent." in shared.journal.texts(child)[0]


async def test_an_error_is_retried_and_overcome(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "show an error")
    retrying = pb.SESSION_STATE_RETRYING
    await shared.until(lambda j: j.session(session).state == retrying, "the provider to fail")
    assert "demo provider is busy" in shared.journal.session(session).state_detail
    await shared.idle(session)
    assert "There I am again" in shared.journal.texts(session)[-1]


async def test_a_long_answer_can_be_stopped(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "write something long")
    await shared.until(lambda j: "".join(j.texts(session)) != "", "the beginning")
    assert await shared.agent.interrupt(session)
    await shared.until(lambda j: j.messages(session)[-1].state == pb.MESSAGE_STATE_STOPPED, "the stop")
    assert 0 < len(shared.journal.texts(session)[-1]) < len(scenarios.LONG)


async def test_anything_else_is_answered_with_what_to_try(shared: Rig) -> None:
    session = await begin(shared, shared.folder, "Hello there")
    await shared.idle(session)
    assert shared.journal.texts(session) == [scenarios.WELCOME]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hello", "welcome"),
        ("Fix the greeter", "fix"),
        ("please edit the README", "fix"),
        ("ask me a question", "question"),
        ("make a plan", "plan"),
        ("use a subagent", "subagent"),
        ("show an error", "error"),
        ("write something long", "long"),
        ("run a command", "command"),
    ],
)
async def test_prompts_find_their_scenario(text: str, name: str) -> None:
    found = next(s for s in scenarios.SCENARIOS if s.matches(text))
    assert found.name == name
    turn = choose(Conversation("", (Message("user", text),), frozenset({"bash"})), scenarios.SCENARIOS)
    assert turn == found.play(Conversation("", (Message("user", text),)))
