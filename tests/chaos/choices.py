"""Whether what people chose about asks is what came of them. Pure.

What comes in are taps as their app showed them, and asks as an app shows them when all is at rest.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from halyard.agent.v1 import decision_pb2, resource_pb2
from tests.chaos.accounts import Verdict
from tests.chaos.part_comparison import unequal


@dataclass(frozen=True)
class Choice:
    """What can be chosen about an ask."""

    outcome: str
    """DecisionState's name: "ALLOWED_ONCE", "DENIED", "ANSWERED" …; "PENDING" for nothing yet."""
    message: str = ""
    """The word that goes with it to the agent."""
    answers: tuple[tuple[str, ...], ...] = ()
    """Of a question: what was chosen, for each of its prompts."""


@dataclass(frozen=True)
class Tap:
    """A decision or answer as its author was shown it."""

    app: str
    call: str
    """Id of the call, in hex."""
    about: str
    """Name of the permission or question."""
    choice: Choice
    state: str
    """CallState's name, the last that was shown."""
    reason: str = ""
    """Of a refusal: a value name of errors.v1.Reason."""

    @property
    def end(self) -> str:
        """Its state, with the reason when it was refused."""
        return f"{self.state} {self.reason}".strip()


@dataclass(frozen=True)
class Outcome:
    """What came of an ask."""

    choice: Choice
    by: str = ""
    """Who is shown to have decided."""
    call: str = ""
    """The call that brought it, in hex; empty when none did."""


def outcomes(resources: Iterable[resource_pb2.Resource]) -> dict[str, Outcome]:
    """Every ask among these, by its name."""
    return {r.name: _outcome(r) for r in resources if r.HasField("permission") or r.HasField("question")}


def _outcome(ask: resource_pb2.Resource) -> Outcome:
    asked = ask.permission if ask.HasField("permission") else ask.question
    answers = tuple(tuple(answer.values) for answer in ask.question.answers)
    outcome = decision_pb2.DecisionState.Name(asked.state).removeprefix("DECISION_STATE_")
    decision = asked.decision
    return Outcome(Choice(outcome, decision.message, answers), decision.decided_by, decision.call_id.hex())


def decisions(taps: Iterable[Tap], shown: Mapping[str, Outcome], sessions: Collection[str]) -> Verdict:
    """Whoever was told that his decision holds is the one whom everybody sees as having decided, and what he chose is
    what everybody sees. Whoever was told that it does not hold was told so for a reason that is true (`_is_true`).

    `shown`: every ask by its name; `sessions`: names of those that there are: what was asked in another went with it.
    """
    verdict = Verdict()
    winners: dict[str, list[str]] = {}
    for tap in taps:
        is_gone, outcome = _session_of(tap.about) not in sessions, shown.get(tap.about)
        if tap.state == "DONE":
            winners.setdefault(tap.about, []).append(tap.app)
            verdict.lost += [] if is_gone else [f"{_said(tap)}: {what}" for what in _unlike(tap, outcome)]
        elif tap.state == "EXPIRED" or (tap.state == "REFUSED" and not is_gone and not _is_true(tap, outcome)):
            verdict.lost.append(f"{_said(tap)} and was told {tap.end}, but it shows {outcome}")
    for about, apps in winners.items():
        if len(apps) > 1:
            verdict.doubled.append(f"{about} was decided by {sorted(apps)}")
    return verdict


def _session_of(about: str) -> str:
    return "/".join(about.split("/")[:2])


def _said(tap: Tap) -> str:
    return f"{tap.app} chose {tap.choice} about {tap.about}"


def _unlike(tap: Tap, outcome: Outcome | None) -> list[str]:
    """How what shows differs from what was acknowledged."""
    if outcome is None:
        return ["it is not shown any more, although its session is there"]
    return [
        *unequal("shows the choice", outcome.choice, tap.choice),
        *unequal("shows as its author", outcome.by, tap.app),
        *unequal("shows as its call", outcome.call, tap.call),
    ]


def _is_true(tap: Tap, outcome: Outcome | None) -> bool:
    """Nobody loses the right to decide in this stage, and no clock is set; so a decision comes too late, or never."""
    if outcome is None:
        return tap.reason == "NOT_FOUND"
    if tap.reason == "ALREADY_DECIDED":
        return outcome.choice.outcome not in ("PENDING", "EXPIRED") and outcome.call != tap.call
    return tap.reason == "EXPIRED" and outcome.choice.outcome == "EXPIRED"
