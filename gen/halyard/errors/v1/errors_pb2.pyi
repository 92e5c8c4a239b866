from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_MALFORMED: _ClassVar[Reason]
    REASON_TOO_LARGE: _ClassVar[Reason]
    REASON_RATE_LIMITED: _ClassVar[Reason]
    REASON_TOKEN_INVALID: _ClassVar[Reason]
    REASON_CLOCK_SKEW: _ClassVar[Reason]
    REASON_TOKEN_REPLAYED: _ClassVar[Reason]
    REASON_NOT_A_MEMBER: _ClassVar[Reason]
    REASON_REVOKED: _ClassVar[Reason]
    REASON_INVITE_NEEDED: _ClassVar[Reason]
    REASON_INVITE_INVALID: _ClassVar[Reason]
    REASON_NOT_FOUND: _ClassVar[Reason]
    REASON_ROLE_INSUFFICIENT: _ClassVar[Reason]
    REASON_ALREADY_DECIDED: _ClassVar[Reason]
    REASON_EXPIRED: _ClassVar[Reason]
    REASON_AGENT_UNAVAILABLE: _ClassVar[Reason]
    REASON_AGENT_REFUSED: _ClassVar[Reason]
    REASON_SESSION_BUSY: _ClassVar[Reason]
    REASON_UNSUPPORTED: _ClassVar[Reason]
    REASON_CODE_BURNT: _ClassVar[Reason]
    REASON_CODE_UNKNOWN: _ClassVar[Reason]
    REASON_CODE_EXPIRED: _ClassVar[Reason]
    REASON_SEAL_BROKEN: _ClassVar[Reason]
    REASON_SUPERSEDED: _ClassVar[Reason]
    REASON_STORE_UNAVAILABLE: _ClassVar[Reason]
    REASON_LOCAL_DECISIONS_OFF: _ClassVar[Reason]
    REASON_PATH_OUTSIDE_PROJECT: _ClassVar[Reason]
    REASON_CALL_EXPIRED: _ClassVar[Reason]
    REASON_OUTCOME_UNKNOWN: _ClassVar[Reason]
    REASON_WITHDRAWN: _ClassVar[Reason]
    REASON_ALREADY_BEGUN: _ClassVar[Reason]
REASON_UNSPECIFIED: Reason
REASON_MALFORMED: Reason
REASON_TOO_LARGE: Reason
REASON_RATE_LIMITED: Reason
REASON_TOKEN_INVALID: Reason
REASON_CLOCK_SKEW: Reason
REASON_TOKEN_REPLAYED: Reason
REASON_NOT_A_MEMBER: Reason
REASON_REVOKED: Reason
REASON_INVITE_NEEDED: Reason
REASON_INVITE_INVALID: Reason
REASON_NOT_FOUND: Reason
REASON_ROLE_INSUFFICIENT: Reason
REASON_ALREADY_DECIDED: Reason
REASON_EXPIRED: Reason
REASON_AGENT_UNAVAILABLE: Reason
REASON_AGENT_REFUSED: Reason
REASON_SESSION_BUSY: Reason
REASON_UNSUPPORTED: Reason
REASON_CODE_BURNT: Reason
REASON_CODE_UNKNOWN: Reason
REASON_CODE_EXPIRED: Reason
REASON_SEAL_BROKEN: Reason
REASON_SUPERSEDED: Reason
REASON_STORE_UNAVAILABLE: Reason
REASON_LOCAL_DECISIONS_OFF: Reason
REASON_PATH_OUTSIDE_PROJECT: Reason
REASON_CALL_EXPIRED: Reason
REASON_OUTCOME_UNKNOWN: Reason
REASON_WITHDRAWN: Reason
REASON_ALREADY_BEGUN: Reason
