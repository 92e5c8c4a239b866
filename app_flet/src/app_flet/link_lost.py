"""Why a link is over, in words for a person. PURE."""

import sqlite3

from websockets.exceptions import ConnectionClosed, WebSocketException

from app_flet.calling import reason_of
from app_flet.model import LinkState
from halyard_client.halyard.link.v1 import Refused
from wire.backoff import CEILING_SECONDS
from wire.errors import Code, Malformed
from wire.vigil import REST_SECONDS

EXPECTED = (OSError, TimeoutError, WebSocketException, Malformed, sqlite3.Error)
"""What ends a link and nothing else."""
PASSING = frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED})
"""Refusals of the moment, as when the relay's disk is full: linking again is all that is needed."""

NO_ANSWER = "The relay does not answer."
WRONG_CLOCK = "This device's clock does not fit the relay's."
STORAGE_TEXT = "This device's storage takes nothing more. Free some space; nothing that was kept is lost."
UNLISTED = {
    "REVOKED": "No workstation at this relay lists this device any more. Pair it again.",
    "NOT_A_MEMBER": (
        "No workstation at this relay lists this device. If the relay has lost its store, this goes on by itself once "
        "your workstation is linked to it; if you were taken off the list there, pair again."
    ),
}
"""Reason → text, where the relay knows of no workstation that this device may follow."""


class LinkLost(Exception):
    """The link is over; the message is for a person."""

    def __init__(
        self,
        message: str,
        *,
        state: LinkState = LinkState.OFFLINE,
        at_once: bool = False,
        is_unlisted: bool = False,
        away_seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.state = state
        self.at_once = at_once
        """Waiting would not help: something was corrected and the next attempt will differ."""
        self.is_unlisted = is_unlisted
        self.away_seconds = away_seconds
        """So long to stay away, as a relay that is stopped asks; some stay twice that, so that not all come at once."""


def lost_by(error: Exception, relay: str) -> LinkLost:
    """What an `EXPECTED` error means for the link to `relay`, an origin."""
    match error:
        case LinkLost():
            return error
        case TimeoutError():
            return LinkLost(NO_ANSWER)
        case sqlite3.Error():
            return LinkLost(STORAGE_TEXT)
        case Malformed():
            return LinkLost("The relay sends what this app cannot read. Update the app or the relay.")
        case ConnectionClosed():
            return LinkLost("The relay closed the link.")
        case _:
            return LinkLost(f"The relay at {relay} cannot be reached.")


def lost_by_refusal(refused: Refused) -> LinkLost:
    """What a relay's refusal means."""
    reason = reason_of(refused.status) if refused.status else ""
    text = refused.status.message if refused.status else ""
    if reason == "CLOCK_SKEW" and refused.server_time is not None:
        return LinkLost(WRONG_CLOCK, at_once=True)
    if reason in UNLISTED:
        return LinkLost(UNLISTED[reason], state=LinkState.REFUSED, is_unlisted=True)
    passes = refused.status is not None and refused.status.code in PASSING
    state = LinkState.OFFLINE if passes else LinkState.REFUSED
    return LinkLost(text or "The relay refused this device.", state=state)


def lost_by_going(reconnect_after_ms: int) -> LinkLost:
    """The relay is being stopped, and asks to stay away so long; no longer than any other failure would take."""
    return LinkLost("The relay is restarting.", away_seconds=min(reconnect_after_ms / 1000, CEILING_SECONDS))


def lost_in_silence() -> LinkLost:
    """A link that stood brought nothing more while somebody looked."""
    return LinkLost(NO_ANSWER, away_seconds=REST_SECONDS)


def first_of(group: BaseExceptionGroup[Exception]) -> Exception:
    """The first single exception in a group of groups."""
    found = group.exceptions[0]
    return first_of(found) if isinstance(found, BaseExceptionGroup) else found
