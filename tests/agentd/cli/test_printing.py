import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from agentd.cli.outcome import CommandError, Exit
from agentd.cli.printing import ago, as_json, error_json, one_line, print_json, print_table, short_id, word
from halyard.agent.v1 import session_pb2 as session

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "now"), (59, "now"), (60, "1 min ago"), (3599, "59 min ago"), (7200, "2 h ago"), (86400 * 3, "3 d ago")],
)
def test_times_are_told_as_people_tell_them(seconds: int, told: str) -> None:
    time = Timestamp()
    time.FromDatetime(NOW - timedelta(seconds=seconds))
    assert ago(time, NOW) == told


def test_a_time_that_is_unset_is_a_dash() -> None:
    assert ago(Timestamp(), NOW) == "-"


def test_columns_are_as_wide_as_needed_and_the_last_is_not_padded(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("a", "first", "x"), ("longer", "b", "")], ("ID", "TITLE", "END"))
    assert capsys.readouterr().out.splitlines() == ["ID      TITLE  END", "a       first  x", "longer  b"]


def test_scripts_see_the_names_of_the_contract() -> None:
    told = as_json(session.Session(name="sessions/s", state=session.SESSION_STATE_WORKING, state_detail="x"))
    assert told == {"name": "sessions/s", "state": "SESSION_STATE_WORKING", "state_detail": "x"}


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "line\nline ⛵"})
    assert capsys.readouterr().out == '{"text": "line\\nline ⛵"}\n'


def test_errors_for_scripts_carry_reason_and_code() -> None:
    told = json.loads(error_json(CommandError(Exit.TOO_LATE, "Pixel 9 was first.", "ALREADY_DECIDED")))
    assert told == {"error": {"reason": "ALREADY_DECIDED", "message": "Pixel 9 was first.", "exit_code": 7}}


def test_words() -> None:
    assert word("SESSION_STATE_WORKING") == "working"
    assert word("DECISION_STATE_ALLOWED_ONCE") == "allowed once"
    assert word("DEVICE_ROLE_OPERATOR") == "operator"
    assert short_id("sessions/s1/permissions/per_1") == "per_1"
    assert one_line("a\n  b", 10) == "a b"
    assert one_line("x" * 20, 10) == "x" * 9 + "…"
