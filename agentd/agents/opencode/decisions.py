"""What OpenCode asks a person → Permission and Question; a person's answers → its words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agentd.agents.opencode import schema
from agentd.agents.opencode.diffs import file_diff
from agentd.agents.opencode.place import Place, timestamp
from agentd.agents.opencode.tools import tool_kind
from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import session_pb2

ALWAYS_SCOPE = "in this project, until OpenCode restarts"

REPLIES: dict[pb.DecisionState, schema.PermissionReply] = {
    pb.DECISION_STATE_ALLOWED_ONCE: "once",
    pb.DECISION_STATE_ALLOWED_ALWAYS: "always",
    pb.DECISION_STATE_DENIED: "reject",
}
OUTCOMES: dict[str, pb.DecisionState] = {
    "once": pb.DECISION_STATE_ALLOWED_ONCE,
    "always": pb.DECISION_STATE_ALLOWED_ALWAYS,
    "reject": pb.DECISION_STATE_DENIED,
}

_REASONS = {
    "bash": "Every command is asked for by default.",
    "edit": "Every change to a file is asked for by default.",
    "webfetch": "Everything that reaches out to the network is asked for by default.",
    "websearch": "Everything that reaches out to the network is asked for by default.",
    "external_directory": "The path lies outside the project.",
    "doom_loop": "The agent has made the same call several times in a row.",
    "read": "The file looks as if it held secrets.",
}


def _title(theirs: schema.PermissionRequest, place: Place) -> str:
    metadata = theirs.metadata
    what = ", ".join(theirs.patterns)
    match theirs.permission:
        case "bash":
            return metadata.description or f"Run {metadata.command.partition(chr(10))[0]}"
        case "edit":
            return f"Edit {place.relative(metadata.filepath) or what}"
        case "webfetch":
            return f"Fetch {metadata.url or what}"
        case "external_directory":
            return f"Reach outside the project: {what}"
        case "doom_loop":
            return "Go on although the agent repeats itself"
        case other:
            return f"Use {other}: {what}" if what and what != "*" else f"Use {other}"


def permission(theirs: schema.PermissionRequest, place: Place, part: str, now_ms: int) -> pb.Permission:
    """Returns the permission, pending. `part` names the waiting tool call, empty when unknown. How dangerous it is and
    how long it may wait is agentd's to say, alike for all agents.
    """
    metadata = theirs.metadata
    path = place.relative(metadata.filepath)
    return pb.Permission(
        name=place.permission(theirs.id),
        state=pb.DECISION_STATE_PENDING,
        kind=tool_kind(theirs.permission),
        action=theirs.permission,
        title=_title(theirs, place),
        command=metadata.command,
        diffs=[file_diff(path, metadata.diff)] if metadata.diff else [],
        patterns=theirs.patterns,
        always_rules=[f"{theirs.permission}: {pattern}" for pattern in theirs.always],
        always_scope=ALWAYS_SCOPE if theirs.always else "",
        reason=_REASONS.get(theirs.permission, "This tool is asked for by default."),
        part=part,
        create_time=timestamp(now_ms),
    )


def name_of(theirs: schema.PermissionRequest | schema.QuestionRequest, place: Place) -> str:
    """Returns the name of the request's resource."""
    if isinstance(theirs, schema.PermissionRequest):
        return place.permission(theirs.id)
    return place.question(theirs.id)


def question(theirs: schema.QuestionRequest, place: Place, part: str, now_ms: int) -> pb.Question:
    """Returns the question, pending."""
    return pb.Question(
        name=place.question(theirs.id),
        state=pb.DECISION_STATE_PENDING,
        prompts=[_prompt(info) for info in theirs.questions],
        part=part,
        create_time=timestamp(now_ms),
    )


def _prompt(info: schema.QuestionInfo) -> pb.QuestionPrompt:
    return pb.QuestionPrompt(
        header=info.header,
        text=info.question,
        options=[pb.QuestionOption(label=option.label, description=option.description) for option in info.options],
        multiple=info.multiple,
        free_text=info.custom,
    )


def answers(ours: Sequence[pb.QuestionAnswer]) -> list[list[str]]:
    """Returns the answers as OpenCode takes them: labels or free words, one list per question."""
    return [list(answer.values) for answer in ours]


def waits_for(part: session_pb2.Part | None) -> bool:
    """Returns whether a tool call can still wait for a decision; an unknown one is believed to."""
    if part is None or part.WhichOneof("content") != "tool_call":
        return True
    return part.tool_call.state in (session_pb2.TOOL_STATE_PENDING, session_pb2.TOOL_STATE_RUNNING)
