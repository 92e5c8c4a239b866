"""What to print of a turn while it runs. Pure: events of the log go in, lines and text come out.

The log says everything at least once, hints may be missing; so text is printed by byte offset, and the record that
closes a part fills whatever a lost hint left out. The log keeps only the newest record of each name, so a part may come
before the message that it belongs to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from agentd.cli.watch import describe_part
from halyard.agent.v1 import agent_service_pb2 as service
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import resource_pb2 as resource
from halyard.agent.v1 import session_pb2 as session

_RUNNING = (session.SESSION_STATE_WORKING, session.SESSION_STATE_RETRYING)
_BROKEN = (session.SESSION_STATE_FAILED, session.SESSION_STATE_INTERRUPTED)
_UNDER_WAY = (session.MESSAGE_STATE_UNSPECIFIED, session.MESSAGE_STATE_QUEUED, session.MESSAGE_STATE_WRITING)


@dataclass(frozen=True)
class Said:
    """The agent's words, to be printed as they are."""

    text: str


@dataclass(frozen=True)
class Noted:
    """A line about what happens: a tool at work, a decision that waits, an error."""

    line: str


@dataclass
class Turn:
    """The turn that answers the prompt `message` in `session_name`."""

    session_name: str
    message: str
    state: session.SessionState = session.SESSION_STATE_UNSPECIFIED
    error: str = ""
    _answers: dict[str, session.MessageState] = field(default_factory=dict)
    _printed: dict[str, int] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)
    _early: dict[str, dict[str, session.Part]] = field(default_factory=dict)
    _text: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of this turn."""
        if self.state in _RUNNING or self.state == session.SESSION_STATE_UNSPECIFIED:
            return False
        if self.state in _BROKEN:
            return True
        return bool(self._answers) and all(state not in _UNDER_WAY for state in self._answers.values())

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than with an answer."""
        return self.state in _BROKEN or any(state != session.MESSAGE_STATE_COMPLETE for state in self._answers.values())

    @property
    def text(self) -> str:
        """All that the agent said so far."""
        return "".join(self._text)

    def take(self, event: service.WatchResponse) -> Iterator[Said | Noted]:
        """Takes one event of the log; yields what to print for it."""
        if event.HasField("delta"):
            yield from self._take_delta(event.delta)
        elif event.HasField("resource"):
            yield from self._take_resource(event.resource)

    def _take_delta(self, delta: resource.Delta) -> Iterator[Said]:
        known = self._printed.get(delta.part)
        if known == delta.offset_bytes and delta.field == resource.DELTA_FIELD_TEXT:
            yield self._say(delta.part, delta.text)

    def _take_resource(self, value: resource.Resource) -> Iterator[Said | Noted]:
        if not f"{value.name}/".startswith(f"{self.session_name}/"):
            return
        match value.WhichOneof("value"):
            case "session":
                self.state = value.session.state
                if value.session.state_detail:
                    yield from self._note(f"{value.session.state}", value.session.state_detail)
            case "message" if value.message.answers == self.message:
                self._answers[value.name] = value.message.state
                for part in self._early.pop(value.name, {}).values():
                    yield from self._take_part(part)
                if value.message.error:
                    self.error = value.message.error
                    yield from self._note(value.name, value.message.error)
            case "part":
                message = value.name.partition("/parts/")[0]
                if message in self._answers:
                    yield from self._take_part(value.part)
                else:
                    self._early.setdefault(message, {})[value.name] = value.part
            case "permission" if value.permission.state == decision.DECISION_STATE_PENDING:
                yield from self._note(value.name, f"waits for your decision: {value.permission.title}")
            case "question" if value.question.state == decision.DECISION_STATE_PENDING:
                yield from self._note(
                    value.name, f"asks you: {'; '.join(prompt.text for prompt in value.question.prompts)}"
                )

    def _take_part(self, part: session.Part) -> Iterator[Said | Noted]:
        if part.HasField("text"):
            missing = part.text.text.encode()[self._printed.get(part.name, 0) :]
            # A part's beginning is known only by its record: hints for it count from here on.
            yield self._say(part.name, missing.decode(errors="replace"))
            if part.state != session.PART_STATE_OPEN:
                yield from self._end_paragraph(part.name)
        elif line := describe_part(part):
            yield from self._note(part.name, line)

    def _say(self, part: str, text: str) -> Said:
        self._printed[part] = self._printed.get(part, 0) + len(text.encode())
        self._text.append(text)
        return Said(text)

    def _end_paragraph(self, part: str) -> Iterator[Said]:
        if f"{part} ended" not in self._noted:
            self._noted.add(f"{part} ended")
            self._text.append("\n")
            yield Said("\n")

    def _note(self, about: str, line: str) -> Iterator[Noted]:
        if f"{about} {line}" not in self._noted:
            self._noted.add(f"{about} {line}")
            yield Noted(line)
