import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from halyard.agent.v1 import session_pb2 as _session_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecisionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_STATE_UNSPECIFIED: _ClassVar[DecisionState]
    DECISION_STATE_PENDING: _ClassVar[DecisionState]
    DECISION_STATE_ALLOWED_ONCE: _ClassVar[DecisionState]
    DECISION_STATE_ALLOWED_ALWAYS: _ClassVar[DecisionState]
    DECISION_STATE_DENIED: _ClassVar[DecisionState]
    DECISION_STATE_EXPIRED: _ClassVar[DecisionState]
    DECISION_STATE_ANSWERED: _ClassVar[DecisionState]

class Risk(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_UNSPECIFIED: _ClassVar[Risk]
    RISK_LOW: _ClassVar[Risk]
    RISK_MEDIUM: _ClassVar[Risk]
    RISK_HIGH: _ClassVar[Risk]
DECISION_STATE_UNSPECIFIED: DecisionState
DECISION_STATE_PENDING: DecisionState
DECISION_STATE_ALLOWED_ONCE: DecisionState
DECISION_STATE_ALLOWED_ALWAYS: DecisionState
DECISION_STATE_DENIED: DecisionState
DECISION_STATE_EXPIRED: DecisionState
DECISION_STATE_ANSWERED: DecisionState
RISK_UNSPECIFIED: Risk
RISK_LOW: Risk
RISK_MEDIUM: Risk
RISK_HIGH: Risk

class Permission(_message.Message):
    __slots__ = ("name", "state", "kind", "action", "title", "command", "diffs", "patterns", "always_rules", "always_scope", "reason", "risk", "part", "create_time", "expire_time", "decision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    DIFFS_FIELD_NUMBER: _ClassVar[int]
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    ALWAYS_RULES_FIELD_NUMBER: _ClassVar[int]
    ALWAYS_SCOPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: DecisionState
    kind: _session_pb2.ToolKind
    action: str
    title: str
    command: str
    diffs: _containers.RepeatedCompositeFieldContainer[_session_pb2.FileDiff]
    patterns: _containers.RepeatedScalarFieldContainer[str]
    always_rules: _containers.RepeatedScalarFieldContainer[str]
    always_scope: str
    reason: str
    risk: Risk
    part: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    decision: Decision
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[DecisionState, str]] = ..., kind: _Optional[_Union[_session_pb2.ToolKind, str]] = ..., action: _Optional[str] = ..., title: _Optional[str] = ..., command: _Optional[str] = ..., diffs: _Optional[_Iterable[_Union[_session_pb2.FileDiff, _Mapping]]] = ..., patterns: _Optional[_Iterable[str]] = ..., always_rules: _Optional[_Iterable[str]] = ..., always_scope: _Optional[str] = ..., reason: _Optional[str] = ..., risk: _Optional[_Union[Risk, str]] = ..., part: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("device", "decided_by", "decide_time", "message", "call_id", "applied", "note")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    device: str
    decided_by: str
    decide_time: _timestamp_pb2.Timestamp
    message: str
    call_id: bytes
    applied: bool
    note: str
    def __init__(self, device: _Optional[str] = ..., decided_by: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., call_id: _Optional[bytes] = ..., applied: _Optional[bool] = ..., note: _Optional[str] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("name", "state", "prompts", "part", "create_time", "expire_time", "answers", "decision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: DecisionState
    prompts: _containers.RepeatedCompositeFieldContainer[QuestionPrompt]
    part: str
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    answers: _containers.RepeatedCompositeFieldContainer[QuestionAnswer]
    decision: Decision
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[DecisionState, str]] = ..., prompts: _Optional[_Iterable[_Union[QuestionPrompt, _Mapping]]] = ..., part: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[QuestionAnswer, _Mapping]]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class QuestionPrompt(_message.Message):
    __slots__ = ("header", "text", "options", "multiple", "free_text")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_FIELD_NUMBER: _ClassVar[int]
    FREE_TEXT_FIELD_NUMBER: _ClassVar[int]
    header: str
    text: str
    options: _containers.RepeatedCompositeFieldContainer[QuestionOption]
    multiple: bool
    free_text: bool
    def __init__(self, header: _Optional[str] = ..., text: _Optional[str] = ..., options: _Optional[_Iterable[_Union[QuestionOption, _Mapping]]] = ..., multiple: _Optional[bool] = ..., free_text: _Optional[bool] = ...) -> None: ...

class QuestionOption(_message.Message):
    __slots__ = ("label", "description")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    label: str
    description: str
    def __init__(self, label: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class QuestionAnswer(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...
