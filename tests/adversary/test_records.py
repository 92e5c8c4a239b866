"""Nothing is shown that the workstation did not write, at its place, and no older value is shown for a newer one."""

import secrets
from collections.abc import Callable
from pathlib import Path

from halyard.agent.v1 import resource_pb2, session_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from tests.adversary.scene import Scene, opened
from wire import names
from wire.calls import uuid7
from wire.identity import Identity
from wire.log import Head
from wire.sealing import Channel, EpochKey, KeyRing, Origin, seal_head, seal_record, seal_volatile

Bend = Callable[[Scene, record_pb2.Record, record_pb2.Record], record_pb2.Record]


def record(seq: int, key: bytes, sealed: bytes) -> record_pb2.Record:
    return record_pb2.Record(seq=seq, key=key, key_epoch=1, sealed=sealed)


BENDS: dict[str, Bend] = {
    "another key": lambda _, mine, other: record(mine.seq + 50, other.key, mine.sealed),
    "another seq": lambda _, mine, _other: record(mine.seq + 50, mine.key, mine.sealed),
    "the other's value": lambda _, mine, other: record(mine.seq, mine.key, other.sealed),
    "a flipped bit": lambda _, mine, _other: record(
        mine.seq + 50, mine.key, mine.sealed[:-1] + bytes([mine.sealed[-1] ^ 1])
    ),
    "cut short": lambda _, mine, _other: record(mine.seq + 50, mine.key, mine.sealed[:-1]),
    "empty": lambda _, mine, _other: record(mine.seq + 50, mine.key, b""),
    "under the relay's own keys": lambda at, mine, _other: forged(at, mine.seq + 50, mine.key),
}


def forged(at: Scene, seq: int, key: bytes) -> record_pb2.Record:
    """What a relay would write if it could: right in everything but the keys."""
    ring = KeyRing(secrets.token_bytes(32), (EpochKey(1, secrets.token_bytes(32)),))
    session = session_pb2.Session(name="sessions/s", title="forged")
    value = resource_pb2.Resource(name="sessions/s", session=session).SerializeToString()
    sealed = seal_record(ring.newest, Origin(at.desk, at.relay.disk.epoch), seq, key, value)
    return record_pb2.Record(seq=seq, key=key, key_epoch=1, sealed=sealed)


async def test_a_value_cannot_be_forged_altered_or_moved(tmp_path: Path) -> None:
    """To another key or seq; every way in which a relay can bend a record, one after the other on one link."""
    async with opened(tmp_path) as at:
        at.agent.begin_session("other", at.daemon.projects.list()[0].name, "other title")
        await at.until(lambda: at.title("sessions/other") == "other title")
        before = at.daemon.log.written
        for name, bend in BENDS.items():
            mine, other = at.record(), at.record("sessions/other")
            lie = bend(at, mine, other)
            batch = link.Batch(workstation_id=at.desk, records=[lie], head=at.relay.disk.head)
            await at.relay.tell_apps(batch=batch)
            assert lie.SerializeToString() != mine.SerializeToString(), name
        await at.rename("the truth")
        await at.until(lambda: at.title() == "the truth")
        assert at.title("sessions/other") == "other title"
        assert {name for name in at.view.held if name.startswith("sessions/")} == {"sessions/s", "sessions/other"}
        assert "could not be opened" in at.view.warning
        assert at.daemon.log.written == before + 1


async def test_a_log_of_another_epoch_or_workstation_is_not_taken_for_this_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        mine = at.record()
        invented = uuid7(at.clock() + 10_000, bytes(10))
        elsewhere = Identity.from_bytes(secrets.token_bytes(64))
        # Another epoch: without a grant of the workstation, with a forged one, with the true one of the former epoch.
        enemy = Channel(elsewhere, at.phone.identity.public)
        ring = KeyRing(secrets.token_bytes(32), (EpochKey(1, secrets.token_bytes(32)),))
        grant = at.relay.grant()
        assert grant is not None
        for sealed in (b"", enemy.seal_grant(invented, ring), grant.sealed):
            offered = record_pb2.Record(seq=1, key=grant.key, key_epoch=1, sealed=sealed)
            state = at.relay.state()
            state.stored.log_epoch = invented
            state.grant.CopyFrom(offered)
            await at.relay.tell_apps(joined=link.Joined(workstation=state))
            await at.relay.tell_apps(batch=link.Batch(workstation_id=at.desk, records=[offered, mine], through=9))
        cursor = record_pb2.Cursor(log_epoch=invented)
        await at.relay.tell_apps(reset=link.Reset(workstation_id=at.desk, cursor=cursor))
        # A workstation that this phone never met.
        stranger = link.WorkstationState(
            workstation_id=elsewhere.device_id, online=True, stored=at.relay.state().stored
        )
        await at.relay.tell_apps(joined=link.Joined(workstation=stranger))
        await at.relay.tell_apps(batch=link.Batch(workstation_id=elsewhere.device_id, records=[mine], through=9))
        await at.relay.tell_apps(joined=link.Joined(workstation=at.relay.state()))
        await at.rename("the truth")
        await at.until(lambda: at.title() == "the truth")
        assert set(at.model.workstations) == {at.desk}
        assert at.phone.followings[at.desk].row.log_epoch == at.daemon.log.epoch


