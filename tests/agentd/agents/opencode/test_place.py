from __future__ import annotations

import pytest

from agentd.agents.opencode.place import Place, count, last_id_of, path_of_url, session_id_of, timestamp

PLACE = Place("ses_1", "/home/mira/project")


def test_names_are_made_of_the_agents_own_ids() -> None:
    assert PLACE.part("msg_1", "prt_1") == "sessions/ses_1/messages/msg_1/parts/prt_1"
    assert PLACE.permission("per_1") == "sessions/ses_1/permissions/per_1"
    assert PLACE.question("que_1") == "sessions/ses_1/questions/que_1"


@pytest.mark.parametrize(
    ("path", "relative"),
    [
        ("/home/mira/project/src/a.py", "src/a.py"),
        ("/home/mira/projector/a.py", "/home/mira/projector/a.py"),
        ("src/a.py", "src/a.py"),
        ("/etc/passwd", "/etc/passwd"),
        ("", ""),
    ],
)
def test_paths_inside_the_folder_become_relative(path: str, relative: str) -> None:
    assert PLACE.relative(path) == relative


def test_ids_are_read_back_from_names() -> None:
    assert session_id_of("sessions/ses_1/permissions/per_1") == "ses_1"
    assert session_id_of("projects/p") == ""
    assert session_id_of("workstation") == ""
    assert last_id_of("sessions/ses_1/permissions/per_1") == "per_1"


def test_only_file_addresses_have_a_path() -> None:
    assert path_of_url("file:///a%20b/%E2%9B%B5.txt") == "/a b/⛵.txt"
    assert path_of_url("data:text/plain;base64,eA==") == ""
    assert path_of_url("file://[") == ""


@pytest.mark.parametrize(
    ("told", "known"),
    [(7, 7), (7.9, 7), (-1, 0), (float("nan"), 0), (float("inf"), 2**53), (1e308, 2**53), (2**63, 2**53)],
)
def test_a_count_is_whole_and_within_what_we_have_room_for(told: float, known: int) -> None:
    assert count(told) == known
    assert count(told, 5) == min(known, 5)


def test_a_time_beyond_the_calendar_is_its_end() -> None:
    last = timestamp(1e308)
    assert last is not None
    assert last.ToJsonString() == "9999-12-31T23:59:59.999Z"
    assert timestamp(-1) is None
    assert timestamp(float("nan")) is None


def test_a_time_that_is_not_set_stays_unset() -> None:
    assert timestamp(None) is None
    assert timestamp(0) is None
    known = timestamp(1795175449606)
    assert known is not None
    assert known.ToMilliseconds() == 1795175449606
