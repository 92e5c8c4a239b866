"""The second copy of who is paired: whole or not at all, private, and no way back in for who was taken out."""

import secrets
from pathlib import Path

import pytest

from agentd.devices import Devices
from agentd.members_file import MembersFile
from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.store import Store
from halyard.agent.v1 import workstation_pb2 as pb
from tests.fakes.call_desk import WORKSTATION, Clock
from wire import names
from wire.identity import Identity, PublicKeys
from wire.sealing import Channel


@pytest.fixture
def spare(tmp_path: Path) -> MembersFile:
    return MembersFile(tmp_path / "members.json")


def devices(store: Store, spare: MembersFile, *, after_ms: int = 0) -> tuple[Devices, SessionLog]:
    clock = Clock()
    clock.now_ms += after_ms
    log = SessionLog(store, clock)
    sealer = Sealer(store, log, WORKSTATION.device_id, clock)
    return Devices(store, log, sealer, WORKSTATION, clock, spare), log


def an_app() -> Identity:
    return Identity.from_bytes(secrets.token_bytes(64))


def added(listed: Devices, app: Identity, name: str) -> str:
    return listed.add(app.public, name, "test", pb.DEVICE_ROLE_APPROVER).name


async def test_members_outlive_the_store_with_their_names_and_roles(tmp_path: Path, spare: MembersFile) -> None:
    app, other = an_app(), an_app()
    with Store(tmp_path / "one") as store:
        before, log = devices(store, spare)
        added(before, app, "Anne's phone")
        before.revoke(added(before, other, "Lost phone"))
        former_epoch, former_revision = log.epoch, before.revision
    with Store(tmp_path / "two") as store:
        after, log = devices(store, spare, after_ms=1_000)
        assert [(d.display_name, d.role) for d in after.list()] == [("Anne's phone", pb.DEVICE_ROLE_APPROVER)]
        assert after.ids == [app.device_id]
        assert after.restored_ms == Clock.now_ms + 1_000
        # The relay must believe the new list, and the app be able to read the new log.
        assert after.revision > former_revision
        assert log.epoch != former_epoch
        grant = log.entry(names.grant(app.device_id))
        assert grant is not None
        assert Channel(app, WORKSTATION.public).open_grant(log.epoch, grant.body).keys


async def test_a_store_that_is_there_is_believed_and_the_copy_is_made_again(tmp_path: Path, spare: MembersFile) -> None:
    app, stranger = an_app(), an_app()
    with Store(tmp_path / "one") as store:
        added(devices(store, spare)[0], app, "Phone")
    spare.write([(stranger.public, pb.Device(name="devices/x", display_name="Stranger"))])
    with Store(tmp_path / "one") as store:
        listed, _ = devices(store, spare)
        assert listed.ids == [app.device_id]
        assert listed.restored_ms == 0
    assert [keys.device_id for keys, _ in spare.read()] == [app.device_id]


def test_it_is_private(tmp_path: Path, spare: MembersFile) -> None:
    spare.write([])
    assert (tmp_path / "members.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"members": [{"sign": "AA==", "agree": "AA==", "device": "AA=="}]}', b"\xff\xfe"]
)
def test_a_damaged_copy_holds_nobody(tmp_path: Path, spare: MembersFile, content: bytes) -> None:
    (tmp_path / "members.json").write_bytes(content)
    assert spare.read() == []


def test_a_disk_that_refuses_leaves_no_old_copy(tmp_path: Path, spare: MembersFile) -> None:
    spare.write([(PublicKeys(b"s" * 32, b"a" * 32), pb.Device(name="devices/lost"))])
    (tmp_path / "members.new").mkdir()
    spare.write([])
    assert spare.read() == []
    assert not (tmp_path / "members.json").exists()
