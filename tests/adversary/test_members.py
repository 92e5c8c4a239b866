"""Only the workstation says who belongs to it, and a device that was revoked has nothing that still works."""

import secrets
from pathlib import Path

import pytest

from agentd.devices import METHOD_ROLES, role_word
from halyard.agent.v1 import resource_pb2, workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from tests.adversary.scene import opened
from tests.adversary.test_commands import sealed_call
from tests.fakes import call_desk
from tests.fakes.call_desk import Clock, Phone, Workstation
from tests.fakes.scripted_agent import ScriptedAgent
from wire import names
from wire.calls import uuid7
from wire.errors import KeyMissing, SealBroken
from wire.identity import Identity
from wire.sealing import Channel, Origin, open_head, open_record, seal_record

OPERATOR, APPROVER, VIEWER = (
    workstation_pb2.DEVICE_ROLE_OPERATOR,
    workstation_pb2.DEVICE_ROLE_APPROVER,
    workstation_pb2.DEVICE_ROLE_VIEWER,
)


async def test_a_member_that_the_relay_invents_can_neither_command_nor_read(tmp_path: Path) -> None:
    """The relay lets its own device in, hands it everything, and passes its calls on."""
    async with opened(tmp_path) as at:
        enemy = Identity.from_bytes(secrets.token_bytes(64))
        at.relay.members.append(enemy.device_id)
        at.relay.hand_over(sealed_call(enemy, at.daemon.identity.public, "from an invented member"))
        await at.settled()
        assert at.heard("from an invented member") == 0
        assert [device.name for device in at.daemon.devices.list()] == ["devices/" + at.phone.identity.device_id]
        grants = [key for key in at.relay.disk.records if names.granted_device(key)]
        assert grants == [names.grant(at.phone.identity.device_id).encode()]
        # Even if the workstation's list were lost and came back from the relay: nothing of it is read there.
        at.relay.tell_workstation(inbox=link.Inbox(), watchers=link.Watchers(apps=7))
        await at.settled()
        assert len(at.daemon.devices.list()) == 1


