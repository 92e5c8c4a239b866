"""The end of a conversation: prompts that nobody has answered, and answers that are being written. Pure.

A session may have thousands of messages, and what is settled changes no more: it is let go here, and only its place is
remembered. So an event costs the same at the end of a long session as at its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agentd.agents.opencode import schema

Theirs = schema.UserMessage | schema.AssistantMessage
Stand = tuple[float, str]
"""Where a message stands in its session: ids wrap every 2.18 years, so the time of its beginning comes first."""

MAX_EARLY = 16
"""Prompts whose answer was heard of before them: a listing that was cut, or a replay."""


def stand(message: Theirs) -> Stand:
    """Returns where a message stands."""
    return message.time.created, message.id


def is_finished(message: schema.AssistantMessage) -> bool:
    """Returns whether nothing more comes: the message has an end or an error."""
    return bool(message.time.completed) or message.error is not None


def is_last_word(message: schema.AssistantMessage) -> bool:
    """Returns whether the turn is over with this message: it failed, was stopped, or has an end and calls no tools. A
    summary is made in the middle of a turn.
    """
    ended = bool(message.time.completed) and message.finish not in ("", "tool-calls") and not message.summary
    return ended or message.error is not None


@dataclass
class Tail:
    """What is not settled yet of one session."""

    prompts: dict[str, schema.UserMessage] = field(default_factory=dict)
    answers: dict[str, schema.AssistantMessage] = field(default_factory=dict)
    answered: Stand = (0.0, "")
    """The newest prompt that an answer belongs to: it and all before it are settled."""
    early: dict[str, None] = field(default_factory=dict)
    """Answered prompts that are not known yet, oldest first."""
    newest: Stand = (0.0, "")
    """The newest answer. A session writes one at a time, so no other is being written."""
    last_word: Stand = (0.0, "")
    """The newest answer that ended its turn."""
    over: Stand = (0.0, "")
    """Answers up to here are of turns that have ended, and stay as they are."""

    def note(self, message: Theirs) -> None:
        """A message was made or changed."""
        if isinstance(message, schema.UserMessage):
            self._note_prompt(message)
            return
        self._note_answered(message.parent_id)
        self.newest = max(self.newest, stand(message))
        if is_last_word(message):
            self.last_word = max(self.last_word, stand(message))
        if is_finished(message):
            self.answers.pop(message.id, None)
        else:
            self.answers[message.id] = message

    def forget(self, message_id: str) -> None:
        """A message was removed."""
        self.prompts.pop(message_id, None)
        self.answers.pop(message_id, None)

    def with_all(self, messages: Iterable[Theirs]) -> Tail:
        """Returns a tail that has heard of these messages before all that this one knows."""
        other = Tail(answered=self.answered, newest=self.newest, last_word=self.last_word, over=self.over)
        for message in (*messages, *self.prompts.values(), *self.answers.values()):
            other.note(message)
        return other

    def unanswered(self) -> list[schema.UserMessage]:
        """Returns the person's messages after the last one that an agent's message answers."""
        return sorted(self.prompts.values(), key=stand)

    def unfinished(self) -> list[schema.AssistantMessage]:
        """Returns the agent's messages that have neither an end nor an error."""
        return sorted(self.answers.values(), key=stand)

    def unsettled(self) -> Sequence[Theirs]:
        """Returns both."""
        return (*self.unanswered(), *self.unfinished())

    @property
    def is_whole(self) -> bool:
        """Returns whether the last turn came to its end, and nobody waits for another."""
        return not self.prompts and bool(self.newest[1]) and self.last_word == self.newest

    def may_be_written(self, message_id: str) -> bool:
        """Returns whether a turn that runs now may still add to this answer. OpenCode leaves one that is stopped before
        its first word without an end for ever.
        """
        return self.newest[1] == message_id and self.newest > self.over

    def turn_over(self) -> None:
        """Nobody works here any more."""
        self.over = self.newest

    def let_go(self) -> None:
        """Forgets unfinished answers that nobody will finish, once readers were told."""
        self.answers = {key: message for key, message in self.answers.items() if self.may_be_written(key)}

    def _note_prompt(self, message: schema.UserMessage) -> None:
        if message.id in self.early:
            self._settle(stand(message))
        elif stand(message) > self.answered:
            self.prompts[message.id] = message

    def _note_answered(self, prompt_id: str) -> None:
        prompt = self.prompts.get(prompt_id)
        if prompt is not None:
            self._settle(stand(prompt))
        elif prompt_id and prompt_id != self.answered[1]:
            self.early[prompt_id] = None
            while len(self.early) > MAX_EARLY:
                del self.early[next(iter(self.early))]

    def _settle(self, through: Stand) -> None:
        self.answered = max(self.answered, through)
        self.prompts = {key: m for key, m in self.prompts.items() if stand(m) > self.answered}
