"""An agent asks, a person decides, through real processes."""

import asyncio
from collections.abc import Coroutine

import pytest
from pydantic import JsonValue

from agentd.demo.script import Call, Turn
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import session_pb2 as session
from halyard.agent.v1 import workstation_pb2 as workstation
from tests.fakes.app_link import AppLink, CallFailed
from tests.fakes.opencode import calls, runs, says, scripted, turn
from tests.flows.stack import Stack
from tests.flows.steps import (
    ALWAYS,
    DENIED,
    ONCE,
    answered,
    decide,
    ended,
    pending,
    permission,
    question,
    said,
    say,
    settled,
    start,
    tools,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_allowed_once_it_runs_and_asks_again_next_time(stack: Stack, phone: AppLink) -> None:
    mark = stack.workstation.project / "once.txt"
    async with phone.attached():
        name, message = await start(phone, scripted(runs("echo done > once.txt"), says("It ran.")))
        asked = await permission(phone, name)
        assert asked.command == "echo done > once.txt"
        assert asked.kind == session.TOOL_KIND_EXECUTE
        assert not mark.exists()
        decided = await decide(phone, asked, ONCE)
        assert decided.decision.device == phone.identity.device_id
        assert decided.decision.decided_by == "Phone"
        await ended(phone, name, message)
        assert mark.read_text() == "done\n"
        assert phone.resources[asked.name].permission.decision.applied
        again = await say(phone, name, scripted(runs("echo again > once.txt"), says("Twice.")))
        await decide(phone, await permission(phone, name), ONCE)
        await ended(phone, name, again)


async def test_an_edit_shows_its_diff_before_it_is_allowed(stack: Stack, phone: AppLink) -> None:
    note = stack.workstation.project / "note.txt"
    note.write_text("one\n")
    edit = calls("edit", filePath=str(note), oldString="one", newString="two")
    read = calls("read", filePath=str(note))
    async with phone.attached():
        name, message = await start(phone, scripted(read, edit, says("Edited.")))
        asked = await permission(phone, name)
        (diff,) = asked.diffs
        assert diff.path == "note.txt"
        assert "-one" in diff.patch
        assert "+two" in diff.patch
        assert note.read_text() == "one\n"
        await decide(phone, asked, ONCE)
        await ended(phone, name, message)
        assert note.read_text() == "two\n"
        # OpenCode sums a turn up after its end.
        await phone.until(lambda: phone.resources[name].session.changes.additions == 1)
        turn_diff = service.GetDiffRequest(message=message)
        answer = await phone.call("AgentService/GetDiff", turn_diff, service.GetDiffResponse)
        assert [(changed.path, changed.additions, changed.deletions) for changed in answer.diffs] == [
            ("note.txt", 1, 1)
        ]


async def test_always_says_which_rule_it_adds_and_does_not_ask_again(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("printf first"), says("One.")))
        asked = await permission(phone, name)
        assert any("printf" in rule for rule in asked.always_rules)
        assert asked.always_scope
        assert (await decide(phone, asked, ALWAYS)).state == ALWAYS
        await ended(phone, name, message)
        again = await say(phone, name, scripted(runs("printf second"), says("Two.")))
        await ended(phone, name, again)
        await phone.until(lambda: [call.output for call in tools(phone, name)] == ["first", "second"])
        assert pending(phone, name) == []


async def test_denied_the_turn_ends(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("touch denied.txt"), says("Never said.")))
        await decide(phone, await permission(phone, name), DENIED)
        await ended(phone, name, message)
        (call,) = tools(phone, name)
        assert call.state == session.TOOL_STATE_FAILED
        assert said(phone, name, message) == ""
        assert not (stack.workstation.project / "denied.txt").exists()


async def test_denied_with_a_word_the_agent_hears_it_and_goes_on(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("touch denied.txt"), says("As you wish.")))
        decided = await decide(phone, await permission(phone, name), DENIED, "Use the other folder.")
        assert decided.decision.message == "Use the other folder."
        await answered(phone, name, message, "As you wish.")
        (call,) = tools(phone, name)
        assert "Use the other folder." in call.error


