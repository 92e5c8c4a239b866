import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SessionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_STATE_UNSPECIFIED: _ClassVar[SessionState]
    SESSION_STATE_IDLE: _ClassVar[SessionState]
    SESSION_STATE_WORKING: _ClassVar[SessionState]
    SESSION_STATE_RETRYING: _ClassVar[SessionState]
    SESSION_STATE_FAILED: _ClassVar[SessionState]
    SESSION_STATE_INTERRUPTED: _ClassVar[SessionState]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_PERSON: _ClassVar[Role]
    ROLE_AGENT: _ClassVar[Role]

class MessageState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_STATE_UNSPECIFIED: _ClassVar[MessageState]
    MESSAGE_STATE_QUEUED: _ClassVar[MessageState]
    MESSAGE_STATE_WRITING: _ClassVar[MessageState]
    MESSAGE_STATE_COMPLETE: _ClassVar[MessageState]
    MESSAGE_STATE_FAILED: _ClassVar[MessageState]
    MESSAGE_STATE_INTERRUPTED: _ClassVar[MessageState]
    MESSAGE_STATE_STOPPED: _ClassVar[MessageState]

class PartState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PART_STATE_UNSPECIFIED: _ClassVar[PartState]
    PART_STATE_OPEN: _ClassVar[PartState]
    PART_STATE_COMPLETE: _ClassVar[PartState]
    PART_STATE_INTERRUPTED: _ClassVar[PartState]

class ToolKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOOL_KIND_UNSPECIFIED: _ClassVar[ToolKind]
    TOOL_KIND_EXECUTE: _ClassVar[ToolKind]
    TOOL_KIND_EDIT: _ClassVar[ToolKind]
    TOOL_KIND_READ: _ClassVar[ToolKind]
    TOOL_KIND_SEARCH: _ClassVar[ToolKind]
    TOOL_KIND_FETCH: _ClassVar[ToolKind]
    TOOL_KIND_PLAN: _ClassVar[ToolKind]
    TOOL_KIND_QUESTION: _ClassVar[ToolKind]
    TOOL_KIND_SUBAGENT: _ClassVar[ToolKind]
    TOOL_KIND_OTHER: _ClassVar[ToolKind]

class ToolState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOOL_STATE_UNSPECIFIED: _ClassVar[ToolState]
    TOOL_STATE_PENDING: _ClassVar[ToolState]
    TOOL_STATE_RUNNING: _ClassVar[ToolState]
    TOOL_STATE_COMPLETE: _ClassVar[ToolState]
    TOOL_STATE_FAILED: _ClassVar[ToolState]
    TOOL_STATE_INTERRUPTED: _ClassVar[ToolState]

class FileChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILE_CHANGE_UNSPECIFIED: _ClassVar[FileChange]
    FILE_CHANGE_ADDED: _ClassVar[FileChange]
    FILE_CHANGE_MODIFIED: _ClassVar[FileChange]
    FILE_CHANGE_DELETED: _ClassVar[FileChange]
    FILE_CHANGE_RENAMED: _ClassVar[FileChange]

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_COMPACTION: _ClassVar[NoticeKind]
    NOTICE_KIND_RETRY: _ClassVar[NoticeKind]
    NOTICE_KIND_HANDOVER: _ClassVar[NoticeKind]
    NOTICE_KIND_INTERRUPTION: _ClassVar[NoticeKind]

class TodoState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TODO_STATE_UNSPECIFIED: _ClassVar[TodoState]
    TODO_STATE_PENDING: _ClassVar[TodoState]
    TODO_STATE_ACTIVE: _ClassVar[TodoState]
    TODO_STATE_DONE: _ClassVar[TodoState]
    TODO_STATE_CANCELLED: _ClassVar[TodoState]

class TodoPriority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TODO_PRIORITY_UNSPECIFIED: _ClassVar[TodoPriority]
    TODO_PRIORITY_LOW: _ClassVar[TodoPriority]
    TODO_PRIORITY_MEDIUM: _ClassVar[TodoPriority]
    TODO_PRIORITY_HIGH: _ClassVar[TodoPriority]
