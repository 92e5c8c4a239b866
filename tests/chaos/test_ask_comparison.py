"""The checker catches asks that an app shows otherwise than OpenCode has them, and decisions that had no effect."""

from collections.abc import Callable
from typing import Any

import pytest

from halyard.agent.v1 import decision_pb2 as pb
from halyard.agent.v1 import resource_pb2
from tests.chaos.ask_comparison import of_asks
from tests.chaos.comparison import Held

PART = "sessions/ses_1/messages/msg_2/parts/prt_"
OPTIONS = [{"label": "Red", "description": "warm"}]
CALLS: list[dict[str, Any]] = [
    {"id": "prt_1", "type": "tool", "tool": "bash", "state": {"status": "running", "input": {"command": "ls"}}},
    {
        "id": "prt_2", "type": "tool", "tool": "write",
        "state": {"status": "completed", "input": {"filePath": "/p/a.txt", "content": "one\ntwo\n"}},
    },
    {
        "id": "prt_3", "type": "tool", "tool": "question",
        "state": {
            "status": "completed", "output": "They said: Red",
            "input": {"questions": [{"header": "Colour", "question": "Which?", "options": OPTIONS}]},
        },
    },
]  # fmt: skip
RUN, WRITE, ASK = (f"sessions/ses_1/{kind}" for kind in ("permissions/per_1", "permissions/per_2", "questions/que_3"))
Shown = dict[str, resource_pb2.Resource]


def sessions() -> dict[str, Held]:
    answer = {"info": {"id": "msg_2", "role": "assistant"}, "parts": [*CALLS]}
    return {"ses_1": Held({"id": "ses_1", "directory": "/p"}, [answer])}


def shown() -> Shown:
    run = pb.Permission(name=RUN, state=pb.DECISION_STATE_PENDING, action="bash", command="ls", part=f"{PART}1")
    write = pb.Permission(name=WRITE, state=pb.DECISION_STATE_ALLOWED_ONCE, action="edit", part=f"{PART}2")
    write.diffs.add(path="a.txt", patch="--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n")
    ask = pb.Question(name=ASK, state=pb.DECISION_STATE_ANSWERED, part=f"{PART}3")
    ask.prompts.add(header="Colour", text="Which?", options=[pb.QuestionOption(label="Red", description="warm")])
    ask.answers.add(values=["Red"])
    return {
        RUN: resource_pb2.Resource(name=RUN, permission=run),
        WRITE: resource_pb2.Resource(name=WRITE, permission=write),
        ASK: resource_pb2.Resource(name=ASK, question=ask),
    }


def test_equal_is_equal() -> None:
    assert of_asks(["per_1"], sessions(), shown().values()) == []


def test_what_only_one_side_waits_for_is_caught() -> None:
    assert len(of_asks([], sessions(), shown().values())) == 1
    assert len(of_asks(["per_1", "que_9"], sessions(), shown().values())) == 1


Change = Callable[[Shown], object]
CHANGES: dict[str, Change] = {
    "an ask is missing": lambda ours: ours.pop(RUN),
    "another command": lambda ours: setattr(ours[RUN].permission, "command", "rm"),
    "another kind": lambda ours: setattr(ours[RUN].permission, "action", "edit"),
    "another call": lambda ours: setattr(ours[RUN].permission, "part", f"{PART}9"),
    "another file": lambda ours: setattr(ours[WRITE].permission.diffs[0], "path", "b.txt"),
    "no change": lambda ours: ours[WRITE].permission.ClearField("diffs"),
    "another change": lambda ours: setattr(ours[WRITE].permission.diffs[0], "patch", "@@ -0,0 +1,1 @@\n+three\n"),
    "another question": lambda ours: setattr(ours[ASK].question.prompts[0], "text", "Who?"),
    "another choice": lambda ours: setattr(ours[ASK].question.prompts[0].options[0], "label", "Blue"),
    "another answer": lambda ours: ours[ASK].question.answers[0].values.__setitem__(0, "Blue"),
    "done although denied": lambda ours: setattr(ours[WRITE].permission, "state", pb.DECISION_STATE_DENIED),
    "answered although expired": lambda ours: setattr(ours[ASK].question, "state", pb.DECISION_STATE_EXPIRED),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_ask_that_differs_is_caught(change: Change) -> None:
    ours = shown()
    change(ours)
    assert len(of_asks(["per_1"], sessions(), ours.values())) == 1


def test_what_was_allowed_and_then_refused_is_caught() -> None:
    held, ours = sessions(), shown()
    held["ses_1"].messages[0]["parts"][1] = CALLS[1] | {
        "state": CALLS[1]["state"] | {"status": "error", "error": "The user rejected permission to use this tool."}
    }
    assert len(of_asks(["per_1"], held, ours.values())) == 1
    ours[WRITE].permission.state = pb.DECISION_STATE_DENIED
    assert of_asks(["per_1"], held, ours.values()) == []


def test_a_refusal_without_its_word_is_caught() -> None:
    held, ours = sessions(), shown()
    error = "The user rejected permission to use this specific tool call with the following feedback: Not that one."
    held["ses_1"].messages[0]["parts"][1] = CALLS[1] | {
        "state": CALLS[1]["state"] | {"status": "error", "error": error}
    }
    ours[WRITE].permission.state = pb.DECISION_STATE_DENIED
    ours[WRITE].permission.decision.message = "Not that one."
    assert of_asks(["per_1"], held, ours.values()) == []
    ours[WRITE].permission.decision.message = "Never."
    assert len(of_asks(["per_1"], held, ours.values())) == 1


def test_an_ask_of_a_session_that_is_gone_is_caught() -> None:
    assert len(of_asks(["per_1"], {}, shown().values())) == 3


def test_only_a_turn_that_was_cut_short_leaves_an_ask_without_its_call() -> None:
    aborted = {"error": {"name": "MessageAbortedError"}}

    def found(state: pb.DecisionState, asked_ms: int, info: dict[str, Any], time: dict[str, Any]) -> int:
        told = info | {"id": "msg_2", "role": "assistant", "time": {"created": 1_000} | time}
        held = Held({"id": "ses_1", "directory": "/p"}, [{"info": told, "parts": []}])
        run = pb.Permission(name=RUN, state=state, action="bash", command="ls")
        run.create_time.FromMilliseconds(asked_ms)
        return len(of_asks([], {"ses_1": held}, [resource_pb2.Resource(name=RUN, permission=run)]))

    assert found(pb.DECISION_STATE_EXPIRED, 1_500, aborted, {"completed": 2_000}) == 0
    assert found(pb.DECISION_STATE_DENIED, 1_500, {}, {}) == 0
    assert found(pb.DECISION_STATE_EXPIRED, 1_500, {}, {"completed": 2_000}) == 1
    assert found(pb.DECISION_STATE_EXPIRED, 9_000, aborted, {"completed": 2_000}) == 1
    assert found(pb.DECISION_STATE_EXPIRED, 500, aborted, {"completed": 2_000}) == 1
    assert found(pb.DECISION_STATE_PENDING, 1_500, {}, {}) == 2