async def test_a_question_is_answered(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(_asks(), says("The jib it is.")))
        asked = await question(phone, name)
        (prompt,) = asked.prompts
        assert (prompt.header, prompt.text, [o.label for o in prompt.options]) == (
            "Sail",
            "Which sail?",
            ["Jib", "Main"],
        )
        request = service.AnswerRequest(question=asked.name, answers=[decision.QuestionAnswer(values=["Jib"])])
        settled_now = (await phone.call("AgentService/Answer", request, service.AnswerResponse)).question
        assert settled_now.state == decision.DECISION_STATE_ANSWERED
        await answered(phone, name, message, "The jib it is.")
        assert phone.resources[asked.name].question.decision.decided_by == "Phone"
        assert "Jib" in tools(phone, name)[0].output


async def test_a_question_is_dismissed(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(_asks(), says("Never said.")))
        asked = await question(phone, name)
        request = service.AnswerRequest(question=asked.name, dismiss=True)
        assert (await phone.call("AgentService/Answer", request, service.AnswerResponse)).question.state == DENIED
        await ended(phone, name, message)
        assert said(phone, name, message) == ""


async def test_two_apps_on_one_decision_the_first_wins_and_the_late_one_is_told_who(
    stack: Stack, phone: AppLink
) -> None:
    tablet = await stack.workstation.pair("Tablet")
    async with phone.attached(), tablet.attached():
        name, message = await start(phone, scripted(runs("echo raced"), says("Over.")))
        asked = await permission(phone, name)
        await tablet.until(lambda: pending(tablet, name))
        outcomes = await _both(decide(phone, asked, ONCE), decide(tablet, asked, DENIED, "No."))
        (won,) = [outcome for outcome in outcomes if isinstance(outcome, decision.Permission)]
        (lost,) = [outcome for outcome in outcomes if isinstance(outcome, CallFailed)]
        assert lost.reason == "ALREADY_DECIDED"
        assert lost.metadata["decided_by"] == won.decision.decided_by
        assert won.decision.decided_by in ("Phone", "Tablet")
        await ended(phone, name, message)
        for app in (phone, tablet):
            await settled(app, asked.name, won.state)
            assert app.resources[asked.name].permission.decision.decided_by == won.decision.decided_by


async def test_a_decision_that_nobody_waits_for_any_more_is_refused(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("echo stopped"), says("Never said.")))
        asked = await permission(phone, name)
        stop = service.InterruptRequest(session=name)
        await phone.call("AgentService/Interrupt", stop, service.InterruptResponse)
        await ended(phone, name, message)
        await settled(phone, asked.name, decision.DECISION_STATE_EXPIRED)
        with pytest.raises(CallFailed) as refusal:
            await decide(phone, asked, ONCE)
        assert refusal.value.reason == "EXPIRED"


async def test_an_approver_decides_but_may_not_prompt(stack: Stack, phone: AppLink) -> None:
    watch = await stack.workstation.pair("Watch", "approver")
    async with phone.attached(), watch.attached():
        name, message = await start(phone, scripted(runs("echo approved"), says("Thank you.")))
        await watch.until(lambda: pending(watch, name))
        with pytest.raises(CallFailed) as refusal:
            await say(watch, name, "Do something else.")
        assert refusal.value.reason == "ROLE_INSUFFICIENT"
        decided = await decide(watch, pending(watch, name)[0], ONCE)
        assert decided.decision.decided_by == "Watch"
        await ended(phone, name, message)
        device = phone.resources[f"devices/{watch.identity.device_id}"].device
        assert device.role == workstation.DEVICE_ROLE_APPROVER


def _asks() -> Turn:
    options: list[JsonValue] = [
        {"label": "Jib", "description": "Small"},
        {"label": "Main", "description": "Big"},
    ]
    asked: JsonValue = {"question": "Which sail?", "header": "Sail", "options": options}
    return turn(Call(call="question", arguments={"questions": [asked]}))


async def _both(
    one: Coroutine[None, None, decision.Permission], other: Coroutine[None, None, decision.Permission]
) -> list[decision.Permission | CallFailed]:
    """Decides twice at the same time; returns what became of each."""

    async def outcome(call: Coroutine[None, None, decision.Permission]) -> decision.Permission | CallFailed:
        try:
            return await call
        except CallFailed as refusal:
            return refusal

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(call)) for call in (one, other)]
    return [task.result() for task in tasks]
