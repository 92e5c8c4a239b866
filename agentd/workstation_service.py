"""WorkstationService, implemented once: how the workstation is, and who may direct it."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from agentd import caller
from agentd.calls import CallDesk
from agentd.config import Config
from agentd.devices import Devices
from agentd.doctor import Doctor
from agentd.errors import malformed
from agentd.pairing_host import PairingHost
from agentd.session_log import SessionLog
from agentd.store import Store
from agentd.uplink import Uplink
from agentd.workstation_record import WorkstationRecord
from halyard.agent.v1 import workstation_service_pb2 as pb
from halyard.agent.v1.workstation_service_pb2_grpc import WorkstationServiceServicer
from wire.calls import check_call_id

Context = Any


@dataclass(frozen=True)
class WorkstationParts:
    """What the service tells about and acts on."""

    record: WorkstationRecord
    store: Store
    log: SessionLog
    devices: Devices
    pairing: PairingHost
    uplink: Uplink | None
    doctor: Doctor
    config: Config
    desk: CallDesk
    stop: asyncio.Event
    """Set to stop agentd in order."""


class WorkstationService(WorkstationServiceServicer):
    """What a person can ask of the workstation itself."""

    def __init__(self, parts: WorkstationParts) -> None:
        self._parts = parts

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        return self._status()

    async def Diagnose(self, request: pb.DiagnoseRequest, context: Context) -> pb.DiagnoseResponse:
        return await self._parts.doctor.examine(self._status())

    def _status(self) -> pb.GetStatusResponse:
        parts = self._parts
        status = pb.GetStatusResponse(
            workstation=parts.record.value,
            relay_origin=parts.config.relay.origin if parts.config.relay else "",
            head_seq=parts.log.head.seq,
            devices=len(parts.devices.ids),
            pid=os.getpid(),
            app_url=parts.config.app_url,
            store_detail=parts.store.trouble,
            link_detail="No relay is configured; apps cannot reach this workstation.",
        )
        if parts.uplink is not None:
            _tell_link(status, parts.uplink)
        return status

    async def ListDevices(self, request: pb.ListDevicesRequest, context: Context) -> pb.ListDevicesResponse:
        return pb.ListDevicesResponse(devices=self._parts.devices.list())

    async def RenameDevice(self, request: pb.RenameDeviceRequest, context: Context) -> pb.RenameDeviceResponse:
        caller.current().check_admits()
        return pb.RenameDeviceResponse(device=self._parts.devices.rename(request.device, request.display_name))

    async def SetDeviceRole(self, request: pb.SetDeviceRoleRequest, context: Context) -> pb.SetDeviceRoleResponse:
        caller.current().check_admits()
        return pb.SetDeviceRoleResponse(device=self._parts.devices.set_role(request.device, request.role))

    async def RevokeDevice(self, request: pb.RevokeDeviceRequest, context: Context) -> pb.RevokeDeviceResponse:
        caller.current().check_admits()
        self._parts.devices.revoke(request.device)
        await self._parts.log.flush()
        return pb.RevokeDeviceResponse()

    async def WithdrawCall(self, request: pb.WithdrawCallRequest, context: Context) -> pb.WithdrawCallResponse:
        device = caller.current().author.device
        try:
            expires_ms = request.expire_time.ToMilliseconds()
        except ValueError:
            raise malformed("Say when the call expires, as the call itself does.") from None
        await self._parts.desk.withdraw(device, check_call_id(request.call_id), expires_ms)
        return pb.WithdrawCallResponse()

    async def Pair(self, request: pb.PairRequest, context: Context) -> AsyncIterator[pb.PairResponse]:
        caller.current().check_admits()
        async for event in self._parts.pairing.pair(request.role):
            yield event

    async def Shutdown(self, request: pb.ShutdownRequest, context: Context) -> pb.ShutdownResponse:
        # Open to every program of this user: it could as well send a signal.
        self._parts.stop.set()
        return pb.ShutdownResponse()


def _tell_link(status: pb.GetStatusResponse, uplink: Uplink) -> None:
    status.link_state = uplink.status.state
    status.link_detail = uplink.status.detail
    status.link_change_time.FromMilliseconds(uplink.status.change_ms)
    status.stored_through = uplink.stored_through
    status.apps_watching = uplink.apps
