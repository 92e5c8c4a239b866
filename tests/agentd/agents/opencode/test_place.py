from __future__ import annotations

import pytest

from agentd.agents.opencode.place import Place, last_id_of, path_of_url, session_id_of, timestamp

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


def test_a_time_that_is_not_set_stays_unset() -> None:
    assert timestamp(None) is None
    assert timestamp(0) is None
    known = timestamp(1795175449606)
    assert known is not None
    assert known.ToMilliseconds() == 1795175449606
