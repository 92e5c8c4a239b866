"""What the mirror remembers of one session: enough to say what a message is that nobody answered, or which part
waits. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agentd.agents.opencode import schema, translate
from agentd.agents.opencode.growing import Growing
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.translate import Activity
from halyard.agent.v1 import session_pb2 as pb

WORKING_STATES = (pb.SESSION_STATE_WORKING, pb.SESSION_STATE_RETRYING)
CUT_OFF_DETAIL = "OpenCode stopped in the middle of this turn. Send the prompt again to go on."


@dataclass
class Room:
    """One session."""

    place: Place
    info: schema.Session
    activity: Activity = field(default_factory=Activity)
    messages: dict[str, schema.UserMessage | schema.AssistantMessage] = field(default_factory=dict)
    growing: dict[str, Growing] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    """Tool call id → name of its part."""
    counted: pb.ChangeCount = field(default_factory=pb.ChangeCount)
    """What an earlier run had counted; used until this one has read the messages."""
    failure: str = ""
    stopped: bool = False

    @property
    def working(self) -> bool:
        """Returns whether a turn runs."""
        return self.activity.state in WORKING_STATES

    def begin(self) -> None:
        """A turn runs: whatever the last one ended with is past."""
        if not self.working:
            self.failure, self.stopped = "", False
        self.activity = Activity(pb.SESSION_STATE_WORKING, context_tokens=self.activity.context_tokens)

    def retry(self, status: schema.Status) -> None:
        """The provider failed; the agent tries again."""
        detail = f"{status.message or 'The provider failed'} (attempt {status.attempt})"
        self.activity = replace(self.activity, state=pb.SESSION_STATE_RETRYING, detail=detail, retry_ms=status.next)

    def rest(self) -> None:
        """No turn runs any more. What cut it off stays visible until the next one begins."""
        if self.activity.state == pb.SESSION_STATE_INTERRUPTED:
            return
        state = pb.SESSION_STATE_FAILED if self.failure else pb.SESSION_STATE_IDLE
        self.activity = Activity(state, self.failure, context_tokens=self.activity.context_tokens)

    def cut_off(self) -> None:
        """The turn ended with the process that ran it."""
        self.activity = Activity(
            pb.SESSION_STATE_INTERRUPTED, CUT_OFF_DETAIL, context_tokens=self.activity.context_tokens
        )

    def note_context(self, tokens: int) -> None:
        """The last message left this much of the context filled; 0 tells nothing."""
        if tokens:
            self.activity = replace(self.activity, context_tokens=tokens)

    def session(self) -> pb.Session:
        """Returns the session as it stands."""
        ours = translate.session(self.info, self.activity)
        ours.changes.CopyFrom(self.changes())
        return ours

    def changes(self) -> pb.ChangeCount:
        """Returns what the session's turns changed, added up: OpenCode's own count for a session stays at zero."""
        changed = [
            diff
            for message in self.messages.values()
            if isinstance(message, schema.UserMessage) and message.summary
            for diff in message.summary.diffs
        ]
        if not changed:
            return self.counted
        return pb.ChangeCount(
            files=len({diff.file for diff in changed}),
            additions=int(sum(diff.additions for diff in changed)),
            deletions=int(sum(diff.deletions for diff in changed)),
        )

    def ordered(self) -> list[schema.UserMessage | schema.AssistantMessage]:
        """Returns the known messages in order. Ids wrap every 2.18 years, so time comes first."""
        return sorted(self.messages.values(), key=lambda m: (m.time.created, m.id))

    def unanswered(self) -> list[schema.UserMessage]:
        """Returns the person's messages after the last one that an agent's message answers."""
        answered = {m.parent_id for m in self.messages.values() if isinstance(m, schema.AssistantMessage)}
        waiting: list[schema.UserMessage] = []
        for message in self.ordered():
            if isinstance(message, schema.UserMessage):
                waiting = [] if message.id in answered else [*waiting, message]
        return waiting

    def unfinished(self) -> list[schema.AssistantMessage]:
        """Returns the agent's messages that have neither an end nor an error."""
        return [
            m
            for m in self.ordered()
            if isinstance(m, schema.AssistantMessage) and not m.time.completed and m.error is None
        ]

    def is_reverted(self, message: schema.UserMessage | schema.AssistantMessage) -> bool:
        """Returns whether a revert has undone this message."""
        if self.info.revert is None:
            return False
        first = self.messages.get(self.info.revert.message_id)
        return first is not None and (message.time.created, message.id) >= (first.time.created, first.id)

    def message(self, theirs: schema.UserMessage | schema.AssistantMessage) -> pb.Message:
        """Returns a message as it stands: how far a person's message is depends on what followed it."""
        if isinstance(theirs, schema.AssistantMessage):
            ours = translate.agent_message(theirs, self.place, cut_off=not self.working)
        else:
            state, error = self._person_state(theirs)
            ours = translate.person_message(theirs, self.place, state, error)
        ours.reverted = self.is_reverted(theirs)
        return ours

    def _person_state(self, theirs: schema.UserMessage) -> tuple[pb.MessageState, str]:
        if all(theirs.id != waiting.id for waiting in self.unanswered()):
            return pb.MESSAGE_STATE_COMPLETE, ""
        if self.activity.state == pb.SESSION_STATE_INTERRUPTED:
            return pb.MESSAGE_STATE_INTERRUPTED, CUT_OFF_DETAIL
        if self.working:
            return pb.MESSAGE_STATE_QUEUED, ""
        if self.stopped:
            return pb.MESSAGE_STATE_STOPPED, ""
        if self.failure:
            return pb.MESSAGE_STATE_FAILED, self.failure
        return pb.MESSAGE_STATE_QUEUED, ""