async def test_the_grant_of_another_device_opens_for_nobody_else(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        second = Identity.from_bytes(secrets.token_bytes(64))
        at.daemon.devices.add(second.public, "Tablet", "test", OPERATOR)
        await at.settled()
        key = names.grant(second.device_id).encode()
        await at.relay.until(lambda: key in at.relay.disk.records)
        theirs, epoch = at.relay.disk.records[key], at.relay.disk.epoch
        with pytest.raises(SealBroken):
            Channel(at.phone.identity, at.daemon.identity.public).open_grant(epoch, theirs.sealed)
        # Handed over as the phone's own, in the welcome and in a batch: refused, and the phone reads on.
        as_mine = record_pb2.Record(seq=theirs.seq + 9, key=names.grant(at.phone.identity.device_id).encode())
        as_mine.sealed = theirs.sealed
        state = at.relay.state()
        state.grant.CopyFrom(as_mine)
        await at.relay.tell_apps(joined=link.Joined(workstation=state))
        await at.relay.tell_apps(batch=link.Batch(workstation_id=at.desk, records=[as_mine]))
        await at.rename("read on")
        await at.until(lambda: at.title() == "read on")


async def test_a_stolen_phone_is_worth_nothing_after_it_was_revoked(tmp_path: Path) -> None:
    """The relay is on the thief's side: it lets the phone in, and plays everything that the phone ever sent."""
    async with opened(tmp_path) as at:
        thief = Identity.from_bytes(secrets.token_bytes(64))
        at.daemon.devices.add(thief.public, "Stolen", "test", OPERATOR)
        stolen = Channel(thief, at.daemon.identity.public)
        before = sealed_call(thief, at.daemon.identity.public, "before")
        kept = sealed_call(thief, at.daemon.identity.public, "sent before, handed over after")
        at.relay.hand_over(before)
        await at.settled()
        assert at.heard("before") == 1
        ring = stolen.open_grant(at.daemon.log.epoch, _grant_of(at.daemon.log.entry(names.grant(thief.device_id))))

        at.daemon.devices.revoke("devices/" + thief.device_id)
        at.relay.hand_over(before, kept, sealed_call(thief, at.daemon.identity.public, "after"))
        await at.rename("after the theft")
        await at.settled()
        assert at.heard("sent before, handed over after") == at.heard("after") == 0
        assert at.heard("before") == 1
        assert thief.device_id not in at.relay.members

        origin, fresh = Origin(at.desk, at.relay.disk.epoch), at.record()
        assert at.relay.disk.head is not None
        with pytest.raises(KeyMissing):
            open_record(ring, origin, fresh.seq, fresh.key, fresh.sealed)
        with pytest.raises(KeyMissing):
            open_head(ring, origin, at.relay.disk.head.sealed)
        with pytest.raises(SealBroken):
            stolen.open_grant(at.relay.disk.epoch, _grant_of(at.daemon.log.entry(names.grant(thief.device_id))))


def _grant_of(entry: object) -> bytes:
    body = getattr(entry, "body", None)
    assert isinstance(body, bytes)
    return body


async def test_what_a_revoked_device_seals_is_not_believed_by_others(tmp_path: Path) -> None:
    """All members share the epoch keys: whoever was revoked could write under the old one, with the relay's help."""
    async with opened(tmp_path) as at:
        second = Identity.from_bytes(secrets.token_bytes(64))
        at.daemon.devices.add(second.public, "Stolen", "test", OPERATOR)
        old = at.daemon.uplink._ends.sealer.ring  # type: ignore[union-attr]
        at.daemon.devices.revoke("devices/" + second.device_id)
        await at.rename("the truth")
        await at.until(lambda: at.title() == "the truth")
        mine = at.record()
        value = resource_pb2.Resource(name="sessions/s")
        value.session.title = "forged under the old key"
        sealed = seal_record(
            old.newest, Origin(at.desk, at.relay.disk.epoch), mine.seq + 9, mine.key, value.SerializeToString()
        )
        lie = record_pb2.Record(seq=mine.seq + 9, key=mine.key, key_epoch=1, sealed=sealed)
        await at.relay.tell_apps(batch=link.Batch(workstation_id=at.desk, records=[lie], head=at.relay.disk.head))
        await at.settled()
        assert at.title() == "the truth"
        assert at.view.warning


@pytest.mark.parametrize("role", [APPROVER, VIEWER, 99], ids=["approver", "viewer", "a role of tomorrow"])
async def test_a_lesser_role_does_what_its_table_says_and_nothing_more(
    tmp_path: Path, role: workstation_pb2.DeviceRole
) -> None:
    """Every method of the contract, one after the other, from a device of this role."""
    clock, phone, agent = Clock(), Phone(), ScriptedAgent()
    async with call_desk.workstation(tmp_path, clock, agent) as at:
        at.devices.add(phone.identity.public, "Phone", "test", role)
        agent.begin_session("s", at.projects.add(str(tmp_path)).name)
        before, calls = at.log.written, []
        for number, method in enumerate(sorted(METHOD_ROLES)):
            call_id = uuid7(clock.now_ms, number.to_bytes(10))
            expires = clock.now_ms + 60_000
            plaintext = resource_pb2.Call(method=method).SerializeToString()
            sealed = phone.channel.seal_call(call_id, expires, plaintext)
            call = record_pb2.SealedCall(call_id=call_id, sealed=sealed)
            call.expire_time.FromMilliseconds(expires)
            calls.append(link.InboxCall(inbox_seq=1, device_id=phone.identity.device_id, call=call))
        await at.receive(*calls)
        results = dict(zip(sorted(METHOD_ROLES), await at.answers(phone, calls), strict=True))
        for method, least in METHOD_ROLES.items():
            assert _was_refused_for_its_role(results[method]) == _needs_more(method, least, role, at), method
        assert at.log.written - before <= 2
        assert [asked for asked in agent.asked if asked[0] in ("prompt", "start", "delete", "rename", "fork")] == []


def _needs_more(method: str, least: workstation_pb2.DeviceRole, role: int, at: Workstation) -> bool:
    known = method in at.desk._methods._methods
    rank = {"operator": 0, "approver": 1, "viewer": 2}
    return known and rank[role_word(least)] < (rank[role_word(role)] if role != 99 else 2)  # type: ignore[arg-type]


def _was_refused_for_its_role(result: resource_pb2.CallResult) -> bool:
    return b"ROLE_INSUFFICIENT" in result.error.SerializeToString()
