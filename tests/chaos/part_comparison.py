"""Whether the parts of a message that an app shows are those that OpenCode holds, value by value. Pure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from halyard.agent.v1 import session_pb2 as pb

Json = Mapping[str, Any]
SILENT_KINDS = ("step-start", "step-finish", "snapshot", "agent", "retry")
"""Parts that mean nothing to a person."""
_KINDS = {
    "bash": pb.TOOL_KIND_EXECUTE,
    "edit": pb.TOOL_KIND_EDIT,
    "write": pb.TOOL_KIND_EDIT,
    "question": pb.TOOL_KIND_QUESTION,
    "todowrite": pb.TOOL_KIND_PLAN,
}
_MAX_OUTPUT_BYTES, _MAX_INPUT_BYTES = 48 * 1024, 16 * 1024
# What a call says that was stopped, and what agentd makes one say that a crash cut off.
_STOPPED = "Tool execution aborted"
_CRASHED = "OpenCode was restarted while this ran, so it is not known how far it came."
_STOPPED_COMMAND = "User aborted the command"


def unequal(what: str, ours: object, theirs: object) -> list[str]:
    """One sentence when two values differ, else none."""
    return [] if ours == theirs else [f"{what} {ours!r} instead of {theirs!r}"]


def hunks(patch: str) -> list[str]:
    """The lines of a diff that say what changed; what precedes them names the file, each side in its own way."""
    lines = patch.splitlines()
    return lines[next((n for n, line in enumerate(lines) if line.startswith("@@")), len(lines)) :]


def relative(path: str, folder: str) -> str:
    """A path as a person reads it: within the session's folder from there on."""
    pure = PurePosixPath(path)
    return str(pure.relative_to(folder)) if pure.is_relative_to(folder) else path


def of_parts(ours: Sequence[pb.Part], theirs: Sequence[Json], folder: str) -> list[str]:
    """What is wrong with the parts of one message; `ours` in their order."""
    expected = [part for part in theirs if part["type"] not in SILENT_KINDS]
    shown, held = [part.name.rpartition("/")[2] for part in ours], [part["id"] for part in expected]
    if shown != held:
        return [f"parts shown {shown}, held {held}"]
    places, pairs = [part.index for part in ours], zip(ours, expected, strict=True)
    found = [] if places == sorted(set(places)) else [f"two parts are in one place: {places}"]
    return found + [f"{part.name}: {what}" for part, their in pairs for what in _of_part(part, their, folder)]


def _of_part(ours: pb.Part, theirs: Json, folder: str) -> list[str]:
    match theirs["type"]:
        case "text":
            synthetic = unequal("synthetic", ours.text.synthetic, bool(theirs.get("synthetic")))
            return (
                unequal("kind", ours.WhichOneof("content"), "text") + _of_text(ours, ours.text.text, theirs) + synthetic
            )
        case "reasoning":
            return unequal("kind", ours.WhichOneof("content"), "reasoning") + _of_text(
                ours, ours.reasoning.text, theirs
            )
        case "tool":
            return unequal("kind", ours.WhichOneof("content"), "tool_call") + _of_tool(ours, theirs, folder)
        case "patch":
            # OpenCode names the files only.
            expected = [pb.FileDiff(path=relative(path, folder)) for path in theirs["files"]]
            return [
                *unequal("changed files", list(ours.changes.diffs), expected),
                *unequal("state", ours.state, pb.PART_STATE_COMPLETE),
                *_of_beginning(ours, None),
            ]
        case kind:
            return [f"a part of kind {kind}, which is not compared"]


def _of_kind(ours: pb.Part, kind: str) -> list[str]:
    return unequal("kind", ours.WhichOneof("content"), kind)


def _of_beginning(ours: pb.Part, start: float | None) -> list[str]:
    return unequal("beginning", ours.create_time.ToMilliseconds(), int(start or 0))


def _of_text(ours: pb.Part, text: str, theirs: Json) -> list[str]:
    """Of text that OpenCode was streaming when it died it holds nothing; the app keeps what had come and marks it."""
    time = theirs.get("time")
    state = pb.PartState.Name(ours.state)
    found = _of_beginning(ours, time["start"] if time else None)
    if time is not None and not time.get("end"):
        goes_on = text if text.startswith(theirs["text"]) else theirs["text"]
        return [*found, *unequal("text", text, goes_on), *unequal("state", state, "PART_STATE_INTERRUPTED")]
    return [*found, *unequal("text", text, theirs["text"]), *unequal("state", state, "PART_STATE_COMPLETE")]


