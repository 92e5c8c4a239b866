"""What a headless app knows of one workstation: its log, opened, and the hints that came on top."""

import time
from collections.abc import Iterable

from halyard.agent.v1 import resource_pb2 as agent
from halyard.agent.v1 import session_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from wire import names, sealing
from wire.errors import KeyMissing, KeyRetired, SealBroken
from wire.identity import Identity, PublicKeys
from wire.log import Freshness, Record, Replica


class AppReplica:
    """A replica that opens what it is handed."""

    def __init__(self, identity: Identity, workstation: PublicKeys) -> None:
        self.identity = identity
        self.workstation_id = workstation.device_id
        self._channel = sealing.Channel(identity, workstation)
        self.online = False
        self.resources: dict[str, agent.Resource] = {}
        """Live values by name, as the newest opened records say."""
        self.hints: list[agent.Delta] = []
        """All hints that came, in order."""
        self.arrivals: list[tuple[str, int]] = []
        """(name, time.perf_counter_ns) of everything that was opened, records and hints alike."""
        self.caught_up = False
        self.freshness = Freshness()
        self.ring: sealing.KeyRing | None = None
        self.replica: Replica[bytes] | None = None
        self._texts: dict[str, str] = {}
        self._unopened: list[record_pb2.Record] = []

    def named(self, prefix: str) -> list[agent.Resource]:
        """Live values whose name begins with `prefix`, in order of name."""
        return [self.resources[name] for name in sorted(self.resources) if name.startswith(prefix)]

    def text(self, part: str) -> str:
        """What is known of a part's growing text: its record, and the hints that join on to it."""
        return self._texts.get(part, "")

    # --- frames ---

    def _on_caught_up(self, mark: link.CaughtUp) -> None:
        self.caught_up = True
        self._log_of(mark.cursor.log_epoch).caught_up(mark.cursor.seq, mark.truncated_through)

    def _on_state(self, state: link.WorkstationState) -> None:
        if state.workstation_id != self.workstation_id:
            return
        self.online = state.online
        if state.stored.log_epoch:
            self._log_of(state.stored.log_epoch)
        if state.HasField("grant"):
            self._open_grant(state.grant)
        if state.HasField("head"):
            self._note_head(state.head)

    def _on_batch(self, batch: link.Batch) -> None:
        if self.replica is None:
            return
        records = [Record(record.seq, record.key, record.sealed) for record in batch.records]
        changed = {record.seq for record in self.replica.apply(records, through=batch.through or None)}
        self._open_all(record for record in batch.records if record.seq in changed)
        for volatile in batch.volatile:
            self._on_volatile(volatile)
        if batch.HasField("head"):
            self._note_head(batch.head)

    def _open_all(self, records: Iterable[record_pb2.Record]) -> None:
        for record in records:
            if record.key == names.grant(self.identity.device_id).encode():
                self._open_grant(record)
            elif names.granted_device(record.key) is None:
                self._open(record)

    def _open(self, record: record_pb2.Record) -> None:
        if self.ring is None:
            self._unopened.append(record)
            return
        try:
            plaintext = sealing.open_record(self.ring, self._origin(), record.seq, record.key, record.sealed)
        except KeyMissing:
            self._unopened.append(record)
            return
        value = agent.Resource.FromString(plaintext)
        assert names.opaque_key(self.ring.name_key, value.name) == record.key, "a record is filed under its own name"
        self._note(value)

    def _note(self, value: agent.Resource) -> None:
        self.arrivals.append((value.name, time.perf_counter_ns()))
        if value.HasField("deleted"):
            gone = [name for name in self.resources if name == value.name or name.startswith(value.name + "/")]
            for name in gone:
                del self.resources[name]
            return
        self.resources[value.name] = value
        if value.HasField("part"):
            self._settle_text(value)

    def _settle_text(self, value: agent.Resource) -> None:
        part = value.part
        text = part.tool_call.output or part.reasoning.text or part.text.text
        held = self._texts.get(value.name, "")
        # A checkpoint may be older than the hints that came meanwhile: what continues it stays.
        if part.state != session_pb2.PART_STATE_OPEN or not held.startswith(text):
            self._texts[value.name] = text

    def _on_volatile(self, volatile: record_pb2.Volatile) -> None:
        try:
            plaintext = sealing.open_volatile(self._keys(), self._origin(), volatile.focus, volatile.sealed)
        except (KeyMissing, KeyRetired):
            return
        for delta in agent.DeltaBatch.FromString(plaintext).deltas:
            self.arrivals.append((delta.part, time.perf_counter_ns()))
            self.hints.append(delta)
            held = self._texts.get(delta.part, "").encode()
            if delta.offset_bytes <= len(held) < delta.offset_bytes + len(delta.text.encode()):
                fresh = delta.text.encode()[len(held) - delta.offset_bytes :]
                self._texts[delta.part] = (held + fresh).decode()

    def _open_grant(self, record: record_pb2.Record) -> None:
        if not record.sealed or self.replica is None:
            return
        self.ring = self._channel.open_grant(self.replica.epoch, record.sealed)
        waiting, self._unopened = self._unopened, []
        self._open_all(waiting)

    def _note_head(self, head: record_pb2.Head) -> None:
        if self.ring is None or self.replica is None:
            return
        try:
            opened = sealing.open_head(self.ring, self._origin(), head.sealed)
        except SealBroken:
            return
        self.freshness = self.freshness.note(opened, self.replica.through, time.time_ns() // 1_000_000)

    # --- what is known ---

    def _log_of(self, epoch: bytes) -> Replica[bytes]:
        if self.replica is None or self.replica.epoch != epoch:
            self._begin(epoch)
        assert self.replica is not None
        return self.replica

    def _begin(self, epoch: bytes) -> None:
        self.replica = Replica(epoch)
        # Another log, another name key: the grant comes among the first records.
        self.ring = None
        self.resources.clear()
        self._texts.clear()
        self._unopened.clear()
        self.caught_up = False

    def _origin(self) -> sealing.Origin:
        assert self.replica is not None
        return sealing.Origin(self.workstation_id, self.replica.epoch)

    def _keys(self) -> sealing.KeyRing:
        assert self.ring is not None, "the grant has not arrived yet: await until(lambda: app.ring)"
        return self.ring
