"""Writer, relay store and two readers over links that lose, repeat and reorder frames, with crashes and lost disks.

A frame may be delivered in any order, any number of times or never; so frames carry `after`, as they must on such a
link. What a machine keeps in memory is lost in its crash; a copy is its disk. Whatever happened, one good link each at
the end must put everything where it belongs (`teardown`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from wire.errors import LogGap, LogRolledBack
from wire.log import Freshness, Head, Log, Record, Replica, Verdict

KEYS = (b"x", b"y", b"z")
READERS = st.sampled_from([0, 1])
SIZES = st.integers(1, 4)
# Which of the waiting frames comes next (mostly the oldest), and whether it will come again.
DELIVERIES = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2]), st.booleans()), min_size=1, max_size=8)


@dataclass(frozen=True)
class Frame:
    epoch: bytes
    after: int
    through: int
    records: list[Record[int]]


@dataclass
class Reader:
    replica: Replica[int]
    disk: Replica[int]
    linked: bool = False
    sent_through: int = 0
    frames: list[Frame] = field(default_factory=list)


def written_and_read(replica: Replica[int]) -> Replica[int]:
    return Replica(
        replica.epoch,
        list(replica),
        through=replica.through,
        truncated_through=replica.truncated_through,
        unsure_through=replica.unsure_through,
    )


def chunks(epoch: bytes, after: int, records: list[Record[int]], size: int) -> Iterator[Frame]:
    for start in range(0, len(records), size):
        part = records[start : start + size]
        yield Frame(epoch, after, part[-1].seq, part)
        after = part[-1].seq


def drawn(frames: list[Frame], deliveries: list[tuple[int, bool]]) -> Iterator[Frame]:
    for place, comes_again in deliveries:
        if frames:
            at = place % len(frames)
            yield frames[at] if comes_again else frames.pop(at)


class BadLink(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.epochs = 0
        self.value = 0
        self.truth: dict[bytes, dict[int, Record[int]]] = {}
        self.let_go_through: dict[bytes, int] = {}
        """How far retention ever went in each epoch; a relay that was rolled back since has forgotten it."""
        self.log = self.new_log()
        self.published_through = 0
        self.store: Replica[int] = Replica(self.log.epoch)
        self.store_copy = written_and_read(self.store)
        self.upward: list[Frame] = []
        self.troubles = [
            self.crash_a_reader,
            self.crash_the_workstation_before_it_commits,
            self.copy_the_relays_disk,
            self.roll_the_relay_back,
            self.lose_the_relays_disk,
            self.lose_the_workstations_disk,
        ]
        self.readers = [Reader(Replica(self.log.epoch), Replica(self.log.epoch)) for _ in range(2)]

    def new_log(self) -> Log[int]:
        self.epochs += 1
        epoch = self.epochs.to_bytes(16)
        self.truth[epoch] = {}
        return Log(epoch)

    # --- the workstation

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=4), size=SIZES)
    def write_and_publish(self, keys: list[bytes], size: int) -> None:
        for key in keys:
            self.write(key)
        records = self.log.after(self.published_through)
        self.upward += chunks(self.log.epoch, self.published_through, records, size)
        self.published_through = self.log.head.seq

    def write(self, key: bytes) -> None:
        self.value += 1
        record = self.log.put(key, self.value)
        self.truth[self.log.epoch][record.seq] = record

    @rule(size=SIZES)
    def workstation_links(self, size: int) -> None:
        if self.store.epoch != self.log.epoch:
            self.store = self.store.reset(self.log.epoch)
            self.drop_links()
        stored = self.store.cursor
        self.upward += chunks(self.log.epoch, stored.seq, self.log.owed(stored), size)
        self.published_through = self.log.head.seq

    def lose_the_workstations_disk(self, draw: st.DataObject) -> None:
        del draw
        self.log = self.new_log()
        self.published_through = 0

    def crash_the_workstation_before_it_commits(self, draw: st.DataObject) -> None:
        committed = Log(self.log.epoch, self.log.after(0), self.log.head.seq)
        self.log.put(draw.draw(st.sampled_from(KEYS)), -1)
        self.log = committed

    # --- the relay

    @rule(deliveries=DELIVERIES)
    def deliver_to_the_relay(self, deliveries: list[tuple[int, bool]]) -> None:
        for frame in drawn(self.upward, deliveries):
            self.store_frame(frame)

    def store_frame(self, frame: Frame) -> None:
        if frame.epoch != self.store.epoch:
            return
        try:
            changed = self.store.apply(frame.records, through=frame.through, after=frame.after)
        except LogGap:
            return
        for reader in self.readers:
            if reader.linked:
                reader.frames.append(Frame(self.store.epoch, reader.sent_through, self.store.through, changed))
                reader.sent_through = max(reader.sent_through, self.store.through)

    def copy_the_relays_disk(self, draw: st.DataObject) -> None:
        del draw
        self.store_copy = written_and_read(self.store)

    def roll_the_relay_back(self, draw: st.DataObject) -> None:
        del draw
        self.store = written_and_read(self.store_copy)
        self.drop_links()

    def lose_the_relays_disk(self, draw: st.DataObject) -> None:
        del draw
        self.store = Replica(self.store.epoch)
        self.drop_links()

    @rule(kept=st.integers(0, 3))
    def retention(self, kept: int) -> None:
        through = max(0, self.store.through - kept)
        self.store.let_go(through)
        self.let_go_through[self.store.epoch] = max(through, self.let_go_through.get(self.store.epoch, 0))
        # A reader whom retention overtook must link anew, so that it is told what is gone.
        for reader in self.readers:
            reader.linked = reader.linked and reader.sent_through >= through

    def drop_links(self) -> None:
        for reader in self.readers:
            reader.linked = False

    # --- the readers

    @rule(which=READERS, size=SIZES)
    def reader_links(self, which: int, size: int) -> None:
        reader = self.readers[which]
        epoch_before = reader.replica.epoch
        try:
            reader.replica = reader.replica.reset(self.store.epoch)
        except LogRolledBack:
            assert self.store.epoch < self.log.epoch
            return
        assert reader.replica.epoch >= epoch_before, "an epoch that was left was entered again"
        cursor, unsure_before = reader.replica.resume(), reader.replica.unsure_through
        reader.replica.peer_let_go(self.store.truncated_through)
        assert reader.replica.unsure_through == unsure_before or cursor.seq < self.store.truncated_through
        reader.frames += chunks(self.store.epoch, cursor.seq, self.store.after(cursor.seq), size)
        reader.linked = True
        reader.sent_through = max(cursor.seq, self.store.through)

    @rule(which=READERS, deliveries=DELIVERIES, commits=st.booleans())
    def deliver_to_a_reader(self, which: int, deliveries: list[tuple[int, bool]], commits: bool) -> None:
        reader = self.readers[which]
        for frame in drawn(reader.frames, deliveries):
            self.receive(reader, frame)
        if commits:
            reader.disk = written_and_read(reader.replica)

    def receive(self, reader: Reader, frame: Frame) -> None:
        if frame.epoch != reader.replica.epoch:
            return
        before = {record.key: record.seq for record in reader.replica}
        try:
            changed = reader.replica.apply(frame.records, through=frame.through, after=frame.after)
        except LogGap:
            return
        assert all(record.seq > before.get(record.key, 0) for record in changed), "a value was doubled or rolled back"

    def crash_a_reader(self, draw: st.DataObject) -> None:
        reader = self.readers[draw.draw(READERS)]
        reader.replica = written_and_read(reader.disk)
        reader.linked = False

    @rule(data=st.data())
    def trouble(self, data: st.DataObject) -> None:
        # One rule for all of it: as often as each good step, trouble would leave nothing to be lost.
        self.troubles[data.draw(st.integers(0, len(self.troubles) - 1))](data)

    # --- what must hold

    def newest(self, epoch: bytes) -> dict[bytes, Record[int]]:
        return {record.key: record for record in self.truth[epoch].values()}

    @invariant()
    def nothing_is_invented(self) -> None:
        for replica in [self.store, *(reader.replica for reader in self.readers)]:
            for record in replica:
                assert self.truth[replica.epoch][record.seq] == record

    @invariant()
    def nothing_that_was_let_go_comes_back(self) -> None:
        assert all(record.seq > self.store.truncated_through for record in self.store)

    @invariant()
    def nothing_below_the_cursor_is_lost(self) -> None:
        for replica in [self.store, *(reader.replica for reader in self.readers)]:
            for key, record in self.newest(replica.epoch).items():
                if replica.truncated_through < record.seq <= replica.through:
                    assert replica.get(key) == record or replica.is_unsure(key)

    def teardown(self) -> None:
        if not hasattr(self, "log"):
            return  # Hypothesis stopped before the first step.
        self.upward.clear()
        self.workstation_links(3)
        for frame in self.upward:
            self.store_frame(frame)
        for which, reader in enumerate(self.readers):
            reader.frames.clear()
            asked_from = reader.replica.through if reader.replica.epoch == self.store.epoch else 0
            self.reader_links(which, 3)
            for frame in reader.frames:
                self.receive(reader, frame)
            reader.replica.caught_up(self.store.through, self.store.truncated_through)
            self.check_level(reader.replica, asked_from)

    def check_level(self, replica: Replica[int], asked_from: int) -> None:
        assert replica.cursor == self.log.head
        let_go_through = self.let_go_through.get(self.log.epoch, 0)
        for key, record in self.newest(self.log.epoch).items():
            assert replica.get(key) == record or replica.is_unsure(key)
            # Being unsure is for what was really missed, not a way out.
            if replica.unsure_through == 0 or asked_from >= let_go_through < record.seq:
                assert replica.get(key) == record
        freshness = Freshness().note(Head(self.log.head.seq, 1), replica.through, 0)
        assert freshness.verdict(replica.through, self.store.through, 0) is Verdict.LEVEL


BadLink.TestCase.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
TestBadLink = BadLink.TestCase
