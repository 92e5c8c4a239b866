"""OpenCode's own types, as far as they are read. The only place where its JSON is anything but these types.

Unknown fields and unknown kinds are kept and passed over: a release that adds something must not break the adapter.
Source: the OpenAPI document of 1.18.33, and what that release was seen to send (`message.part.delta`,
`server.heartbeat` and the `sync` twin of durable events are missing from the document).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag, TypeAdapter


def _text_or_nothing(value: Any) -> str:
    return value if isinstance(value, str) else ""


# Tools and plugins of other people put what they like under these names; only text means what we think it means.
LooseText = Annotated[str, BeforeValidator(_text_or_nothing)]


class Theirs(BaseModel):
    """Something OpenCode sends: unknown fields are allowed, names on the wire are given as aliases."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class CacheTokens(Theirs):
    """Tokens of the provider's cache."""

    read: float = 0
    write: float = 0


class Tokens(Theirs):
    """Tokens of a message or session. `total` is missing on sessions."""

    total: float | None = None
    input: float = 0
    output: float = 0
    reasoning: float = 0
    cache: CacheTokens = Field(default_factory=CacheTokens)


class Span(Theirs):
    """Times in ms since the epoch."""

    created: float = 0
    updated: float = 0
    completed: float | None = None
    archived: float | None = None
    start: float | None = None
    end: float | None = None


class SessionModel(Theirs):
    """The model a session used last."""

    id: str
    provider_id: str = Field(alias="providerID")


class Revert(Theirs):
    """From which message on the conversation is undone."""

    message_id: str = Field(alias="messageID")


class Session(Theirs):
    """A session. `metadata` is ours to use."""

    id: str
    directory: str
    title: str = ""
    parent_id: str = Field(default="", alias="parentID")
    agent: str = ""
    model: SessionModel | None = None
    cost: float = 0
    tokens: Tokens = Field(default_factory=Tokens)
    revert: Revert | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    time: Span


class ErrorData(Theirs):
    """What an error says. `response_body` holds the provider's own words."""

    message: str = ""
    status_code: int | None = Field(default=None, alias="statusCode")
    response_body: str = Field(default="", alias="responseBody")


class NamedError(Theirs):
    """An error as messages and `session.error` carry it."""

    name: str
    data: ErrorData = Field(default_factory=ErrorData)


class MessageModel(Theirs):
    """The model a person's message asks for."""

    provider_id: str = Field(alias="providerID")
    model_id: str = Field(alias="modelID")


class FileChange(Theirs):
    """What changed in one file."""

    file: str = ""
    patch: str = ""
    additions: float = 0
    deletions: float = 0
    status: str = ""


class TurnSummary(Theirs):
    """What the turn of a prompt changed."""

    diffs: list[FileChange] = Field(default_factory=list)


class UserMessage(Theirs):
    """A person's message."""

    role: Literal["user"]
    id: str
    session_id: str = Field(alias="sessionID")
    time: Span
    agent: str = ""
    model: MessageModel | None = None
    summary: TurnSummary | None = None


class AssistantMessage(Theirs):
    """The agent's message; one per step of a turn. `parent_id` is the person's message it answers."""

    role: Literal["assistant"]
    id: str
    session_id: str = Field(alias="sessionID")
    time: Span
    parent_id: str = Field(default="", alias="parentID")
    provider_id: str = Field(default="", alias="providerID")
    model_id: str = Field(default="", alias="modelID")
    mode: str = ""
    cost: float = 0
    tokens: Tokens = Field(default_factory=Tokens)
    error: NamedError | None = None
    finish: str = ""
    """Why the model stopped; "tool-calls" when another message follows."""
    summary: bool = False


Message = Annotated[UserMessage | AssistantMessage, Field(discriminator="role")]


class ToolMetadata(Theirs):
    """What tools tell beside their output. `output` grows while a command runs."""

    output: LooseText = ""
    diff: LooseText = ""
    filediff: FileChange | None = None
    session_id: LooseText = Field(default="", alias="sessionId")


class ToolState(Theirs):
    """How far a tool call is."""

    status: Literal["pending", "running", "completed", "error"]
    input: dict[str, JsonValue] = Field(default_factory=dict)
    output: str = ""
    title: str = ""
    error: str = ""
    metadata: ToolMetadata = Field(default_factory=ToolMetadata)
    time: Span = Field(default_factory=Span)


