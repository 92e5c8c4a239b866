"""What the turns of a session changed, added up: OpenCode's own count for a session stays at zero. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agentd.agents.opencode import schema
from agentd.agents.opencode.place import MOST_LINES, count

MAX_COUNTED = 64
"""Turns whose changes can still be taken back from the sum by themselves."""


@dataclass(frozen=True)
class Changed:
    """Which files, and how many lines."""

    files: frozenset[str] = frozenset()
    additions: int = 0
    deletions: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(
            self.files | other.files,
            count(self.additions + other.additions, MOST_LINES),
            count(self.deletions + other.deletions, MOST_LINES),
        )


@dataclass(frozen=True)
class Tally:
    """The changes of one session, a value."""

    turns: dict[str, Changed] = field(default_factory=dict)
    before: Changed = Changed()
    """The sum of all older turns."""

    @property
    def sum(self) -> Changed:
        """Returns everything together."""
        return sum(self.turns.values(), start=self.before)

    def with_turn(self, message_id: str, diffs: Iterable[schema.FileChange]) -> Tally:
        """Returns the tally once the turn of this prompt has changed these files."""
        told = list(diffs)
        changed = Changed(
            frozenset(diff.file for diff in told),
            count(sum(diff.additions for diff in told), MOST_LINES),
            count(sum(diff.deletions for diff in told), MOST_LINES),
        )
        turns = {**self.turns, message_id: changed}
        if len(turns) <= MAX_COUNTED:
            return replace(self, turns=turns)
        oldest = turns.pop(next(iter(turns)))
        return Tally(turns, self.before + oldest)

    def without(self, message_id: str) -> Tally:
        """Returns the tally without the turn of a prompt that was removed."""
        return replace(self, turns={key: value for key, value in self.turns.items() if key != message_id})
