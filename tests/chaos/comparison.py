"""Whether what an app shows of a session is what OpenCode holds of it, value by value. Pure.

Deliberately not by way of agentd's translation: both sides are reduced to the same plain values, from OpenCode's own
JSON here and from the app's resources there. Parts are compared in `part_comparison.py`, asks in `ask_comparison.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from halyard.agent.v1 import resource_pb2
from halyard.agent.v1 import session_pb2 as pb
from tests.chaos.part_comparison import of_parts, unequal
from tests.chaos.words import token_in

Json = Mapping[str, Any]
_CUT_OFF, _FAILED, _IDLE = pb.SESSION_STATE_INTERRUPTED, pb.SESSION_STATE_FAILED, pb.SESSION_STATE_IDLE
_NO_TITLE = re.compile(r"(New|Child) session - \d{4}-")
_NOTHING_SAID = ("step-start", "step-finish", "snapshot", "patch")
_TODO_STATES = {
    "pending": pb.TODO_STATE_PENDING,
    "in_progress": pb.TODO_STATE_ACTIVE,
    "completed": pb.TODO_STATE_DONE,
    "cancelled": pb.TODO_STATE_CANCELLED,
}
_TODO_PRIORITIES = {"low": pb.TODO_PRIORITY_LOW, "medium": pb.TODO_PRIORITY_MEDIUM, "high": pb.TODO_PRIORITY_HIGH}


@dataclass(frozen=True)
class Held:
    """What OpenCode holds of a session: its own record, its messages with their parts in order, its list of todos."""

    info: Json
    messages: Sequence[Json]
    todos: Sequence[Json] = ()

    @property
    def id(self) -> str:
        return str(self.info["id"])

    @property
    def answers(self) -> list[Json]:
        """The agent's messages."""
        return [message for message in self.messages if message["info"]["role"] == "assistant"]


def differences(held: Held, ours: Iterable[resource_pb2.Resource]) -> list[str]:
    """What an app that shows `ours` gets wrong of messages, parts and todos of a session that it has on screen, while
    nobody works in this session; empty when they are equal.
    """
    prefix = f"sessions/{held.id}/"
    inside = [resource for resource in ours if resource.name.startswith(prefix)]
    messages = sorted((r.message for r in inside if r.HasField("message")), key=_in_time)
    names = [message.name for message in messages]
    expected = [f"{prefix}messages/{message['info']['id']}" for message in held.messages]
    if names != expected:
        return [f"messages of {held.id}: shown {_short(names)}, held {_short(expected)}"]
    parts: dict[str, list[pb.Part]] = {}
    for resource in inside:
        if resource.HasField("part"):
            parts.setdefault(resource.name.rpartition("/parts/")[0], []).append(resource.part)
    todos = next((r.todo_list for r in inside if r.HasField("todo_list")), pb.TodoList(name=f"{prefix}todos"))
    found = _of_todos(todos, held.todos) + unequal("name of the todos", todos.name, f"{prefix}todos")
    for message, their in zip(messages, held.messages, strict=True):
        found += [f"{message.name}: {what}" for what in _of_message(message, their["info"], held)]
        shown = sorted(parts.pop(message.name, []), key=lambda part: part.index)
        found += [f"{message.name}: {what}" for what in of_parts(shown, their["parts"], held.info["directory"])]
    return found + [f"parts of a message that is not held: {name}" for name in parts]


def of_session(held: Held, ours: Iterable[resource_pb2.Resource]) -> list[str]:
    """What an app that shows `ours` gets wrong of a session's own record, while nobody works in it."""
    everything = list(ours)
    own = next((r.session for r in everything if r.name == f"sessions/{held.id}"), pb.Session())
    folder = next((r.project.path for r in everything if r.HasField("project") and r.name == own.project), "")
    info = held.info
    model, revert = info.get("model"), info.get("revert")
    found = [
        # OpenCode's name for a session without a title is none.
        *unequal("name", own.name, f"sessions/{held.id}"),
        *unequal("title", own.title, "" if _NO_TITLE.match(info["title"]) else info["title"]),
        *unequal("folder of its project", folder, info["directory"]),
        *unequal("agent", own.agent, "opencode"),
        *unequal("model", own.model, f"{model['providerID']}/{model['id']}" if model else ""),
        *unequal("mode", own.mode, info.get("agent", "")),
        *unequal("parent", own.parent, f"sessions/{info['parentID']}" if info.get("parentID") else ""),
        *unequal("beginning", own.create_time.ToMilliseconds(), int(info["time"]["created"])),
        *unequal("last change", own.update_time.ToMilliseconds(), int(info["time"]["updated"])),
        *unequal("archived", own.archived, bool(info["time"].get("archived"))),
        *unequal("undone from", own.reverted_from.rpartition("/")[2], revert["messageID"] if revert else ""),
        *unequal("time of the next try", own.retry_time.ToMilliseconds(), 0),
        # agentd hears every session from its beginning, and its log loses none of it.
        *unequal("earlier messages", own.has_earlier_messages, False),
        *_of_usage(own.usage, info, _context_left(held)),
        *_of_changes(own.changes, held),
        *_of_state(own, held),
    ]
    return [f"session {held.id}: {what}" for what in found]


