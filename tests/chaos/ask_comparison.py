"""Whether what an app shows of permissions and questions is what OpenCode waits for, and what came of them. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import resource_pb2
from tests.chaos.comparison import Held
from tests.chaos.part_comparison import hunks, relative, unequal

Json = Mapping[str, Any]
_ALLOWED = (pb.DECISION_STATE_ALLOWED_ONCE, pb.DECISION_STATE_ALLOWED_ALWAYS, pb.DECISION_STATE_ANSWERED)
_LATE_MS = 5_000
"""How long after OpenCode asked agentd may hear of it, on a busy machine."""
# OpenCode's words for a call that its person did not want.
_REJECTED = ("rejected permission", "dismissed this question")


def of_asks(waiting: Collection[str], sessions: Mapping[str, Held], ours: Iterable[resource_pb2.Resource]) -> list[str]:
    """What is wrong with the asks that an app shows. `waiting`: ids of all that OpenCode waits for."""
    asks = [r for r in ours if r.HasField("permission") or r.HasField("question")]
    shown = {_id(r.name) for r in asks if _state(r) == pb.DECISION_STATE_PENDING}
    found = unequal("what is asked", sorted(shown), sorted(waiting))
    for ask in asks:
        held = sessions.get(ask.name.split("/")[1])
        found += [f"{ask.name}: {what}" for what in (_of_ask(ask, held) if held else ["of a session that is not held"])]
    return found


def _id(name: str) -> str:
    return name.rpartition("/")[2]


def _state(ask: resource_pb2.Resource) -> pb.DecisionState:
    return ask.permission.state if ask.HasField("permission") else ask.question.state


def _asked_ms(ask: resource_pb2.Resource) -> int:
    asked = ask.permission if ask.HasField("permission") else ask.question
    return asked.create_time.ToMilliseconds()


def _was_cut_short(asked_ms: int, held: Held) -> bool:
    """A call asks before OpenCode stores it; a turn that is stopped or dies then leaves the ask and no call."""
    for info in (message["info"] for message in held.answers):
        ended_ms = info["time"].get("completed") or asked_ms
        is_cut = "completed" not in info["time"] or (info.get("error") or {}).get("name") == "MessageAbortedError"
        if is_cut and info["time"]["created"] <= asked_ms <= ended_ms + _LATE_MS:
            return True
    return False


def _of_ask(ask: resource_pb2.Resource, held: Held) -> list[str]:
    named = ask.permission.part if ask.HasField("permission") else ask.question.part
    calls = {part["id"]: part for message in held.messages for part in message["parts"] if part["type"] == "tool"}
    call = calls.get(_id(named))
    if call is None:
        is_explained = not named and _state(ask) != pb.DECISION_STATE_PENDING and _was_cut_short(_asked_ms(ask), held)
        return [] if is_explained else [f"asked by the call “{named}”, which is not held"]
    found = (
        _of_permission(ask.permission, call, held) if ask.HasField("permission") else _of_question(ask.question, call)
    )
    return found + _of_outcome(_state(ask), call["state"]) + _of_word(ask.permission, call["state"])


def _of_outcome(state: pb.DecisionState, call: Json) -> list[str]:
    if state == pb.DECISION_STATE_PENDING:
        return []
    name = pb.DecisionState.Name(state)
    if state not in _ALLOWED and call["status"] == "completed":
        return [f"done although {name}"]
    if state in _ALLOWED and any(words in call.get("error", "") for words in _REJECTED):
        return [f"refused although {name}"]
    return []


def _of_word(ours: pb.Permission, call: Json) -> list[str]:
    """With a refusal goes a person's word, which OpenCode repeats to the model."""
    error, word = call.get("error", ""), ours.decision.message
    return [f"refused without the word “{word}”"] if _REJECTED[0] in error and word not in error else []


def _of_permission(ours: pb.Permission, call: Json, held: Held) -> list[str]:
    given, tool = call["state"]["input"], call["tool"]
    if tool == "bash":
        # One word for the kind, one for the command: a person decides by both.
        return unequal("asks for", (ours.action, ours.command), ("bash", given.get("command")))
    path = relative(given.get("filePath", ""), held.info["directory"])
    lines = [line[1:] for diff in ours.diffs for line in hunks(diff.patch) if line.startswith("+")]
    content = str(given.get("content", given.get("newString", ""))).splitlines()
    return [
        *unequal("asks for", (ours.action, ours.command), ("edit", "")),
        *unequal("files", [diff.path for diff in ours.diffs], [path]),
        # What the file was before is no longer known; what the call puts in is.
        *unequal("lines that are put in", [line for line in lines if line in content], lines),
    ]


def _of_question(ours: pb.Question, call: Json) -> list[str]:
    shown = [
        (one.header, one.text, [(o.label, o.description) for o in one.options], one.multiple) for one in ours.prompts
    ]
    held = [
        (
            one["header"],
            one["question"],
            [(o["label"], o["description"]) for o in one["options"]],
            bool(one.get("multiple")),
        )
        for one in call["state"]["input"]["questions"]
    ]
    said = [value for answer in ours.answers for value in answer.values]
    told = call["state"].get("output", "") if call["state"]["status"] == "completed" else " ".join(said)
    return unequal("asks", shown, held) + unequal("answers", said, [value for value in said if value in told])
