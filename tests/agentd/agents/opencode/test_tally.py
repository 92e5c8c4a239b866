from __future__ import annotations

from agentd.agents.opencode.schema import FileChange
from agentd.agents.opencode.tally import MAX_COUNTED, Tally


def changed(*files: str) -> list[FileChange]:
    return [FileChange(file=file, additions=3, deletions=1) for file in files]


def test_turns_are_added_up_and_files_counted_once() -> None:
    found = Tally().with_turn("m1", changed("a", "b")).with_turn("m2", changed("b")).sum
    assert (len(found.files), found.additions, found.deletions) == (2, 9, 3)


def test_a_turn_that_is_told_again_counts_once() -> None:
    assert Tally().with_turn("m1", changed("a")).with_turn("m1", changed("a", "b")).sum.additions == 6


def test_a_removed_turn_is_taken_back() -> None:
    tally = Tally().with_turn("m1", changed("a")).with_turn("m2", changed("b"))
    assert tally.without("m2").sum.files == {"a"}
    assert tally.without("unknown") == tally


def test_numbers_beyond_the_contract_stay_at_its_end() -> None:
    absurd = [FileChange(file="a", additions=1e308, deletions=-1)]
    found = Tally().with_turn("m1", absurd).with_turn("m2", absurd).sum
    assert (found.additions, found.deletions) == (2**32 - 1, 0)


def test_many_turns_are_remembered_as_one_sum() -> None:
    tally = Tally()
    for turn in range(1000):
        tally = tally.with_turn(f"m{turn}", changed("a", "b"))
    assert len(tally.turns) == MAX_COUNTED
    assert (len(tally.sum.files), tally.sum.additions) == (2, 6000)