def of_authors(said: Mapping[str, str], ours: Iterable[resource_pb2.Resource]) -> list[str]:
    """Prompts that an app credits to another call than the one that said them. `said`: call id → token, of all prompts
    that people made; nobody else speaks in this stage.
    """
    everything = list(ours)
    texts = {r.name.rpartition("/parts/")[0]: r.part.text.text for r in everything if r.part.HasField("text")}
    prompts = [r.message for r in everything if r.message.role == pb.ROLE_PERSON]
    return [
        f"{message.name}, which says {token_in(texts.get(message.name, ''))}, is by {message.call_id.hex()!r}"
        for message in prompts
        if not message.author_device
        or said.get(message.call_id.hex(), "nobody") != token_in(texts.get(message.name, ""))
    ]


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


# --- a session ---


def _of_usage(ours: pb.Usage, info: Json, context: int) -> list[str]:
    tokens = info["tokens"]
    return [
        *unequal("tokens read", ours.input_tokens, int(tokens["input"])),
        *unequal("tokens written", ours.output_tokens, int(tokens["output"])),
        *unequal("tokens of reasoning", ours.reasoning_tokens, int(tokens["reasoning"])),
        *unequal("tokens from the cache", ours.cache_read_tokens, int(tokens["cache"]["read"])),
        *unequal("tokens to the cache", ours.cache_write_tokens, int(tokens["cache"]["write"])),
        *unequal("cost", ours.cost_micro_usd, round(info["cost"] * 1_000_000)),
        *unequal("tokens in the context", ours.context_tokens, context),
    ]


def _context_of(info: Json) -> int:
    tokens = info["tokens"]
    counted = tokens["input"] + tokens["output"] + tokens["reasoning"] + sum(tokens["cache"].values())
    return int(tokens.get("total") or counted)


def _context_left(held: Held) -> int:
    """OpenCode does not count it for a session: it is what the newest answer that has an end left."""
    ended = [
        answer["info"] for answer in held.answers if _is_whole(answer["info"]) and not answer["info"].get("summary")
    ]
    return next((_context_of(info) for info in reversed(ended) if _context_of(info)), 0)


def _is_whole(info: Json) -> bool:
    return bool(info["time"].get("completed"))


def _of_changes(ours: pb.ChangeCount, held: Held) -> list[str]:
    """OpenCode's own count for a session stays at zero: it is what its turns have changed."""
    summaries = (m["info"].get("summary") for m in held.messages if m["info"]["role"] == "user")
    diffs = [diff for summary in summaries if summary for diff in summary.get("diffs", ())]
    return [
        *unequal("changed files", ours.files, len({diff["file"] for diff in diffs})),
        *unequal("lines added", ours.additions, int(sum(diff["additions"] for diff in diffs))),
        *unequal("lines taken away", ours.deletions, int(sum(diff["deletions"] for diff in diffs))),
    ]


def _of_state(own: pb.Session, held: Held) -> list[str]:
    """OpenCode knows only busy or not. How the last turn ended is told by the last message."""
    state, last = own.state, held.messages[-1] if held.messages else None
    info: Json = last["info"] if last else {}
    failed = info.get("error") is not None and info["error"]["name"] != "MessageAbortedError"
    if state not in (_IDLE, _CUT_OFF, _FAILED):
        return [f"is {pb.SessionState.Name(state)} although nobody works in it"]
    if failed != (state == _FAILED):
        return [f"is {pb.SessionState.Name(state)} with the error {info.get('error')}"]
    if state == _CUT_OFF and not _is_cut_off(info):
        return ["is said to have been cut off although its last answer is whole"]
    if state == _IDLE and last and _is_left_in_the_middle(last):
        return ["is idle although its last answer was cut off"]
    return unequal("detail present", bool(own.state_detail), state != _IDLE)


