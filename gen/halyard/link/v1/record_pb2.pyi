import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Cursor(_message.Message):
    __slots__ = ("log_epoch", "seq")
    LOG_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    log_epoch: bytes
    seq: int
    def __init__(self, log_epoch: _Optional[bytes] = ..., seq: _Optional[int] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("seq", "key", "key_epoch", "sealed")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KEY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    seq: int
    key: bytes
    key_epoch: int
    sealed: bytes
    def __init__(self, seq: _Optional[int] = ..., key: _Optional[bytes] = ..., key_epoch: _Optional[int] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Volatile(_message.Message):
    __slots__ = ("focus", "key_epoch", "sealed")
    FOCUS_FIELD_NUMBER: _ClassVar[int]
    KEY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    focus: bytes
    key_epoch: int
    sealed: bytes
    def __init__(self, focus: _Optional[bytes] = ..., key_epoch: _Optional[int] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("key_epoch", "sealed")
    KEY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    key_epoch: int
    sealed: bytes
    def __init__(self, key_epoch: _Optional[int] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class SealedCall(_message.Message):
    __slots__ = ("call_id", "expire_time", "sealed")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    call_id: bytes
    expire_time: _timestamp_pb2.Timestamp
    sealed: bytes
    def __init__(self, call_id: _Optional[bytes] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class SealedReply(_message.Message):
    __slots__ = ("call_id", "sealed")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    call_id: bytes
    sealed: bytes
    def __init__(self, call_id: _Optional[bytes] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_frame_bytes", "max_record_bytes", "max_items", "max_waiting_calls", "heartbeat_seconds", "reconnect_ceiling_seconds")
    MAX_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_RECORD_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    MAX_WAITING_CALLS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RECONNECT_CEILING_SECONDS_FIELD_NUMBER: _ClassVar[int]
    max_frame_bytes: int
    max_record_bytes: int
    max_items: int
    max_waiting_calls: int
    heartbeat_seconds: int
    reconnect_ceiling_seconds: int
    def __init__(self, max_frame_bytes: _Optional[int] = ..., max_record_bytes: _Optional[int] = ..., max_items: _Optional[int] = ..., max_waiting_calls: _Optional[int] = ..., heartbeat_seconds: _Optional[int] = ..., reconnect_ceiling_seconds: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = ("server_time",)
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    server_time: _timestamp_pb2.Timestamp
    def __init__(self, server_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GoingAway(_message.Message):
    __slots__ = ("reconnect_after_ms",)
    RECONNECT_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    reconnect_after_ms: int
    def __init__(self, reconnect_after_ms: _Optional[int] = ...) -> None: ...
