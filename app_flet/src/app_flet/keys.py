"""Keyboard shortcuts: what a key means here. Pure.

Ctrl+Enter send      Esc stop the turn      a allow the oldest decision once      d deny it
j, k next and previous session                 n new session
"""

from enum import StrEnum


class Action(StrEnum):
    """What a shortcut does."""

    SEND = "send"
    STOP = "stop"
    NEXT = "next"
    PREVIOUS = "previous"
    ALLOW = "allow"
    DENY = "deny"
    NEW = "new"


LETTERS = {"j": Action.NEXT, "k": Action.PREVIOUS, "a": Action.ALLOW, "d": Action.DENY, "n": Action.NEW}


def action(key: str, *, ctrl: bool, alt: bool, typing: bool) -> Action | None:
    """What `key` means; letters mean nothing while the person types."""
    if key == "Enter" and ctrl:
        return Action.SEND
    if key == "Escape":
        return Action.STOP
    if typing or ctrl or alt:
        return None
    return LETTERS.get(key.lower())
