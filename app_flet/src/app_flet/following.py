"""Following one workstation's log: opens what the relay carries, keeps it, and says what happened.

The counterpart of agentd's uplink. Everything that arrives is checked here, once: that it was sealed by the workstation
for this place of this log, that its name belongs to its key, that it is not older than what is held. What does not hold
is dropped and said, never shown.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from app_flet import events
from app_flet.believing import UNOPENED, UNPROVEN, UNSURE, WARNINGS, Belief
from app_flet.filing import StoredRecord, stored
from app_flet.instants import milliseconds
from app_flet.model import Held
from app_flet.reading import read
from app_flet.skimming import Skimmed, skim
from app_flet.store import Store, WorkstationRow
from app_flet.tally import Tally
from halyard_client.halyard.agent.v1 import DeltaBatch, Resource
from halyard_client.halyard.link.v1 import (
    Batch,
    CaughtUp,
    Cursor,
    Record,
    Volatile,
    WorkstationCursor,
    WorkstationState,
)
from halyard_client.halyard.link.v1 import Head as SealedHead
from wire import names
from wire.errors import HalyardError, LogRolledBack, Malformed, SealBroken
from wire.identity import Identity, PublicKeys
from wire.log import EPOCH_BYTES, Head, Replica, Verdict
from wire.log import Cursor as LogCursor
from wire.log import Record as Place
from wire.sealing import Channel, KeyRing, Origin, open_head, open_record, open_volatile, vouches

NEW_LOG = "The workstation began a new log; reading it from the start."
READ_AGAIN = "Something of the log is missing here; reading everything once more."


class _Opened(NamedTuple):
    """One opened record: filed by what it is; read only if a screen may show it."""

    stored: StoredRecord
    about: Skimmed
    held: Held | None


class Following:
    """One workstation as this device follows it. Methods take a frame, write the store, and return what happened."""

    def __init__(
        self, store: Store, row: WorkstationRow, own: Identity, is_open: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Takes up where the store left off. `is_open`: whether a screen shows a session; what is inside others is
        only stored.
        """
        self._store = store
        self._is_open = is_open
        self.row = row
        self.channel = Channel(own, PublicKeys(row.sign_key, row.agree_key))
        self._own_grant = names.grant(own.device_id).encode("ascii")
        self._ring = KeyRing.unpack(row.ring) if row.ring else None
        self._replica = self._restored() if row.log_epoch else None
        self._tally = self._summed_up()
        newest = Head(row.head_seq, row.head_ms) if row.head_ms else None
        self.belief = Belief(newest, is_counted=row.is_counted)
        self._coming_epoch = row.log_epoch
        self._is_refuted = False
        """What was to prove the log that the relay speaks of was not the workstation's."""
        self._unopened = 0
        self.must_link_again = ""
        """Why this device must link again and ask from its cursor; empty: it need not."""

    def _restored(self) -> Replica[None]:
        row = self.row
        return Replica(
            row.log_epoch,
            (Place(seq, key, None) for seq, key in self._store.seqs(row.id)),
            through=row.through,
            truncated_through=row.truncated_through,
            unsure_through=row.unsure_through,
        )

    def _summed_up(self) -> Tally | None:
        if self._ring is None or self._replica is None:
            return None
        places = ((place.seq, place.key) for place in self._replica)
        return Tally(self._ring.digest_key, self.row.digest, places, self._store.apart(self.row.id))

    @property
    def cursor(self) -> WorkstationCursor | None:
        """Where to go on; None while nothing is known of the log."""
        self.must_link_again = ""
        if self._replica is None:
            return None
        place, again = self._replica.resume(), self.belief.rereading.through
        if again == 0:
            # What could not be opened is asked for with the rest.
            self._unopened = 0
        seq = place.seq if again is None else min(again, place.seq)
        return WorkstationCursor(workstation_id=self.row.id, cursor=Cursor(log_epoch=place.epoch, seq=seq))

    def focus_key(self, session: str) -> bytes:
        """What names `session` to the relay; empty while there is no key."""
        return names.opaque_key(self._ring.name_key, session) if self._ring else b""

    # --- frames -------------------------------------------------------------------------------------------------------

    def began(self, state: WorkstationState, now_ms: int) -> list[events.Event]:
        """A link began: presence, grant, freshness; and whether the log is still the same."""
        stored = state.stored if state.stored is not None and len(state.stored.log_epoch) == EPOCH_BYTES else Cursor()
        happened = self._met_epoch(stored.log_epoch, state.grant) if stored.log_epoch else []
        if stored.log_epoch:
            self._note_truncated(state)
        # How far another log reaches says nothing of the one that is held.
        offered = self.place.seq if stored.log_epoch and not self._is_current else stored.seq
        self.belief.began(online=state.online, offered=offered, let_go_through=state.truncated_through, now_ms=now_ms)
        happened += self._head(state.head, now_ms)
        self._keep(last_seen_ms=max(self.row.last_seen_ms, milliseconds(state.last_seen_time)))
        presence = events.PresenceChanged(self.row.id, state.online, self.row.last_seen_ms)
        return [presence, events.GapJudged(self.row.id, self.has_gap), *happened]

    def _note_truncated(self, state: WorkstationState) -> None:
        # Kept before any record that follows: a crash in between must not leave an outdated value unmarked.
        if self._replica is not None and self._is_current:
            self._replica.peer_let_go(state.truncated_through)
            self._keep_cursor()

    @property
    def has_gap(self) -> bool:
        """Whether part of the log was let go of before this device read it."""
        return self._replica is not None and self._replica.unsure_through > 0

    def presence(self, *, online: bool, last_seen_ms: int, now_ms: int) -> list[events.Event]:
        """The workstation came or went."""
        self.belief.present(online=online, now_ms=now_ms)
        self._keep(last_seen_ms=max(self.row.last_seen_ms, last_seen_ms))
        return [events.PresenceChanged(self.row.id, online, self.row.last_seen_ms)]

    def batch(self, frame: Batch, now_ms: int) -> list[events.Event]:
        """Records and hints, applied whole or, after a crash, not at all."""
        happened = self._records(frame) if frame.records else self._moved(frame.through)
        reached = max([frame.through, *(record.seq for record in frame.records)])
        if self._is_current:
            self.belief.offered(reached, has_records=bool(frame.records), now_ms=now_ms)
        happened += [*self._hints(frame.volatile), *self._head(frame.head, now_ms)]
        if frame.head is None:
            return happened
        return [*happened, *self._compared(now_ms), *self.judged(now_ms)]

    def caught_up(self, frame: CaughtUp, now_ms: int) -> list[events.Event]:
        """The relay has handed out all it had."""
        if self._replica is not None and frame.cursor is not None and self._is_current:
            self.belief.caught_up(frame.cursor.seq, frame.truncated_through, now_ms)
            self._replica.caught_up(frame.cursor.seq, frame.truncated_through)
            self._keep_cursor()
        gap = events.GapJudged(self.row.id, self.has_gap)
        return [events.CaughtUp(self.row.id), gap, *self._compared(now_ms), *self.judged(now_ms)]

    @property
    def place(self) -> LogCursor:
        """How far this replica reaches right now."""
        return self._replica.cursor if self._replica is not None else LogCursor(bytes(EPOCH_BYTES))

    def keep_earlier(self, values: Iterable[Resource], asked: LogCursor) -> tuple[bool, list[events.Event]]:
        """Messages and parts that the workstation read out when this replica stood at `asked`. Kept are those that it
        lacks, or has from before a part of the log that it never got. Whether there were any, and what happened.
        """
        if self._replica is None or self._ring is None or self._tally is None or self._replica.epoch != asked.epoch:
            return False, []
        keyed = ((names.opaque_key(self._ring.name_key, value.name), value) for value in values)
        fresh = [(key, value) for key, value in keyed if self._replica.is_unsure(key)]
        filed = [stored(asked.seq, key, bytes(value), skim(bytes(value))) for key, value in fresh]
        held_at = {one.key: self._held(one.key) for one in filed}
        changed = {new.key for new in self._replica.apply(Place(one.seq, one.key, None) for one in filed)}
        kept = [o._replace(counted=self._tally.set_apart(o.key, held_at[o.key])) for o in filed if o.key in changed]
        with self._store.transaction():
            self._store.keep_records(self.row.id, kept)
        held = tuple(Held(asked.seq, value) for key, value in fresh if key in changed)
        return bool(held), [events.RecordsOpened(self.row.id, held)]

    def reset(self, epoch: bytes) -> list[events.Event]:
        """The log began anew. Only a grant that the workstation sealed for the new epoch proves it: wait for that."""
        return self._met_epoch(epoch, None)

    # --- the epoch and its keys ---------------------------------------------------------------------------------------

    def _met_epoch(self, epoch: bytes, grant: Record | None) -> list[events.Event]:
        self._is_refuted = self._is_refuted and epoch == self._coming_epoch
        self._coming_epoch, self.must_link_again = epoch, ""
        return self._granted(grant) if grant is not None else []

    def _granted(self, grant: Record) -> list[events.Event]:
        epoch = self._coming_epoch
        try:
            ring = self.channel.open_grant(epoch, grant.sealed)
            if self._replica is None or epoch != self._replica.epoch:
                return self._enter(epoch, ring)
        except (LogRolledBack, SealBroken, Malformed) as error:
            self._is_refuted = True
            return [events.WorkstationWarned(self.row.id, error.message)]
        self._take(ring)
        return []

    def _enter(self, epoch: bytes, ring: KeyRing) -> list[events.Event]:
        fresh: Replica[None] = self._replica.reset(epoch) if self._replica is not None else Replica(epoch)
        self._replica, self._ring, self._tally = fresh, ring, Tally(ring.digest_key, b"", ())
        self.belief.log_began()
        with self._store.transaction():
            self._store.drop_records(self.row.id)
            self._keep_cursor(ring=ring.pack(), head_seq=0, head_ms=0, is_counted=True)
        return [events.LogReset(self.row.id)]

    def _take(self, ring: KeyRing) -> None:
        """A ring with fewer keys than are held would be an old copy of the grant."""
        if self._ring is None or len(ring.keys) >= len(self._ring.keys):
            self._ring = ring
            self._keep(ring=ring.pack())

    # --- records ------------------------------------------------------------------------------------------------------

    def _records(self, frame: Batch) -> list[events.Event]:
        grants = [record for record in frame.records if record.key == self._own_grant]
        happened = [event for grant in grants for event in self._granted(grant)]
        if any(isinstance(event, events.LogReset) for event in happened):
            self.must_link_again = NEW_LOG
        if self.must_link_again or self._tally is None or self._replica is None or not self._is_current:
            return happened
        opened = {one.stored.seq: one for one in self._open_all(frame.records)}
        with self._store.transaction():
            changed = self._taken([one.stored for one in opened.values()], self._tally, self._replica, frame.through)
            kept = [opened[seq] for seq in changed]
            self._store.keep_records(self.row.id, {one.stored.key: one.stored for one in kept}.values())
            for one in opened.values():
                self._let_go_inside(one, self._tally, self._replica)
            self._keep_cursor()
        return [*happened, events.RecordsOpened(self.row.id, tuple(one.held for one in kept if one.held is not None))]

    def _taken(self, records: list[StoredRecord], tally: Tally, replica: Replica[None], through: int) -> list[int]:
        """The seqs of those that changed something."""
        held = dict[bytes, int]()
        for one in records:
            before = held.get(one.key) or self._held(one.key)
            held[one.key] = max(before, one.seq)
            if tally.count(one.key, before, one.seq):
                self._store.keep_counted(self.row.id, one.key, one.seq)
        changed = replica.apply((Place(one.seq, one.key, None) for one in records), through=through or None)
        return [place.seq for place in changed]

    def _let_go_inside(self, one: _Opened, tally: Tally, replica: Replica[None]) -> None:
        """What lay inside a session goes with it; also when its tombstone is read again, after what came before it."""
        if not one.about.is_gone or names.parse(one.about.name).kind is not names.Kind.SESSION:
            return
        if self._held(one.stored.key) == one.stored.seq:
            gone = self._store.drop_session(self.row.id, one.about.name, one.stored.seq)
            tally.forget(gone, self._held)
            replica.forget(gone)

    def _held(self, key: bytes) -> int:
        """The seq at which a key is held; 0 when it is not."""
        known = self._replica.get(key) if self._replica is not None else None
        return known.seq if known is not None else 0

    def _open_all(self, records: Iterable[Record]) -> Iterator[_Opened]:
        for record in records:
            if names.granted_device(record.key) is not None:
                continue
            try:
                yield self._open(record)
            except HalyardError:
                self._unopened += 1

    def _open(self, record: Record) -> _Opened:
        if self._ring is None:
            raise SealBroken("This device has no keys for this workstation yet.")
        data = open_record(self._ring, self._origin, record.seq, record.key, record.sealed)
        about = skim(data)
        if names.opaque_key(self._ring.name_key, about.name) != record.key:
            raise SealBroken("A record was filed under another name than its own.")
        filed = stored(record.seq, record.key, data, about)
        is_shown = filed.session is None or self._is_open(filed.session)
        return _Opened(filed, about, Held(record.seq, read(Resource, data)) if is_shown else None)

    def _moved(self, through: int) -> list[events.Event]:
        if self._replica is not None and self._is_current and through > self._replica.through:
            self._replica.apply((), through=through)
            self._keep_cursor()
        return []

    def _hints(self, batches: Iterable[Volatile]) -> list[events.Event]:
        return [event for volatile in batches if (event := self._hint(volatile)) is not None]

    def _hint(self, volatile: Volatile) -> events.Event | None:
        if self._ring is None:
            return None
        try:
            data = open_volatile(self._ring, self._origin, volatile.focus, volatile.sealed)
            deltas = tuple(read(DeltaBatch, data).deltas)
            session = names.session_of(deltas[0].part) if deltas else None
        except (SealBroken, Malformed):
            return None  # a hint may be lost; the record that closes the part repairs it
        return events.DeltasOpened(self.row.id, session, deltas) if session else None

    # --- freshness ----------------------------------------------------------------------------------------------------

    def _head(self, sealed: SealedHead | None, now_ms: int) -> list[events.Event]:
        if self._ring is None or self._replica is None:
            return []
        if sealed is None:
            return self._dated(now_ms)
        try:
            head = open_head(self._ring, self._origin, sealed.sealed)
        except SealBroken:
            return []
        self.belief.head(head, sealed.sealed, self._fits if self._is_whole else None, self._replica.through, now_ms)
        if (newest := self.belief.newest) is not None:
            self._keep(head_seq=newest.seq, head_ms=newest.time_ms)
        return self._dated(now_ms)

    def _fits(self, head: Head, sealed: bytes) -> bool | None:
        if self._ring is None or self._tally is None:
            return None
        try:
            return vouches(self._ring, self._origin, sealed, head, self._tally.value)
        except SealBroken:
            return None  # its key was replaced since it came

    @property
    def _is_current(self) -> bool:
        """Whether what comes belongs to the log that is held, and not to one of which nothing was opened yet."""
        return self._replica is not None and self._replica.epoch == self._coming_epoch

    @property
    def _is_whole(self) -> bool:
        """Whether nothing is known to be missing; of that, people are told anyway."""
        return self._replica is not None and not self._replica.unsure_through

    def _compared(self, now_ms: int) -> list[events.Event]:
        """The relay has handed out all that it had; whether that is all there is."""
        if self._tally is None or not self._is_current:
            return []
        reach, through = self._tally.reach, self.place.seq
        if self.belief.compare(reach, through, self._fits, now_ms, is_whole=self._is_whole):
            self.must_link_again = READ_AGAIN
        self._keep(is_counted=self.belief.is_counted)
        return self._dated(now_ms)

    def _dated(self, now_ms: int) -> list[events.Event]:
        if self._replica is None:
            return []
        self.belief.reached(self._replica.through, now_ms)
        as_of_ms = self.belief.as_of_ms
        if as_of_ms <= self.row.as_of_ms:
            return []
        self._keep(as_of_ms=as_of_ms)
        return [events.AsOf(self.row.id, as_of_ms)]

    def judged(self, now_ms: int) -> tuple[events.Event, ...]:
        """What to think of the relay by now; asked after every head, and every few seconds while a link stands."""
        is_proven = self._replica is None or self._is_current
        doubt = self.belief.doubt(self.place.seq, now_ms, is_proven=is_proven)
        warned = events.WorkstationWarned(self.row.id, self._worst(doubt).format(name=self.row.display_name))
        return warned, events.SilenceJudged(self.row.id, self.belief.is_silent(now_ms))

    def _worst(self, doubt: str) -> str:
        if self._unopened:
            return UNOPENED
        if self._replica is not None and self._coming_epoch < self._replica.epoch:
            return WARNINGS[Verdict.ROLLED_BACK]
        if self._is_refuted and not self._is_current:
            return UNPROVEN
        return doubt or (UNSURE if self._replica is not None and self._replica.has_unsure else "")

    # --- the row ------------------------------------------------------------------------------------------------------

    @property
    def _origin(self) -> Origin:
        return Origin(self.row.id, self._replica.epoch if self._replica is not None else self.row.log_epoch)

    def _keep_cursor(self, **changes: bytes | int) -> None:
        replica = self._replica
        if replica is not None:
            self._keep(
                log_epoch=replica.epoch,
                through=replica.through,
                truncated_through=replica.truncated_through,
                unsure_through=replica.unsure_through,
                digest=self._tally.value if self._tally is not None else b"",
                **changes,
            )

    def _keep(self, **changes: bytes | int) -> None:
        row = replace(self.row, **changes)  # type: ignore[arg-type]  # callers name columns with their own types
        if row != self.row:
            self.row = row
            self._store.keep_workstation(row)