class _Part(Theirs):
    id: str
    session_id: str = Field(alias="sessionID")
    message_id: str = Field(alias="messageID")


class TextPart(_Part):
    """Words or thinking. While it streams, `text` is empty and there is no `time.end`."""

    type: Literal["text", "reasoning"]
    text: str = ""
    synthetic: bool = False
    ignored: bool = False
    time: Span | None = None


class ToolPart(_Part):
    """A tool call."""

    type: Literal["tool"]
    tool: str
    call_id: str = Field(alias="callID")
    state: ToolState


class FilePart(_Part):
    """An attached file; `url` is file:// or data:."""

    type: Literal["file"]
    mime: str = ""
    filename: str = ""
    url: str = ""


class PatchPart(_Part):
    """Files that one step changed, as absolute paths."""

    type: Literal["patch"]
    files: list[str] = Field(default_factory=list)


class CompactionPart(_Part):
    """The person's message asks to sum up what came before."""

    type: Literal["compaction"]


class RetryPart(_Part):
    """The provider failed and was tried again."""

    type: Literal["retry"]
    attempt: float = 0
    error: NamedError | None = None


class AgentPart(_Part):
    """Another agent was named in the prompt."""

    type: Literal["agent"]
    name: str = ""


class OtherPart(_Part):
    """Step marks, snapshots, and kinds that this adapter does not know."""

    type: str


_PART_TYPES = ("text", "reasoning", "tool", "file", "patch", "compaction", "retry", "agent")


def _part_tag(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", "")
    return kind if kind in _PART_TYPES else "other"


Part = Annotated[
    Annotated[TextPart, Tag("text")]
    | Annotated[TextPart, Tag("reasoning")]
    | Annotated[ToolPart, Tag("tool")]
    | Annotated[FilePart, Tag("file")]
    | Annotated[PatchPart, Tag("patch")]
    | Annotated[CompactionPart, Tag("compaction")]
    | Annotated[RetryPart, Tag("retry")]
    | Annotated[AgentPart, Tag("agent")]
    | Annotated[OtherPart, Tag("other")],
    Discriminator(_part_tag),
]


class MessageWithParts(Theirs):
    """A message as listings return it."""

    info: Message
    parts: list[Part]


class ToolReference(Theirs):
    """The tool call that waits for a decision."""

    message_id: str = Field(alias="messageID")
    call_id: str = Field(alias="callID")


class PermissionMetadata(Theirs):
    """What is asked for; which fields are set depends on the kind."""

    command: LooseText = ""
    description: LooseText = ""
    filepath: LooseText = ""
    diff: LooseText = ""
    url: LooseText = ""


PermissionReply = Literal["once", "always", "reject"]


class PermissionRequest(Theirs):
    """The agent waits for a permission."""

    id: str
    session_id: str = Field(alias="sessionID")
    permission: str
    patterns: list[str] = Field(default_factory=list)
    always: list[str] = Field(default_factory=list)
    metadata: PermissionMetadata = Field(default_factory=PermissionMetadata)
    tool: ToolReference | None = None


class QuestionOption(Theirs):
    """A choice."""

    label: str
    description: str = ""


class QuestionInfo(Theirs):
    """One question. Free words are welcome unless `custom` says no."""

    question: str
    header: str = ""
    options: list[QuestionOption] = Field(default_factory=list)
    multiple: bool = False
    custom: bool = True


class QuestionRequest(Theirs):
    """The agent waits for answers."""

    id: str
    session_id: str = Field(alias="sessionID")
    questions: list[QuestionInfo]
    tool: ToolReference | None = None


class Todo(Theirs):
    """One thing to be done."""

    content: str
    status: str = "pending"
    priority: str = "medium"


class Status(Theirs):
    """What a session is doing. `next` is in ms since the epoch."""

    type: str
    attempt: int = 0
    message: str = ""
    next: float = 0


SESSIONS = TypeAdapter(list[Session])
MESSAGES = TypeAdapter(list[MessageWithParts])
PERMISSIONS = TypeAdapter(list[PermissionRequest])
QUESTIONS = TypeAdapter(list[QuestionRequest])
TODOS = TypeAdapter(list[Todo])
STATUSES = TypeAdapter(dict[str, Status])
FILE_CHANGES = TypeAdapter(list[FileChange])
PATHS = TypeAdapter(list[str])