def _is_cut_off(info: Json) -> bool:
    """A turn's last answer neither calls tools nor lacks an end."""
    is_last_word = info.get("role") == "assistant" and _is_whole(info) and info.get("finish") != "tool-calls"
    return bool(info) and not is_last_word


def _is_left_in_the_middle(message: Json) -> bool:
    """One that is stopped before its first word stays without an end for ever, and nothing was cut off."""
    info = message["info"]
    if info["role"] != "assistant" or _is_whole(info) or info.get("error"):
        return False
    return any(part["type"] not in _NOTHING_SAID for part in message["parts"])


def _of_todos(ours: pb.TodoList, theirs: Sequence[Json]) -> list[str]:
    shown = [(todo.text, todo.state, todo.priority) for todo in ours.todos]
    held = [(todo["content"], _TODO_STATES[todo["status"]], _TODO_PRIORITIES[todo["priority"]]) for todo in theirs]
    return unequal("todos", shown, held)


# --- a message ---


def _of_message(ours: pb.Message, info: Json, held: Held) -> list[str]:
    is_person = info["role"] == "user"
    revert = held.info.get("revert")
    found = [
        *unequal("role", ours.role, pb.ROLE_PERSON if is_person else pb.ROLE_AGENT),
        *unequal("beginning", ours.create_time.ToMilliseconds(), int(info["time"]["created"])),
        *unequal("end", ours.complete_time.ToMilliseconds(), int(info["time"].get("completed") or 0)),
        *unequal("mode", ours.mode, info["agent"] if is_person else info["mode"]),
        *unequal("undone", ours.reverted, info["id"] >= revert["messageID"] if revert else False),
    ]
    return found + (_of_prompt(ours, info, held) if is_person else _of_answer(ours, info))


def _of_prompt(ours: pb.Message, info: Json, held: Held) -> list[str]:
    """OpenCode says nothing of how far a prompt is: it is answered once an answer names it or a later one."""
    ids = [message["info"]["id"] for message in held.messages]
    answered = max((ids.index(a["info"]["parentID"]) for a in held.answers if a["info"]["parentID"] in ids), default=-1)
    is_answered = ids.index(info["id"]) <= answered
    found = [
        *unequal("model", ours.model, ""),
        *unequal("usage present", ours.HasField("usage"), False),
        *unequal("answers", ours.answers, ""),
        *unequal("summary", ours.summary, False),
        *unequal("error present", bool(ours.error), ours.state in (_M_FAILED, _M_CUT_OFF)),
    ]
    if is_answered != (ours.state == pb.MESSAGE_STATE_COMPLETE) or ours.state in _M_UNDER_WAY:
        found.append(f"{pb.MessageState.Name(ours.state)} although {'' if is_answered else 'not '}answered")
    return found


_M_FAILED, _M_CUT_OFF = pb.MESSAGE_STATE_FAILED, pb.MESSAGE_STATE_INTERRUPTED
_M_UNDER_WAY = (pb.MESSAGE_STATE_WRITING, pb.MESSAGE_STATE_QUEUED)


def _of_answer(ours: pb.Message, info: Json) -> list[str]:
    error = info.get("error")
    if error and error["name"] == "MessageAbortedError":
        expected, words = pb.MESSAGE_STATE_STOPPED, ""
    elif error:
        expected, words = _M_FAILED, error["data"].get("message") or error["name"]
    else:
        expected, words = pb.MESSAGE_STATE_COMPLETE if _is_whole(info) else _M_CUT_OFF, ""
    return [
        *unequal("answers", ours.answers.rpartition("/")[2], info["parentID"]),
        *unequal("state", pb.MessageState.Name(ours.state), pb.MessageState.Name(expected)),
        *unequal("model", ours.model, f"{info['providerID']}/{info['modelID']}"),
        *unequal("summary", ours.summary, bool(info.get("summary"))),
        # Beside the error's own words stand its status and the provider's.
        *unequal("error", words if words and words in ours.error else ours.error, words),
        *_of_usage(ours.usage, info, _context_of(info)),
    ]
