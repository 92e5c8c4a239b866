"""What the scripted model says: turns made of steps, and how a turn is chosen. Pure.

Theory of operation. An agent sends the whole conversation with every request, so the script needs no memory: the last
user message names the script, and the number of assistant messages after it is the index of the turn to play. Parallel
sessions and subagents therefore work without the server knowing about them.

The counterpart that plays a turn over HTTP is `server.py`; the conversation itself is decoded in `chat.py`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

Role = Literal["user", "assistant", "tool"]

# The model's own words about the place it runs in; agents put the folder into the system prompt.
_WORKING_DIRECTORY = re.compile(r"^\s*Working directory:\s*(.+?)\s*$", re.MULTILINE)
# The closing fence stands alone on its line, so a script may carry another one inside a JSON string (a subagent's
# prompt).
_DIRECTIVE = re.compile(r"```halyard-script\n(?P<json>.*?)\n```", re.DOTALL)


class Step(BaseModel):
    """One thing the model does. Exactly one kind of step has each required field, so JSON needs no tag."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Say(Step):
    """Streams text, `chunk` characters per event, `pace` seconds between them."""

    say: str
    chunk: Annotated[int, Field(ge=1)] = 12
    pace: Annotated[float, Field(ge=0)] = 0.0


class Think(Step):
    """Streams reasoning, paced like `Say`."""

    think: str
    chunk: Annotated[int, Field(ge=1)] = 12
    pace: Annotated[float, Field(ge=0)] = 0.0


class Call(Step):
    """Calls a tool of the agent."""

    call: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class Pause(Step):
    """Waits for `pause` seconds."""

    pause: Annotated[float, Field(ge=0)]


class Hold(Step):
    """Waits until somebody opens the gate of this name (`ModelServer.release`)."""

    hold: str


class StreamError(Step):
    """Ends the stream with an error event, as a provider does that fails half-way."""

    stream_error: str


class Drop(Step):
    """Cuts the connection in the middle of the answer."""

    drop: Literal[True]


class Hang(Step):
    """Says nothing more and keeps the connection open until the other side gives up."""

    hang: Literal[True]


AnyStep = Say | Think | Call | Pause | Hold | StreamError | Drop | Hang


class Failure(BaseModel):
    """An HTTP error instead of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Annotated[int, Field(ge=400, le=599)]
    message: str = "scripted failure"
    headers: dict[str, str] = Field(default_factory=dict)


class Turn(BaseModel):
    """One answer of the model. The first requests for it get `failures`, one each; later ones get `steps`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[AnyStep, ...] = ()
    failures: tuple[Failure, ...] = ()
    input_tokens: Annotated[int, Field(ge=0)] = 1000
    output_tokens: Annotated[int, Field(ge=0)] = 50


class Script(BaseModel):
    """The turns that answer one user message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: tuple[Turn, ...]

    def directive(self) -> str:
        """Returns the fenced block that, put into a prompt, makes the model follow this script."""
        return f"```halyard-script\n{self.model_dump_json(exclude_defaults=True)}\n```"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation, flattened to its text. `tool_name` is set for role `tool` when it is known."""

    role: Role
    text: str
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the agent sent: its system prompt and everything said so far."""

    system: str
    messages: tuple[Message, ...]
    tools: frozenset[str] = field(default_factory=frozenset)

    @property
    def prompt(self) -> str:
        """Returns the text of the last user message, or an empty string."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def since_prompt(self) -> tuple[Message, ...]:
        """Returns what came after the last user message."""
        last = max((i for i, m in enumerate(self.messages) if m.role == "user"), default=-1)
        return self.messages[last + 1 :]

    @property
    def turn_index(self) -> int:
        """Returns which turn is due: the number of assistant messages since the last user message."""
        return sum(m.role == "assistant" for m in self.since_prompt)

    @property
    def tool_results(self) -> tuple[Message, ...]:
        """Returns the tool results since the last user message, oldest first."""
        return tuple(m for m in self.since_prompt if m.role == "tool")

    @property
    def directory(self) -> str:
        """Returns the agent's working directory, or `.` when its system prompt does not tell."""
        found = _WORKING_DIRECTORY.search(self.system)
        return found[1] if found else "."


Player = Callable[[Conversation], Turn]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A prompt that people may type. `words` are matched as whole words, in any case; none matches everything."""

    name: str
    words: tuple[str, ...]
    play: Player

    def matches(self, prompt: str) -> bool:
        """Returns whether the prompt contains one of the words."""
        if not self.words:
            return True
        return re.search(rf"\b(?:{'|'.join(self.words)})\b", prompt, re.IGNORECASE) is not None


def say(text: str, *, pace: float = 0.0) -> Turn:
    """Returns a turn that only says something."""
    return Turn(steps=(Say(say=text, pace=pace),))


def sequence(*turns: Turn) -> Player:
    """Returns a player that plays these turns in order and repeats the last one."""

    def play(conversation: Conversation) -> Turn:
        return turns[min(conversation.turn_index, len(turns) - 1)]

    return play


def _written_in(prompt: str) -> Player | None:
    found = _DIRECTIVE.search(prompt)
    if found is None:
        return None
    try:
        turns = Script.model_validate_json(found["json"]).turns
    except ValidationError as error:
        return sequence(say(f"The script in this prompt cannot be played: {error}"))
    return sequence(*turns, say("The script has ended."))


def _is_title_request(system: str) -> bool:
    return "title generator" in system.lower()


def _is_summary_request(conversation: Conversation) -> bool:
    return not conversation.tools and "summar" in conversation.system.lower()


def title_of(conversation: Conversation) -> str:
    """Returns the first words of what the person asked for."""
    asked = " ".join(m.text for m in conversation.messages if m.role == "user")
    plain = _DIRECTIVE.sub("", asked).replace("Generate a title for this conversation:", "")
    words = plain.replace('"', " ").split()
    return " ".join(words[:6]) or "Scripted session"


def choose(conversation: Conversation, scenarios: Sequence[Scenario]) -> Turn:
    """Returns the turn that answers this conversation.

    Requests for a title or a summary come first, since their text repeats the person's prompt; then a script written
    into the prompt; then the first scenario whose words occur in it.
    """
    if _is_title_request(conversation.system):
        return say(title_of(conversation))
    if _is_summary_request(conversation):
        return say("## Summary\n\nThis is the summary of a scripted conversation.")
    written = _written_in(conversation.prompt)
    if written is not None:
        return written(conversation)
    player = next((s.play for s in scenarios if s.matches(conversation.prompt)), None)
    return player(conversation) if player else say("Nothing in this script answers that prompt.")