SESSION_STATE_UNSPECIFIED: SessionState
SESSION_STATE_IDLE: SessionState
SESSION_STATE_WORKING: SessionState
SESSION_STATE_RETRYING: SessionState
SESSION_STATE_FAILED: SessionState
SESSION_STATE_INTERRUPTED: SessionState
ROLE_UNSPECIFIED: Role
ROLE_PERSON: Role
ROLE_AGENT: Role
MESSAGE_STATE_UNSPECIFIED: MessageState
MESSAGE_STATE_QUEUED: MessageState
MESSAGE_STATE_WRITING: MessageState
MESSAGE_STATE_COMPLETE: MessageState
MESSAGE_STATE_FAILED: MessageState
MESSAGE_STATE_INTERRUPTED: MessageState
MESSAGE_STATE_STOPPED: MessageState
PART_STATE_UNSPECIFIED: PartState
PART_STATE_OPEN: PartState
PART_STATE_COMPLETE: PartState
PART_STATE_INTERRUPTED: PartState
TOOL_KIND_UNSPECIFIED: ToolKind
TOOL_KIND_EXECUTE: ToolKind
TOOL_KIND_EDIT: ToolKind
TOOL_KIND_READ: ToolKind
TOOL_KIND_SEARCH: ToolKind
TOOL_KIND_FETCH: ToolKind
TOOL_KIND_PLAN: ToolKind
TOOL_KIND_QUESTION: ToolKind
TOOL_KIND_SUBAGENT: ToolKind
TOOL_KIND_OTHER: ToolKind
TOOL_STATE_UNSPECIFIED: ToolState
TOOL_STATE_PENDING: ToolState
TOOL_STATE_RUNNING: ToolState
TOOL_STATE_COMPLETE: ToolState
TOOL_STATE_FAILED: ToolState
TOOL_STATE_INTERRUPTED: ToolState
FILE_CHANGE_UNSPECIFIED: FileChange
FILE_CHANGE_ADDED: FileChange
FILE_CHANGE_MODIFIED: FileChange
FILE_CHANGE_DELETED: FileChange
FILE_CHANGE_RENAMED: FileChange
NOTICE_KIND_UNSPECIFIED: NoticeKind
NOTICE_KIND_COMPACTION: NoticeKind
NOTICE_KIND_RETRY: NoticeKind
NOTICE_KIND_HANDOVER: NoticeKind
NOTICE_KIND_INTERRUPTION: NoticeKind
TODO_STATE_UNSPECIFIED: TodoState
TODO_STATE_PENDING: TodoState
TODO_STATE_ACTIVE: TodoState
TODO_STATE_DONE: TodoState
TODO_STATE_CANCELLED: TodoState
TODO_PRIORITY_UNSPECIFIED: TodoPriority
TODO_PRIORITY_LOW: TodoPriority
TODO_PRIORITY_MEDIUM: TodoPriority
TODO_PRIORITY_HIGH: TodoPriority

