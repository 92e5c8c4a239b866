"""Agents ask, people decide, time passes, disks and daemons die in between: what a person was told stays so.

One decision has one outcome for good; the first wins and a late one is told who that was; what waits is never lost, and
what is settled never waits again; an agent hears one outcome only, and none that a crash can undo.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agentd.errors import Refused
from agentd.permissions import Ask, Author, Decisions
from agentd.session_log import SessionLog
from halyard.agent.v1 import decision_pb2 as pb
from tests.fakes.dying_store import DyingStore
from tests.fakes.scripted_agent import ScriptedAgent

HOUR_MS = 3_600_000
ENDLESS = 10**9
PENDING, EXPIRED = pb.DECISION_STATE_PENDING, pb.DECISION_STATE_EXPIRED
OUTCOMES = (pb.DECISION_STATE_ALLOWED_ONCE, pb.DECISION_STATE_ALLOWED_ALWAYS, pb.DECISION_STATE_DENIED)
NAMES = ("sessions/s/permissions/p", "sessions/s/permissions/q", "sessions/s/questions/q")
PEOPLE = ("Anne's phone", "Ben's tablet")
PART = "sessions/s/messages/m/parts/p"

Outcome = tuple[pb.DecisionState, str, str, bytes, int]
"""State, who decided, their device, their call, when."""

asked_names, people, outcomes = st.sampled_from(NAMES), st.sampled_from(PEOPLE), st.sampled_from(OUTCOMES)


class NothingLeftError(Exception):
    """Everything late is expired, and everything that can be is told."""


class OneLook(Decisions):
    """Runs until there is nothing more to do."""

    async def _wait(self) -> None:
        if not self._news.is_set():
            raise NothingLeftError
        self._news.clear()


class DecisionsHold(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.agent = ScriptedAgent()
        self.wall_ms, self.elapsed_ms, self.made = 1_000 * HOUR_MS, 0, 0
        self.due: dict[str, int] = {}
        self.parts: set[str] = set()
        self.settled: dict[str, Outcome] = {}
        self.calls: dict[tuple[str, str], Author] = {}
        self.loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self.store = DyingStore(Path(self.folder.name, "db"), ENDLESS).__enter__()
        self.log = SessionLog(self.store, lambda: self.wall_ms)
        self.decisions = OneLook(
            self.log, lambda _: self.agent, lambda: self.wall_ms, lambda: self.elapsed_ms / 1000
        )  # fmt: skip

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.__exit__(None, None, None)
            self.loop.close()
            self.folder.cleanup()

    def known(self, name: str) -> Ask | None:
        value = self.log.get(name)
        if value is None:
            return None
        return value.permission if value.HasField("permission") else value.question

    def is_open(self, name: str) -> bool:
        known = self.known(name)
        return known is not None and known.state == PENDING and self.elapsed_ms < self.due[name]

    async def look(self) -> None:
        with suppress(NothingLeftError):
            await self.decisions.run()

    # --- the agent

    def ask(self, name: str, hours: int = 24) -> None:
        ask: Ask
        if "/permissions/" in name:
            ask = pb.Permission(name=name, command="make", always_rules=["make *"] if name.endswith("p") else [])
        else:
            ask = pb.Question(name=name, prompts=[pb.QuestionPrompt(text="Which?")])
        ask.expire_time.FromMilliseconds(self.wall_ms + hours * HOUR_MS)
        self.due.setdefault(name, self.elapsed_ms + hours * HOUR_MS)
        self.decisions.ask(ask)

    @rule(name=asked_names, hours=st.sampled_from([1, 24]))
    def the_agent_asks(self, name: str, hours: int) -> None:
        if name not in self.due:
            self.agent.waiting.add(name)
            self.ask(name, hours)
            self.loop.run_until_complete(self.store.flush())

    @rule()
    def the_agent_asks_again(self) -> None:
        for name in sorted(self.agent.waiting):
            self.ask(name)
        self.loop.run_until_complete(self.look())

    @rule(available=st.booleans())
    def the_agent_goes_or_comes(self, available: bool) -> None:
        self.agent.available = available

    @rule(name=asked_names, outcome=st.sampled_from([EXPIRED, *OUTCOMES]))
    def it_is_settled_in_the_terminal(self, name: str, outcome: pb.DecisionState) -> None:
        was_open = self.known(name) is not None and name not in self.settled
        self.decisions.withdraw(name, outcome, "in the terminal")
        if was_open:
            self.agent.waiting.discard(name)
        self.loop.run_until_complete(self.store.flush())

    # --- people

    def author(self, name: str, person: str, *, again: bool) -> Author:
        if again and (name, person) in self.calls:
            return self.calls[name, person]
        self.made += 1
        self.calls[name, person] = Author(person[:1] * 26, person, self.made.to_bytes(16))
        return self.calls[name, person]

    async def say(self, name: str, outcome: pb.DecisionState, author: Author) -> Ask | Refused:
        try:
            if "/permissions/" in name:
                return await self.decisions.decide(name, outcome, "", author)
            answers = [] if outcome == pb.DECISION_STATE_DENIED else [pb.QuestionAnswer(values=["this"])]
            return await self.decisions.answer(name, answers, author, dismiss=not answers)
        except Refused as refused:
            return refused

    @rule(name=asked_names, person=people, outcome=outcomes, again=st.booleans(), meanwhile=st.booleans())
    def a_person_decides(self, name: str, person: str, outcome: pb.DecisionState, again: bool, meanwhile: bool) -> None:
        """Meanwhile: while it is written and told, the agent asks once more and names its tool call."""
        was_open, author = self.is_open(name), self.author(name, person, again=again)

        async def decide() -> Ask | Refused:
            saying = self.loop.create_task(self.say(name, outcome, author))
            await asyncio.sleep(0)
            if meanwhile and name in self.agent.waiting:
                self.ask(name)
                self.decisions.asked_by(name, PART)
                self.parts.add(name)
                await self.look()
            said = await saying
            await self.store.flush()
            return said

        told = self.loop.run_until_complete(decide())
        if isinstance(told, Refused):
            self.check_refusal(name, told, outcome, was_open=was_open)
        else:
            assert (told.decision.decided_by, told.decision.call_id) == (person, author.call_id)
            assert was_open or self.settled[name] == self.outcome_of(told)

    def check_refusal(self, name: str, refused: Refused, outcome: pb.DecisionState, *, was_open: bool) -> None:
        known = self.known(name)
        if known is None:
            assert refused.reason == "NOT_FOUND"
        elif was_open:
            assert refused.reason == "MALFORMED"
            assert outcome == pb.DECISION_STATE_ALLOWED_ALWAYS
        elif known.state == EXPIRED:
            assert refused.reason == "EXPIRED"
        else:
            assert refused.reason == "ALREADY_DECIDED"
            assert refused.metadata["decided_by"] == self.settled[name][1]

    @rule(name=asked_names, first=outcomes, second=outcomes)
    def two_decide_at_once(self, name: str, first: pb.DecisionState, second: pb.DecisionState) -> None:
        both = [self.author(name, person, again=False) for person in PEOPLE]

        async def race() -> list[Ask | Refused]:
            async with asyncio.TaskGroup() as group:
                said = zip((first, second), both, strict=True)
                tasks = [group.create_task(self.say(name, outcome, author)) for outcome, author in said]
            return [task.result() for task in tasks]

        told = self.loop.run_until_complete(race())
        assert sum(not isinstance(each, Refused) for each in told) <= 1

    # --- time, and what dies

    @rule(hours=st.sampled_from([1, 12, 30]), noticed=st.booleans())
    def time_passes(self, hours: int, noticed: bool) -> None:
        self.wall_ms += hours * HOUR_MS
        self.elapsed_ms += hours * HOUR_MS
        if noticed:
            self.loop.run_until_complete(self.look())

    @rule(hours=st.sampled_from([-48, 48]))
    def the_clock_is_set(self, hours: int) -> None:
        self.wall_ms += hours * HOUR_MS
        self.decisions.clock_set(hours * HOUR_MS)
        self.loop.run_until_complete(self.look())

    @rule(name=asked_names, person=people, outcome=outcomes, commits=st.integers(0, 2))
    def agentd_dies_over_a_decision(self, name: str, person: str, outcome: pb.DecisionState, commits: int) -> None:
        author = self.author(name, person, again=False)

        async def die() -> None:
            await self.store.flush()
            self.store.commits = commits
            saying = self.loop.create_task(self.say(name, outcome, author))
            dying = self.loop.create_task(self.store.died.wait())
            await asyncio.wait((saying, dying), return_when=asyncio.FIRST_COMPLETED)
            for task in (saying, dying):
                task.cancel()
            await asyncio.wait((saying, dying))
            self.store.__exit__(None, None, None)
            await self._open()
            await self.store.flush()

        self.loop.run_until_complete(die())

    # --- what holds

    @staticmethod
    def outcome_of(ask: Ask) -> Outcome:
        decision = ask.decision
        return ask.state, decision.decided_by, decision.device, decision.call_id, decision.decide_time.ToMilliseconds()

    @invariant()
    def nothing_is_lost_and_nothing_is_decided_again(self) -> None:
        waiting = []
        for name in self.due:
            known = self.known(name)
            assert known is not None
            assert name in self.settled or known.state == PENDING or known.decision.decided_by
            if known.state != PENDING:
                assert self.settled.setdefault(name, self.outcome_of(known)) == self.outcome_of(known)
            else:
                assert name not in self.settled
                waiting.append(name)
        assert self.decisions.pending() == sorted(waiting)

    @invariant()
    def the_agent_hears_one_outcome_which_is_the_one_that_is_kept(self) -> None:
        for what, name, *said in self.agent.asked:
            assert name in self.settled, "told before it was on disk"
            state = self.settled[name][0]
            match what:
                case "decide" if state == EXPIRED:
                    assert said[0] == "DECISION_STATE_DENIED"
                case "decide":
                    assert said[0] == pb.DecisionState.Name(state)
                case "answer":
                    assert state == pb.DECISION_STATE_ANSWERED
                case _:
                    assert state in (EXPIRED, pb.DECISION_STATE_DENIED)

    @invariant()
    def what_is_known_of_it_stays(self) -> None:
        for name in self.due:
            known = self.known(name)
            assert known is not None
            assert not (name in self.agent.effects and known.decision.note.startswith("The agent no longer waited"))
            assert name not in self.parts or known.part == PART


TestDecisionsHold = DecisionsHold.TestCase
TestDecisionsHold.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
