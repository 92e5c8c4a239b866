"""The checker catches what is lost, doubled, out of order, or was never allowed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.accounts import Asked, Verdict, deletions, effects, files, prompts, requests

Message = dict[str, Any]
ALLOWED, DENIED = "ALLOWED_ONCE", "DENIED"


def said(token: str, times: int = 1) -> Message:
    text = {"type": "text", "text": f"Order {token}.\n…"}
    return {"info": {"role": "user"}, "parts": [text] * times}


def ran(part: str, command: str, status: str = "completed", output: str = "") -> Message:
    state = {"status": status, "input": {"command": command}, "output": output}
    tool = {"type": "tool", "tool": "bash", "id": part, "state": state}
    return {"info": {"role": "assistant"}, "parts": [tool]}


SESSION = "sessions/ses_1"


def asked(token: str, state: str = "DONE", app: str = "app0", reason: str = "") -> Asked:
    return Asked(token, app, state, SESSION, reason)


def judged(asked: Sequence[Asked], *messages: Message, deleted: frozenset[str] = frozenset()) -> Verdict:
    return prompts(asked, {"ses_1": messages}, deleted)


def test_prompts_that_all_came_once_and_in_order_are_fine() -> None:
    made = [asked("t1x0"), asked("t1x1"), asked("t1x2", "REFUSED", reason="NOT_FOUND")]
    assert judged(made, said("t1x0"), said("t1x1"), deleted=frozenset({SESSION})).all == []


@pytest.mark.parametrize("state", ["DONE", "ON_DEVICE", "AT_RELAY", "AT_WORKSTATION"])
def test_an_acknowledged_prompt_that_is_nowhere_is_lost(state: str) -> None:
    verdict = judged([asked("t1x0", state), asked("t1x1")], said("t1x1"))
    assert (len(verdict.lost), len(verdict.all)) == (1, 1)


def test_a_prompt_that_came_twice_is_doubled() -> None:
    assert len(judged([asked("t1x0")], said("t1x0"), said("t1x0")).doubled) == 1


def test_a_prompt_whose_text_came_twice_is_doubled() -> None:
    assert len(judged([asked("t1x0")], said("t1x0", times=2)).doubled) == 1


@pytest.mark.parametrize("reason", ["NOT_FOUND", "AGENT_UNAVAILABLE", "OUTCOME_UNKNOWN", "WITHDRAWN", ""])
def test_a_prompt_that_was_kept_and_then_refused_is_lost(reason: str) -> None:
    verdict = judged([asked("t1x0", "REFUSED", reason=reason)])
    assert (len(verdict.lost), len(verdict.all)) == (1, 1)


def test_a_prompt_may_be_refused_because_its_own_session_was_deleted() -> None:
    refused, gone = asked("t1x0", "REFUSED", reason="NOT_FOUND"), frozenset({SESSION})
    assert judged([refused], deleted=gone).all == []
    assert len(judged([replace(refused, session="sessions/ses_2")], deleted=gone).lost) == 1
    assert len(judged([replace(refused, session="")], deleted=gone).lost) == 1
    assert len(judged([replace(refused, reason="OUTCOME_UNKNOWN")], deleted=gone).lost) == 1


def test_a_refused_prompt_that_came_all_the_same_is_caught() -> None:
    came = said("t1x0")
    assert len(judged([asked("t1x0", "REFUSED", reason="NOT_FOUND")], came, deleted=frozenset({SESSION})).doubled) == 1
    assert judged([asked("t1x0", "REFUSED", reason="OUTCOME_UNKNOWN")], came).doubled == []


def test_a_prompt_that_ran_out_of_time_is_lost_whether_it_came_or_not() -> None:
    verdict = judged([asked("t1x0", "EXPIRED"), asked("t1x1", "EXPIRED")], said("t1x0"))
    assert (len(verdict.lost), len(verdict.all)) == (2, 2)


def test_prompts_of_one_app_out_of_order_are_caught() -> None:
    assert len(judged([asked("t1x0"), asked("t1x1")], said("t1x1"), said("t1x0")).out_of_order) == 1


def test_a_prompt_that_begins_a_session_has_no_place_in_it() -> None:
    begins = replace(asked("t1x0"), session="")
    assert judged([begins, asked("t1x1")], said("t1x1"), said("t1x0")).out_of_order == []


def test_prompts_out_of_order_are_caught_although_another_is_missing_or_doubled() -> None:
    made = [asked(token) for token in ("t1x0", "t1x1", "t1x2")]
    assert len(judged(made, said("t1x2"), said("t1x0")).out_of_order) == 1
    assert len(judged(made, said("t1x1"), said("t1x1"), said("t1x0"), said("t1x2")).out_of_order) == 1
    assert judged(made, said("t1x0"), said("t1x2"), said("t1x2")).out_of_order == []


def test_prompts_of_two_apps_may_overtake_each_other() -> None:
    made = [asked("t1x0"), asked("t1x1", app="app1")]
    assert judged(made, said("t1x1"), said("t1x0")).all == []


def of_effects(written: list[str], decided: str, status: str = "completed", output: str = "") -> Verdict:
    messages = {"ses_1": [ran("prt_1", "echo t1x0 >> effects.txt", status, output)]}
    asks = {"sessions/ses_1/permissions/per_1": (decided, "sessions/ses_1/messages/m/parts/prt_1")}
    return effects(written, messages, asks)


def test_an_allowed_command_ran_once() -> None:
    assert of_effects(["t1x0"], ALLOWED).all == []


def test_an_allowed_command_that_was_cut_off_may_have_run() -> None:
    assert of_effects(["t1x0"], ALLOWED, "error").all == []
    assert of_effects([], ALLOWED, "error").all == []


def test_an_allowed_command_that_was_stopped_may_have_run_but_not_twice_and_not_unasked() -> None:
    output = "<bash_metadata>\nUser aborted the command\n</bash_metadata>"
    assert of_effects([], ALLOWED, output=output).all == []
    assert of_effects(["t1x0"], ALLOWED, output=output).all == []
    assert len(of_effects(["t1x0", "t1x0"], ALLOWED, output=output).doubled) == 1
    assert len(of_effects([], DENIED, output=output).doubled) == 1


def test_a_command_that_took_effect_twice_is_caught() -> None:
    assert len(of_effects(["t1x0", "t1x0"], ALLOWED).doubled) == 1


def test_a_command_that_ended_well_without_effect_is_caught() -> None:
    assert len(of_effects([], ALLOWED).lost) == 1


@pytest.mark.parametrize("decided", [DENIED, "EXPIRED", "PENDING"])
def test_a_command_that_ran_although_it_was_not_allowed_is_caught(decided: str) -> None:
    assert len(of_effects(["t1x0"], decided, "error").doubled) == 1
    assert len(of_effects(["t1x0"], decided).doubled) == 2


def test_a_denied_command_did_not_run() -> None:
    assert of_effects([], DENIED, "error").all == []


def call(part: str, status: str, tool: str = "write", **given: str) -> Message:
    state = {"status": status, "input": {"filePath": "t1x0.txt"} | given}
    return {"info": {"role": "assistant"}, "parts": [{"type": "tool", "tool": tool, "id": part, "state": state}]}


def of_files(written: str | None, *calls: Message, **decided: str) -> Verdict:
    asks = {f"sessions/ses_1/permissions/{part}": (state, f"m/parts/{part}") for part, state in decided.items()}
    return files({} if written is None else {"t1x0.txt": written}, {"ses_1": calls}, asks)


def test_a_file_is_as_the_calls_that_were_allowed_left_it() -> None:
    write = call("one", "completed", content="a\n")
    edit = call("two", "completed", tool="edit", oldString="a\n", newString="a\nb\n")
    assert of_files("a\n", write, one=ALLOWED).all == []
    assert of_files("a\nb\n", write, edit, one=ALLOWED, two=ALLOWED).all == []
    assert len(of_files(None, write, one=ALLOWED).lost) == 1
    assert len(of_files("", write, one=ALLOWED).lost) == 1
    assert len(of_files("a\n", write, edit, one=ALLOWED, two=ALLOWED).lost) == 1
    assert len(of_files("a\nb\nb\n", write, edit, one=ALLOWED, two=ALLOWED).doubled) == 1


def test_a_call_that_was_not_allowed_leaves_its_file_alone() -> None:
    write, edit = (
        call("one", "completed", content="a\n"),
        call("two", "error", tool="edit", oldString="a", newString="b"),
    )
    assert of_files("a\n", write, edit, one=ALLOWED, two=DENIED).all == []
    assert len(of_files("b\n", write, edit, one=ALLOWED, two=DENIED).doubled) == 1
    assert of_files(None, call("one", "error", content="a\n"), one=DENIED).all == []
    assert len(of_files("a\n", call("one", "error", content="a\n"), one=DENIED).doubled) == 1


def test_a_file_of_a_call_that_was_allowed_and_cut_off_is_not_judged() -> None:
    cut_off = call("one", "error", content="a\n")
    assert [of_files(written, cut_off, one=ALLOWED).all for written in (None, "", "a\n")] == [[], [], []]


def test_a_session_that_was_deleted_and_is_there_is_caught() -> None:
    assert len(deletions([(SESSION, "DONE")], {SESSION}).lost) == 1
    assert deletions([(SESSION, "DONE")], {"sessions/ses_2"}).all == []
    assert deletions([(SESSION, "REFUSED")], {SESSION}).all == []


def test_a_model_that_was_asked_twice_to_begin_is_caught() -> None:
    lines = [{"token": "t1x0", "turn": 0}, {"token": "t1x0", "turn": 1}, {"token": "", "turn": 0}]
    assert requests([*lines, {"token": "", "turn": 0}]).all == []
    assert len(requests([*lines, lines[0]]).doubled) == 1
