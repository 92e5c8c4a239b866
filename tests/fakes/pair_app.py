"""Pairs a headless app with a daemon in this process, by the code that a person would type."""

import asyncio

from agentd.daemon import Daemon
from halyard.agent.v1 import workstation_pb2
from tests.fakes.app_link import AppLink
from tests.fakes.relay_process import RunningRelay


async def pair_app(
    daemon: Daemon,
    relay: RunningRelay,
    *,
    role: workstation_pb2.DeviceRole = workstation_pb2.DEVICE_ROLE_OPERATOR,
    display_name: str = "Test phone",
) -> AppLink:
    """An app that has just been paired, in this role."""
    events = daemon.pairing.pair(role)
    shown = await anext(events)
    async with asyncio.TaskGroup() as group:
        joining = group.create_task(AppLink.pair(relay.http, shown.code.code, display_name=display_name))
        async for _ in events:
            pass
    return joining.result()
