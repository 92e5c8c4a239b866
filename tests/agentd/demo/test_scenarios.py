"""Every prompt that the welcome text promises, played against the real OpenCode: files change and commands run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agentd.agents.agent import StartOrder
from agentd.demo import project, scenarios
from agentd.demo.script import Conversation, Message, choose
from halyard.agent.v1 import decision_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.fakes.opencode import Rig, find_opencode, rig

# One OpenCode for the module, on whichever worker that is.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("opencode-scenarios")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with rig(tmp_path_factory.mktemp("demo"), find_opencode()) as made:
        yield made


async def begin(demo: Rig, folder: Path, text: str) -> str:
    order = StartOrder(folder=folder, token=f"{folder}{text}")
    session = (await demo.agent.start_session(order)).name.removeprefix("sessions/")
    await demo.agent.prompt(demo.order(session, text))
    return session


async def test_fixing_the_greeter_edits_the_file_and_runs_it(demo: Rig, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "sample").resolve()
    session = await begin(demo, folder, "Please fix the greeter")
    edit = await demo.permission(session)
    assert [d.path for d in edit.diffs] == ["greeter.py"]
    await demo.allow(edit)
    await demo.until(lambda j: any(session in n and n != edit.name for n in j.pending()), "the run to be asked for")
    await demo.allow(await demo.permission(session))
    await demo.idle(session)

    assert project.FIX in (folder / "greeter.py").read_text()
    run = demo.journal.calls(session)[-1]
    assert (run.state, run.output) == (pb.TOOL_STATE_COMPLETE, "Hello, sailor!\n")
    assert "Done." in demo.journal.texts(session)[-1]


async def test_a_refusal_with_a_word_is_answered_with_that_word(demo: Rig, tmp_path: Path) -> None:
    folder = project.create(tmp_path / "sample").resolve()
    session = await begin(demo, folder, "fix it")
    edit = await demo.permission(session)
    await demo.agent.decide(edit.name, decision_pb2.DECISION_STATE_DENIED, "not on a Friday")
    await demo.idle(session)

    assert "not on a Friday" in demo.journal.texts(session)[-1]
    assert project.BUG in (folder / "greeter.py").read_text()


async def test_where_there_is_nothing_to_fix_a_note_is_written(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "change something")
    await demo.allow(await demo.permission(session))
    await demo.idle(session)

    assert (demo.folder / "halyard-demo.md").read_text().startswith("# Written by the demo")


async def test_running_a_command_shows_what_it_printed(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "run a command")
    await demo.allow(await demo.permission(session))
    await demo.idle(session)

    assert str(demo.folder) in demo.journal.texts(session)[-1]


async def test_a_question_is_asked_and_its_answer_repeated(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "ask me a question")
    question = await demo.question(session)
    await demo.agent.answer(question.name, [decision_pb2.QuestionAnswer(values=["Spinnaker"])])
    await demo.idle(session)

    assert "Spinnaker" in demo.journal.texts(session)[-1]


async def test_a_plan_fills_up(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "make a plan")
    await demo.idle(session)

    todos = demo.journal.resources[f"sessions/{session}/todos"].todo_list.todos
    assert [todo.state for todo in todos] == [pb.TODO_STATE_DONE] * 3


async def test_a_subagent_works_in_a_session_of_its_own(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "use a subagent")
    await demo.idle(session)

    child = demo.journal.calls(session)[0].child_session.removeprefix("sessions/")
    assert "I am the subagent." in demo.journal.texts(child)[0]


async def test_an_error_is_retried_and_overcome(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "show an error")
    retrying = pb.SESSION_STATE_RETRYING
    await demo.until(lambda j: j.session(session).state == retrying, "the provider to fail")
    assert "demo provider is busy" in demo.journal.session(session).state_detail
    await demo.idle(session)
    assert "There I am again" in demo.journal.texts(session)[-1]


async def test_a_long_answer_can_be_stopped(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "write something long")
    await demo.until(lambda j: "".join(j.texts(session)) != "", "the beginning")
    assert await demo.agent.interrupt(session)
    await demo.until(lambda j: j.messages(session)[-1].state == pb.MESSAGE_STATE_STOPPED, "the stop")
    assert 0 < len(demo.journal.texts(session)[-1]) < len(scenarios.LONG)


async def test_anything_else_is_answered_with_what_to_try(demo: Rig) -> None:
    session = await begin(demo, demo.folder, "Hello there")
    await demo.idle(session)
    assert demo.journal.texts(session) == [scenarios.WELCOME]


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
