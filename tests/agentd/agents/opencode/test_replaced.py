"""An OpenCode that hangs, or uses too much memory, is replaced: its whole family goes, and the sessions go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from agentd.agents.opencode.process import reap
from agentd.demo.script import Hold, Say
from agentd.ended import has_ended
from halyard.agent.v1 import session_pb2
from tests.fakes.journal import WAIT_SECONDS
from tests.fakes.opencode import QUICK, READY, Rig, rig, runs, says, turn

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A command that lasts until somebody writes into the pipe that it reads.
WAITING = runs("echo started; exec cat gate"), says("Through.")
CUT_OFF = session_pb2.SESSION_STATE_INTERRUPTED
ANSWER_CUT_OFF = session_pb2.MESSAGE_STATE_INTERRUPTED
CALL_CUT_OFF, CALL_DONE = session_pb2.TOOL_STATE_INTERRUPTED, session_pb2.TOOL_STATE_COMPLETE


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def made(opencode: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    # Three checks in a row are waited out in full where a server hangs.
    policy = replace(QUICK, health_interval=0.2, health_timeout=3.0)
    async with rig(tmp_path_factory.mktemp("replaced"), opencode, policy=policy) as made:
        os.mkfifo(made.folder / "gate")
        yield made


@dataclass(frozen=True)
class Former:
    """A server that is about to be replaced, and all that it started."""

    pid: int
    mark: str
    family: list[psutil.Process]

    @classmethod
    def of(cls, made: Rig) -> Former:
        return cls(made.pid, made.agent._life().process.mark, made.family())

    async def is_replaced(self, made: Rig) -> None:
        """Waits for another server; of this one nothing is left by then."""
        await made.another_life(self.pid)
        assert [process for process in self.family if not has_ended(process)] == []
        assert await asyncio.to_thread(reap, self.mark) == 0


@contextlib.contextmanager
def allowed(made: Rig, **ceilings: int) -> Iterator[None]:
    """OpenCode may use so much; as much as ever behind the block, so that the next server may live."""
    supervisor = made.agent._supervisor
    supervisor.policy = replace(supervisor.policy, **ceilings)
    try:
        yield
    finally:
        supervisor.policy = made.settings.policy


async def a_look(made: Rig) -> None:
    """Waits until OpenCode was looked after once more, and answered."""
    supervisor = made.agent._supervisor
    supervisor.strikes = 1
    async with asyncio.timeout(WAIT_SECONDS):
        while supervisor.suspicious:  # noqa: ASYNC110 - the supervisor is pure and wakes nobody
            await asyncio.sleep(0.02)


async def a_command_that_waits(made: Rig) -> str:
    """A session in the middle of a turn that will not end by itself."""
    session = await made.session()
    await begin_the_command(made, session)
    return session


async def begin_the_command(made: Rig, session: str) -> None:
    await made.prompt(session, *WAITING)
    await made.allow(await made.permission(session))
    await made.until(lambda j: "started" in j.calls(session)[-1].output, "the command to start")


async def is_marked(made: Rig, session: str, reason: str) -> None:
    """The turn is cut off, and says why; also after the next server's own listings were read."""
    assert made.journal.session(session).state == CUT_OFF
    detail = made.journal.session(session).state_detail
    assert reason in detail
    assert "Send the prompt again" in detail
    assert made.journal.messages(session)[-1].state == ANSWER_CUT_OFF
    assert [call.state for call in made.journal.calls(session)] == [CALL_CUT_OFF]
    listed = await made.agent.messages(session, 10, "")
    assert [p.tool_call.state for m in listed.messages for p in m.parts if p.HasField("tool_call")] == [CALL_CUT_OFF]


async def is_said_again(made: Rig, session: str) -> None:
    """The same prompt once more: its command is the only one that reads the pipe, and the turn ends."""
    await begin_the_command(made, session)
    await asyncio.to_thread((made.folder / "gate").write_text, "opened\n")
    await made.idle(session)
    calls = made.journal.calls(session)
    assert [call.state for call in calls] == [CALL_CUT_OFF, CALL_DONE]
    assert calls[-1].output == "started\nopened\n"
    assert made.journal.texts(session) == ["Through."]


async def test_a_server_that_hangs_while_a_command_runs_is_replaced(made: Rig) -> None:
    """Suspended, not dead: its port stays open, and whoever connects waits."""
    session = await a_command_that_waits(made)
    former = Former.of(made)
    assert len(former.family) > 1
    former.family[0].suspend()
    await made.until(lambda j: j.agent.state != READY, "the silence to be noticed")
    assert "did not answer" in made.journal.agent.state_detail
    await former.is_replaced(made)
    await is_marked(made, session, "did not answer")
    await is_said_again(made, session)


async def test_a_server_above_its_ceiling_is_replaced_when_the_turn_is_over(made: Rig) -> None:
    session = await made.session()
    await made.prompt(session, turn(Say(say="Half of it", chunk=50), Hold(hold="large"), Say(say=" and all.")))
    await made.until(lambda j: any("Half" in d.text for d in j.deltas()), "the text")
    former = Former.of(made)
    with allowed(made, memory_ceiling=1):
        await a_look(made)
        assert made.pid == former.pid
        made.model.release("large")
        await made.idle(session)
        await made.until(lambda j: j.agent.state != READY, "the memory to be noticed")
    assert "memory" in made.journal.agent.state_detail
    await former.is_replaced(made)
    assert made.journal.session(session).state_detail == ""
    await made.ask(session, says("On it goes."))
    assert made.journal.texts(session) == ["Half of it and all.", "On it goes."]


async def test_a_server_beyond_all_measure_is_replaced_in_the_middle_of_a_turn(made: Rig) -> None:
    session = await a_command_that_waits(made)
    former = Former.of(made)
    assert len(former.family) > 1
    with allowed(made, memory_ceiling=1, memory_limit=1):
        await made.until(lambda j: j.agent.state != READY, "the memory to be noticed")
    assert "memory" in made.journal.agent.state_detail
    await former.is_replaced(made)
    await is_marked(made, session, "memory")
    await is_said_again(made, session)
