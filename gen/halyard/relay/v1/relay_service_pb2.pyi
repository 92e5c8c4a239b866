import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("version", "start_time", "origin", "workstations_online", "apps_online", "records", "store_bytes", "calls_waiting", "pairing_slots")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    WORKSTATIONS_ONLINE_FIELD_NUMBER: _ClassVar[int]
    APPS_ONLINE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    STORE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CALLS_WAITING_FIELD_NUMBER: _ClassVar[int]
    PAIRING_SLOTS_FIELD_NUMBER: _ClassVar[int]
    version: str
    start_time: _timestamp_pb2.Timestamp
    origin: str
    workstations_online: int
    apps_online: int
    records: int
    store_bytes: int
    calls_waiting: int
    pairing_slots: int
    def __init__(self, version: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., origin: _Optional[str] = ..., workstations_online: _Optional[int] = ..., apps_online: _Optional[int] = ..., records: _Optional[int] = ..., store_bytes: _Optional[int] = ..., calls_waiting: _Optional[int] = ..., pairing_slots: _Optional[int] = ...) -> None: ...

class ListWorkstationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWorkstationsResponse(_message.Message):
    __slots__ = ("workstations", "next_page_token")
    WORKSTATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workstations: _containers.RepeatedCompositeFieldContainer[RelayWorkstation]
    next_page_token: str
    def __init__(self, workstations: _Optional[_Iterable[_Union[RelayWorkstation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RelayWorkstation(_message.Message):
    __slots__ = ("workstation_id", "online", "last_seen_time", "stored_through", "records", "stored_bytes", "truncated_through", "calls_waiting", "members")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    STORED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    CALLS_WAITING_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    online: bool
    last_seen_time: _timestamp_pb2.Timestamp
    stored_through: int
    records: int
    stored_bytes: int
    truncated_through: int
    calls_waiting: int
    members: int
    def __init__(self, workstation_id: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stored_through: _Optional[int] = ..., records: _Optional[int] = ..., stored_bytes: _Optional[int] = ..., truncated_through: _Optional[int] = ..., calls_waiting: _Optional[int] = ..., members: _Optional[int] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ("workstation_id", "page_size", "page_token")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    page_size: int
    page_token: str
    def __init__(self, workstation_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[RelayDevice]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[RelayDevice, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RelayDevice(_message.Message):
    __slots__ = ("device_id", "workstation_id", "online", "last_seen_time")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    workstation_id: str
    online: bool
    last_seen_time: _timestamp_pb2.Timestamp
    def __init__(self, device_id: _Optional[str] = ..., workstation_id: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListLogHeadersRequest(_message.Message):
    __slots__ = ("workstation_id", "after_seq", "page_size")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    after_seq: int
    page_size: int
    def __init__(self, workstation_id: _Optional[str] = ..., after_seq: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListLogHeadersResponse(_message.Message):
    __slots__ = ("headers", "log_epoch")
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    LOG_EPOCH_FIELD_NUMBER: _ClassVar[int]
    headers: _containers.RepeatedCompositeFieldContainer[LogHeader]
    log_epoch: bytes
    def __init__(self, headers: _Optional[_Iterable[_Union[LogHeader, _Mapping]]] = ..., log_epoch: _Optional[bytes] = ...) -> None: ...

class LogHeader(_message.Message):
    __slots__ = ("seq", "key", "sealed_bytes", "store_time")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SEALED_BYTES_FIELD_NUMBER: _ClassVar[int]
    STORE_TIME_FIELD_NUMBER: _ClassVar[int]
    seq: int
    key: bytes
    sealed_bytes: int
    store_time: _timestamp_pb2.Timestamp
    def __init__(self, seq: _Optional[int] = ..., key: _Optional[bytes] = ..., sealed_bytes: _Optional[int] = ..., store_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateInviteRequest(_message.Message):
    __slots__ = ("ttl",)
    TTL_FIELD_NUMBER: _ClassVar[int]
    ttl: _duration_pb2.Duration
    def __init__(self, ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CreateInviteResponse(_message.Message):
    __slots__ = ("invite", "expire_time")
    INVITE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    invite: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, invite: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeleteWorkstationRequest(_message.Message):
    __slots__ = ("workstation_id",)
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    def __init__(self, workstation_id: _Optional[str] = ...) -> None: ...

class DeleteWorkstationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
