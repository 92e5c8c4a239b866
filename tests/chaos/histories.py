"""Which histories of states a person may be shown: how far a thing is never goes backwards. Pure.

What looks like going back and is none is named where it is allowed: `_FOUND_FINISHED`, `_TAKEN_UP`, `_FORGOTTEN`,
`_was_kept`, `_in_a_new_life`, `_said_at_the_end`.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

DELIVERIES = {"on this device": 0, "at the relay": 1, "at the workstation": 2, "answered": 3, "failed": 4}
CALLS = {"ON_DEVICE": 0, "AT_RELAY": 1, "AT_WORKSTATION": 2, "EXPIRED": 3, "REFUSED": 4, "DONE": 5}
_FINAL_CALLS = ("REFUSED", "DONE")
_FINAL_DELIVERIES = ("answered", "failed")
"""A prompt that was answered has not failed, and one that failed was never taken by an agent."""

_FORGOTTEN = (1, 0)
"""From the relay back to the device: a relay whose database is deleted forgets what it kept, and the app says so."""

Moves = Mapping[str, AbstractSet[str]]
"""State → the states that may follow it. What is not listed is final."""

# What was taken for cut off while OpenCode or its last records were away, and had an end once they were there.
_FOUND_FINISHED: Moves = {"INTERRUPTED": {"COMPLETE", "FAILED", "STOPPED"}}
# A prompt that nobody had answered is taken up, and answered, together with the next one; that may end anyhow again.
_TAKEN_UP: Moves = {
    state: {"QUEUED", "COMPLETE", "INTERRUPTED", "STOPPED", "FAILED"} for state in ("INTERRUPTED", "STOPPED", "FAILED")
}
ANSWERS: Moves = {"WRITING": {"COMPLETE", "FAILED", "STOPPED", "INTERRUPTED"}, **_FOUND_FINISHED}
PROMPTS: Moves = {"QUEUED": {"COMPLETE", "FAILED", "STOPPED", "INTERRUPTED"}, **_TAKEN_UP}
TOOLS: Moves = {
    "PENDING": {"RUNNING", "COMPLETE", "FAILED", "INTERRUPTED"},
    "RUNNING": {"COMPLETE", "FAILED", "INTERRUPTED"},
    **_FOUND_FINISHED,
}
PARTS: Moves = {"OPEN": {"COMPLETE", "INTERRUPTED"}, **_FOUND_FINISHED}
_LOST = "OpenCode no longer has this session"


@dataclass(frozen=True)
class PartLook:
    """A part as it was on screen at one time."""

    state: str
    """PartState's name."""
    tool: str
    """ToolState's name; empty when it is no tool call."""
    words: str
    """Its text or output, with what had streamed in."""
    life: int = 1
    """The how-manieth life of the app."""


@dataclass(frozen=True)
class SessionLook:
    """A session as it was on screen at one time."""

    state: str
    detail: str = ""
    title: str = ""
    counts: tuple[int, ...] = ()
    """What only ever grows: its last change, and what its turns used."""


def illegal_deliveries(histories: Iterable[tuple[str, Sequence[str]]], relays_lost: int = 0) -> list[str]:
    """Of prompts, as they were shown in a conversation; the first last word stands. `relays_lost`: how often the relay
    lost its database.
    """
    return [
        f"{key} was shown as {list(states)}"
        for key, states in histories
        if _goes_back(states, DELIVERIES, relays_lost) or any(state in _FINAL_DELIVERIES for state in states[:-1])
    ]


def illegal_calls(histories: Iterable[tuple[str, Sequence[str]]], relays_lost: int = 0) -> list[str]:
    """Of calls of any kind; the first last word stands. `relays_lost` as for `illegal_deliveries`."""
    return [
        f"call {key} was shown as {list(states)}"
        for key, states in histories
        if _goes_back(states, CALLS, relays_lost) or any(state in _FINAL_CALLS for state in states[:-1])
    ]


