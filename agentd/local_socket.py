"""The same services on a Unix socket, for the CLI, `grpcurl -unix` and `buf curl --unix-socket`. Reflection is on.

Connections come through the front door, which knows what is behind each. One that reaches gRPC's inner socket by itself
is a stranger of the same user: it may read and prompt, and neither decides nor says who gets in.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import Message
from grpc import aio
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from agentd import caller
from agentd.caller import Caller
from agentd.calls import CallDesk
from agentd.config import PRIVATE_FILE
from agentd.devices import METHOD_ROLES, check_role
from agentd.errors import malformed
from agentd.front_door import FrontDoor, Visitors
from agentd.grpc_errors import EXPECTED, Told, status_of
from agentd.methods import MethodTable
from halyard.agent.v1 import agent_service_pb2, workstation_service_pb2
from halyard.agent.v1.agent_service_pb2_grpc import AgentServiceServicer, add_AgentServiceServicer_to_server
from halyard.agent.v1.workstation_service_pb2_grpc import (
    WorkstationServiceServicer,
    add_WorkstationServiceServicer_to_server,
)

CALL_ID_KEY = "halyard-call-id"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STOP_SECONDS = 2.0

# In quotes: gRPC's classes take type arguments in its published types only, not at run time.
Context: TypeAlias = "aio.ServicerContext[Message, Message]"
Unary: TypeAlias = "Callable[[Message, Context], Awaitable[Message]]"
Stream: TypeAlias = "Callable[[Message, Context], AsyncIterator[Message]]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continue: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"

_SERVICE_NAMES = (
    agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name,
    workstation_service_pb2.DESCRIPTOR.services_by_name["WorkstationService"].full_name,
    reflection.SERVICE_NAME,
)


class _Door(aio.ServerInterceptor):
    """Says who calls, and turns exceptions into statuses."""

    def __init__(self, visitors: Visitors, desk: CallDesk, methods: MethodTable, *, local_decisions: bool) -> None:
        self._visitors = visitors
        self._desk = desk
        self._methods = methods
        self._local_decisions = local_decisions

    async def intercept_service(
        self, continuation: "Continue", handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler":
        # Published for synchronous servers: the types of what a handler holds do not fit asyncio ones.
        handler: Any = await continuation(handler_call_details)
        name = handler_call_details.method
        if handler is None or name not in METHOD_ROLES:
            return cast("Handler", handler)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(name, handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(name, handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )

    def _unary(self, name: str, method: Unary) -> Unary:
        async def answer(request: Message, context: Context) -> Message:
            try:
                with self._entered(name, context):
                    call_id = _call_id(context)
                    if call_id:
                        return await self._once(call_id, name, request)
                    return await method(request, context)
            except EXPECTED as refusal:
                await context.abort_with_status(rpc_status.to_status(status_of(refusal)))

        return answer

    async def _once(self, call_id: bytes, name: str, request: Message) -> Message:
        method = self._methods.get(name)
        result = await self._desk.carry_out_here(call_id, method, request.SerializeToString(), caller.current())
        if result.HasField("error"):
            raise Told(result.error)
        return method.response.FromString(result.response)

    def _stream(self, name: str, method: Stream) -> Stream:
        async def answer(request: Message, context: Context) -> AsyncIterator[Message]:
            try:
                with self._entered(name, context):
                    async for response in method(request, context):
                        yield response
            except EXPECTED as refusal:
                await context.abort_with_status(rpc_status.to_status(status_of(refusal)))

        return answer

    @contextmanager
    def _entered(self, name: str, context: Context) -> Iterator[None]:
        visitor = self._caller(context.peer())
        check_role(visitor.role, name)
        with caller.calling(visitor):
            yield

    def _caller(self, address: str) -> Caller:
        may_admit = self._local_decisions or self._visitors.is_person(address)
        return caller.local(caller.Unrepeated(), may_decide=self._local_decisions, may_admit=may_admit)


def _call_id(context: Context) -> bytes:
    """The call id in the metadata; empty when there is none, MALFORMED when it is no 32 hex digits."""
    for key, value in context.invocation_metadata() or ():
        if key == CALL_ID_KEY:
            try:
                return bytes.fromhex(value if isinstance(value, str) else value.decode("ascii", "replace"))
            except ValueError:
                raise malformed(f"{CALL_ID_KEY} is a UUIDv7 in 32 hex digits.") from None
    return b""


@asynccontextmanager
async def serving(
    path: Path,
    agents: AgentServiceServicer,
    workstation: WorkstationServiceServicer,
    desk: CallDesk,
    methods: MethodTable,
    *,
    local_decisions: bool,
) -> AsyncIterator[None]:
    """Serves both services at `path` meanwhile."""
    visitors = Visitors()
    inner = path.with_suffix(".grpc")
    door = _Door(visitors, desk, methods, local_decisions=local_decisions)
    server = aio.server(interceptors=(door,), options=(("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),))
    add_AgentServiceServicer_to_server(agents, server)
    add_WorkstationServiceServicer_to_server(workstation, server)
    reflection.enable_server_reflection(_SERVICE_NAMES, server)
    # Not by a umask: the folder is 0700 already, and what agents start meanwhile would inherit it, with all they make.
    server.add_insecure_port(f"unix:{inner}")
    inner.chmod(PRIVATE_FILE)
    await server.start()
    front = await FrontDoor(inner, visitors).open(path)
    try:
        yield
    finally:
        front.close()
        await server.stop(STOP_SECONDS)
        for left in (path, inner):
            left.unlink(missing_ok=True)