class Session(_message.Message):
    __slots__ = ("name", "project", "title", "agent", "model", "mode", "state", "state_detail", "retry_time", "parent", "create_time", "update_time", "usage", "changes", "archived", "reverted_from", "has_earlier_messages")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_DETAIL_FIELD_NUMBER: _ClassVar[int]
    RETRY_TIME_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    REVERTED_FROM_FIELD_NUMBER: _ClassVar[int]
    HAS_EARLIER_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    name: str
    project: str
    title: str
    agent: str
    model: str
    mode: str
    state: SessionState
    state_detail: str
    retry_time: _timestamp_pb2.Timestamp
    parent: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    usage: Usage
    changes: ChangeCount
    archived: bool
    reverted_from: str
    has_earlier_messages: bool
    def __init__(self, name: _Optional[str] = ..., project: _Optional[str] = ..., title: _Optional[str] = ..., agent: _Optional[str] = ..., model: _Optional[str] = ..., mode: _Optional[str] = ..., state: _Optional[_Union[SessionState, str]] = ..., state_detail: _Optional[str] = ..., retry_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., parent: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., changes: _Optional[_Union[ChangeCount, _Mapping]] = ..., archived: _Optional[bool] = ..., reverted_from: _Optional[str] = ..., has_earlier_messages: _Optional[bool] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("input_tokens", "output_tokens", "reasoning_tokens", "cache_read_tokens", "cache_write_tokens", "cost_micro_usd", "context_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_READ_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_MICRO_USD_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_micro_usd: int
    context_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., cache_read_tokens: _Optional[int] = ..., cache_write_tokens: _Optional[int] = ..., cost_micro_usd: _Optional[int] = ..., context_tokens: _Optional[int] = ...) -> None: ...

class ChangeCount(_message.Message):
    __slots__ = ("files", "additions", "deletions")
    FILES_FIELD_NUMBER: _ClassVar[int]
    ADDITIONS_FIELD_NUMBER: _ClassVar[int]
    DELETIONS_FIELD_NUMBER: _ClassVar[int]
    files: int
    additions: int
    deletions: int
    def __init__(self, files: _Optional[int] = ..., additions: _Optional[int] = ..., deletions: _Optional[int] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("name", "role", "state", "create_time", "complete_time", "model", "mode", "usage", "error", "call_id", "author_device", "answers", "reverted", "summary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TIME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_DEVICE_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    REVERTED_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: Role
    state: MessageState
    create_time: _timestamp_pb2.Timestamp
    complete_time: _timestamp_pb2.Timestamp
    model: str
    mode: str
    usage: Usage
    error: str
    call_id: bytes
    author_device: str
    answers: str
    reverted: bool
    summary: bool
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., state: _Optional[_Union[MessageState, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., model: _Optional[str] = ..., mode: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., error: _Optional[str] = ..., call_id: _Optional[bytes] = ..., author_device: _Optional[str] = ..., answers: _Optional[str] = ..., reverted: _Optional[bool] = ..., summary: _Optional[bool] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("name", "index", "state", "create_time", "text", "reasoning", "tool_call", "file", "changes", "notice")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REASONING_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALL_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    name: str
    index: int
    state: PartState
    create_time: _timestamp_pb2.Timestamp
    text: Text
    reasoning: Reasoning
    tool_call: ToolCall
    file: FileRef
    changes: ChangeSet
    notice: Notice
    def __init__(self, name: _Optional[str] = ..., index: _Optional[int] = ..., state: _Optional[_Union[PartState, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., text: _Optional[_Union[Text, _Mapping]] = ..., reasoning: _Optional[_Union[Reasoning, _Mapping]] = ..., tool_call: _Optional[_Union[ToolCall, _Mapping]] = ..., file: _Optional[_Union[FileRef, _Mapping]] = ..., changes: _Optional[_Union[ChangeSet, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("text", "synthetic")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    text: str
    synthetic: bool
    def __init__(self, text: _Optional[str] = ..., synthetic: _Optional[bool] = ...) -> None: ...

class Reasoning(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class ToolCall(_message.Message):
    __slots__ = ("tool", "kind", "state", "title", "command", "path", "input_json", "input_truncated", "output", "output_bytes", "error", "diffs", "child_session", "start_time", "end_time")
    TOOL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INPUT_JSON_FIELD_NUMBER: _ClassVar[int]
    INPUT_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DIFFS_FIELD_NUMBER: _ClassVar[int]
    CHILD_SESSION_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    tool: str
    kind: ToolKind
    state: ToolState
    title: str
    command: str
    path: str
    input_json: str
    input_truncated: bool
    output: str
    output_bytes: int
    error: str
    diffs: _containers.RepeatedCompositeFieldContainer[FileDiff]
    child_session: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, tool: _Optional[str] = ..., kind: _Optional[_Union[ToolKind, str]] = ..., state: _Optional[_Union[ToolState, str]] = ..., title: _Optional[str] = ..., command: _Optional[str] = ..., path: _Optional[str] = ..., input_json: _Optional[str] = ..., input_truncated: _Optional[bool] = ..., output: _Optional[str] = ..., output_bytes: _Optional[int] = ..., error: _Optional[str] = ..., diffs: _Optional[_Iterable[_Union[FileDiff, _Mapping]]] = ..., child_session: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FileRef(_message.Message):
    __slots__ = ("path", "media_type", "size_bytes", "content")
    PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    path: str
    media_type: str
    size_bytes: int
    content: bytes
    def __init__(self, path: _Optional[str] = ..., media_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., content: _Optional[bytes] = ...) -> None: ...

class ChangeSet(_message.Message):
    __slots__ = ("diffs",)
    DIFFS_FIELD_NUMBER: _ClassVar[int]
    diffs: _containers.RepeatedCompositeFieldContainer[FileDiff]
    def __init__(self, diffs: _Optional[_Iterable[_Union[FileDiff, _Mapping]]] = ...) -> None: ...

class FileDiff(_message.Message):
    __slots__ = ("path", "patch", "additions", "deletions", "change", "old_path", "truncated")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PATCH_FIELD_NUMBER: _ClassVar[int]
    ADDITIONS_FIELD_NUMBER: _ClassVar[int]
    DELETIONS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    OLD_PATH_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    path: str
    patch: str
    additions: int
    deletions: int
    change: FileChange
    old_path: str
    truncated: bool
    def __init__(self, path: _Optional[str] = ..., patch: _Optional[str] = ..., additions: _Optional[int] = ..., deletions: _Optional[int] = ..., change: _Optional[_Union[FileChange, str]] = ..., old_path: _Optional[str] = ..., truncated: _Optional[bool] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("kind", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: NoticeKind
    text: str
    def __init__(self, kind: _Optional[_Union[NoticeKind, str]] = ..., text: _Optional[str] = ...) -> None: ...

class TodoList(_message.Message):
    __slots__ = ("name", "todos")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TODOS_FIELD_NUMBER: _ClassVar[int]
    name: str
    todos: _containers.RepeatedCompositeFieldContainer[Todo]
    def __init__(self, name: _Optional[str] = ..., todos: _Optional[_Iterable[_Union[Todo, _Mapping]]] = ...) -> None: ...

class Todo(_message.Message):
    __slots__ = ("text", "state", "priority")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    text: str
    state: TodoState
    priority: TodoPriority
    def __init__(self, text: _Optional[str] = ..., state: _Optional[_Union[TodoState, str]] = ..., priority: _Optional[_Union[TodoPriority, str]] = ...) -> None: ...
