"""What agents ask and people decide: permissions and questions, durable from the asking until long after the deciding.

First answer wins: an answer is written down, and only then told to the agent. A crash in between leaves it decided and
not applied; it is applied when the agent asks the same thing again. Each answer says who gave it, and the loser of a
race is told who won.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentd import risk
from agentd.agents.agent import Agent, AgentUnavailableError, NotWaitingError
from agentd.errors import already_decided, expired, malformed, not_found
from agentd.fitting import fit
from agentd.session_log import SessionLog
from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import resource_pb2

LIFE_MS = 24 * 3600 * 1000
"""How long a person has, when the adapter names no deadline."""
MAX_SAID_BYTES = 64 * 1024
"""What a person may say with one decision: it becomes part of a record, which a relay takes up to 256 KiB."""

Ask = pb.Permission | pb.Question

_OUTCOMES = (pb.DECISION_STATE_ALLOWED_ONCE, pb.DECISION_STATE_ALLOWED_ALWAYS, pb.DECISION_STATE_DENIED)
_LEFT_OPEN = "agentd ended before it knew whether the agent took this. If the agent still waits, it is told again."
_WORDS = {
    pb.DECISION_STATE_ALLOWED_ONCE: "allowed once",
    pb.DECISION_STATE_ALLOWED_ALWAYS: "always allowed",
    pb.DECISION_STATE_DENIED: "denied",
    pb.DECISION_STATE_EXPIRED: "expired",
    pb.DECISION_STATE_ANSWERED: "answered",
}


@dataclass(frozen=True)
class Author:
    """Who answers."""

    device: str
    """Device id; empty for the workstation itself."""
    display_name: str
    """As others will read it."""
    call_id: bytes = b""


class Decisions:
    """All permissions and questions. `run` expires what nobody answers and applies what a crash left unapplied."""

    def __init__(
        self,
        log: SessionLog,
        agent_of: Callable[[str], Agent],
        clock_ms: Callable[[], int],
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        """`elapsed`: seconds that pass also while the machine sleeps, and that nobody can set."""
        self._log = log
        self._agent_of = agent_of
        self._clock_ms = clock_ms
        self._elapsed = elapsed or (lambda: clock_ms() / 1000)
        self._waiting = {
            _ask(value).name: self._due(_ask(value))
            for field in ("permission", "question")
            for value in log.of_kind(field)
            if _ask(value).state == pb.DECISION_STATE_PENDING
        }
        self._unapplied: list[str] = []
        self._tell_what_a_crash_left()
        self._news = asyncio.Event()

    # --- the agent's side ---

    def ask(self, value: Ask) -> None:
        """The agent waits for an answer. Asking the same again is harmless; a settled one is applied again."""
        known = self._log.get(value.name)
        if known is None:
            self._begin(value)
        elif _ask(known).state != pb.DECISION_STATE_PENDING and not _ask(known).decision.applied:
            self._unapplied.append(value.name)
            self._news.set()

    def asked_by(self, name: str, part: str) -> None:
        """Names the tool call that waits, or waited, of one that does not name any."""
        known = self._log.get(name)
        if known is not None and not _ask(known).part:
            _ask(known).part = part
            self._log.put(known)

    def withdraw(self, name: str, outcome: pb.DecisionState, note: str) -> None:
        """The agent no longer waits; without effect on what is settled."""
        known = self._log.get(name)
        if known is None or _ask(known).state != pb.DECISION_STATE_PENDING:
            return
        by = "nobody" if outcome == pb.DECISION_STATE_EXPIRED else "this workstation"
        self._settle(known, outcome, pb.Decision(decided_by=by, applied=True, note=note))

    def pending(self) -> Sequence[str]:
        """Names of what waits."""
        return sorted(self._waiting)

    def forget(self, prefix: str) -> None:
        """What lies below this name is gone."""
        for name in [name for name in self._waiting if name.startswith(prefix + "/")]:
            del self._waiting[name]

    def clock_set(self, by_ms: int) -> None:
        """The clock on the wall was set, forward or back: what waits goes on waiting as long as it would have."""
        for name in self._waiting:
            value = self._log.get(name)
            if value is not None:
                _ask(value).expire_time.FromMilliseconds(max(0, _ask(value).expire_time.ToMilliseconds() + by_ms))
                self._log.put(value)
        self.look()

    def look(self) -> None:
        """Looks at once what is late: timers stood still while the machine slept."""
        self._news.set()

    # --- people's side ---

    async def decide(self, name: str, outcome: pb.DecisionState, message: str, author: Author) -> pb.Permission:
        """The permission as decided; refuses with ALREADY_DECIDED or EXPIRED when somebody or time was first."""
        if outcome not in _OUTCOMES:
            raise malformed("A permission is allowed once, always allowed, or denied.")
        _check_said(len(message.encode()))
        value = self._open(name, "permission", author)
        if value.permission.state == pb.DECISION_STATE_PENDING:
            if outcome == pb.DECISION_STATE_ALLOWED_ALWAYS and not value.permission.always_rules:
                raise malformed("“Always” is not offered for this one; allow it once or deny it.")
            self._settle(value, outcome, _decision(author, message))
        return (await self._apply(value)).permission

    async def answer(
        self, name: str, answers: Sequence[pb.QuestionAnswer], author: Author, *, dismiss: bool
    ) -> pb.Question:
        """The question as answered or dismissed; refuses like `decide`."""
        _check_said(sum(each.ByteSize() for each in answers))
        value = self._open(name, "question", author)
        if value.question.state == pb.DECISION_STATE_PENDING:
            if not dismiss and len(answers) != len(value.question.prompts):
                raise malformed(f"This question wants {len(value.question.prompts)} answers, one for each prompt.")
            if not dismiss:
                value.question.answers.extend(answers)
            outcome = pb.DECISION_STATE_DENIED if dismiss else pb.DECISION_STATE_ANSWERED
            self._settle(value, outcome, _decision(author, ""))
        return (await self._apply(value)).question

    # --- time ---

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            for value in self._take_late():
                self._expire(value)
            for value in self._take_unapplied():
                await self._apply(value)
            await self._wait()

    async def _wait(self) -> None:
        nearest = min(self._waiting.values(), default=None)
        delay = None if nearest is None else max(0.0, nearest - self._elapsed())
        try:
            async with asyncio.timeout(delay):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _take_late(self) -> list[resource_pb2.Resource]:
        return self._take([name for name in self._waiting if self._is_late(name)])

    def _take_unapplied(self) -> list[resource_pb2.Resource]:
        taken, self._unapplied = self._unapplied, []
        return self._take(taken)

    def _take(self, names: list[str]) -> list[resource_pb2.Resource]:
        for name in names:
            self._waiting.pop(name, None)
        return [value for value in map(self._log.get, names) if value is not None]

    # --- inside ---

    def _due(self, ask: Ask) -> float:
        """When it expires, by the clock that nobody can set."""
        return self._elapsed() + (ask.expire_time.ToMilliseconds() - self._clock_ms()) / 1000

    def _is_late(self, name: str) -> bool:
        return self._waiting.get(name, self._elapsed()) <= self._elapsed()

    def _tell_what_a_crash_left(self) -> None:
        """Says of what was decided, and maybe not told, just that. If the agent asks again, it is told again."""
        for value in (*self._log.of_kind("permission"), *self._log.of_kind("question")):
            ask = _ask(value)
            if ask.state != pb.DECISION_STATE_PENDING and not ask.decision.applied and not ask.decision.note:
                ask.decision.note = _LEFT_OPEN
                self._log.put(value)

    def _begin(self, value: Ask) -> None:
        value.state = pb.DECISION_STATE_PENDING
        if not value.HasField("create_time"):
            value.create_time.FromMilliseconds(self._clock_ms())
        if not value.HasField("expire_time"):
            value.expire_time.FromMilliseconds(self._clock_ms() + LIFE_MS)
        self._waiting[value.name] = self._due(value)
        if isinstance(value, pb.Permission):
            value.risk = value.risk or risk.judge(value)
            self._log.put(resource_pb2.Resource(name=value.name, permission=value))
        else:
            self._log.put(fit(resource_pb2.Resource(name=value.name, question=value)))
        self._news.set()

    def _open(self, name: str, field: str, author: Author) -> resource_pb2.Resource:
        """The ask, if this author may still answer it or has answered it by this very call."""
        value = self._log.get(name)
        if value is None or value.WhichOneof("value") != field:
            raise not_found(f"There is no such {field}; its session may have been deleted.")
        ask = _ask(value)
        if ask.state == pb.DECISION_STATE_PENDING and self._is_late(name):
            self._expire(value)
        if ask.state == pb.DECISION_STATE_PENDING or (author.call_id and ask.decision.call_id == author.call_id):
            return value
        if ask.state == pb.DECISION_STATE_EXPIRED:
            raise expired(f"The agent no longer waits for this {field}. {ask.decision.note}".strip())
        decision = ask.decision
        raise already_decided(
            decision.decided_by, _WORDS.get(ask.state, "decided"), decision.decide_time.ToMilliseconds()
        )

    def _settle(self, value: resource_pb2.Resource, outcome: pb.DecisionState, decision: pb.Decision) -> None:
        ask = _ask(value)
        ask.state = outcome
        decision.decide_time.FromMilliseconds(self._clock_ms())
        ask.decision.CopyFrom(decision)
        self._waiting.pop(ask.name, None)
        self._log.put(fit(value))

    def _expire(self, value: resource_pb2.Resource) -> None:
        decision = pb.Decision(decided_by="nobody", note="Nobody decided in time.")
        self._settle(value, pb.DECISION_STATE_EXPIRED, decision)
        self._unapplied.append(value.name)
        self._news.set()

    async def _apply(self, value: resource_pb2.Resource) -> resource_pb2.Resource:
        """Tells the agent what was written down, and writes down whether it took it; returns what is known then."""
        if _ask(value).decision.applied:
            return value
        # On disk before the agent acts: nobody can decide otherwise after a crash. Settled, so no longer refusable; and
        # without a deadline, since an agent that acted on what a crash can undo would be worse than one that waits.
        await self._log.flush_patiently()
        failure = await self._tell(_ask(value))
        # Meanwhile its tool call may have been named, it may have been told on another way, or be deleted.
        known = self._log.get(value.name)
        if known is None or _ask(known).decision.applied:
            return known or value
        decision = _ask(known).decision
        decision.applied = failure is None
        if failure is None:
            decision.note = decision.note if _ask(known).state == pb.DECISION_STATE_EXPIRED else ""
        elif isinstance(failure, NotWaitingError):
            decision.note = decision.note or "The agent no longer waited for this."
        else:
            decision.note = f"The agent was not told yet: {failure}"
        self._log.put(fit(known))
        return known

    async def _tell(self, ask: Ask) -> NotWaitingError | AgentUnavailableError | None:
        """Why the agent did not take it; None when it did."""
        try:
            await self._told(ask, self._agent_of(ask.name))
        except (NotWaitingError, AgentUnavailableError) as failure:
            return failure
        return None

    async def _told(self, ask: Ask, agent: Agent) -> None:
        if isinstance(ask, pb.Permission):
            late = ask.state == pb.DECISION_STATE_EXPIRED
            outcome = pb.DECISION_STATE_DENIED if late else ask.state
            await agent.decide(ask.name, outcome, ask.decision.note if late else ask.decision.message)
        elif ask.state == pb.DECISION_STATE_ANSWERED:
            await agent.answer(ask.name, ask.answers)
        else:
            await agent.dismiss(ask.name)


def _ask(value: resource_pb2.Resource) -> Ask:
    return value.permission if value.HasField("permission") else value.question


def _check_said(size_bytes: int) -> None:
    if size_bytes > MAX_SAID_BYTES:
        raise malformed("What is said with a decision has at most 64 KiB; send a prompt for more.")


def _decision(author: Author, message: str) -> pb.Decision:
    return pb.Decision(
        device=author.device, decided_by=author.display_name, message=message, call_id=author.call_id, applied=False
    )
