import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HostRequest(_message.Message):
    __slots__ = ("open", "step")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    open: OpenSlot
    step: Step
    def __init__(self, open: _Optional[_Union[OpenSlot, _Mapping]] = ..., step: _Optional[_Union[Step, _Mapping]] = ...) -> None: ...

class HostResponse(_message.Message):
    __slots__ = ("opened", "joined", "step", "closed")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    opened: SlotOpened
    joined: GuestJoined
    step: Step
    closed: SlotClosed
    def __init__(self, opened: _Optional[_Union[SlotOpened, _Mapping]] = ..., joined: _Optional[_Union[GuestJoined, _Mapping]] = ..., step: _Optional[_Union[Step, _Mapping]] = ..., closed: _Optional[_Union[SlotClosed, _Mapping]] = ...) -> None: ...

class JoinRequest(_message.Message):
    __slots__ = ("join", "step")
    JOIN_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    join: JoinSlot
    step: Step
    def __init__(self, join: _Optional[_Union[JoinSlot, _Mapping]] = ..., step: _Optional[_Union[Step, _Mapping]] = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ("joined", "step", "closed")
    JOINED_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    joined: SlotJoined
    step: Step
    closed: SlotClosed
    def __init__(self, joined: _Optional[_Union[SlotJoined, _Mapping]] = ..., step: _Optional[_Union[Step, _Mapping]] = ..., closed: _Optional[_Union[SlotClosed, _Mapping]] = ...) -> None: ...

class OpenSlot(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SlotOpened(_message.Message):
    __slots__ = ("nameplate", "expire_time")
    NAMEPLATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    nameplate: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, nameplate: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GuestJoined(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class JoinSlot(_message.Message):
    __slots__ = ("nameplate",)
    NAMEPLATE_FIELD_NUMBER: _ClassVar[int]
    nameplate: str
    def __init__(self, nameplate: _Optional[str] = ...) -> None: ...

class SlotJoined(_message.Message):
    __slots__ = ("expire_time",)
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    def __init__(self, body: _Optional[bytes] = ...) -> None: ...

class SlotClosed(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _status_pb2.Status
    def __init__(self, status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class GuestIntroduction(_message.Message):
    __slots__ = ("sign_key", "agree_key", "display_name", "platform")
    SIGN_KEY_FIELD_NUMBER: _ClassVar[int]
    AGREE_KEY_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    sign_key: bytes
    agree_key: bytes
    display_name: str
    platform: str
    def __init__(self, sign_key: _Optional[bytes] = ..., agree_key: _Optional[bytes] = ..., display_name: _Optional[str] = ..., platform: _Optional[str] = ...) -> None: ...

class HostIntroduction(_message.Message):
    __slots__ = ("sign_key", "agree_key", "display_name", "role", "relay_origin")
    SIGN_KEY_FIELD_NUMBER: _ClassVar[int]
    AGREE_KEY_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    RELAY_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    sign_key: bytes
    agree_key: bytes
    display_name: str
    role: str
    relay_origin: str
    def __init__(self, sign_key: _Optional[bytes] = ..., agree_key: _Optional[bytes] = ..., display_name: _Optional[str] = ..., role: _Optional[str] = ..., relay_origin: _Optional[str] = ...) -> None: ...
