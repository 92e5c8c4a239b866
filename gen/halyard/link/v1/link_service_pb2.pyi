import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from halyard.link.v1 import record_pb2 as _record_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttachWorkstationRequest(_message.Message):
    __slots__ = ("hello", "publish", "inbox_ack", "replies", "members", "ping")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    INBOX_ACK_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    hello: WorkstationHello
    publish: Publish
    inbox_ack: InboxAck
    replies: Replies
    members: Members
    ping: _record_pb2.Ping
    def __init__(self, hello: _Optional[_Union[WorkstationHello, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., inbox_ack: _Optional[_Union[InboxAck, _Mapping]] = ..., replies: _Optional[_Union[Replies, _Mapping]] = ..., members: _Optional[_Union[Members, _Mapping]] = ..., ping: _Optional[_Union[_record_pb2.Ping, _Mapping]] = ...) -> None: ...

class AttachWorkstationResponse(_message.Message):
    __slots__ = ("welcome", "stored", "inbox", "watchers", "pong", "going_away")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    WATCHERS_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    GOING_AWAY_FIELD_NUMBER: _ClassVar[int]
    welcome: WorkstationWelcome
    stored: Stored
    inbox: Inbox
    watchers: Watchers
    pong: _record_pb2.Pong
    going_away: _record_pb2.GoingAway
    def __init__(self, welcome: _Optional[_Union[WorkstationWelcome, _Mapping]] = ..., stored: _Optional[_Union[Stored, _Mapping]] = ..., inbox: _Optional[_Union[Inbox, _Mapping]] = ..., watchers: _Optional[_Union[Watchers, _Mapping]] = ..., pong: _Optional[_Union[_record_pb2.Pong, _Mapping]] = ..., going_away: _Optional[_Union[_record_pb2.GoingAway, _Mapping]] = ...) -> None: ...

class WorkstationHello(_message.Message):
    __slots__ = ("head", "capabilities", "version", "invite")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    head: _record_pb2.Cursor
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    version: str
    invite: str
    def __init__(self, head: _Optional[_Union[_record_pb2.Cursor, _Mapping]] = ..., capabilities: _Optional[_Iterable[str]] = ..., version: _Optional[str] = ..., invite: _Optional[str] = ...) -> None: ...

class WorkstationWelcome(_message.Message):
    __slots__ = ("stored_through", "inbox_through", "limits", "server_time", "capabilities", "version")
    STORED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    INBOX_THROUGH_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    stored_through: int
    inbox_through: int
    limits: _record_pb2.Limits
    server_time: _timestamp_pb2.Timestamp
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    version: str
    def __init__(self, stored_through: _Optional[int] = ..., inbox_through: _Optional[int] = ..., limits: _Optional[_Union[_record_pb2.Limits, _Mapping]] = ..., server_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., capabilities: _Optional[_Iterable[str]] = ..., version: _Optional[str] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("records", "through", "volatile", "head")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    VOLATILE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_record_pb2.Record]
    through: int
    volatile: _containers.RepeatedCompositeFieldContainer[_record_pb2.Volatile]
    head: _record_pb2.Head
    def __init__(self, records: _Optional[_Iterable[_Union[_record_pb2.Record, _Mapping]]] = ..., through: _Optional[int] = ..., volatile: _Optional[_Iterable[_Union[_record_pb2.Volatile, _Mapping]]] = ..., head: _Optional[_Union[_record_pb2.Head, _Mapping]] = ...) -> None: ...

class Stored(_message.Message):
    __slots__ = ("through",)
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    through: int
    def __init__(self, through: _Optional[int] = ...) -> None: ...

class Inbox(_message.Message):
    __slots__ = ("calls",)
    CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[InboxCall]
    def __init__(self, calls: _Optional[_Iterable[_Union[InboxCall, _Mapping]]] = ...) -> None: ...

class InboxCall(_message.Message):
    __slots__ = ("inbox_seq", "device_id", "call")
    INBOX_SEQ_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    inbox_seq: int
    device_id: str
    call: _record_pb2.SealedCall
    def __init__(self, inbox_seq: _Optional[int] = ..., device_id: _Optional[str] = ..., call: _Optional[_Union[_record_pb2.SealedCall, _Mapping]] = ...) -> None: ...

class InboxAck(_message.Message):
    __slots__ = ("through",)
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    through: int
    def __init__(self, through: _Optional[int] = ...) -> None: ...

class Replies(_message.Message):
    __slots__ = ("replies",)
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[DeviceReply]
    def __init__(self, replies: _Optional[_Iterable[_Union[DeviceReply, _Mapping]]] = ...) -> None: ...

class DeviceReply(_message.Message):
    __slots__ = ("device_id", "reply")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    reply: _record_pb2.SealedReply
    def __init__(self, device_id: _Optional[str] = ..., reply: _Optional[_Union[_record_pb2.SealedReply, _Mapping]] = ...) -> None: ...

class Members(_message.Message):
    __slots__ = ("device_ids", "revision")
    DEVICE_IDS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    device_ids: _containers.RepeatedScalarFieldContainer[str]
    revision: int
    def __init__(self, device_ids: _Optional[_Iterable[str]] = ..., revision: _Optional[int] = ...) -> None: ...

class Watchers(_message.Message):
    __slots__ = ("watches", "apps", "foreground_apps")
    WATCHES_FIELD_NUMBER: _ClassVar[int]
    APPS_FIELD_NUMBER: _ClassVar[int]
    FOREGROUND_APPS_FIELD_NUMBER: _ClassVar[int]
    watches: _containers.RepeatedCompositeFieldContainer[Watch]
    apps: int
    foreground_apps: int
    def __init__(self, watches: _Optional[_Iterable[_Union[Watch, _Mapping]]] = ..., apps: _Optional[int] = ..., foreground_apps: _Optional[int] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ("focus", "count")
    FOCUS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    focus: bytes
    count: int
    def __init__(self, focus: _Optional[bytes] = ..., count: _Optional[int] = ...) -> None: ...

class AttachAppRequest(_message.Message):
    __slots__ = ("hello", "focus", "call", "ping")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    FOCUS_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    hello: AppHello
    focus: Focus
    call: AppCall
    ping: _record_pb2.Ping
    def __init__(self, hello: _Optional[_Union[AppHello, _Mapping]] = ..., focus: _Optional[_Union[Focus, _Mapping]] = ..., call: _Optional[_Union[AppCall, _Mapping]] = ..., ping: _Optional[_Union[_record_pb2.Ping, _Mapping]] = ...) -> None: ...

class AttachAppResponse(_message.Message):
    __slots__ = ("welcome", "batch", "caught_up", "call_stored", "call_taken", "reply", "presence", "reset", "joined", "removed", "pong", "going_away", "call_refused", "refused")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    CALL_STORED_FIELD_NUMBER: _ClassVar[int]
    CALL_TAKEN_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    GOING_AWAY_FIELD_NUMBER: _ClassVar[int]
    CALL_REFUSED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    welcome: AppWelcome
    batch: Batch
    caught_up: CaughtUp
    call_stored: CallStored
    call_taken: CallTaken
    reply: AppReply
    presence: Presence
    reset: Reset
    joined: Joined
    removed: Removed
    pong: _record_pb2.Pong
    going_away: _record_pb2.GoingAway
    call_refused: CallRefused
    refused: Refused
    def __init__(self, welcome: _Optional[_Union[AppWelcome, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., caught_up: _Optional[_Union[CaughtUp, _Mapping]] = ..., call_stored: _Optional[_Union[CallStored, _Mapping]] = ..., call_taken: _Optional[_Union[CallTaken, _Mapping]] = ..., reply: _Optional[_Union[AppReply, _Mapping]] = ..., presence: _Optional[_Union[Presence, _Mapping]] = ..., reset: _Optional[_Union[Reset, _Mapping]] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., removed: _Optional[_Union[Removed, _Mapping]] = ..., pong: _Optional[_Union[_record_pb2.Pong, _Mapping]] = ..., going_away: _Optional[_Union[_record_pb2.GoingAway, _Mapping]] = ..., call_refused: _Optional[_Union[CallRefused, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class AppHello(_message.Message):
    __slots__ = ("token", "cursors", "capabilities", "version")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CURSORS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    token: str
    cursors: _containers.RepeatedCompositeFieldContainer[WorkstationCursor]
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    version: str
    def __init__(self, token: _Optional[str] = ..., cursors: _Optional[_Iterable[_Union[WorkstationCursor, _Mapping]]] = ..., capabilities: _Optional[_Iterable[str]] = ..., version: _Optional[str] = ...) -> None: ...

class WorkstationCursor(_message.Message):
    __slots__ = ("workstation_id", "cursor")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    cursor: _record_pb2.Cursor
    def __init__(self, workstation_id: _Optional[str] = ..., cursor: _Optional[_Union[_record_pb2.Cursor, _Mapping]] = ...) -> None: ...

class AppWelcome(_message.Message):
    __slots__ = ("workstations", "limits", "server_time", "capabilities", "version")
    WORKSTATIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    workstations: _containers.RepeatedCompositeFieldContainer[WorkstationState]
    limits: _record_pb2.Limits
    server_time: _timestamp_pb2.Timestamp
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    version: str
    def __init__(self, workstations: _Optional[_Iterable[_Union[WorkstationState, _Mapping]]] = ..., limits: _Optional[_Union[_record_pb2.Limits, _Mapping]] = ..., server_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., capabilities: _Optional[_Iterable[str]] = ..., version: _Optional[str] = ...) -> None: ...

class WorkstationState(_message.Message):
    __slots__ = ("workstation_id", "online", "last_seen_time", "stored", "grant", "head", "truncated_through")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    online: bool
    last_seen_time: _timestamp_pb2.Timestamp
    stored: _record_pb2.Cursor
    grant: _record_pb2.Record
    head: _record_pb2.Head
    truncated_through: int
    def __init__(self, workstation_id: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stored: _Optional[_Union[_record_pb2.Cursor, _Mapping]] = ..., grant: _Optional[_Union[_record_pb2.Record, _Mapping]] = ..., head: _Optional[_Union[_record_pb2.Head, _Mapping]] = ..., truncated_through: _Optional[int] = ...) -> None: ...

class Focus(_message.Message):
    __slots__ = ("workstation_id", "focus", "foreground")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    FOCUS_FIELD_NUMBER: _ClassVar[int]
    FOREGROUND_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    focus: bytes
    foreground: bool
    def __init__(self, workstation_id: _Optional[str] = ..., focus: _Optional[bytes] = ..., foreground: _Optional[bool] = ...) -> None: ...

class AppCall(_message.Message):
    __slots__ = ("workstation_id", "call")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    call: _record_pb2.SealedCall
    def __init__(self, workstation_id: _Optional[str] = ..., call: _Optional[_Union[_record_pb2.SealedCall, _Mapping]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("workstation_id", "records", "through", "volatile", "head")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    VOLATILE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    records: _containers.RepeatedCompositeFieldContainer[_record_pb2.Record]
    through: int
    volatile: _containers.RepeatedCompositeFieldContainer[_record_pb2.Volatile]
    head: _record_pb2.Head
    def __init__(self, workstation_id: _Optional[str] = ..., records: _Optional[_Iterable[_Union[_record_pb2.Record, _Mapping]]] = ..., through: _Optional[int] = ..., volatile: _Optional[_Iterable[_Union[_record_pb2.Volatile, _Mapping]]] = ..., head: _Optional[_Union[_record_pb2.Head, _Mapping]] = ...) -> None: ...

class CaughtUp(_message.Message):
    __slots__ = ("workstation_id", "cursor", "truncated_through")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    cursor: _record_pb2.Cursor
    truncated_through: int
    def __init__(self, workstation_id: _Optional[str] = ..., cursor: _Optional[_Union[_record_pb2.Cursor, _Mapping]] = ..., truncated_through: _Optional[int] = ...) -> None: ...

class CallStored(_message.Message):
    __slots__ = ("workstation_id", "call_id")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    call_id: bytes
    def __init__(self, workstation_id: _Optional[str] = ..., call_id: _Optional[bytes] = ...) -> None: ...

class CallTaken(_message.Message):
    __slots__ = ("workstation_id", "call_id")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    call_id: bytes
    def __init__(self, workstation_id: _Optional[str] = ..., call_id: _Optional[bytes] = ...) -> None: ...

class AppReply(_message.Message):
    __slots__ = ("workstation_id", "reply")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    reply: _record_pb2.SealedReply
    def __init__(self, workstation_id: _Optional[str] = ..., reply: _Optional[_Union[_record_pb2.SealedReply, _Mapping]] = ...) -> None: ...

class CallRefused(_message.Message):
    __slots__ = ("workstation_id", "call_id", "status")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    call_id: bytes
    status: _status_pb2.Status
    def __init__(self, workstation_id: _Optional[str] = ..., call_id: _Optional[bytes] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class Presence(_message.Message):
    __slots__ = ("workstation_id", "online", "last_seen_time")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    online: bool
    last_seen_time: _timestamp_pb2.Timestamp
    def __init__(self, workstation_id: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reset(_message.Message):
    __slots__ = ("workstation_id", "cursor")
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    cursor: _record_pb2.Cursor
    def __init__(self, workstation_id: _Optional[str] = ..., cursor: _Optional[_Union[_record_pb2.Cursor, _Mapping]] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ("workstation",)
    WORKSTATION_FIELD_NUMBER: _ClassVar[int]
    workstation: WorkstationState
    def __init__(self, workstation: _Optional[_Union[WorkstationState, _Mapping]] = ...) -> None: ...

class Removed(_message.Message):
    __slots__ = ("workstation_id",)
    WORKSTATION_ID_FIELD_NUMBER: _ClassVar[int]
    workstation_id: str
    def __init__(self, workstation_id: _Optional[str] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("status", "server_time")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_FIELD_NUMBER: _ClassVar[int]
    status: _status_pb2.Status
    server_time: _timestamp_pb2.Timestamp
    def __init__(self, status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., server_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
