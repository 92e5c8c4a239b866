"""The checker knows a history that goes backwards."""

import pytest

from tests.chaos.histories import illegal_asks, illegal_calls, illegal_cursors, illegal_deliveries

ON, RELAY, THERE, ANSWERED = "on this device", "at the relay", "at the workstation", "answered"


@pytest.mark.parametrize(
    "states", [[ON], [ON, RELAY, THERE, ANSWERED], [ON, THERE, ANSWERED], [RELAY, ANSWERED], [ON, "failed"]]
)
def test_a_prompt_gets_further(states: list[str]) -> None:
    assert illegal_deliveries([("one", states)]) == []


@pytest.mark.parametrize("states", [[RELAY, ON], [ON, THERE, RELAY], [ANSWERED, THERE], ["failed", ON]])
def test_a_prompt_that_goes_back_is_caught(states: list[str]) -> None:
    assert illegal_deliveries([("fine", [ON]), ("one", states)]) == [f"one was shown as {states}"]


def test_a_call_has_one_last_word() -> None:
    assert illegal_calls([("one", ["ON_DEVICE", "AT_RELAY", "DONE"]), ("late", ["ON_DEVICE", "EXPIRED", "DONE"])]) == []
    assert len(illegal_calls([("one", ["ON_DEVICE", "REFUSED", "DONE"])])) == 1
    assert len(illegal_calls([("one", ["AT_RELAY", "ON_DEVICE"])])) == 1


def test_a_decision_stands() -> None:
    assert illegal_asks([("one", ["PENDING", "DENIED"]), ("two", ["EXPIRED"]), ("three", ["PENDING"])]) == []
    assert len(illegal_asks([("one", ["PENDING", "DENIED", "PENDING"])])) == 1
    assert len(illegal_asks([("one", ["PENDING", "DENIED", "ALLOWED_ONCE"])])) == 1


def test_a_reader_only_moves_on() -> None:
    assert illegal_cursors("app0", [("a", 1), ("a", 5), ("a", 5), ("b", 2), ("b", 3)]) == []
    assert illegal_cursors("app0", [("a", 5), ("a", 4)]) == ["app0 went back from 5 to 4"]
    assert illegal_cursors("app0", [("a", 5), ("b", 1), ("a", 6)]) == ["app0 came back to the log a"]
