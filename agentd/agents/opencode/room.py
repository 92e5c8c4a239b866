"""What the mirror remembers of one session: enough to say what a message is that nobody answered, or which part
waits. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agentd.agents.opencode import schema, translate
from agentd.agents.opencode.growing import Growing
from agentd.agents.opencode.place import Place
from agentd.agents.opencode.tail import Stand, Tail, Theirs, is_finished, stand
from agentd.agents.opencode.tally import Tally
from agentd.agents.opencode.translate import Activity
from halyard.agent.v1 import session_pb2 as pb

WORKING_STATES = (pb.SESSION_STATE_WORKING, pb.SESSION_STATE_RETRYING)
CUT_OFF_DETAIL = "OpenCode stopped in the middle of this turn. Send the prompt again to go on."

_RESTARTED_DETAIL = "OpenCode was started again in the middle of this turn: {reason} Send the prompt again to go on."

MAX_CALLS = 64

GONE_DETAIL = (
    "OpenCode no longer has this session: it was deleted there, or OpenCode's database was deleted or put back to an "
    "older copy. What is shown is Halyard's copy; it cannot be continued. Begin a new session, or delete this one."
)


@dataclass
class Room:
    """One session."""

    place: Place
    info: schema.Session
    activity: Activity = field(default_factory=Activity)
    tail: Tail = field(default_factory=Tail)
    growing: dict[str, Growing] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    """Tool call id → name of its part, for the newest calls: only these may wait for a person."""
    early_asks: dict[str, str] = field(default_factory=dict)
    """Tool call id → what it asks, until its part is known: OpenCode may ask before it tells who does."""
    tally: Tally = field(default_factory=Tally)
    counted: pb.ChangeCount = field(default_factory=pb.ChangeCount)
    """What an earlier run had counted; used until this one has read the messages."""
    undone_from: Stand | None = None
    """The first message that a revert has undone."""
    failure: str = ""
    stopped: frozenset[str] = frozenset()
    """Ids of the prompts that somebody's Stop ended before they were answered. Answered with a later one, they are
    answered all the same.
    """
    rested: bool = False
    """No turn ran at the last checkpoint."""
    arriving: str = ""
    """The newest answer of which the stream has told."""
    has_earlier: bool = False
    """OpenCode has messages before those that the log holds."""

    @classmethod
    def resumed(cls, place: Place, info: schema.Session, ours: pb.Session) -> Room:
        """Returns a room for a session as `ours` tells it, so that a restart does not call a running turn idle."""
        room = cls(place, info)
        if ours.state and ours.state_detail != GONE_DETAIL:
            room.activity = Activity(ours.state, ours.state_detail, context_tokens=ours.usage.context_tokens)
        room.counted.CopyFrom(ours.changes)
        room.has_earlier = ours.has_earlier_messages
        return room

    @property
    def working(self) -> bool:
        """Returns whether a turn runs."""
        return self.activity.state in WORKING_STATES

    def is_writing(self, message_id: str) -> bool:
        """Returns whether the turn that runs may still add to this answer. Of a turn that is stopped as it begins, the
        stream tells that it rests before it tells of its answer, and then that it works.
        """
        is_arriving = self.arriving == message_id and self.activity.state != pb.SESSION_STATE_INTERRUPTED
        return (self.working or is_arriving) and self.tail.may_be_written(message_id)

    def pass_checkpoint(self) -> bool:
        """Returns whether an answer stays without an end: no turn ran here at the last checkpoint, nor at this one. It
        is over then.
        """
        rested, self.rested = self.rested and not self.working, not self.working
        if rested:
            self.tail.turn_over()
        return rested and bool(self.tail.answers)

    def begin(self) -> None:
        """A turn runs: whatever the last one ended with is past."""
        if not self.working:
            self.failure, self.rested = "", False
        self.activity = Activity(pb.SESSION_STATE_WORKING, context_tokens=self.activity.context_tokens)

    def retry(self, status: schema.Status) -> None:
        """The provider failed; the agent tries again."""
        detail = f"{status.message or 'The provider failed'} (attempt {status.attempt})"
        self.activity = replace(self.activity, state=pb.SESSION_STATE_RETRYING, detail=detail, retry_ms=status.next)

    def rest(self) -> None:
        """No turn runs any more. What cut it off stays visible until the next one begins."""
        self.tail.turn_over()
        if self.activity.state == pb.SESSION_STATE_INTERRUPTED:
            return
        state = pb.SESSION_STATE_FAILED if self.failure else pb.SESSION_STATE_IDLE
        self.activity = Activity(state, self.failure, context_tokens=self.activity.context_tokens)

    def found_last(self, answer: schema.AssistantMessage) -> None:
        """All messages were read while no turn runs, and this is the last of them."""
        if not is_finished(answer):
            self.cut_off()
        elif self.activity.state == pb.SESSION_STATE_INTERRUPTED and self.tail.is_whole:
            error = None if translate.was_aborted(answer.error) else answer.error
            self.failure = translate.error_text(error) if error is not None else ""
            self.activity = replace(self.activity, state=pb.SESSION_STATE_IDLE, detail="")
            self.rest()

    def cut_off(self, reason: str = "") -> None:
        """The turn ended with the process that ran it; one that had said its last word has only not been told so.

        `reason` is a sentence that says why that was ended; what was said first stays, since whoever finds the same
        turn without an end later does not know.
        """
        if self.tail.is_whole:
            self.rest()
            return
        self.tail.turn_over()
        if self.activity.state == pb.SESSION_STATE_INTERRUPTED and self.activity.detail:
            return
        detail = _RESTARTED_DETAIL.format(reason=reason) if reason else CUT_OFF_DETAIL
        self.activity = Activity(pb.SESSION_STATE_INTERRUPTED, detail, context_tokens=self.activity.context_tokens)

    def note_context(self, tokens: int) -> None:
        """The last message left this much of the context filled; 0 tells nothing."""
        if tokens:
            self.activity = replace(self.activity, context_tokens=tokens)

    def session(self) -> pb.Session:
        """Returns the session as it stands."""
        ours = translate.session(self.info, self.activity)
        ours.changes.CopyFrom(self.changes())
        ours.has_earlier_messages = self.has_earlier
        return ours

    def changes(self) -> pb.ChangeCount:
        """Returns what the session's turns changed."""
        changed = self.tally.sum
        if not changed.files:
            return self.counted
        return pb.ChangeCount(files=len(changed.files), additions=changed.additions, deletions=changed.deletions)

    def note(self, theirs: Theirs, *, live: bool = False) -> None:
        """A message was made or changed. `live`: the stream told of it as it happened."""
        self.tail.note(theirs)
        if live and isinstance(theirs, schema.AssistantMessage):
            self.arriving = theirs.id
        if isinstance(theirs, schema.UserMessage) and theirs.summary is not None:
            self.tally = self.tally.with_turn(theirs.id, theirs.summary.diffs)

    def forget(self, message_id: str) -> None:
        """A message was removed."""
        self.tail.forget(message_id)
        self.tally = self.tally.without(message_id)

    def note_call(self, call_id: str, part: str) -> str:
        """A tool was called in this part. Returns what it had asked before anybody told of it; empty for nothing."""
        self.calls[call_id] = part
        while len(self.calls) > MAX_CALLS:
            del self.calls[next(iter(self.calls))]
        return self.early_asks.pop(call_id, "")

    def note_ask(self, call_id: str, name: str) -> str:
        """A call asks. Returns the name of its part; while that is not known, the ask is remembered for it."""
        part = self.calls.get(call_id, "")
        if call_id and not part:
            self.early_asks[call_id] = name
            while len(self.early_asks) > MAX_CALLS:
                del self.early_asks[next(iter(self.early_asks))]
        return part

    def is_reverted(self, where: Stand) -> bool:
        """Returns whether a revert has undone the message that stands there."""
        return self.undone_from is not None and where >= self.undone_from

    def message(self, theirs: Theirs) -> pb.Message:
        """Returns a message as it stands: how far a person's message is depends on what followed it."""
        if isinstance(theirs, schema.AssistantMessage):
            ours = translate.agent_message(theirs, self.place, cut_off=not self.is_writing(theirs.id))
        else:
            state, error = self._person_state(theirs)
            ours = translate.person_message(theirs, self.place, state, error)
        ours.reverted = self.is_reverted(stand(theirs))
        return ours

    def _person_state(self, theirs: schema.UserMessage) -> tuple[pb.MessageState, str]:
        if all(theirs.id != waiting.id for waiting in self.tail.unanswered()):
            return pb.MESSAGE_STATE_COMPLETE, ""
        if theirs.id in self.stopped:
            return pb.MESSAGE_STATE_STOPPED, ""
        if self.activity.state == pb.SESSION_STATE_INTERRUPTED:
            return pb.MESSAGE_STATE_INTERRUPTED, self.activity.detail
        if self.working:
            return pb.MESSAGE_STATE_QUEUED, ""
        if self.failure:
            return pb.MESSAGE_STATE_FAILED, self.failure
        return pb.MESSAGE_STATE_QUEUED, ""
