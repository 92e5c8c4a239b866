"""Which histories of states a person may be shown: how far a thing is never goes backwards. Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

DELIVERIES = {"on this device": 0, "at the relay": 1, "at the workstation": 2, "answered": 3, "failed": 4}
CALLS = {"ON_DEVICE": 0, "AT_RELAY": 1, "AT_WORKSTATION": 2, "EXPIRED": 3, "REFUSED": 4, "DONE": 5}
_FINAL_CALLS = ("REFUSED", "DONE")


def illegal_deliveries(histories: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Of prompts, as they were shown in a conversation."""
    return [f"{key} was shown as {list(states)}" for key, states in histories if not _rises(states, DELIVERIES)]


def illegal_calls(histories: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Of calls of any kind; the first last word stands."""
    return [
        f"call {key} was shown as {list(states)}"
        for key, states in histories
        if not _rises(states, CALLS) or any(state in _FINAL_CALLS for state in states[:-1])
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


def _rises(states: Sequence[str], ranks: dict[str, int]) -> bool:
    order = [ranks[state] for state in states]
    return order == sorted(order)
