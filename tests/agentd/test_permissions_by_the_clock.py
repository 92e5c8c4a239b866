"""What waits, waits as long as it was given, whatever becomes of the clock on the wall."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentd.permissions import Author, Decisions
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import session_pb2 as session
from tests.fakes.scripted_agent import ScriptedAgent

NAME = "sessions/s/permissions/p"
ONCE, EXPIRED = pb.DECISION_STATE_ALLOWED_ONCE, pb.DECISION_STATE_EXPIRED
ANNE = Author("a" * 26, "Anne's phone", b"1" * 16)
DAY_MS = 24 * 3600 * 1000


@dataclass
class TwoClocks:
    """The one on the wall can be set; the other one cannot."""

    wall_ms: int = 10 * DAY_MS
    elapsed: float = 500.0

    def passes(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.elapsed += seconds


@pytest.mark.parametrize("days", [1, -1])
async def test_a_clock_that_is_set_by_a_day_neither_ends_nor_prolongs_what_waits(
    tmp_path: Path, agent: ScriptedAgent, days: int
) -> None:
    clocks = TwoClocks()
    with Store(tmp_path / "db") as store:
        log = SessionLog(store, lambda: clocks.wall_ms)
        decisions = Decisions(log, lambda _: agent, lambda: clocks.wall_ms, lambda: clocks.elapsed)
        ask = pb.Permission(name=NAME, kind=session.TOOL_KIND_EXECUTE, command="make")
        ask.expire_time.FromMilliseconds(clocks.wall_ms + 3_600_000)
        agent.waiting.add(NAME)
        decisions.ask(ask)
        clocks.wall_ms += days * DAY_MS
        # Nobody has noticed yet, and still it waits.
        assert decisions._take_late() == []
        decisions.clock_set(days * DAY_MS)
        value = log.get(NAME)
        assert value is not None
        assert value.permission.expire_time.ToMilliseconds() == clocks.wall_ms + 3_600_000
        clocks.passes(3_599)
        decided = await decisions.decide(NAME, ONCE, "", ANNE)
        assert decided.decision.applied


async def test_what_got_late_while_the_machine_slept_is_late_when_it_wakes(
    tmp_path: Path, agent: ScriptedAgent
) -> None:
    clocks = TwoClocks()
    with Store(tmp_path / "db") as store:
        log = SessionLog(store, lambda: clocks.wall_ms)
        decisions = Decisions(log, lambda _: agent, lambda: clocks.wall_ms, lambda: clocks.elapsed)
        agent.waiting.add(NAME)
        decisions.ask(pb.Permission(name=NAME, kind=session.TOOL_KIND_EXECUTE, command="make"))
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            running = group.create_task(decisions.run())
            clocks.passes(2 * DAY_MS / 1000)
            with log.changes() as changed:
                decisions.look()
                while (value := log.get(NAME)) is None or value.permission.state != EXPIRED:
                    await changed.wait()
                    changed.clear()
            running.cancel()
