"""The one conversion between agentd's exceptions and google.rpc.Status with its ErrorInfo."""

from google.rpc import error_details_pb2, status_pb2

from agentd.agents import agent
from agentd.errors import Refused
from wire.errors import DOMAIN, Code, HalyardError

_BY_KIND: tuple[tuple[type[Exception], Code, str], ...] = (
    (agent.AgentUnavailableError, Code.UNAVAILABLE, "AGENT_UNAVAILABLE"),
    (agent.AgentRefusedError, Code.FAILED_PRECONDITION, "AGENT_REFUSED"),
    (agent.ResourceNotFoundError, Code.NOT_FOUND, "NOT_FOUND"),
    (agent.SessionBusyError, Code.FAILED_PRECONDITION, "SESSION_BUSY"),
    (agent.PathOutsideProjectError, Code.INVALID_ARGUMENT, "PATH_OUTSIDE_PROJECT"),
    (agent.UnsupportedError, Code.UNIMPLEMENTED, "UNSUPPORTED"),
    (agent.NotWaitingError, Code.FAILED_PRECONDITION, "EXPIRED"),
)


class Told(Exception):
    """A refusal that was told before, remembered as the status it was."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


EXPECTED: tuple[type[Exception], ...] = (HalyardError, Told, *(kind for kind, _, _ in _BY_KIND))
"""Every exception that is an answer. Any other is a defect."""


def status_of(error: Exception) -> status_pb2.Status:
    """The status that tells `error` to a caller. A defect keeps its details to itself: they are in agentd's log."""
    if isinstance(error, Told):
        return error.status
    if isinstance(error, HalyardError):
        metadata = error.metadata if isinstance(error, Refused) else {}
        return _status(error.code, error.reason, error.message, metadata)
    for kind, code, reason in _BY_KIND:
        if isinstance(error, kind):
            return _status(code, reason, str(error) or f"The agent refused ({reason}).", {})
    return _status(Code.INTERNAL, "UNSPECIFIED", "agentd failed at this; `agentd run -v` shows why in its log.", {})


def reason_of(status: status_pb2.Status) -> str:
    """The reason in a status; empty when it carries none of Halyard's."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info.reason
    return ""


def metadata_of(status: status_pb2.Status) -> dict[str, str]:
    """The metadata beside the reason."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            return dict(info.metadata)
    return {}


def _status(code: Code, reason: str, message: str, metadata: dict[str, str]) -> status_pb2.Status:
    status = status_pb2.Status(code=int(code), message=message)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)
    status.details.add().Pack(info)
    return status
