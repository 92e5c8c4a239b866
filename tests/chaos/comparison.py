"""Whether what an app shows of a session is what OpenCode holds of it, value by value. Pure.

Deliberately not by way of agentd's translation: both sides are reduced to the same plain values, from OpenCode's own
JSON here and from the app's resources there. One difference is meant: text that OpenCode had streamed but not stored
when it died. It holds nothing of it; the app keeps what had arrived and says that it was cut off.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb

Json = Mapping[str, Any]
_OVER = (pb.SESSION_STATE_IDLE, pb.SESSION_STATE_INTERRUPTED, pb.SESSION_STATE_FAILED)
_TOOL_STATES = {
    "completed": ("COMPLETE", "INTERRUPTED"),
    "error": ("FAILED", "INTERRUPTED"),
}
_SILENT_KINDS = ("step-start", "step-finish", "snapshot", "agent", "retry")


def differences(session_id: str, theirs: Sequence[Json], ours: Iterable[resource_pb2.Resource]) -> list[str]:
    """What an app that shows `ours` gets wrong of OpenCode's messages `theirs`, while nobody works in this session;
    empty when they are equal.
    """
    prefix = f"sessions/{session_id}/"
    everything = list(ours)
    inside = [resource for resource in everything if resource.name.startswith(prefix)]
    messages = sorted((r.message for r in inside if r.HasField("message")), key=_in_time)
    names = [message.name for message in messages]
    expected = [f"{prefix}messages/{message['info']['id']}" for message in theirs]
    if names != expected:
        return [f"messages of {session_id}: shown {_short(names)}, held {_short(expected)}"]
    parts: dict[str, list[pb.Part]] = {}
    for resource in inside:
        if resource.HasField("part"):
            parts.setdefault(resource.name.rpartition("/parts/")[0], []).append(resource.part)
    own = next((r.session for r in everything if r.name == f"sessions/{session_id}"), pb.Session())
    found = [] if own.state in _OVER else [f"{session_id} is {pb.SessionState.Name(own.state)}"]
    for message, their in zip(messages, theirs, strict=True):
        found += [f"{message.name}: {what}" for what in _of_message(message, their["info"])]
        shown = sorted(parts.pop(message.name, []), key=lambda part: part.index)
        found += [f"{message.name}: {what}" for what in _of_parts(shown, their["parts"])]
    return found + [f"parts of a message that is not held: {name}" for name in parts]


def between_apps(one: Iterable[resource_pb2.Resource], other: Iterable[resource_pb2.Resource]) -> list[str]:
    """Names of what two apps, with the same sessions open, hold differently; both read the same log."""
    first = {resource.name: resource.SerializeToString(deterministic=True) for resource in one}
    second = {resource.name: resource.SerializeToString(deterministic=True) for resource in other}
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def unfinished(theirs: Sequence[Json]) -> list[str]:
    """Tool calls that OpenCode still lists as running; with nobody working, nobody will ever end them."""
    return [
        f"{part['tool']} {part['id']} is left {part['state']['status']}"
        for message in theirs
        for part in message["parts"]
        if part["type"] == "tool" and part["state"]["status"] in ("pending", "running")
    ]


def _in_time(message: pb.Message) -> tuple[int, str]:
    return message.create_time.ToMilliseconds(), message.name


def _short(names: Sequence[str]) -> list[str]:
    return [name.rpartition("/")[2] for name in names]


def _of_message(ours: pb.Message, info: Json) -> list[str]:
    found = []
    role = {"user": pb.ROLE_PERSON, "assistant": pb.ROLE_AGENT}[info["role"]]
    if ours.role != role:
        found.append(f"role {pb.Role.Name(ours.role)} of {info['role']}")
    if ours.create_time.ToMilliseconds() != int(info["time"]["created"]):
        found.append("another time of creation")
    if role == pb.ROLE_AGENT:
        found += _of_answer(ours, info)
    elif ours.state in (pb.MESSAGE_STATE_WRITING, pb.MESSAGE_STATE_QUEUED):
        found.append(f"{pb.MessageState.Name(ours.state)} although nobody works on it")
    return found


def _of_answer(ours: pb.Message, info: Json) -> list[str]:
    found = []
    if ours.answers.rpartition("/")[2] != info["parentID"]:
        found.append(f"answers {ours.answers} instead of {info['parentID']}")
    error = info.get("error")
    if error and error["name"] == "MessageAbortedError":
        expected = pb.MESSAGE_STATE_STOPPED
    elif error:
        expected = pb.MESSAGE_STATE_FAILED
    elif info["time"].get("completed"):
        expected = pb.MESSAGE_STATE_COMPLETE
    else:
        expected = pb.MESSAGE_STATE_INTERRUPTED
    if ours.state != expected:
        found.append(f"state {pb.MessageState.Name(ours.state)}, held as {pb.MessageState.Name(expected)}")
    if ours.usage.output_tokens != int(info["tokens"]["output"]):
        found.append(f"{ours.usage.output_tokens} tokens instead of {info['tokens']['output']}")
    return found


def _of_parts(ours: Sequence[pb.Part], theirs: Sequence[Json]) -> list[str]:
    expected = [part for part in theirs if part["type"] not in _SILENT_KINDS]
    shown, held = _short([part.name for part in ours]), [part["id"] for part in expected]
    if shown != held:
        return [f"parts shown {shown}, held {held}"]
    return [
        f"{part.name}: {what}" for part, their in zip(ours, expected, strict=True) for what in _of_part(part, their)
    ]


def _of_part(ours: pb.Part, theirs: Json) -> list[str]:
    match theirs["type"]:
        case "text":
            return _of_text(ours, ours.text.text, theirs)
        case "reasoning":
            return _of_text(ours, ours.reasoning.text, theirs)
        case "tool":
            return _of_tool(ours.tool_call, theirs["tool"], theirs["state"])
        case "patch":
            return [] if len(ours.changes.diffs) == len(theirs["files"]) else ["another number of changed files"]
        case kind:
            return [f"a part of kind {kind}, which is not compared"]


def _of_text(ours: pb.Part, text: str, theirs: Json) -> list[str]:
    time = theirs.get("time")
    if time is not None and not time.get("end"):
        if ours.state != pb.PART_STATE_INTERRUPTED:
            return [f"{pb.PartState.Name(ours.state)} although it was cut off"]
        return [] if text.startswith(theirs["text"]) else [f"“{text}” does not go on from “{theirs['text']}”"]
    found = [] if text == theirs["text"] else [f"text “{text}” instead of “{theirs['text']}”"]
    if ours.state != pb.PART_STATE_COMPLETE:
        found.append(f"{pb.PartState.Name(ours.state)} although it is complete")
    return found


def _of_tool(ours: pb.ToolCall, tool: str, state: Json) -> list[str]:
    shown = pb.ToolState.Name(ours.state).removeprefix("TOOL_STATE_")
    found = []
    if shown not in _TOOL_STATES.get(state["status"], ()):
        found.append(f"tool call is {shown}, held as {state['status']}")
    if ours.tool != tool:
        found.append(f"tool {ours.tool} instead of {tool}")
    if tool == "bash" and ours.command != state["input"].get("command", ""):
        found.append(f"command “{ours.command}” instead of “{state['input'].get('command')}”")
    output = state.get("output") or (state.get("metadata") or {}).get("output") or ""
    if ours.output != output:
        found.append(f"output “{ours.output}” instead of “{output}”")
    if ours.error != state.get("error", ""):
        found.append(f"error “{ours.error}” instead of “{state.get('error')}”")
    return found
