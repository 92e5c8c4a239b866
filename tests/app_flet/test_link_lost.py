import sqlite3

import pytest
from websockets.exceptions import ConnectionClosedError

from app_flet.link_lost import (
    WRONG_CLOCK,
    LinkLost,
    first_of,
    lost_by,
    lost_by_going,
    lost_by_refusal,
)
from app_flet.model import LinkState
from halyard_client.halyard.link import v1 as link
from tests.app_flet.workstation import refusal
from wire.backoff import CEILING_SECONDS
from wire.errors import Malformed

RELAY = "https://relay.example"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "does not answer"),
        (sqlite3.OperationalError("database or disk is full"), "Free some space"),
        (Malformed("x"), "Update the app or the relay"),
        (ConnectionClosedError(None, None), "closed the link"),
        (ConnectionRefusedError(), RELAY),
    ],
)
def test_what_ended_a_link_is_told_in_words(error: Exception, words: str) -> None:
    lost = lost_by(error, RELAY)
    assert words in lost.message
    assert lost.state is LinkState.OFFLINE
    assert lost_by(lost, RELAY) is lost


def test_who_is_not_listed_hears_that_the_relay_may_be_the_one_that_forgot() -> None:
    revoked = lost_by_refusal(link.Refused(status=refusal(7, "REVOKED", "off")))
    unknown = lost_by_refusal(link.Refused(status=refusal(7, "NOT_A_MEMBER", "who?")))
    assert (revoked.is_unlisted, unknown.is_unlisted) == (True, True)
    assert "goes on by itself" in unknown.message
    assert "goes on by itself" not in revoked.message


def test_a_refusal_of_the_moment_is_no_refusal_of_the_device() -> None:
    full = lost_by_refusal(link.Refused(status=refusal(14, "STORE_UNAVAILABLE", "The disk is full.")))
    never = lost_by_refusal(link.Refused(status=refusal(3, "MALFORMED", "No.")))
    assert (full.state, full.message) == (LinkState.OFFLINE, "The disk is full.")
    assert (never.state, never.message) == (LinkState.REFUSED, "No.")
    assert lost_by_refusal(link.Refused()).message


def test_a_wrong_clock_is_corrected_at_once_only_if_the_relay_told_its_own() -> None:
    untold = lost_by_refusal(link.Refused(status=refusal(16, "CLOCK_SKEW", "Your clock is wrong.")))
    assert (untold.message == WRONG_CLOCK, untold.at_once) == (False, False)


def test_no_relay_keeps_a_device_away_for_long() -> None:
    assert lost_by_going(700).away_seconds == 0.7
    assert lost_by_going(2**31).away_seconds == CEILING_SECONDS


def test_the_first_of_many_is_found_however_deep() -> None:
    lost = LinkLost("x")
    assert first_of(ExceptionGroup("", [ExceptionGroup("", [lost]), OSError()])) is lost
