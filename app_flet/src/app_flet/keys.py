"""Keyboard shortcuts: what a key means here. Pure.

Ctrl+Enter send      Esc stop the turn      a allow the oldest decision once      d deny it
j, k next and previous session                 n new session

Letters count on wide screens only, and after a pause: who types may go on typing after the field has lost the focus
unnoticed, and a letter of a word that was meant for the agent must neither allow nor deny what it asks.
"""

from dataclasses import dataclass
from enum import StrEnum

PAUSE_MS = 2000
"""So long nothing was typed before a letter is a shortcut again."""


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


@dataclass(frozen=True, slots=True)
class Typing:
    """Whether somebody types, or did so until just now. Times in milliseconds of any one clock."""

    in_field: bool = False
    last_ms: int = -PAUSE_MS
    """When something happened that belongs to typing."""

    def moved(self, now_ms: int, *, in_field: bool) -> "Typing":
        """A field got the focus, or lost it."""
        return Typing(in_field, now_ms)

    def pressed(self, now_ms: int) -> "tuple[bool, Typing]":
        """A letter was pressed: (whether it belongs to what is typed, next state)."""
        typed = self.in_field or now_ms - self.last_ms < PAUSE_MS
        return typed, Typing(self.in_field, now_ms) if typed else self
