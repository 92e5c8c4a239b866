"""What a person may want of a workstation, as calls: method, request, and for how long it still makes sense.

An intent knows nothing of links and seals; `device` gives it an id and keeps it until it is answered.
"""

from dataclasses import dataclass
from typing import Protocol

from app_flet.instants import DAY_MS, HOUR_MS, MINUTE_MS, instant, milliseconds
from halyard_client.halyard.agent import v1

AGENT_SERVICE = "/halyard.agent.v1.AgentService/"
WORKSTATION_SERVICE = "/halyard.agent.v1.WorkstationService/"

READ_TTL_MS = 30_000
STOP_TTL_MS = 5 * MINUTE_MS
CHANGE_TTL_MS = HOUR_MS
PROMPT_TTL_MS = DAY_MS
PAGE_SIZE = 20


class Request(Protocol):
    """Any request message of the contract."""

    def __bytes__(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """One call in the making."""

    method: str
    """Full name, for example `/halyard.agent.v1.AgentService/Prompt`."""
    request: bytes
    ttl_ms: int
    is_read: bool = False
    """Changes nothing: not kept on disk, and nobody is told how far it got."""


def _agent(name: str, request: Request, ttl_ms: int) -> Intent:
    return Intent(AGENT_SERVICE + name, bytes(request), ttl_ms)


def _read(name: str, request: Request) -> Intent:
    return Intent(AGENT_SERVICE + name, bytes(request), READ_TTL_MS, is_read=True)


def _workstation(name: str, request: Request) -> Intent:
    return Intent(WORKSTATION_SERVICE + name, bytes(request), CHANGE_TTL_MS)


PROMPT = AGENT_SERVICE + "Prompt"
START_SESSION = AGENT_SERVICE + "StartSession"
DECIDE = AGENT_SERVICE + "Decide"
ANSWER = AGENT_SERVICE + "Answer"
INTERRUPT = AGENT_SERVICE + "Interrupt"
WITHDRAW = WORKSTATION_SERVICE + "WithdrawCall"
DECISIONS = (DECIDE, ANSWER)


def prompt(session: str, text: str, *, model: str = "", mode: str = "") -> Intent:
    """Say something to the agent; waits a day for a workstation that is away."""
    return _agent("Prompt", v1.PromptRequest(session=session, text=text, model=model, mode=mode), PROMPT_TTL_MS)


def again(method: str, request: bytes) -> Intent:
    """Ask once more for what was refused or ran out of time: a prompt, or the start of a session."""
    return Intent(method, request, PROMPT_TTL_MS)


def start_session(project: str, text: str, *, agent: str = "", model: str = "", mode: str = "") -> Intent:
    """Begin a session with its first prompt."""
    request = v1.StartSessionRequest(project=project, agent=agent, model=model, mode=mode, prompt=text)
    return _agent("StartSession", request, PROMPT_TTL_MS)


def decide(permission: v1.Permission, outcome: v1.DecisionState, now_ms: int, message: str = "") -> Intent:
    """Decide a permission; the call lives as long as the permission does."""
    request = v1.DecideRequest(permission=permission.name, outcome=outcome, message=message)
    return _agent("Decide", request, _until(milliseconds(permission.expire_time), now_ms))


def answer(question: v1.Question, answers: list[list[str]], now_ms: int) -> Intent:
    """Answer all prompts of a question."""
    request = v1.AnswerRequest(question=question.name, answers=[v1.QuestionAnswer(values=values) for values in answers])
    return _agent("Answer", request, _until(milliseconds(question.expire_time), now_ms))


def dismiss(question: v1.Question, now_ms: int) -> Intent:
    """Dismiss a question; the turn ends."""
    request = v1.AnswerRequest(question=question.name, dismiss=True)
    return _agent("Answer", request, _until(milliseconds(question.expire_time), now_ms))


def _until(expires_ms: int, now_ms: int) -> int:
    return min(max(expires_ms - now_ms, READ_TTL_MS), DAY_MS) if expires_ms else DAY_MS


def interrupt(session: str) -> Intent:
    """Stop the running turn; pointless after minutes."""
    return _agent("Interrupt", v1.InterruptRequest(session=session), STOP_TTL_MS)


def rename_session(session: str, title: str) -> Intent:
    """Give a session another title."""
    return _agent("RenameSession", v1.RenameSessionRequest(session=session, title=title), CHANGE_TTL_MS)


def archive_session(session: str, *, restore: bool = False) -> Intent:
    """Put a session away, or bring it back."""
    return _agent("ArchiveSession", v1.ArchiveSessionRequest(session=session, restore=restore), CHANGE_TTL_MS)


def delete_session(session: str) -> Intent:
    """Delete a session for good."""
    return _agent("DeleteSession", v1.DeleteSessionRequest(session=session), CHANGE_TTL_MS)


def compact_session(session: str) -> Intent:
    """Sum up older conversation."""
    return _agent("CompactSession", v1.CompactSessionRequest(session=session), CHANGE_TTL_MS)


def rename_device(device: str, display_name: str) -> Intent:
    """Call a device something else."""
    return _workstation("RenameDevice", v1.RenameDeviceRequest(device=device, display_name=display_name))


def set_device_role(device: str, role: v1.DeviceRole) -> Intent:
    """Give a device another role."""
    return _workstation("SetDeviceRole", v1.SetDeviceRoleRequest(device=device, role=role))


def revoke_device(device: str) -> Intent:
    """Take everything back from a device."""
    return _workstation("RevokeDevice", v1.RevokeDeviceRequest(device=device))


def withdraw(call_id: bytes, expires_ms: int, ttl_ms: int) -> Intent:
    """Take back another call of this device; worth asking for as long as that one may still arrive."""
    request = v1.WithdrawCallRequest(call_id=call_id, expire_time=instant(expires_ms))
    return Intent(WITHDRAW, bytes(request), ttl_ms)


def withdrawn_call(method: str, request: bytes) -> bytes:
    """The id of the call that a withdrawal is about; empty for every other call."""
    return v1.WithdrawCallRequest.parse(request).call_id if method == WITHDRAW else b""


def diagnose() -> Intent:
    """Have the workstation examine itself and its path to a model."""
    return Intent(WORKSTATION_SERVICE + "Diagnose", bytes(v1.DiagnoseRequest()), READ_TTL_MS, is_read=True)


def turn_diff(message: str) -> Intent:
    """What the turn that answered the prompt `message` changed."""
    return _read("GetDiff", v1.GetDiffRequest(message=message))


def session_diff(session: str) -> Intent:
    """What a whole session changed."""
    return _read("GetDiff", v1.GetDiffRequest(session=session))


def tree_diff(project: str) -> Intent:
    """What the working tree holds beyond the last commit."""
    return _read("GetDiff", v1.GetDiffRequest(project=project))


def list_files(project: str, path: str) -> Intent:
    """What a folder holds."""
    return _read("ListFiles", v1.ListFilesRequest(project=project, path=path))


def read_file(project: str, path: str) -> Intent:
    """The beginning of a file."""
    return _read("ReadFile", v1.ReadFileRequest(project=project, path=path))


def find_files(project: str, query: str) -> Intent:
    """Files by part of their name."""
    return _read("FindFiles", v1.FindFilesRequest(project=project, query=query))


def list_messages(session: str, page_token: str = "") -> Intent:
    """A page of messages that the relay no longer holds; small enough for one frame of a link, tool output included."""
    return _read("ListMessages", v1.ListMessagesRequest(session=session, page_size=PAGE_SIZE, page_token=page_token))
