"""The error table: what a caller is told of every exception that is an answer."""

import pytest
from google.rpc import error_details_pb2, status_pb2

from agentd import errors
from agentd.agents import agent
from agentd.grpc_errors import EXPECTED, Told, metadata_of, reason_of, status_of
from halyard.errors.v1 import errors_pb2
from wire.errors import Code, SealBroken


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (agent.AgentUnavailableError("Start it."), Code.UNAVAILABLE, "AGENT_UNAVAILABLE"),
        (agent.AgentRefusedError("No."), Code.FAILED_PRECONDITION, "AGENT_REFUSED"),
        (agent.ResourceNotFoundError("?"), Code.NOT_FOUND, "NOT_FOUND"),
        (agent.SessionBusyError("Wait."), Code.FAILED_PRECONDITION, "SESSION_BUSY"),
        (agent.PathOutsideProjectError("../x"), Code.INVALID_ARGUMENT, "PATH_OUTSIDE_PROJECT"),
        (agent.UnsupportedError("Not this."), Code.UNIMPLEMENTED, "UNSUPPORTED"),
        (agent.NotWaitingError(), Code.FAILED_PRECONDITION, "EXPIRED"),
        (SealBroken("Altered."), Code.DATA_LOSS, "SEAL_BROKEN"),
        (errors.StoreUnavailableError("full"), Code.UNAVAILABLE, "STORE_UNAVAILABLE"),
        (errors.malformed("Bad."), Code.INVALID_ARGUMENT, "MALFORMED"),
        (errors.not_found("Gone."), Code.NOT_FOUND, "NOT_FOUND"),
        (errors.already_decided("Anne", "denied", 5), Code.FAILED_PRECONDITION, "ALREADY_DECIDED"),
        (errors.expired("Late."), Code.FAILED_PRECONDITION, "EXPIRED"),
        (errors.role_insufficient("No."), Code.PERMISSION_DENIED, "ROLE_INSUFFICIENT"),
        (errors.local_decisions_off(), Code.PERMISSION_DENIED, "LOCAL_DECISIONS_OFF"),
        (errors.revoked("Out."), Code.PERMISSION_DENIED, "REVOKED"),
        (errors.busy("Wait."), Code.ABORTED, "SESSION_BUSY"),
        (errors.unsupported("No."), Code.UNIMPLEMENTED, "UNSUPPORTED"),
        (errors.outcome_unknown(), Code.UNKNOWN, "OUTCOME_UNKNOWN"),
    ],
)
def test_every_answer_has_code_reason_and_a_sentence(error: Exception, code: Code, reason: str) -> None:
    status = status_of(error)
    assert isinstance(error, EXPECTED)
    assert (status.code, reason_of(status)) == (code, reason)
    assert status.message
    assert f"REASON_{reason}" in set(errors_pb2.Reason.keys())


def test_the_loser_learns_who_won() -> None:
    assert metadata_of(status_of(errors.already_decided("Anne", "denied", 5))) == {
        "decided_by": "Anne",
        "outcome": "denied",
        "decide_time_ms": "5",
    }


def test_a_defect_keeps_its_details_to_itself() -> None:
    status = status_of(ZeroDivisionError("secret"))
    assert status.code == Code.INTERNAL
    assert "secret" not in status.message


def test_what_was_told_before_is_told_again() -> None:
    before = status_of(errors.not_found("Gone."))
    assert status_of(Told(before)) == before


def test_details_of_others_are_not_read() -> None:
    status = status_pb2.Status()
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="X", domain="example.org", metadata={"a": "b"}))
    assert (reason_of(status), metadata_of(status)) == ("", {})
