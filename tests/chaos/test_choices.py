"""The checker catches decisions that were turned round, lost, taken twice, or refused for no reason."""

from dataclasses import replace

import pytest

from halyard.agent.v1 import decision_pb2, resource_pb2
from tests.chaos.accounts import Verdict
from tests.chaos.app_remote import Seen
from tests.chaos.choices import Choice, Outcome, Tap, decisions, outcomes

RUN, ASK = "sessions/ses_1/permissions/per_1", "sessions/ses_1/questions/que_1"
ALLOWED, DENIED = Choice("ALLOWED_ONCE"), Choice("DENIED", "Not that one.")
TAP, RIVAL = Tap("app0", "01", RUN, ALLOWED, "DONE"), Tap("app1", "02", RUN, DENIED, "REFUSED", "ALREADY_DECIDED")
SHOWN = Outcome(ALLOWED, "app0", "01")


def judged(*taps: Tap, shown: Outcome | None = SHOWN, sessions: tuple[str, ...] = ("sessions/ses_1",)) -> Verdict:
    return decisions(taps, {RUN: shown} if shown else {}, sessions)


def test_the_decision_that_was_taken_is_the_one_that_shows() -> None:
    assert judged(TAP, RIVAL).all == []
    assert len(judged(TAP, shown=replace(SHOWN, by="app1")).lost) == 1
    assert len(judged(TAP, shown=replace(SHOWN, call="02")).lost) == 1


@pytest.mark.parametrize("turned", [DENIED, Choice("ALLOWED_ALWAYS"), Choice("ALLOWED_ONCE", "Not that one.")])
def test_a_decision_that_was_turned_round_is_lost(turned: Choice) -> None:
    assert len(judged(TAP, shown=replace(SHOWN, choice=turned)).lost) == 1


def test_an_answer_that_was_changed_is_lost() -> None:
    tap = Tap("app0", "01", ASK, Choice("ANSWERED", answers=(("Red",),)), "DONE")
    shown = Outcome(tap.choice, "app0", "01")
    assert decisions([tap], {ASK: shown}, ["sessions/ses_1"]).all == []
    changed = replace(shown, choice=Choice("ANSWERED", answers=(("Blue",),)))
    assert len(decisions([tap], {ASK: changed}, ["sessions/ses_1"]).lost) == 1


def test_a_decision_whose_ask_vanished_is_lost_unless_its_session_is_gone() -> None:
    assert len(judged(TAP, shown=None).lost) == 1
    assert judged(TAP, shown=None, sessions=()).all == []


def test_two_who_were_both_told_that_they_decided_are_caught() -> None:
    assert len(judged(TAP, replace(RIVAL, state="DONE")).doubled) == 1
    assert len(judged(TAP, replace(TAP, call="03")).doubled) == 1


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("ALREADY_DECIDED", Outcome(ALLOWED, "app0", "01")),
        ("ALREADY_DECIDED", Outcome(Choice("DENIED"), "this workstation")),
        ("EXPIRED", Outcome(Choice("EXPIRED"), "nobody")),
        ("NOT_FOUND", None),
    ],
)
def test_a_decision_that_came_too_late_may_be_refused(reason: str, shown: Outcome | None) -> None:
    assert judged(replace(RIVAL, reason=reason), shown=shown).all == []


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("ALREADY_DECIDED", Outcome(Choice("PENDING"))),
        ("ALREADY_DECIDED", Outcome(DENIED, "app1", "02")),
        ("ALREADY_DECIDED", None),
        ("EXPIRED", Outcome(ALLOWED, "app0", "01")),
        ("NOT_FOUND", Outcome(ALLOWED, "app0", "01")),
        ("AGENT_UNAVAILABLE", Outcome(ALLOWED, "app0", "01")),
        ("OUTCOME_UNKNOWN", Outcome(Choice("EXPIRED"), "nobody")),
        ("", None),
    ],
)
def test_a_decision_that_was_refused_for_no_reason_is_lost(reason: str, shown: Outcome | None) -> None:
    assert len(judged(replace(RIVAL, reason=reason), shown=shown).lost) == 1


def test_a_decision_that_ran_out_of_time_is_lost() -> None:
    assert len(judged(replace(TAP, state="EXPIRED")).lost) == 1


def test_what_was_tapped_is_told_apart_from_what_its_call_says() -> None:
    seen = Seen()
    seen.takes({"tapped": ASK, "chose": ["ANSWERED", "", [["Red"], ["Blue"]]]}, "app0", 1)
    seen.takes({"call": "01", "method": "Answer", "about": ASK, "state": "DONE", "error": "", "reason": ""}, "app0", 1)
    assert seen.taps("app0") == [Tap("app0", "01", ASK, Choice("ANSWERED", answers=(("Red",), ("Blue",))), "DONE")]


def test_what_shows_is_read_off_the_asks() -> None:
    run = decision_pb2.Permission(name=RUN, state=decision_pb2.DECISION_STATE_DENIED)
    run.decision.MergeFrom(decision_pb2.Decision(message="No.", decided_by="app0", call_id=b"\x01"))
    ask = decision_pb2.Question(name=ASK, state=decision_pb2.DECISION_STATE_ANSWERED)
    ask.answers.add(values=["Red", "Blue"])
    shown = [resource_pb2.Resource(name=RUN, permission=run), resource_pb2.Resource(name=ASK, question=ask)]
    assert outcomes([*shown, resource_pb2.Resource(name="sessions/ses_1")]) == {
        RUN: Outcome(Choice("DENIED", "No."), "app0", "01"),
        ASK: Outcome(Choice("ANSWERED", answers=(("Red", "Blue"),))),
    }
