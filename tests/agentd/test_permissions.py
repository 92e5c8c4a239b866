"""First answer wins, is durable, and is told to everybody who comes later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentd.errors import Refused
from agentd.fitting import MAX_BODY_BYTES
from agentd.permissions import LIFE_MS, MAX_SAID_BYTES, Author, Decisions
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import session_pb2 as session
from tests.fakes.scripted_agent import ScriptedAgent

NAME = "sessions/s/permissions/p"
QUESTION = "sessions/s/questions/q"
ONCE, ALWAYS, DENIED = pb.DECISION_STATE_ALLOWED_ONCE, pb.DECISION_STATE_ALLOWED_ALWAYS, pb.DECISION_STATE_DENIED
EXPIRED = pb.DECISION_STATE_EXPIRED
ANNE = Author("a" * 26, "Anne's phone", b"1" * 16)
BEN = Author("b" * 26, "Ben's tablet", b"2" * 16)


class Clock:
    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Desk:
    log: SessionLog
    agent: ScriptedAgent
    decisions: Decisions
    clock: Clock

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        self.clock.now_ms = value

    def ask(self, name: str = NAME, *, rules: tuple[str, ...] = ()) -> None:
        self.agent.waiting.add(name)
        self.decisions.ask(pb.Permission(name=name, kind=session.TOOL_KIND_EXECUTE, command="make", always_rules=rules))

    def ask_question(self) -> None:
        self.agent.waiting.add(QUESTION)
        self.decisions.ask(pb.Question(name=QUESTION, prompts=[pb.QuestionPrompt(text="Which?")]))

    def permission(self, name: str = NAME) -> pb.Permission:
        value = self.log.get(name)
        assert value is not None
        return value.permission


@asynccontextmanager
async def desk(folder: Path, agent: ScriptedAgent) -> AsyncIterator[Desk]:
    with Store(folder / "db") as store:
        clock = Clock()
        log = SessionLog(store, clock)
        yield Desk(log, agent, Decisions(log, lambda _: agent, clock), clock)


async def test_the_call_that_asks_is_named_once_it_is_known(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.decisions.asked_by(NAME, "sessions/s/messages/m/parts/p")
        assert (at.permission().part, at.decisions.pending()) == ("sessions/s/messages/m/parts/p", [NAME])
        at.decisions.asked_by(NAME, "sessions/s/messages/m/parts/another")
        at.decisions.asked_by("sessions/s/permissions/unknown", "sessions/s/messages/m/parts/p")
        assert at.permission().part == "sessions/s/messages/m/parts/p"


async def test_a_decision_is_written_told_and_signed(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        assert at.decisions.pending() == [NAME]
        assert at.permission().risk == pb.RISK_MEDIUM
        assert at.permission().expire_time.ToMilliseconds() == at.now_ms + LIFE_MS
        decided = await at.decisions.decide(NAME, DENIED, "not now", ANNE)
        assert agent.asked == [("decide", NAME, "DECISION_STATE_DENIED", "not now")]
        assert decided == at.permission()
        assert (decided.state, decided.decision.applied) == (DENIED, True)
        assert (decided.decision.device, decided.decision.decided_by) == (ANNE.device, ANNE.display_name)
        assert at.decisions.pending() == []


async def test_the_second_answer_is_told_who_was_first(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        await at.decisions.decide(NAME, ONCE, "", ANNE)
        with pytest.raises(Refused) as late:
            await at.decisions.decide(NAME, DENIED, "", BEN)
        assert late.value.reason == "ALREADY_DECIDED"
        told = {"decided_by": "Anne's phone", "outcome": "allowed once", "decide_time_ms": str(at.now_ms)}
        assert late.value.metadata == told
        assert len(agent.asked) == 1


async def test_of_two_answers_at_once_one_wins(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        outcomes: list[str] = []

        async def decide(author: Author) -> None:
            try:
                await at.decisions.decide(NAME, ONCE, "", author)
                outcomes.append("won")
            except Refused as refused:
                outcomes.append(refused.reason)

        async with asyncio.TaskGroup() as group:
            group.create_task(decide(ANNE))
            group.create_task(decide(BEN))
        assert sorted(outcomes) == ["ALREADY_DECIDED", "won"]
        assert len(agent.asked) == 1


async def test_the_same_call_repeated_gets_the_same_answer(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        first = await at.decisions.decide(NAME, ONCE, "", ANNE)
        assert await at.decisions.decide(NAME, ONCE, "", ANNE) == first
        assert len(agent.asked) == 1


async def test_always_must_have_been_offered(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        with pytest.raises(Refused, match="not offered"):
            await at.decisions.decide(NAME, ALWAYS, "", ANNE)
        at.ask("sessions/s/permissions/other", rules=("bash: make *",))
        decided = await at.decisions.decide("sessions/s/permissions/other", ALWAYS, "", ANNE)
        assert decided.state == ALWAYS


@pytest.mark.parametrize("outcome", [pb.DECISION_STATE_UNSPECIFIED, pb.DECISION_STATE_PENDING, EXPIRED])
async def test_only_real_outcomes_are_taken(tmp_path: Path, agent: ScriptedAgent, outcome: pb.DecisionState) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        with pytest.raises(Refused) as refused:
            await at.decisions.decide(NAME, outcome, "", ANNE)
        assert refused.value.reason == "MALFORMED"


async def test_what_is_said_with_a_decision_is_bounded(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.ask_question()
        with pytest.raises(Refused, match="64 KiB"):
            await at.decisions.decide(NAME, DENIED, "é" * (MAX_SAID_BYTES // 2 + 1), ANNE)
        with pytest.raises(Refused, match="64 KiB"):
            answer = pb.QuestionAnswer(values=["x"] * MAX_SAID_BYTES)
            await at.decisions.answer(QUESTION, [answer], ANNE, dismiss=False)
        assert at.decisions.pending() == [NAME, QUESTION]


async def test_a_large_permission_and_what_is_said_to_it_fit_into_one_record(
    tmp_path: Path, agent: ScriptedAgent
) -> None:
    async with desk(tmp_path, agent) as at:
        agent.waiting.add(NAME)
        at.decisions.ask(pb.Permission(name=NAME, command="x" * (MAX_BODY_BYTES - 1_000)))
        said = "no" * (MAX_SAID_BYTES // 2)
        await at.decisions.decide(NAME, DENIED, said, ANNE)
        assert agent.asked == [("decide", NAME, "DECISION_STATE_DENIED", said)]
        kept = at.log.entry(NAME)
        assert kept is not None
        assert len(kept.body) <= MAX_BODY_BYTES


async def test_a_large_question_fits_into_one_record(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.decisions.ask(pb.Question(name=QUESTION, prompts=[pb.QuestionPrompt(text="x" * 300_000)]))
        kept = at.log.entry(QUESTION)
        assert kept is not None
        assert len(kept.body) <= MAX_BODY_BYTES


async def test_unknown_names_are_not_found(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask_question()
        for name in ("sessions/s/permissions/none", QUESTION):
            with pytest.raises(Refused) as refused:
                await at.decisions.decide(name, ONCE, "", ANNE)
            assert refused.value.reason == "NOT_FOUND"


async def test_after_the_deadline_it_is_too_late(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.now_ms += LIFE_MS
        with pytest.raises(Refused) as late:
            await at.decisions.decide(NAME, ONCE, "", ANNE)
        assert late.value.reason == "EXPIRED"
        assert at.permission().state == EXPIRED


async def test_what_nobody_decides_is_refused_by_time(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.ask_question()
        at.now_ms += LIFE_MS
        async with asyncio.TaskGroup() as group, asyncio.timeout(30):
            running = group.create_task(at.decisions.run())
            with at.log.changes() as changed:
                while not at.permission().decision.applied or at.agent.waiting:
                    changed.clear()
                    await changed.wait()
            running.cancel()
        assert ("decide", NAME, "DECISION_STATE_DENIED", "Nobody decided in time.") in agent.asked
        assert ("dismiss", QUESTION) in agent.asked
        assert at.permission().decision.decided_by == "nobody"


async def test_an_agent_that_no_longer_waits_is_noted(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        agent.waiting.clear()
        decided = await at.decisions.decide(NAME, ONCE, "", ANNE)
        assert (decided.state, decided.decision.applied) == (ONCE, False)
        assert "no longer waited" in decided.decision.note


async def test_a_decision_that_could_not_be_told_is_told_when_the_agent_asks_again(
    tmp_path: Path, agent: ScriptedAgent
) -> None:
    agent.available = False
    async with desk(tmp_path, agent) as at:
        at.ask()
        decided = await at.decisions.decide(NAME, ONCE, "", ANNE)
        assert not decided.decision.applied
    agent.available = True
    async with desk(tmp_path, agent) as at, asyncio.TaskGroup() as group, asyncio.timeout(30):
        running = group.create_task(at.decisions.run())
        assert at.decisions.pending() == []
        at.ask()
        with at.log.changes() as changed:
            while not at.permission().decision.applied:
                changed.clear()
                await changed.wait()
        running.cancel()
    assert agent.asked[-1] == ("decide", NAME, "DECISION_STATE_ALLOWED_ONCE", "")


async def test_what_happens_while_the_agent_is_told_is_kept(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at, asyncio.TaskGroup() as group:
        at.ask()
        running = group.create_task(at.decisions.run())
        deciding = group.create_task(at.decisions.decide(NAME, ONCE, "", ANNE))
        await asyncio.sleep(0)
        assert at.permission().state == ONCE
        at.decisions.asked_by(NAME, "sessions/s/messages/m/parts/p")
        # It asks once more: now there are two who will tell it, of whom it listens to one.
        at.decisions.ask(at.permission())
        decided = await deciding
        await at.log.flush()
        for _ in range(5):
            await asyncio.sleep(0)
        assert decided.decision.applied
        assert at.permission() == decided
        assert (at.permission().part, at.permission().decision.note) == ("sessions/s/messages/m/parts/p", "")
        running.cancel()


async def test_what_is_deleted_while_the_agent_is_told_does_not_come_back(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at, asyncio.TaskGroup() as group:
        at.ask()
        deciding = group.create_task(at.decisions.decide(NAME, ONCE, "", ANNE))
        await asyncio.sleep(0)
        at.log.delete(NAME)
        assert (await deciding).state == ONCE
        assert at.log.get(NAME) is None


async def test_what_waits_survives_a_restart_and_asking_again_changes_nothing(
    tmp_path: Path, agent: ScriptedAgent
) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.ask_question()
    async with desk(tmp_path, agent) as at:
        assert at.decisions.pending() == [NAME, QUESTION]
        written = at.log.written
        at.ask()
        assert at.log.written == written


async def test_withdrawing_settles_what_waits_and_nothing_else(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.decisions.withdraw(NAME, EXPIRED, "The session was stopped.")
        assert at.permission().state == EXPIRED
        assert (at.permission().decision.decided_by, at.permission().decision.note) == (
            "nobody",
            "The session was stopped.",
        )
        at.decisions.withdraw(NAME, ONCE, "late")
        at.decisions.withdraw("sessions/s/permissions/unknown", ONCE, "")
        assert at.permission().state == EXPIRED
        with pytest.raises(Refused, match="stopped"):
            await at.decisions.decide(NAME, ONCE, "", ANNE)


async def test_what_was_settled_elsewhere_is_this_workstations_doing(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.decisions.withdraw(NAME, ONCE, "in the terminal")
        assert at.permission().decision.decided_by == "this workstation"


async def test_what_was_deleted_waits_no_more(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask()
        at.decisions.forget("sessions/s")
        assert at.decisions.pending() == []


async def test_a_question_is_answered_prompt_by_prompt(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask_question()
        with pytest.raises(Refused, match="wants 1"):
            await at.decisions.answer(QUESTION, [], ANNE, dismiss=False)
        answered = await at.decisions.answer(QUESTION, [pb.QuestionAnswer(values=["this one"])], ANNE, dismiss=False)
        assert (answered.state, answered.decision.applied) == (pb.DECISION_STATE_ANSWERED, True)
        assert agent.asked == [("answer", QUESTION, "this one")]
        with pytest.raises(Refused) as late:
            await at.decisions.answer(QUESTION, [], BEN, dismiss=True)
        told = {"decided_by": "Anne's phone", "outcome": "answered", "decide_time_ms": str(at.now_ms)}
        assert late.value.metadata == told


async def test_a_question_can_be_dismissed(tmp_path: Path, agent: ScriptedAgent) -> None:
    async with desk(tmp_path, agent) as at:
        at.ask_question()
        dismissed = await at.decisions.answer(QUESTION, [], ANNE, dismiss=True)
        assert dismissed.state == DENIED
        assert agent.asked == [("dismiss", QUESTION)]


async def test_a_decision_that_a_crash_left_open_says_so(tmp_path: Path, agent: ScriptedAgent) -> None:
    agent.available = False
    async with desk(tmp_path, agent) as at:
        at.ask()
        await at.decisions.decide(NAME, ONCE, "", ANNE)
        value = at.log.get(NAME)
        assert value is not None
        # As if it had died between the disk and the agent.
        value.permission.decision.note = ""
        at.log.put(value)
    async with desk(tmp_path, agent) as at:
        assert "before it knew" in at.permission().decision.note
        assert at.permission().state == ONCE
