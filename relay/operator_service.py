"""`halyard.relay.v1.RelayService`: what an operator may ask. Headers, sizes, times; content there is none to read."""

import secrets
from functools import partial
from typing import Any

import grpc.aio

from halyard.relay.v1 import relay_service_pb2, relay_service_pb2_grpc
from relay import reading
from relay.channel import timestamp
from relay.errors import NotFound
from relay.grpc_door import abort, authorization
from relay.services import Services
from relay.tokens import OperatorGate
from relay.workstation_link import invite_hash
from wire.errors import HalyardError, Malformed

NAME: str = relay_service_pb2.DESCRIPTOR.services_by_name["RelayService"].full_name

_DEFAULT_PAGE, _MAX_PAGE = 100, 1_000
_INVITE_SECONDS = 24 * 3600.0
_MAX_INVITE_SECONDS = 30 * 24 * 3600.0

Context = grpc.aio.ServicerContext[Any, Any]


class OperatorInterceptor(grpc.aio.ServerInterceptor):
    """Lets nobody but the operator call RelayService. Other services have doors of their own."""

    def __init__(self, operators: OperatorGate) -> None:
        self._operators = operators

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:  # noqa: ANN401 - gRPC's own
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(f"/{NAME}/"):
            return handler

        async def guarded(request: Any, context: Context) -> Any:  # noqa: ANN401 - any of the service's messages
            try:
                self._operators.admit(authorization(context))
                return await handler.unary_unary(request, context)
            except HalyardError as error:
                await abort(context, error)

        return grpc.unary_unary_rpc_method_handler(guarded, handler.request_deserializer, handler.response_serializer)


class OperatorService(relay_service_pb2_grpc.RelayServiceServicer):
    """The service. What it refuses it raises; the interceptor turns that into a status."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def GetStatus(
        self, request: relay_service_pb2.GetStatusRequest, context: Context
    ) -> relay_service_pb2.GetStatusResponse:
        services = self._services
        records, calls = await services.store.read(reading.totals)
        return relay_service_pb2.GetStatusResponse(
            version=services.version,
            start_time=timestamp(services.started),
            origin=services.origin,
            workstations_online=len(services.hub.workstation_links),
            apps_online=len(services.hub.apps),
            records=records,
            store_bytes=services.store.file_bytes,
            calls_waiting=calls,
            pairing_slots=len(services.slots),
        )

    async def ListWorkstations(
        self, request: relay_service_pb2.ListWorkstationsRequest, context: Context
    ) -> relay_service_pb2.ListWorkstationsResponse:
        size = _page_size(request.page_size)
        found = await self._services.store.read(partial(reading.workstations, after=request.page_token, limit=size))
        for workstation in found:
            channel = self._services.hub.channels.get(workstation.workstation_id)
            if channel is not None and channel.link is not None:
                workstation.online = True
                workstation.last_seen_time.CopyFrom(timestamp(channel.last_seen()))
        token = found[-1].workstation_id if len(found) == size else ""
        return relay_service_pb2.ListWorkstationsResponse(workstations=found, next_page_token=token)

    async def ListDevices(
        self, request: relay_service_pb2.ListDevicesRequest, context: Context
    ) -> relay_service_pb2.ListDevicesResponse:
        size = _page_size(request.page_size)
        device_id, _, workstation_id = request.page_token.partition("/")
        query = partial(
            reading.devices, workstation_id=request.workstation_id, after=(device_id, workstation_id), limit=size
        )
        found = await self._services.store.read(query)
        for device in found:
            if app := self._services.hub.apps.get(device.device_id):
                device.online = True
                device.last_seen_time.CopyFrom(timestamp(app.last_heard))
        token = f"{found[-1].device_id}/{found[-1].workstation_id}" if len(found) == size else ""
        return relay_service_pb2.ListDevicesResponse(devices=found, next_page_token=token)

    async def ListLogHeaders(
        self, request: relay_service_pb2.ListLogHeadersRequest, context: Context
    ) -> relay_service_pb2.ListLogHeadersResponse:
        query = partial(
            reading.log_headers,
            workstation_id=request.workstation_id,
            after=min(request.after_seq, 2**63 - 1),
            limit=_page_size(request.page_size),
        )
        answer = await self._services.store.read(query)
        if answer is None:
            raise _unknown(request.workstation_id)
        return answer

    async def CreateInvite(
        self, request: relay_service_pb2.CreateInviteRequest, context: Context
    ) -> relay_service_pb2.CreateInviteResponse:
        ttl = request.ttl.seconds if request.HasField("ttl") else _INVITE_SECONDS
        if not 0 < ttl <= _MAX_INVITE_SECONDS:
            raise Malformed("An invite lives from one second to thirty days.")
        invite = secrets.token_urlsafe(24)
        expires = self._services.now() + ttl
        hashed, expire_ms = invite_hash(invite), round(expires * 1000)
        await self._services.store.do(lambda ledger: ledger.put_invite(hashed, expire_ms))
        return relay_service_pb2.CreateInviteResponse(invite=invite, expire_time=timestamp(expires))

    async def DeleteWorkstation(
        self, request: relay_service_pb2.DeleteWorkstationRequest, context: Context
    ) -> relay_service_pb2.DeleteWorkstationResponse:
        workstation_id = request.workstation_id
        if workstation_id not in self._services.hub.channels:
            raise _unknown(workstation_id)
        self._services.roster.strike(workstation_id)
        await self._services.store.do(lambda ledger: ledger.forget(workstation_id))
        self._services.hub.forget(workstation_id)
        return relay_service_pb2.DeleteWorkstationResponse()


def _page_size(asked: int) -> int:
    return min(asked or _DEFAULT_PAGE, _MAX_PAGE)


def _unknown(workstation_id: str) -> NotFound:
    return NotFound(f"This relay knows no workstation {workstation_id[:64]!r}; `relay workstations` lists them.")
