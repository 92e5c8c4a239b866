import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from halyard.agent.v1 import decision_pb2 as _decision_pb2
from halyard.agent.v1 import session_pb2 as _session_pb2
from halyard.agent.v1 import workstation_pb2 as _workstation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeltaField(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELTA_FIELD_UNSPECIFIED: _ClassVar[DeltaField]
    DELTA_FIELD_TEXT: _ClassVar[DeltaField]
    DELTA_FIELD_OUTPUT: _ClassVar[DeltaField]
DELTA_FIELD_UNSPECIFIED: DeltaField
DELTA_FIELD_TEXT: DeltaField
DELTA_FIELD_OUTPUT: DeltaField

class Resource(_message.Message):
    __slots__ = ("name", "update_time", "deleted", "workstation", "project", "session", "message", "part", "permission", "question", "todo_list", "device")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    WORKSTATION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    TODO_LIST_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    name: str
    update_time: _timestamp_pb2.Timestamp
    deleted: Deleted
    workstation: _workstation_pb2.Workstation
    project: _workstation_pb2.Project
    session: _session_pb2.Session
    message: _session_pb2.Message
    part: _session_pb2.Part
    permission: _decision_pb2.Permission
    question: _decision_pb2.Question
    todo_list: _session_pb2.TodoList
    device: _workstation_pb2.Device
    def __init__(self, name: _Optional[str] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: _Optional[_Union[Deleted, _Mapping]] = ..., workstation: _Optional[_Union[_workstation_pb2.Workstation, _Mapping]] = ..., project: _Optional[_Union[_workstation_pb2.Project, _Mapping]] = ..., session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., message: _Optional[_Union[_session_pb2.Message, _Mapping]] = ..., part: _Optional[_Union[_session_pb2.Part, _Mapping]] = ..., permission: _Optional[_Union[_decision_pb2.Permission, _Mapping]] = ..., question: _Optional[_Union[_decision_pb2.Question, _Mapping]] = ..., todo_list: _Optional[_Union[_session_pb2.TodoList, _Mapping]] = ..., device: _Optional[_Union[_workstation_pb2.Device, _Mapping]] = ...) -> None: ...

class Deleted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeltaBatch(_message.Message):
    __slots__ = ("deltas",)
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    deltas: _containers.RepeatedCompositeFieldContainer[Delta]
    def __init__(self, deltas: _Optional[_Iterable[_Union[Delta, _Mapping]]] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("part", "offset_bytes", "text", "field")
    PART_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    part: str
    offset_bytes: int
    text: str
    field: DeltaField
    def __init__(self, part: _Optional[str] = ..., offset_bytes: _Optional[int] = ..., text: _Optional[str] = ..., field: _Optional[_Union[DeltaField, str]] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("method", "request")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    method: str
    request: bytes
    def __init__(self, method: _Optional[str] = ..., request: _Optional[bytes] = ...) -> None: ...

class CallResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: bytes
    error: _status_pb2.Status
    def __init__(self, response: _Optional[bytes] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
