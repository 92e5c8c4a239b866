"""What dies leaves nothing running, and what a person sees afterwards is true."""

import os
import signal

import pytest

from halyard.agent.v1 import session_pb2 as session
from tests.fakes.app_link import AppLink
from tests.fakes.opencode import runs, says, scripted
from tests.flows.stack import Stack, all_gone, family_of
from tests.flows.steps import ONCE, answered, answers, decide, permission, say, start, tools

pytestmark = pytest.mark.asyncio(loop_scope="session")

# One of the turn's own, one with a session of its own, and one that was orphaned on purpose and hides who made it.
COMMAND = "echo started; (setsid sleep 1000 &); (env -i setsid sleep 1000 &); exec sleep 1000"


async def test_agentd_killed_in_the_middle_of_a_command_leaves_nothing_running(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await _a_command_runs(phone)
        assert stack.workstation.process is not None
        family = family_of(stack.workstation.process.pid)
        assert sum("sleep" in one.cmdline() for one in family) == 3
        await stack.workstation.kill()
        # Nobody is there who could clean up; it happens all the same.
        await all_gone(family)
        await phone.until(lambda: not phone.online)
        await stack.workstation.start()
        await phone.until(lambda: phone.online)
        await _is_cut_off(phone, name, message)


async def test_opencode_killed_in_the_middle_of_a_command_leaves_nothing_running(stack: Stack, phone: AppLink) -> None:
    async with phone.attached():
        name, message = await _a_command_runs(phone)
        assert stack.workstation.process is not None
        [server] = [one for one in family_of(stack.workstation.process.pid) if "serve" in one.cmdline()[:3]]
        family = [server, *family_of(server.pid)]
        os.kill(server.pid, signal.SIGKILL)
        await all_gone(family)
        await _is_cut_off(phone, name, message)
        again = await say(phone, name, scripted(says("Back again.")))
        await answered(phone, name, again, "Back again.")


async def _a_command_runs(phone: AppLink) -> tuple[str, str]:
    name, message = await start(phone, scripted(runs(COMMAND), says("Never.")))
    await decide(phone, await permission(phone, name), ONCE)
    await phone.until(lambda: tools(phone, name) and "started" in tools(phone, name)[0].output)
    return name, message


async def _is_cut_off(phone: AppLink, name: str, message: str) -> None:
    """The session, the answer and the command say so, with what had arrived."""
    await phone.until(lambda: phone.resources[name].session.state == session.SESSION_STATE_INTERRUPTED)
    assert "Send the prompt again" in phone.resources[name].session.state_detail
    await phone.until(lambda: tools(phone, name)[0].state == session.TOOL_STATE_INTERRUPTED)
    assert tools(phone, name)[0].output.startswith("started")
    await phone.until(lambda: answers(phone, name, message)[-1].state == session.MESSAGE_STATE_INTERRUPTED)
