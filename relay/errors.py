"""What the relay refuses, and how a refusal looks on the wire.

    HalyardError                  (wire) any refusal; carries (code, reason, message)
    └── Refusal                   a refusal of the relay
        ├── TooLarge              a frame, value or count is over its published limit
        ├── RateLimited           too much from one device or address; says when to try again
        ├── TooSlow               a peer did not speak in time, or does not read what it asked for
        ├── NotAMember            no workstation lists this device
        ├── Revoked               the last workstation that listed this device took it off
        ├── NotAnOperator         the operator's token is missing or wrong
        ├── InviteNeeded          an unknown workstation came without an invite
        ├── InviteInvalid         … or with one that is unknown, used or expired
        ├── Superseded            a newer link of the same device took over
        ├── NotFound              no such workstation
        ├── Forgotten             an operator removed this workstation
        ├── SlotUnknown           no pairing slot answers to this nameplate
        ├── SlotBurnt             a pairing slot had its one guest, or its host left
        ├── SlotExpired           a pairing slot outlived its five minutes
        ├── Stopping              the relay is about to stop
        └── StoreUnavailable      the store is full, locked or failing

Four do not cross the wire. `ConfigError` stops `relay serve` before it opens a port; a `StoreBroken` stops it whenever
it is noticed; a `ValueRotted` costs one log what its workstation sends again:

    StoreBroken                   the store cannot be gone on with
    ├── StoreDamaged              its file is damaged; an operator must act
    └── StoreLost                 its file is gone or another one; the relay begins anew with what is there
    ValueRotted                   one stored value is not what was stored
"""

from typing import ClassVar

from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from wire.errors import DOMAIN, REFUSED, ClockSkew, Code, HalyardError


class ConfigError(Exception):
    """A setting that would be unsafe or cannot work; the message says which and what to do."""


class StoreBroken(Exception):
    """The store cannot be gone on with; the message is for the operator."""


class StoreDamaged(StoreBroken):
    """The store's file is damaged, or no store at all; the message says what to do."""


class StoreLost(StoreBroken):
    """The store's file was removed or replaced under the running relay."""


class ValueRotted(Exception):
    """The value of the record at `seq` is not what was stored; it must not be served."""

    def __init__(self, workstation_id: str, log_epoch: bytes, seq: int) -> None:
        super().__init__(f"record {seq} of workstation {workstation_id}")
        self.place = (workstation_id, log_epoch, seq)
        """Workstation, log epoch, seq."""


class Refusal(HalyardError):
    """A refusal whose code and reason follow from its class."""

    CODE: ClassVar[Code]
    REASON: ClassVar[str] = "UNSPECIFIED"

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, self.REASON, message)


class TooLarge(Refusal):
    """A frame, value or count is over its published limit."""

    CODE = Code.RESOURCE_EXHAUSTED
    REASON = "TOO_LARGE"


class RateLimited(Refusal):
    """Too much from one device or address; `retry_after` in seconds says when to try again."""

    CODE = Code.RESOURCE_EXHAUSTED
    REASON = "RATE_LIMITED"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlow(Refusal):
    """A peer did not speak in time, or does not read what it asked for."""

    CODE = Code.DEADLINE_EXCEEDED


class NotAMember(Refusal):
    """No workstation lists this device."""

    CODE = REFUSED
    REASON = "NOT_A_MEMBER"


class Revoked(Refusal):
    """The last workstation that listed this device took it off its list."""

    CODE = REFUSED
    REASON = "REVOKED"


class NotAnOperator(Refusal):
    """The operator's token is missing or wrong."""

    CODE = Code.UNAUTHENTICATED
    REASON = "TOKEN_INVALID"


class InviteNeeded(Refusal):
    """An unknown workstation came without an invite."""

    CODE = REFUSED
    REASON = "INVITE_NEEDED"


class InviteInvalid(Refusal):
    """An unknown workstation came with an invite that is unknown, used or expired."""

    CODE = REFUSED
    REASON = "INVITE_INVALID"


class Superseded(Refusal):
    """A newer link of the same device took over."""

    CODE = Code.ABORTED
    REASON = "SUPERSEDED"


class NotFound(Refusal):
    """No such workstation at this relay."""

    CODE = Code.NOT_FOUND
    REASON = "NOT_FOUND"


class Forgotten(Refusal):
    """An operator removed this workstation from the relay."""

    CODE = Code.ABORTED
    REASON = "NOT_FOUND"


class SlotUnknown(Refusal):
    """No pairing slot answers to this nameplate."""

    CODE = Code.NOT_FOUND
    REASON = "CODE_UNKNOWN"


class SlotBurnt(Refusal):
    """A pairing slot had its one guest, or one of its sides left."""

    CODE = Code.ABORTED
    REASON = "CODE_BURNT"


class SlotExpired(Refusal):
    """A pairing slot outlived its five minutes."""

    CODE = Code.DEADLINE_EXCEEDED
    REASON = "CODE_EXPIRED"


class Stopping(Refusal):
    """The relay is about to stop."""

    CODE = Code.UNAVAILABLE


class StoreUnavailable(Refusal):
    """The store is full, locked or failing; what was acknowledged is safe."""

    CODE = Code.UNAVAILABLE
    REASON = "STORE_UNAVAILABLE"


def status_of(error: HalyardError) -> status_pb2.Status:
    """The wire form: one ErrorInfo, and RetryInfo when waiting helps."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    if isinstance(error, ClockSkew):
        info.metadata["server_time_ms"] = str(error.server_time * 1000)
    status = status_pb2.Status(code=int(error.code), message=error.message, details=[_packed(info)])
    if isinstance(error, RateLimited):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status


def _packed(detail: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
