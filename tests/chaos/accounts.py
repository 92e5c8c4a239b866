"""Whether each thing that a person was shown as taken happened once, and in order. Pure.

What comes in was all seen from outside: what apps showed, OpenCode's own messages, the lines that commands wrote, the
requests that reached the model.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.words import first_words, token_in

_STOPPED = "User aborted the command"
"""What OpenCode writes below the output of a command that was stopped."""


@dataclass
class Verdict:
    """What is wrong, by kind."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    illegal: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """Processes that nobody owns."""
    crashed: list[str] = field(default_factory=list)
    """Processes that ended without being told to, and defects that they wrote down."""

    def beyond(self, known: AbstractSet[str]) -> "Verdict":
        """What is not among `known`, which are texts as `all` gives them."""
        fresh = {kind: [what for what in found if f"{kind}: {what}" not in known] for kind, found in vars(self).items()}
        return Verdict(**fresh)

    def add(self, other: "Verdict") -> None:
        for kind, found in vars(other).items():
            getattr(self, kind).extend(found)

    @property
    def all(self) -> list[str]:
        return [f"{kind}: {what}" for kind, found in vars(self).items() for what in found]


@dataclass(frozen=True)
class Asked:
    """A prompt as its author was shown it."""

    token: str
    app: str
    state: str
    """CallState's name, the last that was shown. It is none of the last ones when an app let go of what was done while
    it did not live to show that."""
    session: str = ""
    """Name of the session that it was said to; empty when it begins one."""
    reason: str = ""
    """Of a refusal: a value name of errors.v1.Reason."""

    @property
    def end(self) -> str:
        """Its state, with the reason when it was refused."""
        return f"{self.state} {self.reason}".strip()


_SESSION_DELETED = "NOT_FOUND"
"""The one reason for which a prompt may be refused here: a person deleted the session that it was said to.

Nobody else takes a session away, nobody takes a prompt back, no clock is set while prompts wait for a day, no role
changes, and what died is back long before agentd gives it up.
"""


def prompts(
    asked: Iterable[Asked],
    sessions: Mapping[str, Sequence[Mapping[str, Any]]],
    deleted: AbstractSet[str] = frozenset(),
) -> Verdict:
    """Each prompt once, and those of one app to one session in the order in which it made them; none is refused, or
    runs out of time, that was kept, unless its session was deleted.

    `asked` in that order; `sessions` are OpenCode's messages by session; `deleted` are names of those that people did.
    """
    verdict = Verdict()
    held = {session: texts(messages) for session, messages in sessions.items()}
    count = Counter(token for said in held.values() for token in said)
    orders: dict[tuple[str, str], list[str]] = {}
    for one in asked:
        least, most = _times(one.end)
        if one.state in ("REFUSED", "EXPIRED") and not _is_excused(one, deleted):
            verdict.lost.append(f"{one.token} of {one.app} was kept, and then {one.end}")
        if count[one.token] < least:
            verdict.lost.append(f"{one.token} of {one.app} ({one.state}) is in no session")
        if count[one.token] > most:
            verdict.doubled.append(f"{one.token} of {one.app} ({one.state}) is there {count[one.token]} times")
        session = next((session for session, said in held.items() if one.token in said), None)
        if session is not None and one.session:
            orders.setdefault((one.app, session), []).append(one.token)
    for (app, session), tokens in orders.items():
        # What is there twice, or not at all, was said above; the rest has its order all the same.
        found = list(dict.fromkeys(token for token in held[session] if token in tokens))
        if found != [token for token in tokens if token in found]:
            verdict.out_of_order.append(f"{app} said {tokens} in {session}, which holds {found}")
    return verdict


def _is_excused(one: Asked, deleted: AbstractSet[str]) -> bool:
    return one.end == f"REFUSED {_SESSION_DELETED}" and one.session in deleted


def _times(end: str) -> tuple[int, int]:
    """How often a prompt with this end may be with the agent: (least, most). Of some it is said that nobody knows."""
    if end.startswith("REFUSED"):
        return 0, int(end == "REFUSED OUTCOME_UNKNOWN")
    return (0, 1) if end == "EXPIRED" else (1, 1)


def texts(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The token of each text that a person said: a message whose text came twice counts twice."""
    return [
        token_in(part["text"])
        for message in messages
        if message["info"]["role"] == "user"
        for part in message["parts"]
        if part["type"] == "text" and part["text"].startswith(first_words(token_in(part["text"])))
    ]


