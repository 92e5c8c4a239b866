"""agentd is killed in the middle of something. After its return nothing is lost, and nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agentd.demo.script import Hold, Say
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import session_pb2 as session
from tests.fakes.app_link import AppLink, CallFailed
from tests.fakes.opencode import runs, says, scripted, turn
from tests.flows.stack import Stack
from tests.flows.steps import ONCE, answered, answers, decide, ended, permission, said, say, settled, start, tools

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_killed_while_it_writes_and_while_somebody_decides(stack: Stack, phone: AppLink) -> None:
    written, command = "This much was on the screen. ", "echo x >> count.txt"
    async with phone.attached():
        half = turn(Say(say=written), Hold(hold="killed"))
        writing, wrote = await start(phone, scripted(half, words="Write on."))
        deciding, asked_by = await start(phone, scripted(runs(command), says("Counted.")))
        asked = await permission(phone, deciding)
        # The record, not a hint: it is renewed every two seconds for just this case.
        await phone.until(lambda: said(phone, writing, wrote) == written)
        async with killed(stack, phone):
            pass
        for name, message in ((writing, wrote), (deciding, asked_by)):
            await cut_off(phone, name, message)
        await what_was_written_is_kept(stack, phone, writing, wrote, written)
        await what_was_asked_is_asked_anew(phone, asked, scripted(runs(command), says("Counted.")))
        assert (stack.workstation.project / "count.txt").read_text() == "x\n"


async def cut_off(phone: AppLink, name: str, message: str) -> None:
    """The session and the answer say that they were interrupted, and what to do."""
    await phone.until(lambda: phone.resources[name].session.state == session.SESSION_STATE_INTERRUPTED)
    assert "Send the prompt again" in phone.resources[name].session.state_detail
    await phone.until(lambda: answers(phone, name, message)[0].state == session.MESSAGE_STATE_INTERRUPTED)


async def what_was_written_is_kept(stack: Stack, phone: AppLink, name: str, message: str, written: str) -> None:
    again = await say(phone, name, scripted(says("Written to the end.")))
    await answered(phone, name, again, "Written to the end.")
    assert said(phone, name, message) == written
    assert stack.times_asked("Write on.") == 1


async def what_was_asked_is_asked_anew(phone: AppLink, asked: decision.Permission, prompt: str) -> None:
    name = asked.name.partition("/permissions/")[0]
    await settled(phone, asked.name, decision.DECISION_STATE_EXPIRED)
    with pytest.raises(CallFailed) as refusal:
        await decide(phone, asked, ONCE)
    assert refusal.value.reason == "EXPIRED"
    assert tools(phone, name)[0].state == session.TOOL_STATE_INTERRUPTED
    again = await say(phone, name, prompt)
    await decide(phone, await permission(phone, name), ONCE)
    await ended(phone, name, again)


async def test_killed_with_calls_on_their_way_each_takes_effect_once(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await start(phone, scripted(says("Ready.")))
        await ended(phone, name, message)
        words = [f"Order number {number}." for number in range(4)]
        requests = [service.PromptRequest(session=name, text=scripted(says("Yes."), words=word)) for word in words]
        calls = [phone.prepare("AgentService/Prompt", request, ttl_seconds=600) for request in requests]
        async with killed(stack, phone):
            for call in calls:
                await phone.send(call)
            # Safe on the workstation's disk, and killed in the middle of carrying them out.
            await phone.until(lambda: "at the workstation" in calls[0].states)
    async with phone.attached():
        async with asyncio.timeout(60):
            became = [phone.read_answer(await call.answer, service.PromptResponse).message for call in calls]
        await phone.until(lambda: all(one in phone.resources for one in became))
        prompts = [value.message for value in phone.named(f"{name}/messages/") if value.message.call_id]
        by_call = {prompt.call_id: prompt.name for prompt in prompts if prompt.name != message}
        assert by_call == {call.call_id: one for call, one in zip(calls, became, strict=True)}


@asynccontextmanager
async def killed(stack: Stack, phone: AppLink) -> AsyncIterator[None]:
    """The phone's link stands all the while; agentd is killed at the end of the block, and started again."""
    yield
    await stack.workstation.kill()
    await phone.until(lambda: not phone.online)
    await stack.workstation.start()
    await phone.until(lambda: phone.online)
