"""Lists of sessions, in pages. PURE."""

from collections.abc import Iterable, Sequence

from agentd.errors import malformed
from agentd.reply_fitting import MAX_REPLY_BYTES
from halyard.agent.v1 import agent_service_pb2 as pb
from halyard.agent.v1 import session_pb2

DEFAULT_PAGE = 50
MAX_PAGE = 500
_FRAME_BYTES = 8
"""What stands around a session in a page: tag and length."""
_TOKEN_BYTES = 512
_MAX_DIGITS = 20
"""Of a time in nanoseconds."""


def page(sessions: Iterable[session_pb2.Session], request: pb.ListSessionsRequest) -> pb.ListSessionsResponse:
    """The page that `request` asks for: most recently updated first."""
    wanted = sorted((session for session in sessions if _is_wanted(session, request)), key=_place)
    after = _parse(request.page_token)
    rest = [session for session in wanted if after is None or _place(session) > after]
    size = _fitting(rest[: min(request.page_size or DEFAULT_PAGE, MAX_PAGE)])
    token = _token(rest[size - 1]) if len(rest) > size else ""
    return pb.ListSessionsResponse(sessions=rest[:size], next_page_token=token)


def _fitting(sessions: Sequence[session_pb2.Session]) -> int:
    """How many of them fit into one reply; at least one, unless there is none."""
    room = MAX_REPLY_BYTES - _TOKEN_BYTES
    for count, session in enumerate(sessions):
        room -= session.ByteSize() + _FRAME_BYTES
        if room < 0 and count:
            return count
    return len(sessions)


def _is_wanted(session: session_pb2.Session, request: pb.ListSessionsRequest) -> bool:
    return (
        (not request.project or session.project == request.project)
        and (request.include_archived or not session.archived)
        and (request.include_children or not session.parent)
    )


def _place(session: session_pb2.Session) -> tuple[int, str]:
    return -session.update_time.ToNanoseconds(), session.name


def _token(session: session_pb2.Session) -> str:
    return f"{session.update_time.ToNanoseconds()}:{session.name}"


def _parse(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    time, mark, name = token.partition(":")
    if not mark or not time.isascii() or not time.isdigit() or len(time) > _MAX_DIGITS:
        raise malformed("This page token is not one of agentd's; begin with the first page.")
    return -int(time), name
