"""The checker catches what is lost, doubled, out of order, or was never allowed."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos.accounts import Asked, Verdict, effects, prompts, requests

Message = dict[str, Any]
ALLOWED, DENIED = "ALLOWED_ONCE", "DENIED"


def said(token: str, times: int = 1) -> Message:
    text = {"type": "text", "text": f"Order {token}.\n…"}
    return {"info": {"role": "user"}, "parts": [text] * times}


def ran(part: str, command: str, status: str = "completed", output: str = "") -> Message:
    state = {"status": status, "input": {"command": command}, "output": output}
    tool = {"type": "tool", "tool": "bash", "id": part, "state": state}
    return {"info": {"role": "assistant"}, "parts": [tool]}


def judged(asked: Sequence[Asked], *messages: Message) -> Verdict:
    return prompts(asked, {"ses_1": messages})


def test_prompts_that_all_came_once_and_in_order_are_fine() -> None:
    asked = [Asked("t1x0", "app0", "DONE"), Asked("t1x1", "app0", "GONE"), Asked("t1x2", "app1", "REFUSED")]
    assert judged(asked, said("t1x0"), said("t1x1")).all == []


@pytest.mark.parametrize("state", ["DONE", "GONE", "ON_DEVICE", "AT_RELAY", "AT_WORKSTATION"])
def test_an_acknowledged_prompt_that_is_nowhere_is_lost(state: str) -> None:
    verdict = judged([Asked("t1x0", "app0", state), Asked("t1x1", "app0", "DONE")], said("t1x1"))
    assert (len(verdict.lost), len(verdict.all)) == (1, 1)


def test_a_prompt_that_came_twice_is_doubled() -> None:
    assert len(judged([Asked("t1x0", "app0", "DONE")], said("t1x0"), said("t1x0")).doubled) == 1


def test_a_prompt_whose_text_came_twice_is_doubled() -> None:
    assert len(judged([Asked("t1x0", "app0", "DONE")], said("t1x0", times=2)).doubled) == 1


def test_a_refused_prompt_that_came_all_the_same_is_caught() -> None:
    assert len(judged([Asked("t1x0", "app0", "REFUSED")], said("t1x0")).doubled) == 1


def test_an_expired_prompt_may_have_come_or_not() -> None:
    asked = [Asked("t1x0", "app0", "EXPIRED"), Asked("t1x1", "app0", "EXPIRED")]
    assert judged(asked, said("t1x0")).all == []


def test_prompts_of_one_app_out_of_order_are_caught() -> None:
    asked = [Asked("t1x0", "app0", "DONE"), Asked("t1x1", "app0", "DONE")]
    assert len(judged(asked, said("t1x1"), said("t1x0")).out_of_order) == 1


def test_prompts_out_of_order_are_caught_although_another_is_missing_or_doubled() -> None:
    asked = [Asked(token, "app0", "DONE") for token in ("t1x0", "t1x1", "t1x2")]
    assert len(judged(asked, said("t1x2"), said("t1x0")).out_of_order) == 1
    assert len(judged(asked, said("t1x1"), said("t1x1"), said("t1x0"), said("t1x2")).out_of_order) == 1
    assert judged(asked, said("t1x0"), said("t1x2"), said("t1x2")).out_of_order == []


def test_prompts_of_two_apps_may_overtake_each_other() -> None:
    asked = [Asked("t1x0", "app0", "DONE"), Asked("t1x1", "app1", "DONE")]
    assert judged(asked, said("t1x1"), said("t1x0")).all == []


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


def test_a_model_that_was_asked_twice_to_begin_is_caught() -> None:
    lines = [{"token": "t1x0", "turn": 0}, {"token": "t1x0", "turn": 1}, {"token": "", "turn": 0}]
    assert requests([*lines, {"token": "", "turn": 0}]).all == []
    assert len(requests([*lines, lines[0]]).doubled) == 1
