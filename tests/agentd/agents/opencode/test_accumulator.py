from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentd.agents.opencode.accumulator import Accumulator, Growth


def test_offsets_count_utf8_bytes() -> None:
    arrived = Accumulator()
    assert arrived.append("Ü⛵") == Growth(0, "Ü⛵")
    assert arrived.append("x") == Growth(5, "x")
    assert arrived.text == "Ü⛵x"


def test_text_that_was_there_before_counts() -> None:
    assert Accumulator("äb").append("c") == Growth(3, "c")


def test_nothing_is_passed_on_when_the_beginning_was_missed() -> None:
    arrived = Accumulator("kept", whole=False)
    assert arrived.append("lost") is None
    assert arrived.text == "kept"


def test_a_repeated_output_gives_only_its_new_end() -> None:
    arrived = Accumulator()
    assert arrived.extend_to("one\n") == Growth(0, "one\n")
    assert arrived.extend_to("one\n") is None
    assert arrived.extend_to("one\ntwo\n") == Growth(4, "two\n")


def test_an_output_whose_beginning_changed_is_taken_whole_but_not_passed_on() -> None:
    """OpenCode caps what a running command has printed and drops the beginning."""
    arrived = Accumulator("one\ntwo\n")
    assert arrived.extend_to("…two\nthree\n") is None
    assert arrived.text == "…two\nthree\n"
    assert arrived.untold
    assert arrived.extend_to("…two\nthree\nfour\n") == Growth(len("…two\nthree\n".encode()), "four\n")


def test_what_is_passed_on_is_told() -> None:
    arrived = Accumulator("start")
    arrived.append("more")
    arrived.extend_to("startmore and more")
    assert not arrived.untold


@given(st.lists(st.text(max_size=20), max_size=30))
def test_growths_put_together_are_the_text_and_follow_one_another(pieces: list[str]) -> None:
    arrived, rebuilt = Accumulator(), ""
    for piece in pieces:
        growth = arrived.append(piece)
        assert growth is not None
        assert growth.offset_bytes == len(rebuilt.encode())
        rebuilt += growth.text
    assert arrived.text == rebuilt == "".join(pieces)


@given(st.lists(st.text(min_size=1, max_size=20), max_size=40))
def test_repeating_everything_costs_no_more_than_saying_it_once(pieces: list[str]) -> None:
    """22 KB of output came as 5.4 MB of events; what is passed on is 22 KB."""
    arrived, whole, passed_on = Accumulator(), "", 0
    for piece in pieces:
        whole += piece
        growth = arrived.extend_to(whole)
        assert growth is not None
        passed_on += len(growth.text)
    assert passed_on == len(whole)
