"""What happened in a session while nobody looked at it on this device. Pure questions to the model.

Counted are messages that began or ended after the last look and before the session was opened again, as far as they
are loaded; what comes while a person looks is no news.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app_flet.conversation import cost, part_of
from app_flet.instants import MINUTE_MS, milliseconds
from app_flet.model import Held, Model, Transcript, WorkstationView
from app_flet.reduce import stands
from halyard_client.halyard.agent import v1

ABSENCE_MS = 5 * MINUTE_MS
"""Whoever comes back sooner still knows where they were."""
MAX_DECISIONS = 6
OUTCOMES = {
    v1.DecisionState.ALLOWED_ONCE: "Allowed once",
    v1.DecisionState.ALLOWED_ALWAYS: "Always allowed",
    v1.DecisionState.DENIED: "Denied",
    v1.DecisionState.EXPIRED: "Expired",
    v1.DecisionState.ANSWERED: "Answered",
}


@dataclass(frozen=True, slots=True)
class Absence:
    """From the last look at a session to its opening, in Unix ms."""

    since_ms: int
    until_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether that fell into it."""
        return self.since_ms < at_ms <= self.until_ms


@dataclass(frozen=True, slots=True)
class Digest:
    """The news in figures, and where they begin."""

    since_ms: int
    first_new: str
    """Name of the oldest new message that is loaded."""
    turns: int
    """Prompts that the agent worked on."""
    troubles: int
    """Messages that failed or were cut off."""
    files: int
    additions: int
    deletions: int
    decisions: tuple[str, ...]
    """One line each: what became of it, by whom, about what, by which rule."""
    cost: str
    is_whole: bool
    """False: there are more new messages than are loaded."""


def absence(model: Model, workstation: str, session: str, now_ms: int) -> Absence | None:
    """None for a session that was just seen, or never on this device."""
    seen_ms = model.seen.get((workstation, session), 0)
    return Absence(seen_ms, now_ms) if seen_ms and now_ms - seen_ms >= ABSENCE_MS else None


def digest(model: Model, workstation: str, session: str, away: Absence) -> Digest | None:
    """None when nothing happened."""
    known = model.workstations.get(workstation)
    transcript = known.transcripts.get(session) if known else None
    if known is None or transcript is None:
        return None
    messages = sorted((r for r in transcript.held.values() if r.resource.message is not None), key=stands)
    new = [record for record in messages if _is_new(_message(record), away)]
    decisions = tuple(_decisions(known, session, away))
    if not new:
        return None
    diffs = list(_diffs(transcript, {record.name for record in new}))
    return Digest(
        since_ms=away.since_ms,
        first_new=new[0].name,
        turns=len({_prompt_of(_message(record)) for record in new}),
        troubles=sum(_message(record).state in _TROUBLES for record in new),
        files=len({diff.path for diff in diffs}),
        additions=sum(diff.additions for diff in diffs),
        deletions=sum(diff.deletions for diff in diffs),
        decisions=decisions[:MAX_DECISIONS] + _rest(len(decisions)),
        cost=cost(sum((_message(record).usage or v1.Usage()).cost_micro_usd for record in new)),
        is_whole=new[0] is not messages[0] or not transcript.older,
    )


class Digests:
    """`digest`, made again only when a record changed: text streams 25 times a second and changes none."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._found: Digest | None = None

    def __call__(self, model: Model, workstation: str, session: str, away: Absence | None) -> Digest | None:
        """The same digest as before while nothing in it could differ; ask one session only."""
        known = model.workstations.get(workstation)
        if known is None or away is None:
            return None
        transcript = known.transcripts.get(session)
        seen = (away, known.held, transcript.held if transcript else None)
        if not self._seen or any(one is not other for one, other in zip(seen, self._seen, strict=True)):
            self._seen, self._found = seen, digest(model, workstation, session, away)
        return self._found


_TROUBLES = frozenset({v1.MessageState.FAILED, v1.MessageState.INTERRUPTED})


def _message(record: Held) -> v1.Message:
    return record.resource.message or v1.Message()


def _is_new(message: v1.Message, away: Absence) -> bool:
    began, ended = milliseconds(message.create_time), milliseconds(message.complete_time)
    return away.holds(began) or (message.role is v1.Role.AGENT and began <= away.until_ms and away.holds(ended))


def _prompt_of(message: v1.Message) -> str:
    return message.answers or message.name


def _diffs(transcript: Transcript, messages: set[str]) -> Iterator[v1.FileDiff]:
    """What the new messages changed: by the change sets where the agent tells them, else by its edits."""
    parts = [r for name, r in transcript.held.items() if name.rpartition("/parts/")[0] in messages and not r.is_gone]
    sets = [diff for record in parts if (found := part_of(record).changes) for diff in found.diffs]
    edits = [diff for record in parts if (call := part_of(record).tool_call) for diff in call.diffs]
    counted = any(diff.additions or diff.deletions for diff in sets)
    yield from sets if counted or not edits else edits


def _decisions(known: WorkstationView, session: str, away: Absence) -> Iterator[str]:
    found: list[tuple[int, str]] = []
    for name, record in known.held.items():
        asked = record.resource.permission or record.resource.question
        if asked is None or asked.decision is None or not name.startswith(f"{session}/"):
            continue
        at_ms = milliseconds(asked.decision.decide_time)
        if away.holds(at_ms):
            found.append((at_ms, _decided(record, asked.state, asked.decision)))
    yield from (line for _, line in sorted(found))


def _decided(record: Held, state: v1.DecisionState, decision: v1.Decision) -> str:
    permission, question = record.resource.permission, record.resource.question
    matter, rule = "", ""
    if permission is not None:
        matter = permission.command or ", ".join(diff.path for diff in permission.diffs) or permission.title
        if state is v1.DecisionState.ALLOWED_ALWAYS:
            rule = ", ".join(permission.always_rules)
    elif question is not None and question.prompts:
        matter = question.prompts[0].text
    by = f" by {decision.decided_by}" if decision.decided_by else ""
    why = rule or decision.note
    return f"{OUTCOMES.get(state, 'Decided')}{by}: {matter}" + (f" ({why})" if why else "")


def _rest(count: int) -> tuple[str, ...]:
    return (f"and {count - MAX_DECISIONS} more",) if count > MAX_DECISIONS else ()


def figures(found: Digest) -> tuple[str, ...]:
    """The digest in short words, most telling first."""
    more = "" if found.is_whole else "+"
    said: Iterable[str] = (
        counted(found.turns, "turn", more),
        counted(found.files, "file", more) + f" changed (+{found.additions} -{found.deletions})" if found.files else "",
        f"{found.troubles} did not end well" if found.troubles else "",
        f"{found.cost}{more}" if found.cost else "",
    )
    return tuple(filter(None, said))


def counted(number: int, word: str, more: str = "") -> str:
    """`1 file`, `2 files`; `2+ files` with `more` as "+"."""
    return f"{number}{more} {word}" if number == 1 and not more else f"{number}{more} {word}s"
