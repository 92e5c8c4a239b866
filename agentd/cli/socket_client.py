"""The CLI's way to a running agentd: gRPC over its Unix socket. What goes wrong becomes a sentence and an exit code."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.rpc import error_details_pb2, status_pb2

from agentd.cli.outcome import CommandError, Exit
from halyard.agent.v1.agent_service_pb2_grpc import AgentServiceStub
from halyard.agent.v1.workstation_service_pb2_grpc import WorkstationServiceStub

# An answer may have to wait for an agent that is just starting.
CALL_SECONDS = 30.0
# Record values reach 256 KiB and pages hold 200 messages: the default of 4 MiB is too little.
_OPTIONS = (("grpc.max_receive_message_length", 64 * 1024 * 1024),)

# Where gRPC carries google.rpc.Status: https://grpc.io/docs/guides/error/#richer-error-model
_STATUS_KEY = "grpc-status-details-bin"

_BY_REASON = {
    "LOCAL_DECISIONS_OFF": Exit.NOT_ALLOWED,
    "ROLE_INSUFFICIENT": Exit.NOT_ALLOWED,
    "ALREADY_DECIDED": Exit.TOO_LATE,
    "EXPIRED": Exit.TOO_LATE,
    "NOT_FOUND": Exit.NOT_FOUND,
    "AGENT_UNAVAILABLE": Exit.UNAVAILABLE,
    "STORE_UNAVAILABLE": Exit.UNAVAILABLE,
}
_BY_CODE = {
    grpc.StatusCode.NOT_FOUND: Exit.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED: Exit.NOT_ALLOWED,
    grpc.StatusCode.UNAVAILABLE: Exit.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: Exit.UNAVAILABLE,
}


# What gRPC itself says when the other side goes away; agentd's own refusals carry a reason.
_GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


@dataclass(frozen=True)
class Daemon:
    """A running agentd."""

    agents: AgentServiceStub
    workstation: WorkstationServiceStub


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Daemon]:
    """Yields the agentd that listens at `path`; CommandError when none does, and for each call refused inside."""
    if not is_listening(path):
        raise CommandError(Exit.NOT_RUNNING, "agentd is not running for this profile. Start it with `agentd up`.")
    async with grpc.aio.insecure_channel(f"unix:{path}", options=_OPTIONS) as channel:
        try:
            yield Daemon(AgentServiceStub(channel), WorkstationServiceStub(channel))
        except grpc.aio.AioRpcError as refusal:
            raise command_error(refusal) from refusal


def is_listening(path: Path) -> bool:
    """Returns whether some process accepts connections at the Unix socket `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def command_error(refusal: grpc.aio.AioRpcError) -> CommandError:
    """Returns the refusal as the CLI tells it: agentd's own sentence, and an exit code by (code, reason)."""
    code, reason = refusal.code(), _reason(refusal)
    if code in _GONE and not reason:
        return CommandError(Exit.UNAVAILABLE, "agentd stopped in the middle of this. Start it again with `agentd up`.")
    message = refusal.details() or f"agentd answered {code.name} without a word of why."
    return CommandError(_BY_REASON.get(reason) or _BY_CODE.get(code, Exit.FAILED), message, reason or code.name)


def _reason(refusal: grpc.aio.AioRpcError) -> str:
    info = error_details_pb2.ErrorInfo()
    for key, value in refusal.trailing_metadata():
        if key == _STATUS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    return info.reason
    return ""
