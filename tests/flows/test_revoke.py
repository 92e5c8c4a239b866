"""A device is taken out: its link closes at once, it can neither read what comes nor command; others go on."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from halyard.agent.v1 import workstation_service_pb2 as workstation_service
from tests.fakes.app_link import AppLink, LinkRefused
from tests.fakes.opencode import says, scripted
from tests.flows.stack import Stack
from tests.flows.steps import answered, start

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_revoked_by_name_in_a_terminal(stack: Stack, phone: AppLink) -> None:
    lost = await stack.workstation.pair("Lost phone")
    async with phone.attached():
        async with put_out(lost):
            await lost.until(lambda: lost.named("projects/"))
            done = await stack.workstation.command("devices", "revoke", "Lost phone", terminal=True)
            assert done.code == 0, done.out
        await gone(stack, phone, lost)


async def test_revoked_from_another_app(stack: Stack, phone: AppLink) -> None:
    lost = await stack.workstation.pair("Stolen phone")
    async with phone.attached():
        async with put_out(lost):
            await lost.until(lambda: lost.named("projects/"))
            request = workstation_service.RevokeDeviceRequest(device=f"devices/{lost.identity.device_id}")
            await phone.call("WorkstationService/RevokeDevice", request, workstation_service.RevokeDeviceResponse)
        await gone(stack, phone, lost)


async def test_a_program_without_a_terminal_may_not_revoke(stack: Stack, phone: AppLink) -> None:
    done = await stack.workstation.command("--json", "devices", "revoke", phone.identity.device_id)
    assert done.code == 6
    assert json.loads(done.err)["error"]["reason"] == "LOCAL_DECISIONS_OFF"
    async with phone.attached():
        await phone.until(lambda: phone.caught_up)


@asynccontextmanager
async def put_out(app: AppLink) -> AsyncIterator[None]:
    """The app's link stands when the block begins; the relay closes it before the block is left."""
    async with app.attached():
        yield
        await app.until(lambda: app.closed)
    assert app.refusal is not None
    assert app.refusal.reason == "REVOKED"


async def gone(stack: Stack, phone: AppLink, lost: AppLink) -> None:
    """The lost device is out, the other one goes on."""
    assert lost.ring is not None
    with pytest.raises(LinkRefused) as refusal:
        async with lost.attached():
            pass
    assert refusal.value.reason in ("REVOKED", "NOT_A_MEMBER")
    name, message = await start(phone, scripted(says("Without the lost one.")))
    await answered(phone, name, message, "Without the lost one.")
    assert phone.ring is not None
    granted, used = lost.ring.newest.number, phone.ring.newest.number
    assert used > granted, "what is written now is sealed under a key that the lost device was never given"
    await phone.until(lambda: f"devices/{lost.identity.device_id}" not in phone.resources)
    listed = json.loads((await stack.workstation.command("--json", "devices")).out)["devices"]
    assert f"devices/{lost.identity.device_id}" not in [device["name"] for device in listed]
