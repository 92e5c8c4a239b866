"""Devices: who they are, what each may do, and what each is granted."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentd.devices import CALL_TIME_STEP_MS, METHOD_ROLES, Devices, check_role, role_word
from agentd.errors import Refused
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import agent_service_pb2, workstation_service_pb2
from halyard.agent.v1 import workstation_pb2 as pb
from tests.fakes.call_desk import WORKSTATION, Clock
from wire import names
from wire.identity import Identity
from wire.sealing import Channel, KeyRing

OPERATOR, APPROVER, VIEWER = pb.DEVICE_ROLE_OPERATOR, pb.DEVICE_ROLE_APPROVER, pb.DEVICE_ROLE_VIEWER


@dataclass
class Desk:
    log: SessionLog
    sealer: Sealer
    devices: Devices
    clock: Clock

    def granted(self, app: Identity) -> KeyRing:
        entry = self.log.entry(names.grant(app.device_id))
        assert entry is not None
        return Channel(app, WORKSTATION.public).open_grant(self.log.epoch, entry.body)


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    clock = Clock()
    with Store(folder / "db") as store:
        log = SessionLog(store, clock)
        sealer = Sealer(store, log, WORKSTATION.device_id, clock)
        yield Desk(log, sealer, Devices(store, log, sealer, WORKSTATION, clock), clock)


def app() -> Identity:
    return Identity.from_bytes(secrets.token_bytes(64))


def test_every_method_of_the_contract_has_a_role() -> None:
    declared = {
        f"/{service.full_name}/{method.name}"
        for file in (agent_service_pb2.DESCRIPTOR, workstation_service_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    }
    assert METHOD_ROLES.keys() == declared


@pytest.mark.parametrize(
    ("role", "method", "allowed"),
    [
        (OPERATOR, "/halyard.agent.v1.AgentService/Prompt", True),
        (OPERATOR, "/halyard.agent.v1.AgentService/NotThere", False),
        (APPROVER, "/halyard.agent.v1.AgentService/Decide", True),
        (APPROVER, "/halyard.agent.v1.AgentService/Prompt", False),
        (APPROVER, "/halyard.agent.v1.WorkstationService/RevokeDevice", False),
        (VIEWER, "/halyard.agent.v1.AgentService/ListSessions", True),
        (VIEWER, "/halyard.agent.v1.AgentService/Decide", False),
        (pb.DEVICE_ROLE_UNSPECIFIED, "/halyard.agent.v1.AgentService/ListSessions", True),
        (pb.DEVICE_ROLE_UNSPECIFIED, "/halyard.agent.v1.AgentService/Decide", False),
    ],
)
def test_a_role_allows_what_it_says(role: pb.DeviceRole, method: str, *, allowed: bool) -> None:
    if allowed:
        check_role(role, method)
    else:
        with pytest.raises(Refused) as refused:
            check_role(role, method)
        assert refused.value.reason == "ROLE_INSUFFICIENT"


def test_roles_have_words() -> None:
    assert [role_word(role) for role in (OPERATOR, APPROVER, VIEWER, pb.DEVICE_ROLE_UNSPECIFIED)] == [
        "operator",
        "approver",
        "viewer",
        "viewer",
    ]


async def test_a_device_is_listed_granted_and_remembered(tmp_path: Path) -> None:
    phone = app()
    async with desk(tmp_path) as at:
        changes: list[int] = []
        at.devices.on_change(lambda: changes.append(at.devices.revision))
        device = at.devices.add(phone.public, "  Anne's\tphone ", "android", APPROVER)
        assert (device.display_name, at.devices.ids, changes) == ("Anne's phone", [phone.device_id], [1])
        assert at.granted(phone) == at.sealer.ring
        value = at.log.get(device.name)
        assert value is not None
        assert value.device == device
    async with desk(tmp_path) as at:
        assert at.devices.list() == [device]
        assert at.devices.revision == 1


async def test_revoking_takes_the_keys_and_turns_them(tmp_path: Path) -> None:
    stays, goes = app(), app()
    async with desk(tmp_path) as at:
        at.devices.add(stays.public, "A", "test", OPERATOR)
        gone = at.devices.add(goes.public, "B", "test", OPERATOR)
        before = at.sealer.ring
        at.devices.revoke(gone.name)
        assert at.devices.ids == [stays.device_id]
        assert at.sealer.ring.newest.number == before.newest.number + 1
        assert at.granted(stays) == at.sealer.ring
        entry = at.log.entry(names.grant(goes.device_id))
        assert entry is not None
        assert entry.body == b""
        assert at.log.get(gone.name) is None
        with pytest.raises(Refused):
            at.devices.revoke(gone.name)
    async with desk(tmp_path) as at:
        assert at.devices.ids == [stays.device_id]
        assert at.granted(stays).newest == at.sealer.ring.newest


async def test_names_and_roles_change(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        name = at.devices.add(app().public, "A", "test", OPERATOR).name
        assert at.devices.rename(name, "B").display_name == "B"
        assert at.devices.set_role(name, VIEWER).role == VIEWER
        for bad in ("", " ", "x" * 65):
            with pytest.raises(Refused) as refused:
                at.devices.rename(name, bad)
            assert refused.value.reason == "MALFORMED"
        with pytest.raises(Refused):
            at.devices.set_role(name, pb.DEVICE_ROLE_UNSPECIFIED)
        with pytest.raises(Refused) as refused:
            at.devices.rename("devices/unknown", "B")
        assert refused.value.reason == "NOT_FOUND"


async def test_calls_are_noted_coarsely(tmp_path: Path) -> None:
    phone = app()
    async with desk(tmp_path) as at:
        at.devices.add(phone.public, "A", "test", OPERATOR)
        at.devices.called(phone.device_id)
        written = at.log.written
        at.clock.now_ms += CALL_TIME_STEP_MS - 1
        at.devices.called(phone.device_id)
        at.devices.called("unknown")
        assert at.log.written == written
        at.clock.now_ms += 1
        at.devices.called(phone.device_id)
        assert at.devices.list()[0].last_call_time.ToMilliseconds() == at.clock.now_ms


async def test_after_another_log_began_the_list_counts_as_newer_than_any_the_relay_saw(tmp_path: Path) -> None:
    phone = app()
    async with desk(tmp_path) as at:
        at.devices.add(phone.public, "A", "test", OPERATOR)
        at.log.renew_epoch()
        at.sealer.begin_anew()
        at.devices.begin_anew()
        assert at.devices.revision > at.clock.now_ms
        assert at.granted(phone) == at.sealer.ring
