"""OpenCode's tool parts → ToolCall. Pure. Which tool does what kind of work is data."""

from __future__ import annotations

import json

from pydantic import JsonValue

from agentd.agents.opencode import schema
from agentd.agents.opencode.diffs import file_diff, file_diffs
from agentd.agents.opencode.place import Place, timestamp
from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb

MAX_OUTPUT_BYTES = 48 * 1024
MAX_INPUT_BYTES = 16 * 1024

# What `repair.py` writes into calls that a crash cut off; recognised here when it comes back as an event.
CUT_OFF = "OpenCode was restarted while this ran, so it is not known how far it came."
_ABORTED = "Tool execution aborted"
_ABORTED_COMMAND = "User aborted the command"

_KINDS = {
    "bash": pb.TOOL_KIND_EXECUTE,
    "edit": pb.TOOL_KIND_EDIT,
    "write": pb.TOOL_KIND_EDIT,
    "multiedit": pb.TOOL_KIND_EDIT,
    "patch": pb.TOOL_KIND_EDIT,
    "apply_patch": pb.TOOL_KIND_EDIT,
    "read": pb.TOOL_KIND_READ,
    "list": pb.TOOL_KIND_READ,
    "external_directory": pb.TOOL_KIND_READ,
    "grep": pb.TOOL_KIND_SEARCH,
    "glob": pb.TOOL_KIND_SEARCH,
    "codesearch": pb.TOOL_KIND_SEARCH,
    "lsp": pb.TOOL_KIND_SEARCH,
    "webfetch": pb.TOOL_KIND_FETCH,
    "websearch": pb.TOOL_KIND_FETCH,
    "todowrite": pb.TOOL_KIND_PLAN,
    "todoread": pb.TOOL_KIND_PLAN,
    "question": pb.TOOL_KIND_QUESTION,
    "task": pb.TOOL_KIND_SUBAGENT,
}
_STATES = {
    "pending": pb.TOOL_STATE_PENDING,
    "running": pb.TOOL_STATE_RUNNING,
    "completed": pb.TOOL_STATE_COMPLETE,
    "error": pb.TOOL_STATE_FAILED,
}
OPEN_STATES = (pb.TOOL_STATE_PENDING, pb.TOOL_STATE_RUNNING)


def tool_kind(name: str) -> pb.ToolKind:
    """Returns the kind of work a tool, or a permission of the same name, stands for."""
    return _KINDS.get(name, pb.TOOL_KIND_OTHER)


def cut_middle(text: str, limit: int) -> str:
    """Returns at most `limit` bytes of text: its beginning and its end, with a line between that says how much is
    missing.
    """
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    mark = f"\n… {len(encoded) - limit} bytes cut …\n"
    keep = (limit - len(mark.encode())) // 2
    return encoded[:keep].decode("utf-8", "ignore") + mark + encoded[-keep:].decode("utf-8", "ignore")


def _word(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def output_of(state: schema.ToolState) -> str:
    """Returns what the tool has printed or returned so far."""
    return state.output or state.metadata.output


def _state(state: schema.ToolState) -> pb.ToolState:
    if state.status == "error" and state.error in (CUT_OFF, _ABORTED):
        return pb.TOOL_STATE_INTERRUPTED
    if state.status == "completed" and _ABORTED_COMMAND in state.output[-200:]:
        return pb.TOOL_STATE_INTERRUPTED
    return _STATES[state.status]


def _title(part: schema.ToolPart, command: str, path: str) -> str:
    described = _word(part.state.input.get("description"))
    if part.tool == "bash":
        return described or command.partition("\n")[0]
    return part.state.title or described or (f"{part.tool} {path}" if path else part.tool)


def _diffs(part: schema.ToolPart, path: str, place: Place) -> list[pb.FileDiff]:
    metadata = part.state.metadata
    if metadata.filediff is not None:
        return file_diffs([metadata.filediff], place.directory)
    return [file_diff(path, metadata.diff)] if metadata.diff else []


def with_known_output(ours: pb.Part, known: resource_pb2.Resource | None) -> pb.Part:
    """Returns a call that was cut off with what is known of its output: OpenCode's own record of its end has none."""
    if known and ours.tool_call.state == pb.TOOL_STATE_INTERRUPTED and not ours.tool_call.output:
        told = known.part.tool_call
        ours.tool_call.output, ours.tool_call.output_bytes = told.output, told.output_bytes
    return ours


def stay_cut_off(ours: pb.Part, known: resource_pb2.Resource | None) -> None:
    """Keeps a call cut off that was told as such: a record of it from before, heard of late, does not make it run."""
    if known and known.part.tool_call.state == pb.TOOL_STATE_INTERRUPTED and ours.tool_call.state in OPEN_STATES:
        ours.state, ours.tool_call.state = pb.PART_STATE_INTERRUPTED, pb.TOOL_STATE_INTERRUPTED


def tool_call(part: schema.ToolPart, place: Place) -> pb.ToolCall:
    """Returns the tool call as it stands."""
    state = part.state
    command = _word(state.input.get("command")) if part.tool == "bash" else ""
    path = place.relative(_word(state.input.get("filePath")) or _word(state.input.get("path")))
    whole_input = json.dumps(state.input, ensure_ascii=False) if state.input else ""
    shown_input = whole_input.encode()[:MAX_INPUT_BYTES].decode("utf-8", "ignore")
    output = output_of(state)
    return pb.ToolCall(
        tool=part.tool,
        kind=tool_kind(part.tool),
        state=_state(state),
        title=_title(part, command, path),
        command=command,
        path=path,
        input_json=shown_input,
        input_truncated=len(shown_input) < len(whole_input),
        output=cut_middle(output, MAX_OUTPUT_BYTES),
        output_bytes=len(output.encode()),
        error=state.error,
        diffs=_diffs(part, path, place),
        child_session=f"sessions/{state.metadata.session_id}" if state.metadata.session_id else "",
        start_time=timestamp(state.time.start),
        end_time=timestamp(state.time.end),
    )