async def test_an_older_value_is_not_shown_for_a_newer_one(tmp_path: Path) -> None:
    """The relay replays all that it ever saw, forwards, backwards, and as a whole, with cursors of its choice."""
    async with opened(tmp_path) as at:
        for title in ("second", "third", "fourth"):
            await at.rename(title)
        await at.until(lambda: at.title() == "fourth")
        shown: list[str] = []
        at.phone.listen(lambda: shown.append(at.title()))
        everything = [record for record in at.relay.published if not record.key.startswith(b"grants/")]
        for stretch in (everything, everything[::-1], everything[:1], [record for record in everything for _ in "ab"]):
            for through in (0, 1, at.relay.disk.through):
                batch = link.Batch(workstation_id=at.desk, records=stretch, through=through)
                await at.relay.tell_apps(batch=batch)
        await at.rename("fifth")
        await at.until(lambda: at.title() == "fifth")
        assert set(shown) <= {"fourth", "fifth"}


async def test_a_lower_epoch_is_refused_also_by_a_replica_that_holds_nothing(tmp_path: Path) -> None:
    """The workstation began anew; the relay offers the log from before, with everything that was true of it."""
    async with opened(tmp_path) as at:
        former, grant = at.relay.disk.copy(), at.relay.grant()
        assert grant is not None
        # Nothing of the later log but its grant gets through: the replica is empty.
        at.relay.bend_batch = lambda _: []
        at.daemon.log.renew_epoch()
        at.daemon.uplink._ends.sealer.begin_anew()  # type: ignore[union-attr]  # as uplink does for an old copy
        at.daemon.devices.begin_anew()
        await at.daemon.log.flush_patiently()
        later = at.daemon.log.epoch
        sealed = at.daemon.log.entry(names.grant(at.phone.identity.device_id))
        assert sealed is not None
        state = at.relay.state()
        state.stored.log_epoch = later
        state.grant.CopyFrom(record_pb2.Record(seq=sealed.seq, key=b"grants/x", key_epoch=2, sealed=sealed.body))
        await at.relay.tell_apps(joined=link.Joined(workstation=state))
        await at.until(lambda: not at.view.held)
        assert at.phone.followings[at.desk].row.log_epoch == later
        old = at.relay.state()
        old.stored.log_epoch = former.epoch
        old.grant.CopyFrom(grant)
        await at.relay.tell_apps(joined=link.Joined(workstation=old))
        records = sorted(former.records.values(), key=lambda record: record.seq)
        batch = link.Batch(workstation_id=at.desk, records=records, through=former.through, head=former.head)
        await at.relay.tell_apps(batch=batch)
        await at.until(lambda: "older" in at.view.warning)
        assert at.phone.followings[at.desk].row.log_epoch == later
        assert not at.view.held


async def test_hints_and_heads_of_the_relays_own_make_change_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as at:
        part = f"{at.session}/messages/m1/parts/p1"
        at.agent.open_part(part)
        at.agent.grow(part, "", "true ")
        await at.until(lambda: part in at.view.transcripts[at.session].held)
        as_of = at.view.as_of_ms
        key, origin = EpochKey(1, secrets.token_bytes(32)), Origin(at.desk, at.relay.disk.epoch)
        delta = resource_pb2.Delta(part=part, text="lie", field=resource_pb2.DELTA_FIELD_TEXT)
        lie = resource_pb2.DeltaBatch(deltas=[delta]).SerializeToString()
        focus = b"f" * 16
        volatile = record_pb2.Volatile(focus=focus, key_epoch=1, sealed=seal_volatile(key, origin, focus, lie))
        tomorrow = Head(at.relay.disk.through, at.clock() + 86_400_000)
        head = record_pb2.Head(key_epoch=1, sealed=seal_head(key, origin, tomorrow))
        await at.relay.tell_apps(batch=link.Batch(workstation_id=at.desk, volatile=[volatile], head=head))
        at.agent.close_part(part, "true words")
        await at.until(lambda: at.view.transcripts[at.session].held[part].resource.part.text.text == "true words")  # type: ignore[union-attr]
        assert b"lie" not in b"".join(at.view.transcripts[at.session].grown.values())
        assert as_of <= at.view.as_of_ms <= at.clock()
