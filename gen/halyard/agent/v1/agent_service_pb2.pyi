import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from halyard.agent.v1 import decision_pb2 as _decision_pb2
from halyard.agent.v1 import resource_pb2 as _resource_pb2
from halyard.agent.v1 import session_pb2 as _session_pb2
from halyard.agent.v1 import workstation_pb2 as _workstation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListProjectsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Project]
    def __init__(self, projects: _Optional[_Iterable[_Union[_workstation_pb2.Project, _Mapping]]] = ...) -> None: ...

class AddProjectRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class AddProjectResponse(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: _workstation_pb2.Project
    def __init__(self, project: _Optional[_Union[_workstation_pb2.Project, _Mapping]] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Agent]
    def __init__(self, agents: _Optional[_Iterable[_Union[_workstation_pb2.Agent, _Mapping]]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: str
    def __init__(self, agent: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Model]
    def __init__(self, models: _Optional[_Iterable[_Union[_workstation_pb2.Model, _Mapping]]] = ...) -> None: ...

class ListModesRequest(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: str
    def __init__(self, agent: _Optional[str] = ...) -> None: ...

class ListModesResponse(_message.Message):
    __slots__ = ("modes",)
    MODES_FIELD_NUMBER: _ClassVar[int]
    modes: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Mode]
    def __init__(self, modes: _Optional[_Iterable[_Union[_workstation_pb2.Mode, _Mapping]]] = ...) -> None: ...

class ListCommandsRequest(_message.Message):
    __slots__ = ("agent", "project")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    agent: str
    project: str
    def __init__(self, agent: _Optional[str] = ..., project: _Optional[str] = ...) -> None: ...

class ListCommandsResponse(_message.Message):
    __slots__ = ("commands",)
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[_workstation_pb2.Command]
    def __init__(self, commands: _Optional[_Iterable[_Union[_workstation_pb2.Command, _Mapping]]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("project", "include_archived", "include_children", "page_size", "page_token")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CHILDREN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project: str
    include_archived: bool
    include_children: bool
    page_size: int
    page_token: str
    def __init__(self, project: _Optional[str] = ..., include_archived: _Optional[bool] = ..., include_children: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[_session_pb2.Session]
    next_page_token: str
    def __init__(self, sessions: _Optional[_Iterable[_Union[_session_pb2.Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetSessionResponse(_message.Message):
    __slots__ = ("session", "permissions", "questions", "todo_list")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    TODO_LIST_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    permissions: _containers.RepeatedCompositeFieldContainer[_decision_pb2.Permission]
    questions: _containers.RepeatedCompositeFieldContainer[_decision_pb2.Question]
    todo_list: _session_pb2.TodoList
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., permissions: _Optional[_Iterable[_Union[_decision_pb2.Permission, _Mapping]]] = ..., questions: _Optional[_Iterable[_Union[_decision_pb2.Question, _Mapping]]] = ..., todo_list: _Optional[_Union[_session_pb2.TodoList, _Mapping]] = ...) -> None: ...

class StartSessionRequest(_message.Message):
    __slots__ = ("project", "agent", "model", "mode", "title", "prompt", "files")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    project: str
    agent: str
    model: str
    mode: str
    title: str
    prompt: str
    files: _containers.RepeatedCompositeFieldContainer[_session_pb2.FileRef]
    def __init__(self, project: _Optional[str] = ..., agent: _Optional[str] = ..., model: _Optional[str] = ..., mode: _Optional[str] = ..., title: _Optional[str] = ..., prompt: _Optional[str] = ..., files: _Optional[_Iterable[_Union[_session_pb2.FileRef, _Mapping]]] = ...) -> None: ...

class StartSessionResponse(_message.Message):
    __slots__ = ("session", "message")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    message: str
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class PromptRequest(_message.Message):
    __slots__ = ("session", "text", "files", "model", "mode")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    session: str
    text: str
    files: _containers.RepeatedCompositeFieldContainer[_session_pb2.FileRef]
    model: str
    mode: str
    def __init__(self, session: _Optional[str] = ..., text: _Optional[str] = ..., files: _Optional[_Iterable[_Union[_session_pb2.FileRef, _Mapping]]] = ..., model: _Optional[str] = ..., mode: _Optional[str] = ...) -> None: ...

class PromptResponse(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class InterruptRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class InterruptResponse(_message.Message):
    __slots__ = ("was_running",)
    WAS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    was_running: bool
    def __init__(self, was_running: _Optional[bool] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("permission", "outcome", "message")
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    permission: str
    outcome: _decision_pb2.DecisionState
    message: str
    def __init__(self, permission: _Optional[str] = ..., outcome: _Optional[_Union[_decision_pb2.DecisionState, str]] = ..., message: _Optional[str] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("permission",)
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    permission: _decision_pb2.Permission
    def __init__(self, permission: _Optional[_Union[_decision_pb2.Permission, _Mapping]] = ...) -> None: ...

class AnswerRequest(_message.Message):
    __slots__ = ("question", "answers", "dismiss")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DISMISS_FIELD_NUMBER: _ClassVar[int]
    question: str
    answers: _containers.RepeatedCompositeFieldContainer[_decision_pb2.QuestionAnswer]
    dismiss: bool
    def __init__(self, question: _Optional[str] = ..., answers: _Optional[_Iterable[_Union[_decision_pb2.QuestionAnswer, _Mapping]]] = ..., dismiss: _Optional[bool] = ...) -> None: ...

class AnswerResponse(_message.Message):
    __slots__ = ("question",)
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    question: _decision_pb2.Question
    def __init__(self, question: _Optional[_Union[_decision_pb2.Question, _Mapping]] = ...) -> None: ...

class RenameSessionRequest(_message.Message):
    __slots__ = ("session", "title")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    session: str
    title: str
    def __init__(self, session: _Optional[str] = ..., title: _Optional[str] = ...) -> None: ...

class RenameSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ...) -> None: ...

class ArchiveSessionRequest(_message.Message):
    __slots__ = ("session", "restore")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RESTORE_FIELD_NUMBER: _ClassVar[int]
    session: str
    restore: bool
    def __init__(self, session: _Optional[str] = ..., restore: _Optional[bool] = ...) -> None: ...

class ArchiveSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ...) -> None: ...

class DeleteSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class DeleteSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RevertSessionRequest(_message.Message):
    __slots__ = ("session", "message")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    session: str
    message: str
    def __init__(self, session: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class RevertSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ...) -> None: ...

class ForkSessionRequest(_message.Message):
    __slots__ = ("session", "message")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    session: str
    message: str
    def __init__(self, session: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ForkSessionResponse(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: _session_pb2.Session
    def __init__(self, session: _Optional[_Union[_session_pb2.Session, _Mapping]] = ...) -> None: ...

class CompactSessionRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class CompactSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("session", "page_size", "page_token")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    session: str
    page_size: int
    page_token: str
    def __init__(self, session: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "next_page_token")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[MessageWithParts]
    next_page_token: str
    def __init__(self, messages: _Optional[_Iterable[_Union[MessageWithParts, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class MessageWithParts(_message.Message):
    __slots__ = ("message", "parts")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    message: _session_pb2.Message
    parts: _containers.RepeatedCompositeFieldContainer[_session_pb2.Part]
    def __init__(self, message: _Optional[_Union[_session_pb2.Message, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[_session_pb2.Part, _Mapping]]] = ...) -> None: ...

class GetDiffRequest(_message.Message):
    __slots__ = ("message", "session", "project")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    message: str
    session: str
    project: str
    def __init__(self, message: _Optional[str] = ..., session: _Optional[str] = ..., project: _Optional[str] = ...) -> None: ...

class GetDiffResponse(_message.Message):
    __slots__ = ("diffs",)
    DIFFS_FIELD_NUMBER: _ClassVar[int]
    diffs: _containers.RepeatedCompositeFieldContainer[_session_pb2.FileDiff]
    def __init__(self, diffs: _Optional[_Iterable[_Union[_session_pb2.FileDiff, _Mapping]]] = ...) -> None: ...

class ListFilesRequest(_message.Message):
    __slots__ = ("project", "path")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class ListFilesResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[FileEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[FileEntry, _Mapping]]] = ...) -> None: ...

class FileEntry(_message.Message):
    __slots__ = ("path", "folder", "ignored", "size_bytes", "modify_time")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODIFY_TIME_FIELD_NUMBER: _ClassVar[int]
    path: str
    folder: bool
    ignored: bool
    size_bytes: int
    modify_time: _timestamp_pb2.Timestamp
    def __init__(self, path: _Optional[str] = ..., folder: _Optional[bool] = ..., ignored: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., modify_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReadFileRequest(_message.Message):
    __slots__ = ("project", "path", "offset_bytes", "limit_bytes")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    project: str
    path: str
    offset_bytes: int
    limit_bytes: int
    def __init__(self, project: _Optional[str] = ..., path: _Optional[str] = ..., offset_bytes: _Optional[int] = ..., limit_bytes: _Optional[int] = ...) -> None: ...

class ReadFileResponse(_message.Message):
    __slots__ = ("content", "size_bytes", "binary")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    size_bytes: int
    binary: bool
    def __init__(self, content: _Optional[bytes] = ..., size_bytes: _Optional[int] = ..., binary: _Optional[bool] = ...) -> None: ...

class FindFilesRequest(_message.Message):
    __slots__ = ("project", "query", "limit")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    project: str
    query: str
    limit: int
    def __init__(self, project: _Optional[str] = ..., query: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class FindFilesResponse(_message.Message):
    __slots__ = ("paths",)
    PATHS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, paths: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("session", "include_deltas", "only_new")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DELTAS_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    session: str
    include_deltas: bool
    only_new: bool
    def __init__(self, session: _Optional[str] = ..., include_deltas: _Optional[bool] = ..., only_new: _Optional[bool] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("resource", "delta", "caught_up", "seq")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    resource: _resource_pb2.Resource
    delta: _resource_pb2.Delta
    caught_up: CaughtUpMark
    seq: int
    def __init__(self, resource: _Optional[_Union[_resource_pb2.Resource, _Mapping]] = ..., delta: _Optional[_Union[_resource_pb2.Delta, _Mapping]] = ..., caught_up: _Optional[_Union[CaughtUpMark, _Mapping]] = ..., seq: _Optional[int] = ...) -> None: ...

class CaughtUpMark(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
