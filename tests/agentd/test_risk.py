"""Risk is a colour, not a guard; it errs upwards."""

import pytest

from agentd.risk import judge, judge_command
from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import session_pb2 as session

LOW, MEDIUM, HIGH = decision.RISK_LOW, decision.RISK_MEDIUM, decision.RISK_HIGH


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("ls -la", LOW),
        ("git status", LOW),
        ("rg needle src | head", LOW),
        ("make test", MEDIUM),
        ("git commit -m x", MEDIUM),
        ("echo hi > file", MEDIUM),
        ("echo $(whoami)", MEDIUM),
        ("", MEDIUM),
        ("rm -rf build", HIGH),
        ("ls && sudo reboot", HIGH),
        ("git push --force", HIGH),
        ("FOO=1 curl https://example.org", HIGH),
        ("/usr/bin/ssh host", HIGH),
        ("cat ~/.ssh/id_ed25519", HIGH),
        ("npm publish", HIGH),
        ("echo 'unclosed", MEDIUM),
    ],
)
def test_a_command_is_as_dangerous_as_its_worst_piece(command: str, risk: decision.Risk) -> None:
    assert judge_command(command) == risk


@pytest.mark.parametrize(
    ("asked", "risk"),
    [
        (decision.Permission(kind=session.TOOL_KIND_READ, patterns=["src/a.py"]), LOW),
        (decision.Permission(kind=session.TOOL_KIND_READ, patterns=[".env"]), HIGH),
        (decision.Permission(kind=session.TOOL_KIND_EDIT, diffs=[session.FileDiff(path="a.py")]), MEDIUM),
        (decision.Permission(kind=session.TOOL_KIND_EDIT, diffs=[session.FileDiff(path="x/.git/hooks/pre")]), HIGH),
        (decision.Permission(action="external_directory", kind=session.TOOL_KIND_READ), HIGH),
        (decision.Permission(kind=session.TOOL_KIND_FETCH), MEDIUM),
        (decision.Permission(kind=session.TOOL_KIND_EXECUTE, command="ls"), LOW),
    ],
)
def test_what_is_asked_is_judged_by_kind_and_paths(asked: decision.Permission, risk: decision.Risk) -> None:
    assert judge(asked) == risk
