"""No durable event is missed, whatever the connection does (notes on the stream's races and holes: `follower.py`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from urllib.parse import urlparse

import pytest

from agentd.agents.agent import AgentUnavailableError
from agentd.agents.opencode.client import Client
from agentd.agents.opencode.clock import Clock
from agentd.agents.opencode.event_schema import Durable
from agentd.agents.opencode.follower import Follower, Following
from agentd.agents.opencode.lost import Mark
from agentd.agents.opencode.mirror import Mirror
from agentd.agents.opencode.room import GONE_DETAIL
from agentd.demo.script import Hold, Say, Turn
from halyard.agent.v1 import session_pb2
from halyard.agent.v1.resource_pb2 import Resource
from tests.fakes.cutting_proxy import CuttingProxy
from tests.fakes.journal import MemoryJournal
from tests.fakes.opencode import Rig, Running, runs, says, turn

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The shared server has the sessions of all tests before, and only the newest few are these tests' own.
FEW = Following(listed_sessions=8)


class Observer:
    """A second follower of the same server, behind a connection that a test can cut."""

    def __init__(self, client: Client, journal: MemoryJournal, following: Following) -> None:
        self.journal = journal
        self.mirror = Mirror(journal)
        self.follower = Follower(client, self.mirror, journal, Clock(), following)
        self.lost = asyncio.Event()

    async def run(self) -> None:
        while True:
            with contextlib.suppress(AgentUnavailableError):
                await self.follower.follow()
            self.lost.set()


@contextlib.asynccontextmanager
async def observer(rig: Rig, journal: MemoryJournal | None = None) -> AsyncIterator[tuple[Observer, CuttingProxy]]:
    endpoint = rig.agent.endpoint
    assert endpoint is not None
    async with CuttingProxy("127.0.0.1", urlparse(endpoint.url).port or 0).serving() as proxy:
        client = Client(f"http://127.0.0.1:{proxy.port}", endpoint.password)
        made = Observer(client, journal or MemoryJournal(), FEW)
        running = Running.start(made.run())
        try:
            await made.follower.caught_up.wait()
            yield made, proxy
        finally:
            await running.stop()
            await client.close()


def _has_ended(session: str, journal: MemoryJournal) -> bool:
    return "End." in journal.texts(session) and journal.session(session).state == session_pb2.SESSION_STATE_IDLE


def _contents(parts: Sequence[session_pb2.Part]) -> list[str]:
    return [p.text.text or p.reasoning.text or f"{p.tool_call.tool}:{p.tool_call.output}" for p in parts]


async def test_forced_disconnects_lose_nothing(shared: Rig) -> None:
    """Twelve cuts while three sessions stream; what is rebuilt equals what OpenCode lists."""
    sessions = [await shared.session() for _ in range(3)]
    async with observer(shared) as (seen, proxy):
        script = [turn(Say(say=f"Step {n}. " * 20, chunk=4, pace=0.002)) for n in range(1)]
        steps = [*(Turn(steps=(*s.steps, *runs("true").steps)) for s in script)]
        for session in sessions:
            await shared.prompt(session, *steps, says("End."))
        for session in sessions:
            permission = await shared.permission(session)
            for _ in range(4):
                await proxy.cut()
            await shared.allow(permission)
        for session in sessions:
            await shared.idle(session)
            await seen.journal.until(partial(_has_ended, session), f"the end of {session}")
        assert proxy.cuts >= 12
        for session in sessions:
            listed = await shared.agent.messages(session, 100, "")
            for entry in listed.messages:
                told = seen.journal.parts(entry.message.name)
                assert _contents(told) == _contents(entry.parts)
                assert [p.state for p in told] == [p.state for p in entry.parts]
            assert [m.name for m in seen.journal.messages(session)] == [e.message.name for e in listed.messages]
        assert seen.journal.stale_deltas == 0


async def test_a_part_that_was_cut_while_it_streamed_gets_no_deltas_and_is_repaired_by_its_end(shared: Rig) -> None:
    session = await shared.session()
    async with observer(shared) as (seen, proxy):
        await shared.prompt(session, turn(Say(say="Before. "), Hold(hold="cut"), Say(say="After.")))
        await shared.model.reached("cut")
        await seen.journal.until(lambda j: any("Before" in d.text for d in j.deltas()), "the beginning")
        await proxy.cut()
        await asyncio.wait_for(seen.lost.wait(), 60)
        told_before = len(seen.journal.deltas())
        shared.model.release("cut")
        await seen.journal.until(lambda j: j.texts(session) == ["Before. After."], "the whole text")
        assert len(seen.journal.deltas()) == told_before


async def test_what_was_asked_while_nobody_listened_is_asked_after_the_next_connection(shared: Rig) -> None:
    session = await shared.session()
    async with observer(shared) as (seen, proxy):
        await shared.prompt(session, turn(Hold(hold="asking"), *runs("echo late").steps), says("End."))
        await shared.model.reached("asking")
        await proxy.cut()
        shared.model.release("asking")
        permission = await shared.permission(session)
        await seen.journal.until(lambda j: permission.name in j.pending(), "the permission")
        # Which call asks for it is told of as soon as the call is.
        await seen.journal.until(lambda j: bool(j.permissions[permission.name].part), "its call")
        assert seen.journal.permissions[permission.name].part == permission.part
        await shared.allow(permission)
        await shared.idle(session)
        await seen.journal.until(lambda j: permission.name not in j.pending(), "the permission to be withdrawn")


async def test_a_restarted_reader_goes_on_where_it_was_and_reads_what_it_missed(shared: Rig) -> None:
    session = await shared.session()
    journal = MemoryJournal()
    async with observer(shared, journal):
        await shared.ask(session, says("One."))
        await journal.until(lambda j: j.texts(session) == ["One."], "the first answer")
    await shared.ask(session, says("Two."))
    await shared.agent.rename(session, "Renamed meanwhile")
    async with observer(shared, journal):
        await journal.until(lambda j: j.texts(session) == ["One.", "Two."], "the second answer")
        await journal.until(lambda j: j.session(session).title == "Renamed meanwhile", "the title")


async def test_a_restarted_reader_marks_what_a_revert_undoes(shared: Rig) -> None:
    session = await shared.session()
    journal = MemoryJournal()
    async with observer(shared, journal):
        first = await shared.prompt(session, says("One."))
        await shared.idle(session)
        await journal.until(lambda j: j.texts(session) == ["One."], "the answer")
    async with observer(shared, journal):
        await shared.agent.revert(session, first.message_id)
        await journal.until(lambda j: all(m.reverted for m in j.messages(session)), "the messages to be marked")


async def test_a_session_deleted_while_nobody_listened_is_marked(shared: Rig) -> None:
    session = await shared.session()
    journal = MemoryJournal()
    async with observer(shared, journal):
        await journal.until(lambda j: f"sessions/{session}" in j.resources, "the session")
    await shared.agent.delete(session)
    async with observer(shared, journal):
        await journal.until(lambda j: j.session(session).state_detail == GONE_DETAIL, "the session to be marked")


async def test_a_new_reader_takes_up_sessions_with_a_past(shared: Rig) -> None:
    session = await shared.session()
    await shared.ask(session, says("Long ago."))
    async with observer(shared) as (seen, _):
        await seen.journal.until(lambda j: j.texts(session) == ["Long ago."], "the past")
        await shared.ask(session, says("Now."))
        await seen.journal.until(lambda j: j.texts(session) == ["Long ago.", "Now."], "the present")


async def test_a_new_reader_takes_up_a_turn_that_runs_and_does_not_call_it_cut_off(shared: Rig) -> None:
    session = await shared.session()
    await shared.prompt(session, runs("true"), says("End."))
    permission = await shared.permission(session)
    async with observer(shared) as (seen, _):
        await shared.agent.rename(session, "Taken up")
        await seen.journal.until(lambda j: j.session(session).title == "Taken up", "the session")
        await shared.allow(permission)
        await seen.journal.until(partial(_has_ended, session), "the end")
        told = [t.session.state for t in seen.journal.told if isinstance(t, Resource) and t.HasField("session")]
        assert session_pb2.SESSION_STATE_WORKING in told
        after = told[told.index(session_pb2.SESSION_STATE_WORKING) :]
        assert session_pb2.SESSION_STATE_INTERRUPTED not in after


async def test_a_turn_that_begins_between_two_looks_is_never_told_as_cut_off(shared: Rig) -> None:
    session, endpoint, journal = await shared.session(), shared.agent.endpoint, MemoryJournal()
    assert endpoint is not None
    # As a reader knows it that has heard of the session's beginning.
    journal.save(f"opencode/seq/{session}", Mark(0).encode())
    client = Client(endpoint.url, endpoint.password)
    follower = Follower(client, Mirror(journal), journal, Clock(), FEW)
    try:
        await follower.catch_up()
        follower.caught_up.set()
        await shared.prompt(session, turn(Say(say="Before. "), Hold(hold="between")), says("After."))
        await shared.model.reached("between")
        await shared.until(lambda j: bool(j.texts(session)), "the beginning of the answer")
        await follower.catch_up()
    finally:
        shared.model.release("between")
        await client.close()
    told = [value.message for value in journal.told if isinstance(value, Resource) and value.HasField("message")]
    own = [one.state for one in told if one.role == session_pb2.ROLE_AGENT and f"/{session}/" in one.name]
    assert own == [session_pb2.MESSAGE_STATE_WRITING]


async def test_a_hole_in_the_numbers_is_filled_from_the_history(shared: Rig) -> None:
    session = await shared.session()
    async with observer(shared) as (seen, _):
        await seen.journal.until(lambda j: f"sessions/{session}" in j.resources, "the session")
        # As if the stream had lost everything up to a far number.
        await shared.ask(session, says("One."))
        await seen.journal.until(lambda j: j.texts(session) == ["One."], "the first answer")
        last = seen.follower._book.last()[session]
        seen.follower._book._last[session] = last - 3
        seen.journal.delete(seen.journal.messages(session)[-1].name)
        await seen.follower._durable(Durable(session, last + 5, None))
        assert seen.journal.messages(session)[-1].state == session_pb2.MESSAGE_STATE_COMPLETE
        assert seen.follower._book.last()[session] >= last
