import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from halyard.agent.v1 import workstation_pb2 as _workstation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINK_STATE_UNSPECIFIED: _ClassVar[LinkState]
    LINK_STATE_CONNECTING: _ClassVar[LinkState]
    LINK_STATE_UP: _ClassVar[LinkState]
    LINK_STATE_WAITING: _ClassVar[LinkState]
    LINK_STATE_REFUSED: _ClassVar[LinkState]

class CheckState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_STATE_UNSPECIFIED: _ClassVar[CheckState]
    CHECK_STATE_OK: _ClassVar[CheckState]
    CHECK_STATE_WARNING: _ClassVar[CheckState]
    CHECK_STATE_FAILED: _ClassVar[CheckState]
    CHECK_STATE_SKIPPED: _ClassVar[CheckState]
LINK_STATE_UNSPECIFIED: LinkState
LINK_STATE_CONNECTING: LinkState
LINK_STATE_UP: LinkState
LINK_STATE_WAITING: LinkState
LINK_STATE_REFUSED: LinkState
CHECK_STATE_UNSPECIFIED: CheckState
CHECK_STATE_OK: CheckState
CHECK_STATE_WARNING: CheckState
CHECK_STATE_FAILED: CheckState
CHECK_STATE_SKIPPED: CheckState

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("workstation", "relay_origin", "link_state", "link_detail", "link_change_time", "head_seq", "stored_through", "apps_watching", "devices", "pid", "app_url", "store_detail")
    WORKSTATION_FIELD_NUMBER: _ClassVar[int]
    RELAY_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    LINK_STATE_FIELD_NUMBER: _ClassVar[int]
    LINK_DETAIL_FIELD_NUMBER: _ClassVar[int]
    LINK_CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    HEAD_SEQ_FIELD_NUMBER: _ClassVar[int]
    STORED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    APPS_WATCHING_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    APP_URL_FIELD_NUMBER: _ClassVar[int]
    STORE_DETAIL_FIELD_NUMBER: _ClassVar[int]
    workstation: _workstation_pb2.Workstation
    relay_origin: str
    link_state: LinkState
    link_detail: str
    link_change_time: _timestamp_pb2.Timestamp
    head_seq: int
    stored_through: int
    apps_watching: int
    devices: int
    pid: int
    app_url: str
    store_detail: str
    def __init__(self, workstation: _Optional[_Union[_workstation_pb2.Workstation, _Mapping]] = ..., relay_origin: _Optional[str] = ..., link_state: _Optional[_Union[LinkState, str]] = ..., link_detail: _Optional[str] = ..., link_change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., head_seq: _Optional[int] = ..., stored_through: _Optional[int] = ..., apps_watching: _Optional[int] = ..., devices: _Optional[int] = ..., pid: _Optional[int] = ..., app_url: _Optional[str] = ..., store_detail: _Optional[str] = ...) -> None: ...

class DiagnoseRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DiagnoseResponse(_message.Message):
    __slots__ = ("checks", "diagnose_time")
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    diagnose_time: _timestamp_pb2.Timestamp
    def __init__(self, checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ..., diagnose_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Check(_message.Message):
    __slots__ = ("id", "state", "message", "advice", "duration")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: CheckState
    message: str
    advice: str
    duration: _duration_pb2.Duration
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[CheckState, str]] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Device]
    def __init__(self, devices: _Optional[_Iterable[_Union[_workstation_pb2.Device, _Mapping]]] = ...) -> None: ...

class WithdrawCallRequest(_message.Message):
    __slots__ = ("call_id", "expire_time")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    call_id: bytes
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, call_id: _Optional[bytes] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WithdrawCallResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenameDeviceRequest(_message.Message):
    __slots__ = ("device", "display_name")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    device: str
    display_name: str
    def __init__(self, device: _Optional[str] = ..., display_name: _Optional[str] = ...) -> None: ...

class RenameDeviceResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: _workstation_pb2.Device
    def __init__(self, device: _Optional[_Union[_workstation_pb2.Device, _Mapping]] = ...) -> None: ...

class SetDeviceRoleRequest(_message.Message):
    __slots__ = ("device", "role")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    device: str
    role: _workstation_pb2.DeviceRole
    def __init__(self, device: _Optional[str] = ..., role: _Optional[_Union[_workstation_pb2.DeviceRole, str]] = ...) -> None: ...

class SetDeviceRoleResponse(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: _workstation_pb2.Device
    def __init__(self, device: _Optional[_Union[_workstation_pb2.Device, _Mapping]] = ...) -> None: ...

class RevokeDeviceRequest(_message.Message):
    __slots__ = ("device",)
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    device: str
    def __init__(self, device: _Optional[str] = ...) -> None: ...

class RevokeDeviceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PairRequest(_message.Message):
    __slots__ = ("role",)
    ROLE_FIELD_NUMBER: _ClassVar[int]
    role: _workstation_pb2.DeviceRole
    def __init__(self, role: _Optional[_Union[_workstation_pb2.DeviceRole, str]] = ...) -> None: ...

class PairResponse(_message.Message):
    __slots__ = ("code", "joined", "paired", "burnt")
    CODE_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    PAIRED_FIELD_NUMBER: _ClassVar[int]
    BURNT_FIELD_NUMBER: _ClassVar[int]
    code: PairingCode
    joined: PairingJoined
    paired: _workstation_pb2.Device
    burnt: PairingBurnt
    def __init__(self, code: _Optional[_Union[PairingCode, _Mapping]] = ..., joined: _Optional[_Union[PairingJoined, _Mapping]] = ..., paired: _Optional[_Union[_workstation_pb2.Device, _Mapping]] = ..., burnt: _Optional[_Union[PairingBurnt, _Mapping]] = ...) -> None: ...

class PairingCode(_message.Message):
    __slots__ = ("code", "url", "expire_time")
    CODE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    code: str
    url: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, code: _Optional[str] = ..., url: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PairingJoined(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PairingBurnt(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
