"""The table of refusals: code and reason are the contract's, and what helps is in the details."""

import pytest
from google.rpc import code_pb2, error_details_pb2

from halyard.errors.v1 import errors_pb2
from relay import errors
from tests.relay.peers import reason_of
from wire.errors import REFUSED, ClockSkew, Code, HalyardError

TABLE: list[tuple[HalyardError, int, str]] = [
    (errors.TooLarge("x"), Code.RESOURCE_EXHAUSTED, "TOO_LARGE"),
    (errors.RateLimited("x", 1.5), Code.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
    (errors.TooSlow("x"), Code.DEADLINE_EXCEEDED, "UNSPECIFIED"),
    (errors.NotAMember("x"), REFUSED, "NOT_A_MEMBER"),
    (errors.Revoked("x"), REFUSED, "REVOKED"),
    (errors.NotAnOperator("x"), Code.UNAUTHENTICATED, "TOKEN_INVALID"),
    (errors.InviteNeeded("x"), REFUSED, "INVITE_NEEDED"),
    (errors.InviteInvalid("x"), REFUSED, "INVITE_INVALID"),
    (errors.Superseded("x"), Code.ABORTED, "SUPERSEDED"),
    (errors.NotFound("x"), Code.NOT_FOUND, "NOT_FOUND"),
    (errors.Forgotten("x"), Code.ABORTED, "NOT_FOUND"),
    (errors.SlotUnknown("x"), Code.NOT_FOUND, "CODE_UNKNOWN"),
    (errors.SlotBurnt("x"), Code.ABORTED, "CODE_BURNT"),
    (errors.SlotExpired("x"), Code.DEADLINE_EXCEEDED, "CODE_EXPIRED"),
    (errors.Stopping("x"), Code.UNAVAILABLE, "UNSPECIFIED"),
    (errors.StoreUnavailable("x"), Code.UNAVAILABLE, "STORE_UNAVAILABLE"),
]


@pytest.mark.parametrize(("error", "code", "reason"), TABLE)
def test_the_table(error: HalyardError, code: int, reason: str) -> None:
    status = errors.status_of(error)
    assert (status.code, status.message, reason_of(status)) == (code, "x", reason)
    assert status.code in code_pb2.Code.values()
    assert f"REASON_{reason}" in errors_pb2.Reason.keys()  # noqa: SIM118 - a generated enum is no dict


def test_the_table_names_every_refusal() -> None:
    assert {type(error) for error, _, _ in TABLE} == set(errors.Refusal.__subclasses__())


def test_a_rate_says_when_to_try_again() -> None:
    retry = error_details_pb2.RetryInfo()
    assert errors.status_of(errors.RateLimited("x", 1.5)).details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1_500


def test_a_wrong_clock_is_told_the_time() -> None:
    info = error_details_pb2.ErrorInfo()
    assert errors.status_of(ClockSkew("x", 1_800_000_000)).details[0].Unpack(info)
    assert info.metadata["server_time_ms"] == "1800000000000"
