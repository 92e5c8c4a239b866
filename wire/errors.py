"""Every error of `wire`, and the words that all of Halyard's errors are made of.

    HalyardError                  any refusal; carries (code, reason, message)
    ├── Malformed                 a name, code, link, key or layout breaks the contract
    ├── TokenInvalid              a device's token does not prove what it says
    │   ├── ClockSkew             its times do not fit the relay's clock
    │   └── TokenReplayed         it was used before
    ├── SealBroken                sealed content is altered, moved, or sealed by somebody else
    │   ├── KeyMissing            sealed under an epoch key that this reader was not granted (yet)
    │   └── KeyRetired            sealed under an epoch key that a newer one had replaced by then
    ├── PairingFailed             the two sides do not share the secret, or somebody meddled
    │   └── PairingExpired        the code outlived its five minutes
    ├── CallLeft                  a call can no longer be edited or cancelled
    ├── CallExpired               a call outlived its time to live before it could take effect
    ├── LogGap                    a batch does not join on to what the reader has
    └── LogRolledBack             a log or replica is older than what was already seen of it

Clients branch on `(code, reason)`, never on the message. The message is a sentence for a person: the cause, then what
to do. `reason` is a value name of `halyard.errors.v1.Reason` without its prefix; tests/wire/test_errors.py holds the
two together.
"""

from enum import IntEnum
from typing import ClassVar

DOMAIN = "halyard"
"""`google.rpc.ErrorInfo.domain` of every Halyard error."""


class Code(IntEnum):
    """Canonical status codes, so that no one needs grpc to name one (google/rpc/code.proto)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


REFUSED = Code.PERMISSION_DENIED
"""Status of a peer that proved who it is and may not do this; named so that the blind relay need not spell it."""


class HalyardError(Exception):
    """A refusal that can cross the wire: `code` for machines, `reason` for clients, `message` for a person."""

    def __init__(self, code: Code, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class _Refusal(HalyardError):
    """An error whose code and reason follow from its class."""

    CODE: ClassVar[Code]
    REASON: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(self.CODE, self.REASON, message)


class Malformed(_Refusal):
    """A name, code, link, key or layout breaks the contract; repeating it will not help."""

    CODE = Code.INVALID_ARGUMENT
    REASON = "MALFORMED"


class TokenInvalid(_Refusal):
    """A device's token does not prove what it says."""

    CODE = Code.UNAUTHENTICATED
    REASON = "TOKEN_INVALID"


class ClockSkew(TokenInvalid):
    """A token's times do not fit the verifier's clock; `server_time` (Unix seconds) lets the device correct itself."""

    REASON = "CLOCK_SKEW"

    def __init__(self, message: str, server_time: int) -> None:
        super().__init__(message)
        self.server_time = server_time


class TokenReplayed(TokenInvalid):
    """A token was presented a second time."""

    REASON = "TOKEN_REPLAYED"


class SealBroken(_Refusal):
    """Sealed content cannot be opened: wrong key, wrong place, truncated or altered. Nothing of it may be used."""

    CODE = Code.DATA_LOSS
    REASON = "SEAL_BROKEN"


class KeyMissing(SealBroken):
    """The content names an epoch key that this reader does not hold; its grant may still be on the way."""

    CODE = Code.FAILED_PRECONDITION

    def __init__(self, key_epoch: int) -> None:
        super().__init__(f"This needs epoch key {key_epoch}, which this device was not granted; wait for its grant.")
        self.key_epoch = key_epoch


class KeyRetired(SealBroken):
    """The content is sealed under a key that was replaced before: a device that was revoked may have made it."""

    def __init__(self, key_epoch: int) -> None:
        super().__init__(
            f"This is sealed under epoch key {key_epoch}, which was retired before; it is not to be trusted."
        )
        self.key_epoch = key_epoch


class PairingFailed(_Refusal):
    """The exchange broke off and the code is used up.

    `last_words` is the step to send to the peer before closing (it makes the other side fail at once instead of
    waiting for its deadline), or None.
    """

    CODE = Code.ABORTED
    REASON = "CODE_BURNT"

    def __init__(self, message: str, last_words: bytes | None = None) -> None:
        super().__init__(message)
        self.last_words = last_words


class PairingExpired(PairingFailed):
    """A step came after the code's five minutes."""

    CODE = Code.DEADLINE_EXCEEDED
    REASON = "CODE_EXPIRED"


class CallLeft(_Refusal):
    """A call was already handed to the link, so it may be taking effect: it cannot be edited or cancelled."""

    CODE = Code.FAILED_PRECONDITION
    REASON = "UNSPECIFIED"


class CallExpired(_Refusal):
    """A call outlived its time to live before it could take effect; nothing was done."""

    CODE = Code.DEADLINE_EXCEEDED
    REASON = "CALL_EXPIRED"


class LogGap(_Refusal):
    """A batch begins above the reader's cursor: something between was lost. Ask again at the cursor."""

    CODE = Code.OUT_OF_RANGE
    REASON = "UNSPECIFIED"


class LogRolledBack(_Refusal):
    """A log or replica is older than what was already seen of it, as after restoring a disk from a copy."""

    CODE = Code.DATA_LOSS
    REASON = "UNSPECIFIED"
