"""The workstation is off, or the app is: nothing is lost, and what was asked for meanwhile is done later."""

import asyncio

import pytest

from halyard.agent.v1 import agent_service_pb2 as service
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import runs, says, scripted
from tests.flows.stack import Stack
from tests.flows.steps import ONCE, answered, decide, ended, permission, said, start

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_while_the_workstation_is_off_a_new_app_reads_and_a_prompt_waits(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(runs("echo kept"), says("This is history.")))
        await decide(phone, await permission(phone, name), ONCE)
        await ended(phone, name, message)
    newcomer = await stack.workstation.pair("Newcomer")
    await stack.workstation.stop()
    words = "Asked while you were away."
    request = service.PromptRequest(session=name, text=scripted(says("Here I am again."), words=words))
    call = phone.prepare("AgentService/Prompt", request, ttl_seconds=3600)
    async with newcomer.attached(), phone.attached():
        await newcomer.until(lambda: newcomer.caught_up and name in newcomer.resources)
        assert not newcomer.online
        assert said(newcomer, name, message) == "This is history."
        assert newcomer.named(f"{name}/permissions/")[0].permission.decision.decided_by == "Phone"

        await phone.until(lambda: "at the relay" in call.states)
        assert call.states == ["on this device", "at the relay"]
        await stack.workstation.start()
        async with asyncio.timeout(30):
            answer = phone.read_answer(await call.answer, service.PromptResponse)
        assert call.states == ["on this device", "at the relay", "at the workstation"]
        await answered(phone, name, answer.message, "Here I am again.")
        assert phone.resources[answer.message].message.call_id == call.call_id
        assert stack.times_asked(words) == 1
        await ended(newcomer, name, answer.message)


async def test_a_prompt_whose_app_went_away_is_answered_all_the_same(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(says("Before.")))
        await ended(phone, name, message)
        words = "Put the phone away."
        call = phone.prepare(
            "AgentService/Prompt", service.PromptRequest(session=name, text=scripted(says("Done."), words=words))
        )
        await phone.send(call)
        await phone.until(lambda: "at the relay" in call.states)
    async with phone.attached():
        # The link that stood when it was sent is gone; the same call on the next one is answered from memory.
        async with asyncio.timeout(30):
            answer = phone.read_answer(await call.answer, service.PromptResponse)
        await answered(phone, name, answer.message, "Done.")
        assert stack.times_asked(words) == 1


async def test_an_app_that_returns_gets_only_what_changed(phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(says("One.")))
        await ended(phone, name, message)
        # OpenCode counts what a turn used, and may name the session, a moment after its end.
        await phone.until(
            lambda: phone.resources[name].session.usage.output_tokens and phone.resources[name].session.title
        )
        await phone.until(lambda: phone.caught_up)
    before = len(phone.arrivals)
    async with phone.attached():
        other, second = await start(phone, scripted(says("Two.")))
        await ended(phone, other, second)
    fresh = {arrived for arrived, _ in phone.arrivals[before:]}
    assert other in fresh
    assert not any(arrived.startswith(name) for arrived in fresh)