def effects(
    written: Sequence[str], sessions: Mapping[str, Sequence[Mapping[str, Any]]], asks: Mapping[str, tuple[str, str]]
) -> Verdict:
    """Each command that was allowed ran once, and no other ran at all.

    `written` are the lines in the file of effects; `asks` are permissions: name → (state, the part that asked).
    """
    verdict = Verdict()
    count = Counter(written)
    states: dict[str, list[str]] = {}
    for state, part in asks.values():
        states.setdefault(part.rpartition("/")[2], []).append(state)
    for part in (part for messages in sessions.values() for message in messages for part in message["parts"]):
        if part["type"] != "tool" or part["tool"] != "bash":
            continue
        command = str(part["state"]["input"].get("command", ""))
        token = command.removeprefix("echo ").partition(" ")[0]
        done, decided = part["state"]["status"] == "completed", states.get(part["id"], [])
        if done and "ALLOWED_ONCE" not in decided:
            verdict.doubled.append(f"{token} ran although it was {decided or 'never asked about'}")
        if count[token] and "ALLOWED_ONCE" not in decided:
            verdict.doubled.append(f"{token} took effect although it was {decided or 'never asked about'}")
        # One that was stopped may have got as far as its effect; OpenCode calls it completed and says so in its output.
        stopped = _STOPPED in str(part["state"].get("output", ""))
        if done and not stopped and not count[token]:
            verdict.lost.append(f"{token} is complete but took no effect")
        if count[token] > 1:
            verdict.doubled.append(f"{token} took effect {count[token]} times")
    return verdict


def files(
    written: Mapping[str, str], sessions: Mapping[str, Sequence[Mapping[str, Any]]], asks: Mapping[str, tuple[str, str]]
) -> Verdict:
    """Each file is as the calls that were allowed left it, and those that were not left it alone.

    `written`: path → what the file holds; `asks` as for `effects`. Each prompt has its files for itself. Of a call that
    was allowed and cut off nobody can say how far it came: its file is not judged.
    """
    verdict = Verdict()
    allowed = {part.rpartition("/")[2] for state, part in asks.values() if state == "ALLOWED_ONCE"}
    expected: dict[str, str | None] = {}
    unknown: set[str] = set()
    for part in (part for messages in sessions.values() for message in messages for part in message["parts"]):
        if part["type"] != "tool" or part["tool"] not in ("write", "edit"):
            continue
        given, is_done = part["state"]["input"], part["state"]["status"] == "completed"
        path = str(given.get("filePath", ""))
        held = expected.setdefault(path, None)
        if is_done:
            old, new = given.get("oldString"), given.get("newString")
            expected[path] = given["content"] if part["tool"] == "write" else (held or "").replace(old, new, 1)
        elif part["id"] in allowed:
            unknown.add(path)
    for path, held in expected.items():
        found = written.get(path)
        if path not in unknown and found != held:
            kind = verdict.lost if found is None or (held or "").startswith(found) else verdict.doubled
            kind.append(f"{path} holds {found!r} instead of {held!r}")
    return verdict


def deletions(calls: Iterable[tuple[str, str]], sessions: AbstractSet[str]) -> Verdict:
    """What was deleted stays so. `calls`: (name of the session, state) of each; `sessions`: names of those that are."""
    gone = {session for session, state in calls if state == "DONE"}
    return Verdict(lost=[f"{session} is there although it was deleted" for session in sorted(gone & sessions)])


def requests(lines: Iterable[Mapping[str, Any]]) -> Verdict:
    """The model was asked at most once to begin an answer to a prompt."""
    count = Counter(line["token"] for line in lines if line["turn"] == 0 and line["token"])
    return Verdict(doubled=[f"the model was asked {n} times to begin {token}" for token, n in count.items() if n > 1])
