"""The checker knows a history that goes backwards."""

from dataclasses import replace

import pytest

from tests.chaos.histories import (
    ANSWERS,
    PARTS,
    PROMPTS,
    TOOLS,
    Moves,
    PartLook,
    SessionLook,
    illegal_asks,
    illegal_calls,
    illegal_cursors,
    illegal_deliveries,
    illegal_losses,
    illegal_moves,
    illegal_parts,
    illegal_sessions,
)

ON, RELAY, THERE, ANSWERED = "on this device", "at the relay", "at the workstation", "answered"


@pytest.mark.parametrize(
    "states", [[ON], [ON, RELAY, THERE, ANSWERED], [ON, THERE, ANSWERED], [RELAY, ANSWERED], [ON, "failed"]]
)
def test_a_prompt_gets_further(states: list[str]) -> None:
    assert illegal_deliveries([("one", states)]) == []


@pytest.mark.parametrize(
    "states", [[RELAY, ON], [ON, THERE, RELAY], [ANSWERED, THERE], ["failed", ON], [ANSWERED, "failed"]]
)
def test_a_prompt_that_goes_back_is_caught(states: list[str]) -> None:
    assert illegal_deliveries([("fine", [ON]), ("one", states)]) == [f"one was shown as {states}"]


def test_a_call_has_one_last_word() -> None:
    assert illegal_calls([("one", ["ON_DEVICE", "AT_RELAY", "DONE"]), ("late", ["ON_DEVICE", "EXPIRED", "DONE"])]) == []
    assert len(illegal_calls([("one", ["ON_DEVICE", "REFUSED", "DONE"])])) == 1
    assert len(illegal_calls([("one", ["AT_RELAY", "ON_DEVICE"])])) == 1


def test_what_a_relay_forgot_is_on_the_device_again_as_often_as_it_forgot() -> None:
    once, twice = [ON, RELAY, ON, RELAY, ANSWERED], [RELAY, ON, RELAY, ON]
    assert illegal_deliveries([("one", once)], 1) == illegal_deliveries([("one", twice)], 2) == []
    assert len(illegal_deliveries([("one", once)], 0)) == len(illegal_deliveries([("one", twice)], 1)) == 1
    assert (
        len(illegal_deliveries([("one", [THERE, ON])], 9)) == len(illegal_deliveries([("one", [THERE, RELAY])], 9)) == 1
    )
    calls = ["ON_DEVICE", "AT_RELAY", "ON_DEVICE", "DONE"]
    assert (len(illegal_calls([("one", calls)], 1)), len(illegal_calls([("one", calls)], 0))) == (0, 1)


def test_a_decision_stands() -> None:
    assert illegal_asks([("one", ["PENDING", "DENIED"]), ("two", ["EXPIRED"]), ("three", ["PENDING"])]) == []
    assert len(illegal_asks([("one", ["PENDING", "DENIED", "PENDING"])])) == 1
    assert len(illegal_asks([("one", ["PENDING", "DENIED", "ALLOWED_ONCE"])])) == 1


def test_a_reader_only_moves_on() -> None:
    assert illegal_cursors("app0", [("a", 1), ("a", 5), ("a", 5), ("b", 2), ("b", 3)]) == []
    assert illegal_cursors("app0", [("a", 5), ("a", 4)]) == ["app0 went back from 5 to 4"]
    assert illegal_cursors("app0", [("a", 5), ("b", 1), ("a", 6)]) == ["app0 came back to the log a"]


@pytest.mark.parametrize(
    ("moves", "states"),
    [
        (ANSWERS, ["WRITING", "COMPLETE"]),
        (ANSWERS, ["WRITING", "STOPPED"]),
        (ANSWERS, ["WRITING", "INTERRUPTED", "COMPLETE"]),
        (PROMPTS, ["QUEUED", "COMPLETE"]),
        (PROMPTS, ["QUEUED", "INTERRUPTED", "QUEUED", "COMPLETE"]),
        (PROMPTS, ["STOPPED", "COMPLETE"]),
        (TOOLS, ["PENDING", "RUNNING", "FAILED"]),
        (TOOLS, ["PENDING", "COMPLETE"]),
        (TOOLS, ["RUNNING", "INTERRUPTED", "COMPLETE"]),
        (PARTS, ["OPEN", "INTERRUPTED", "COMPLETE"]),
    ],
)
def test_what_moves_on_is_legal(moves: Moves, states: list[str]) -> None:
    assert illegal_moves("it", states, moves) == []