def illegal_asks(histories: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Of permissions and questions: they wait, then one thing comes of them."""
    return [
        f"{name} was shown as {list(states)}"
        for name, states in histories
        if "PENDING" in states[1:] or len([state for state in states if state != "PENDING"]) > 1
    ]


def illegal_cursors(reader: str, cursors: Sequence[tuple[str, int]]) -> list[str]:
    """Of one reader of the log, over all its lives: within a log it only moves on, and it leaves a log for good."""
    found = []
    left: set[str] = set()
    for (epoch, through), (next_epoch, next_through) in pairwise(cursors):
        if next_epoch == epoch and next_through < through:
            found.append(f"{reader} went back from {through} to {next_through}")
        if next_epoch != epoch:
            left.add(epoch)
        if next_epoch in left:
            found.append(f"{reader} came back to the log {next_epoch}")
    return found


def illegal_moves(name: str, states: Sequence[str], moves: Moves) -> list[str]:
    """Of what moves like this: a message (`ANSWERS`, `PROMPTS`), a part (`PARTS`), a tool call (`TOOLS`)."""
    return [
        f"{name} was shown as {former}, then as {now}"
        for former, now in pairwise(states)
        if now != former and now not in moves.get(former, ())
    ]


def illegal_parts(name: str, looks: Sequence[PartLook]) -> list[str]:
    """Of a part: its states, its tool's states, and its words, which only grow until it is whole."""
    found = illegal_moves(name, [look.state for look in looks], PARTS)
    found += illegal_moves(name, [look.tool for look in looks if look.tool], TOOLS)
    return found + [
        f"{name} ({former.state}, then {now.state}) said “{former.words}”, then “{now.words}”"
        for former, now in pairwise(looks)
        if not _goes_on(former, now)
    ]


def _goes_on(former: PartLook, now: PartLook) -> bool:
    if former.state == "COMPLETE":
        return now.words == former.words
    grown = now.words.startswith(former.words)
    return grown or _said_at_the_end(former, now) or _was_kept(former, now) or _in_a_new_life(former, now)


def _said_at_the_end(former: PartLook, now: PartLook) -> bool:
    """What OpenCode says when it closes a part stands: of text without the white space at its end, of a tool its
    result, which need not be what it had printed.
    """
    return now.state == "COMPLETE" and (bool(now.tool) or now.words.startswith(former.words.rstrip()))


def _was_kept(former: PartLook, now: PartLook) -> bool:
    """Of what streams, only what agentd had written down outlives it: at most two seconds are missing."""
    return (former.state, now.state) == ("OPEN", "INTERRUPTED") and former.words.startswith(now.words)


def _in_a_new_life(former: PartLook, now: PartLook) -> bool:
    """Of what streams, an app that starts again knows what agentd had written down."""
    return now.life > former.life and former.state == "OPEN" and former.words.startswith(now.words)


def illegal_sessions(name: str, looks: Sequence[SessionLook]) -> list[str]:
    """Of a session: it keeps its title, and what it counts never shrinks. How it may move between idle, working and cut
    off cannot be told: a turn may begin and end between two looks.
    """
    found = [f"{name} was shown in no state" for look in looks if look.state == "UNSPECIFIED"]
    for former, now in pairwise(looks):
        if former.title and not now.title:
            found.append(f"{name} lost its title “{former.title}”")
        if any(later < earlier for earlier, later in zip(former.counts, now.counts, strict=True)):
            found.append(f"{name} counted {former.counts}, then {now.counts}")
    return found


def illegal_losses(details: Mapping[str, str], deleted: AbstractSet[str]) -> list[str]:
    """Of sessions, by what was said of their state: nothing in this stage takes one away from OpenCode but a person who
    deletes it. When all die between that and its end, it is lost for a moment, until the deletion is asked for again.
    """
    return [
        f"{name} is said to be lost: {detail}"
        for name, detail in details.items()
        if detail.startswith(_LOST) and name not in deleted
    ]


def _goes_back(states: Sequence[str], ranks: dict[str, int], relays_lost: int) -> bool:
    back = [(one, next_) for one, next_ in pairwise(ranks[state] for state in states) if next_ < one]
    return len(back) > relays_lost or any(step != _FORGOTTEN for step in back)