def _of_tool(part: pb.Part, theirs: Json, folder: str) -> list[str]:
    ours, tool, state = part.tool_call, theirs["tool"], theirs["state"]
    given, time = state["input"], state.get("time") or {}
    path = relative(given.get("filePath") or "", folder) if given.get("filePath") else ""
    return [
        *unequal("tool", ours.tool, tool),
        *unequal("kind of work", ours.kind, _KINDS.get(tool)),
        *_of_tool_state(part, state),
        *unequal("title", ours.title, _title(theirs, path)),
        *unequal("command", ours.command, given.get("command", "") if tool == "bash" else ""),
        *unequal("path", ours.path, path),
        *_of_input(ours, given),
        *_of_output(ours, state),
        *unequal("error", ours.error, state.get("error", "")),
        *_of_diffs(ours.diffs, state.get("metadata") or {}, path, folder),
        *unequal("child", ours.child_session, ""),
        *unequal("began to run", ours.start_time.ToMilliseconds(), int(time.get("start") or 0)),
        *unequal("ended", ours.end_time.ToMilliseconds(), int(time.get("end") or 0)),
        *_of_beginning(part, time.get("start")),
    ]


def _of_tool_state(part: pb.Part, state: Json) -> list[str]:
    """OpenCode files what was stopped or cut off under failed or completed; its words tell."""
    output, error = state.get("output", ""), state.get("error", "")
    if error in (_STOPPED, _CRASHED) or _STOPPED_COMMAND in output[-200:]:
        expected, of_part = "TOOL_STATE_INTERRUPTED", "PART_STATE_INTERRUPTED"
    else:
        expected = {"completed": "TOOL_STATE_COMPLETE", "error": "TOOL_STATE_FAILED"}.get(state["status"], "over")
        of_part = "PART_STATE_COMPLETE"
    return [
        *unequal("state of the call", pb.ToolState.Name(part.tool_call.state), expected),
        *unequal("state of the part", pb.PartState.Name(part.state), of_part),
    ]


def _title(theirs: Json, path: str) -> str:
    """One line for a person: a command's description, else the tool's own line, else what it is."""
    state, tool = theirs["state"], theirs["tool"]
    described = state["input"].get("description") or ""
    if tool == "bash":
        return str(described or state["input"].get("command", "").partition("\n")[0])
    return str(state.get("title") or described or f"{tool} {path}".strip())


def _of_input(ours: pb.ToolCall, given: Json) -> list[str]:
    whole = json.dumps(given, ensure_ascii=False)
    if len(whole.encode()) > _MAX_INPUT_BYTES:
        # A long input is shown by its beginning.
        begins = ours.input_truncated and whole.startswith(ours.input_json) and bool(ours.input_json)
        return [] if begins else ["another beginning of its input"]
    return unequal("input", ours.input_json, whole if given else "") + unequal("input cut", ours.input_truncated, False)


def _of_output(ours: pb.ToolCall, state: Json) -> list[str]:
    held = state.get("output") or (state.get("metadata") or {}).get("output") or ""
    if not held and ours.state == pb.TOOL_STATE_INTERRUPTED:
        # OpenCode's record of a call that was cut off has no output; what had arrived is kept.
        return unequal("size of the output", ours.output_bytes, len(ours.output.encode()))
    size = unequal("size of the output", ours.output_bytes, len(held.encode()))
    if len(held.encode()) <= _MAX_OUTPUT_BYTES:
        return [*size, *unequal("output", ours.output, held)]
    # The middle of a long output is cut away.
    head, _, tail = ours.output.partition("\n… ")
    tail = tail.partition(" bytes cut …\n")[2]
    same = head and tail and held.startswith(head) and held.endswith(tail)
    return size if same else [*size, "another beginning or end of its output"]


def _of_diffs(ours: Sequence[pb.FileDiff], metadata: Json, path: str, folder: str) -> list[str]:
    told, patch = metadata.get("filediff"), metadata.get("diff") or ""
    if told:
        expected = [_changed(relative(told["file"], folder), told["patch"], told["additions"], told["deletions"])]
    else:
        changed = hunks(patch)
        counts = [sum(line.startswith(sign) for line in changed) for sign in "+-"]
        expected = [_changed(path, patch, *counts)] if patch else []
    shown = [
        (diff.path, hunks(diff.patch), diff.additions, diff.deletions, diff.change, diff.old_path, diff.truncated)
        for diff in ours
    ]
    return unequal("changes", shown, expected)


def _changed(path: str, patch: str, additions: float, deletions: float) -> tuple[object, ...]:
    """What a change must say; none in this stage is so long that it is cut, and none moves a file."""
    lines = hunks(patch)
    head = lines[0] if lines else ""
    change = pb.FILE_CHANGE_MODIFIED if lines else pb.FILE_CHANGE_UNSPECIFIED
    change = pb.FILE_CHANGE_ADDED if head.startswith("@@ -0,0 ") else change
    change = pb.FILE_CHANGE_DELETED if " +0,0 @@" in head else change
    return path, lines, int(additions), int(deletions), change, "", False
