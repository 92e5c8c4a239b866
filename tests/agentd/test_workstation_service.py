"""WorkstationService through the link: how the workstation is, and who may direct it."""

import asyncio
import os

import pytest

from agentd.config import Config
from agentd.daemon import Daemon, running
from halyard.agent.v1 import workstation_pb2
from halyard.agent.v1 import workstation_service_pb2 as pb
from tests.fakes.app_link import CallFailed
from tests.fakes.pair_app import pair_app
from tests.fakes.relay_process import RunningRelay

VIEWER = workstation_pb2.DEVICE_ROLE_VIEWER


async def test_the_status_tells_of_link_log_and_apps(daemon: Daemon, relay: RunningRelay) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        status = await app.call("WorkstationService/GetStatus", pb.GetStatusRequest(), pb.GetStatusResponse)
    assert (status.relay_origin, status.link_state, status.link_detail) == (relay.origin, pb.LINK_STATE_UP, "")
    assert (status.pid, status.devices) == (os.getpid(), 1)
    assert 0 < status.stored_through <= status.head_seq
    assert status.workstation.display_name == "desk"


async def test_an_operator_manages_devices_from_an_app(daemon: Daemon, relay: RunningRelay) -> None:
    first = await pair_app(daemon, relay, display_name="First")
    second = await pair_app(daemon, relay, display_name="Second")
    name = f"devices/{second.identity.device_id}"
    async with first.attached(), second.attached():
        rename = pb.RenameDeviceRequest(device=name, display_name="Tablet")
        renamed = await first.call("WorkstationService/RenameDevice", rename, pb.RenameDeviceResponse)
        assert renamed.device.display_name == "Tablet"
        demote = pb.SetDeviceRoleRequest(device=name, role=VIEWER)
        await first.call("WorkstationService/SetDeviceRole", demote, pb.SetDeviceRoleResponse)
        listed = await second.call("WorkstationService/ListDevices", pb.ListDevicesRequest(), pb.ListDevicesResponse)
        assert [(device.display_name, device.role) for device in listed.devices][1] == ("Tablet", VIEWER)
        with pytest.raises(CallFailed) as refused:
            await second.call("WorkstationService/RenameDevice", rename, pb.RenameDeviceResponse)
        assert refused.value.reason == "ROLE_INSUFFICIENT"
        await first.until(lambda: name in first.resources and first.resources[name].device.role == VIEWER)


async def test_stopping_and_pairing_are_for_the_socket(daemon: Daemon, relay: RunningRelay) -> None:
    app = await pair_app(daemon, relay)
    async with app.attached():
        with pytest.raises(CallFailed) as refused:
            await app.call("WorkstationService/Shutdown", pb.ShutdownRequest(), pb.ShutdownResponse)
        assert refused.value.reason == "UNSUPPORTED"
    assert not daemon.stop.is_set()


async def test_without_a_relay_it_says_so(config: Config) -> None:
    async with asyncio.timeout(30), running(config, lambda _: []) as daemon:
        assert daemon.uplink is None
        with pytest.raises(Exception, match="No relay is configured"):
            await anext(daemon.pairing.pair(VIEWER))
