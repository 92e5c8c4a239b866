"""The client against a real gRPC server on a real Unix socket."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from agentd.cli.outcome import CommandError, Exit
from agentd.cli.socket_client import connected, is_listening
from halyard.agent.v1 import agent_service_pb2 as service

Context = grpc.aio.ServicerContext[service.ListProjectsRequest, service.ListProjectsResponse]


def refusing(code: int, reason: str) -> grpc.GenericRpcHandler:
    """A server's part that answers ListProjects with one refusal."""

    async def list_projects(_request: service.ListProjectsRequest, context: Context) -> service.ListProjectsResponse:
        status = status_pb2.Status(code=code, message="Do this instead.")
        if reason:
            detail = Any()
            detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="halyard"))
            status.details.append(detail)
        await context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort_with_status raises")

    handler = grpc.unary_unary_rpc_method_handler(
        list_projects,
        request_deserializer=service.ListProjectsRequest.FromString,
        response_serializer=service.ListProjectsResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("halyard.agent.v1.AgentService", {"ListProjects": handler})


@asynccontextmanager
async def serving(path: Path, handler: grpc.GenericRpcHandler) -> AsyncIterator[None]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=None)


@pytest.mark.parametrize(
    ("code", "reason", "exit_code"),
    [
        (code_pb2.PERMISSION_DENIED, "LOCAL_DECISIONS_OFF", Exit.NOT_ALLOWED),
        (code_pb2.FAILED_PRECONDITION, "ALREADY_DECIDED", Exit.TOO_LATE),
        (code_pb2.FAILED_PRECONDITION, "EXPIRED", Exit.TOO_LATE),
        (code_pb2.NOT_FOUND, "NOT_FOUND", Exit.NOT_FOUND),
        (code_pb2.UNAVAILABLE, "AGENT_UNAVAILABLE", Exit.UNAVAILABLE),
        (code_pb2.DEADLINE_EXCEEDED, "", Exit.UNAVAILABLE),
        (code_pb2.INTERNAL, "", Exit.FAILED),
    ],
)
async def test_a_refusal_keeps_its_sentence_and_gets_its_exit_code(
    tmp_path: Path, code: int, reason: str, exit_code: Exit
) -> None:
    path = tmp_path / "s"
    async with serving(path, refusing(code, reason)):
        with pytest.raises(CommandError, match=r"Do this instead\.") as refusal:
            async with connected(path) as agentd:
                await agentd.agents.ListProjects(service.ListProjectsRequest())
    assert refusal.value.code is exit_code
    assert refusal.value.reason == (reason or code_pb2.Code.Name(code))


async def test_a_daemon_that_goes_away_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(path, refusing(code_pb2.UNAVAILABLE, "")):
        with pytest.raises(CommandError, match="agentd stopped in the middle") as refusal:
            async with connected(path) as agentd:
                await agentd.agents.ListProjects(service.ListProjectsRequest())
    assert refusal.value.code is Exit.UNAVAILABLE


async def test_nobody_there_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="agentd up") as refusal:
        async with connected(tmp_path / "absent"):
            pass
    assert refusal.value.code is Exit.NOT_RUNNING


def test_a_socket_that_a_killed_daemon_left_is_nobody(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    assert not is_listening(path)