@pytest.mark.parametrize(
    ("moves", "states"),
    [
        (ANSWERS, ["COMPLETE", "WRITING"]),
        (ANSWERS, ["STOPPED", "COMPLETE"]),
        (ANSWERS, ["FAILED", "WRITING"]),
        (ANSWERS, ["INTERRUPTED", "WRITING"]),
        (ANSWERS, ["COMPLETE", "INTERRUPTED"]),
        (PROMPTS, ["COMPLETE", "QUEUED"]),
        (PROMPTS, ["COMPLETE", "INTERRUPTED"]),
        (TOOLS, ["RUNNING", "PENDING"]),
        (TOOLS, ["COMPLETE", "RUNNING"]),
        (TOOLS, ["FAILED", "COMPLETE"]),
        (TOOLS, ["INTERRUPTED", "RUNNING"]),
        (PARTS, ["COMPLETE", "OPEN"]),
        (PARTS, ["INTERRUPTED", "OPEN"]),
        (PARTS, ["COMPLETE", "INTERRUPTED"]),
    ],
)
def test_what_goes_back_is_caught(moves: Moves, states: list[str]) -> None:
    assert len(illegal_moves("it", states, moves)) == 1


def text(words: str, state: str = "OPEN", life: int = 1) -> PartLook:
    return PartLook(state, "", words, life)


def call(words: str, tool: str = "RUNNING", state: str = "OPEN") -> PartLook:
    return PartLook(state, tool, words)


@pytest.mark.parametrize(
    "looks",
    [
        [text(""), text("One"), text("One two"), text("One two.", "COMPLETE")],
        [text("One \n"), text("One", "COMPLETE")],
        [text("One two"), text("One", "INTERRUPTED")],
        [text("One", "INTERRUPTED"), text("One two.", "COMPLETE")],
        [text("One two"), text("One", life=2), text("One two three", life=2)],
        [text("One two"), text("One", "INTERRUPTED", life=2)],
        [call(""), call("a\n"), call("a\nb\n"), call("a\nb", "COMPLETE", "COMPLETE")],
        [call("a\nb\n"), call("a\n", "INTERRUPTED", "INTERRUPTED")],
        [call("Asking", "PENDING"), call("", "FAILED", "COMPLETE")],
    ],
)
def test_words_grow_until_they_are_whole(looks: list[PartLook]) -> None:
    assert illegal_parts("it", looks) == []


@pytest.mark.parametrize(
    "looks",
    [
        [text("One two"), text("One")],
        [text("One"), text("Two three")],
        [text("One two"), text("One", "COMPLETE")],
        [text("One two"), text("Two", "INTERRUPTED")],
        [text("One two"), text("Two", life=2)],
        [text("One.", "COMPLETE"), text("One", "COMPLETE")],
        [text("One.", "COMPLETE"), text("One. Two.", "COMPLETE")],
        [text("One.", "COMPLETE"), text("One", "COMPLETE", life=2)],
        [text("One two", "INTERRUPTED"), text("One", "INTERRUPTED", life=2)],
        [call("a\nb\n"), call("a\n")],
        [call("a\n", "COMPLETE", "COMPLETE"), call("", "COMPLETE", "COMPLETE")],
        [call("a\n"), call("a\n", "PENDING")],
    ],
)
def test_words_that_shrink_or_turn_into_others_are_caught(looks: list[PartLook]) -> None:
    assert len(illegal_parts("it", looks)) == 1


def test_a_session_keeps_what_it_has() -> None:
    first = SessionLook("WORKING", "", "Go", (5, 1))
    assert illegal_sessions("it", [replace(first, title=""), first, replace(first, state="IDLE", counts=(5, 2))]) == []
    assert len(illegal_sessions("it", [first, replace(first, title="")])) == 1
    assert len(illegal_sessions("it", [first, replace(first, counts=(6, 0))])) == 1
    assert len(illegal_sessions("it", [replace(first, state="UNSPECIFIED")])) == 1


def test_a_session_that_nobody_deleted_is_not_lost() -> None:
    lost = "OpenCode no longer has this session: it was deleted there."
    assert illegal_losses({"sessions/1": "", "sessions/2": lost}, {"sessions/2"}) == []
    assert len(illegal_losses({"sessions/1": lost, "sessions/2": lost}, {"sessions/2"})) == 1
