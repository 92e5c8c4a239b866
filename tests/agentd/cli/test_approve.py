import pytest

from agentd.cli.approve import find
from agentd.cli.outcome import CommandError, Exit
from halyard.agent.v1 import decision_pb2 as decision

_SESSION = "sessions/ses_1/permissions"


def _asked(permission: str, state: decision.DecisionState) -> decision.Permission:
    return decision.Permission(name=f"{_SESSION}/{permission}", state=state)


WAITING = _asked("per_12", decision.DECISION_STATE_PENDING)
SETTLED = _asked("per_13", decision.DECISION_STATE_DENIED)


def test_what_waits_is_found_by_the_beginning_of_its_id() -> None:
    assert find([SETTLED, WAITING], "per_1") == WAITING.name


def test_what_was_settled_is_named_so_that_agentd_says_by_whom() -> None:
    assert find([SETTLED, WAITING], "per_13") == SETTLED.name


def test_a_full_name_goes_through_as_it_is() -> None:
    assert find([], SETTLED.name) == SETTLED.name


@pytest.mark.parametrize(("typed", "says"), [("per_9", "Nothing that waits"), ("per_", "More than one")])
def test_anything_but_one_is_refused(typed: str, says: str) -> None:
    other = _asked("per_14", decision.DECISION_STATE_PENDING)
    with pytest.raises(CommandError, match=says) as refused:
        find([SETTLED, WAITING, other], typed)
    assert refused.value.code == Exit.NOT_FOUND
