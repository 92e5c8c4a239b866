"""Who was let in, remembered beside the database: it outlives the loss of that, and an operator's word ends it."""

from pathlib import Path

import pytest

from relay.errors import StoreUnavailable
from relay.roster import ROSTER_FILE, Roster

A, B, C = ("a" * 26, "b" * 26, "c" * 26)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ROSTER_FILE


def test_who_was_entered_is_there_the_next_time(file: Path) -> None:
    Roster(file).enter([A, B])
    again = Roster(file, frozenset({C}))
    assert (A in again, B in again, C in again) == (True, True, True)
    assert C not in Roster(file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_id_is_written_once(file: Path) -> None:
    roster = Roster(file)
    roster.enter([A])
    Roster(file).enter([A])
    assert file.read_text().split() == [A]


def test_who_was_struck_is_gone(file: Path) -> None:
    roster = Roster(file)
    roster.enter([A, B])
    roster.strike(A)
    roster.strike(C)
    assert A not in roster
    assert file.read_text().split() == [B]


def test_what_a_full_disk_cut_off_is_passed_over(file: Path) -> None:
    file.write_text(f"{A}\n{B[:10]}")
    roster = Roster(file)
    roster.enter([C])
    assert (A in roster, B[:10] in roster) == (True, False)
    assert C in Roster(file)


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    file = tmp_path / ROSTER_FILE
    Roster(file).enter([A])
    roster = Roster(file)
    file.unlink()
    file.mkdir()
    roster.enter([B])
    assert B not in roster
    with pytest.raises(StoreUnavailable):
        roster.strike(A)
    assert A in roster
