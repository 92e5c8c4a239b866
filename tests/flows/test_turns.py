"""What an agent does while it works, as an app sees it, through real processes."""

import pytest

from agentd.demo.script import Call, Failure, Hold, Say, Script, Turn
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import session_pb2 as session
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import calls, runs, says, scripted, turn
from tests.flows.stack import Stack
from tests.flows.steps import ONCE, answered, answers, decide, ended, permission, said, say, start, tools

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_answer_streams_and_its_record_says_the_same(stack: Stack, phone: AppLink) -> None:
    words = "A halyard raises a sail ⛵. " * 8
    async with phone.attached():
        name, _ = await start(phone, scripted(says("Ready.")))
        await phone.focus(name)
        prompt = scripted(turn(Say(say=words, chunk=8), Hold(hold="streamed"), Say(say="The end.")))
        message = await say(phone, name, prompt)
        # Half of it is on screen while the model still holds back the rest: these are hints, not the record.
        await phone.until(lambda: any(phone.text(delta.part).endswith("⛵. ") for delta in phone.hints))
        part = phone.hints[-1].part
        assert phone.text(part) == words
        assert phone.resources[part].part.state == session.PART_STATE_OPEN
        stack.model.release("streamed")
        await ended(phone, name, message)
        assert phone.text(part) == phone.resources[part].part.text.text == f"{words}The end."
        assert "".join(delta.text for delta in phone.hints if delta.part == part) in f"{words}The end."


async def test_nobody_looks_so_nothing_volatile_is_sent(phone: AppLink) -> None:
    async with phone.attached():
        await phone.focus("")
        before = len(phone.hints)
        words = "Nobody watches this being written. " * 5
        name, message = await start(phone, scripted(says(words)))
        await answered(phone, name, message, words)
        assert len(phone.hints) == before


async def test_a_todo_list_is_kept(phone: AppLink) -> None:
    def todos(state: str) -> Turn:
        items = [{"content": "Untie the line", "status": state, "priority": "high"}]
        return Turn(steps=(Call(call="todowrite", arguments={"todos": items}),))  # type: ignore[dict-item]

    async with phone.attached():
        name, message = await start(phone, scripted(todos("in_progress"), todos("completed"), says("Done.")))
        await ended(phone, name, message)
        await phone.until(lambda: f"{name}/todos" in phone.resources)
        (todo,) = phone.resources[f"{name}/todos"].todo_list.todos
        assert (todo.text, todo.state, todo.priority) == (
            "Untie the line",
            session.TODO_STATE_DONE,
            session.TODO_PRIORITY_HIGH,
        )


async def test_a_subagent_is_a_session_of_its_own_and_asks_like_any_other(phone: AppLink) -> None:
    child_script = Script(turns=(runs("echo from the child"), says("The child is done."))).directive()
    task = calls("task", description="Look", prompt=f"Look.\n{child_script}", subagent_type="general")
    async with phone.attached():
        name, message = await start(phone, scripted(task, says("The child said so.")))
        await phone.until(lambda: any(v.session.parent == name for v in phone.named("sessions/")))
        child = next(v.name for v in phone.named("sessions/") if v.session.parent == name)
        asked = await permission(phone, child)
        assert asked.command == "echo from the child"
        await decide(phone, asked, ONCE)
        await answered(phone, name, message, "The child said so.")
        (call,) = tools(phone, name)
        assert (call.kind, call.child_session) == (session.TOOL_KIND_SUBAGENT, child)


async def test_a_running_turn_is_stopped(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(turn(Say(say="So far."), Hold(hold="never"))))
        await phone.focus(name)
        # On the screen, as a hint or as a record: from then on it must not be lost.
        await phone.until(lambda: "So far." in said(phone, name, message) or on_screen(phone, name) == "So far.")
        request = service.InterruptRequest(session=name)
        assert (await phone.call("AgentService/Interrupt", request, service.InterruptResponse)).was_running
        await answered(phone, name, message, "So far.")
        (answer,) = answers(phone, name, message)
        assert answer.state == session.MESSAGE_STATE_STOPPED
        assert not (await phone.call("AgentService/Interrupt", request, service.InterruptResponse)).was_running


def on_screen(app: AppLink, session_name: str) -> str:
    """What is shown of the parts that grow in a session."""
    growing = {delta.part for delta in app.hints if delta.part.startswith(f"{session_name}/")}
    return "".join(app.text(part) for part in sorted(growing))


async def test_a_busy_provider_is_shown_and_tried_again(phone: AppLink) -> None:
    busy = Failure(status=429, message="The provider is busy.", headers={"retry-after": "1"})
    states: list[session.SessionState] = []

    def seen(name: str) -> bool:
        if name in phone.resources:
            states.append(phone.resources[name].session.state)
        return session.SESSION_STATE_RETRYING in states

    async with phone.attached():
        name, message = await start(phone, scripted(Turn(failures=(busy,), steps=(Say(say="There I am."),))))
        await phone.until(lambda: seen(name))
        retrying = phone.resources[name].session
        assert "busy" in retrying.state_detail
        assert retrying.retry_time.seconds > 0
        await answered(phone, name, message, "There I am.")


async def test_a_provider_that_refuses_fails_the_turn_in_its_own_words(phone: AppLink) -> None:
    denied = Failure(status=401, message="Your key is not valid.")
    async with phone.attached():
        name, message = await start(phone, scripted(Turn(failures=(denied,) * 3)))
        await phone.until(
            lambda: name in phone.resources and phone.resources[name].session.state == session.SESSION_STATE_FAILED
        )
        assert "Your key is not valid." in phone.resources[name].session.state_detail
        await phone.until(lambda: any(answer.error for answer in answers(phone, name, message)))
        again = await say(phone, name, scripted(says("Better.")))
        await answered(phone, name, again, "Better.")
