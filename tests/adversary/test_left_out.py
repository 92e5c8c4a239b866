"""Whatever is written, deleted, repeated, cut off, let go of or restarted: an honest relay is never said to have left
something out, and one that does leave out a record always is, once the reader stands where the workstation vouches.

The ends are the real ones, each with its store; between them a relay that does what relays do, one step at a time.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.sealer import Sealer
from agentd.session_log import SessionLog
from agentd.store import Store as DeskStore
from agentd.uplink_session import Ends, UplinkSession
from app_flet import events
from app_flet.believing import LEFT_OUT, UNOPENED
from app_flet.following import READ_AGAIN, Following
from app_flet.store import Store, WorkstationRow
from halyard.agent.v1 import resource_pb2, session_pb2, workstation_pb2
from halyard.link.v1 import link_service_pb2 as link
from halyard.link.v1 import record_pb2
from halyard_client.halyard.agent import v1
from halyard_client.halyard.link import v1 as client
from tests.adversary.malicious_relay import Backup
from tests.fakes.ahead_of_the_loop import on_disk
from wire import names
from wire.identity import Identity
from wire.sealing import Channel
from wire.vigil import Vigil

DESK, PHONE = Identity(b"d" * 32, b"e" * 32), Identity(b"p" * 32, b"q" * 32)
GRANT = names.grant(PHONE.device_id)
PAGE = 3
WRITTEN = (
    "workstation", "projects/p", "sessions/a", "sessions/b", "sessions/a/messages/m", "sessions/a/messages/m/parts/p",
    "sessions/a/messages/n", "sessions/a/permissions/p", "sessions/a/todos", "sessions/b/messages/m",
)  # fmt: skip
DELETED = ("projects/p", "sessions/a", "sessions/b", "sessions/a/messages/m", "sessions/a/permissions/p")


def value(name: str, text: str) -> resource_pb2.Resource:
    kind = names.parse(name).kind
    if kind is names.Kind.WORKSTATION:
        return resource_pb2.Resource(name=name, workstation=workstation_pb2.Workstation(display_name=text))
    if kind is names.Kind.PROJECT:
        return resource_pb2.Resource(name=name, project=workstation_pb2.Project(name=name, display_name=text))
    if kind is names.Kind.SESSION:
        return resource_pb2.Resource(name=name, session=session_pb2.Session(name=name, title=text))
    if kind is names.Kind.PART:
        return resource_pb2.Resource(name=name, part=session_pb2.Part(name=name, text=session_pb2.Text(text=text)))
    return resource_pb2.Resource(name=name, message=session_pb2.Message(name=name, call_id=text.encode()))


class Course:
    """Both ends and the relay, in the middle of something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = 1_800_000_000_000
        self.disk, self.backup = Backup(), Backup()
        self.truncated = 0
        self.level = False
        self.cursor = 0
        self.left_out: set[int] = set()
        self.bent: set[int] = set()
        self.is_honest = True
        self.warned = ""
        self.asked: list[int] = []
        self.gone: set[str] = set()
        self.open = ExitStack()
        self.phone_store = Store(folder / "phone.sqlite")
        row = WorkstationRow(DESK.device_id, DESK.public.sign, DESK.public.agree, "desk", "operator", "http://relay")
        self.following = Following(self.phone_store, row, PHONE)
        self.start_desk()
        self.grant()

    # --- the workstation ---

    def start_desk(self) -> None:
        self.open.close()
        store = self.open.enter_context(DeskStore(self.folder / "desk.sqlite"))
        self.store, self.log = store, SessionLog(store, lambda: self.now_ms)
        self.sealer = Sealer(store, self.log, DESK.device_id, lambda: self.now_ms)
        self.dial()

    def dial(self) -> None:
        """A link of the workstation begins."""
        if self.disk.epoch != self.log.epoch:
            self.disk, self.truncated, self.level, self.cursor = Backup(self.log.epoch), 0, False, 0
        limits = record_pb2.Limits(max_items=PAGE)
        welcome = link.WorkstationWelcome(stored_through=min(self.disk.through, self.log.head.seq), limits=limits)
        ends = Ends(self.log, self.sealer, *cast("tuple[Any, Any, Any]", (None, None, None)))
        self.uplink = UplinkSession(ends, cast("Any", None), welcome, lambda: None, lambda _: None, Vigil())
        self.uplink._apps = 1

    def grant(self) -> None:
        sealed = Channel(DESK, PHONE.public).seal_grant(self.log.epoch, self.sealer.ring)
        self.log.put_grant(GRANT, sealed)

    async def written(self) -> None:
        await self.log.flush()
        with self.log.changes() as changed:
            while self.log.head.seq < self.log.written:
                changed.clear()
                await changed.wait()

    def on_disk(self) -> None:
        """What was written is on disk, and nobody has heard of it yet."""
        on_disk(self.store)

    def publish(self) -> None:
        self.now_ms += 1_000
        self.uplink._head_at = -1e9
        frame = self.uplink._publish(time.monotonic())
        assert frame is not None
        self.uplink._on_stored(max(frame.through, self.uplink.stored_through))
        self.disk.records |= {record.key: record for record in frame.records}
        self.disk.through = max(self.disk.through, frame.through)
        self.disk.head = frame.head
        if self.level and self.disk.through >= self.cursor:
            self.cursor = max(self.cursor, self.disk.through) if frame.through else self.cursor
            self.hand_over(list(frame.records), frame.through and self.disk.through, frame.head)

    # --- the app's link ---

    def link(self) -> None:
        """A link of the app begins: where it stands is where it is sent from."""
        cursor = self.following.cursor
        is_known = cursor is not None and cursor.cursor is not None and cursor.cursor.log_epoch == self.disk.epoch
        self.cursor = cursor.cursor.seq if cursor is not None and cursor.cursor is not None and is_known else 0
        self.asked.append(self.cursor)
        self.level = False
        if not self.disk.epoch:
            return
        stored = record_pb2.Cursor(log_epoch=self.disk.epoch, seq=self.disk.through)
        state = link.WorkstationState(
            workstation_id=DESK.device_id, online=True, stored=stored, head=self.disk.head,
            grant=self.disk.records.get(GRANT.encode()), truncated_through=self.truncated,
        )  # fmt: skip
        self.heard(self.following.began(client.WorkstationState.parse(state.SerializeToString()), self.now_ms))

    def page(self) -> None:
        """One page of the store; level at its end."""
        if self.level or not self.disk.epoch:
            return
        above = sorted((r for r in self.disk.records.values() if r.seq > self.cursor), key=lambda record: record.seq)
        records = above[:PAGE]
        self.cursor = records[-1].seq if len(above) > PAGE else max(self.cursor, self.disk.through)
        if self.hand_over(records, self.cursor, None) and len(above) <= PAGE:
            self.level = True
            cursor = client.Cursor(log_epoch=self.disk.epoch, seq=min(self.cursor, self.disk.through))
            level = client.CaughtUp(workstation_id=DESK.device_id, cursor=cursor, truncated_through=self.truncated)
            self.heard(self.following.caught_up(level, self.now_ms))

    def hand_over(self, records: list[record_pb2.Record], through: int, head: record_pb2.Head | None) -> bool:
        """Whether the link still stands afterwards."""
        kept = [self.bend(record) for record in records if record.seq not in self.left_out]
        batch = link.Batch(workstation_id=DESK.device_id, records=kept, through=through, head=head)
        return self.heard(self.following.batch(client.Batch.parse(batch.SerializeToString()), self.now_ms))

    def bend(self, record: record_pb2.Record) -> record_pb2.Record:
        """What is handed out of a record: with a flipped bit, if it is one of `bent`."""
        if record.seq not in self.bent:
            return record
        sealed = bytes((*record.sealed[:-1], record.sealed[-1] ^ 1))
        return record_pb2.Record(seq=record.seq, key=record.key, key_epoch=record.key_epoch, sealed=sealed)

    def heard(self, happened: list[events.Event]) -> bool:
        for event in happened:
            if isinstance(event, events.WorkstationWarned):
                self.warned = event.warning
        if self.following.must_link_again:
            assert not self.is_honest or self.following.must_link_again != READ_AGAIN
            self.link()
            return False
        return True

    def restart_phone(self) -> None:
        self.phone_store.close()
        self.phone_store = Store(self.folder / "phone.sqlite")
        rows = self.phone_store.workstations()
        self.following = Following(self.phone_store, rows[0] if rows else self.following.row, PHONE)
        self.link()

    def fetch_earlier(self) -> None:
        """The phone asks the workstation for a session's messages."""
        entries = [self.log.get(name) for name in ("sessions/a/messages/m", "sessions/a/messages/n")]
        found = [v1.Resource.parse(entry.SerializeToString()) for entry in entries if entry is not None]
        self.heard(self.following.keep_earlier(found, self.following.place)[1])

    # --- both ---

    async def settle(self) -> None:
        """Everything is written, published and handed out."""
        await self.written()
        for _ in range(200):
            self.publish()
            while not self.level:
                self.page()
            if self.following.place.seq == self.log.head.seq:
                self.publish()
                return
        raise AssertionError("The app never catches up.")

    async def take(self, step: str, name: str) -> None:
        match step:
            case "write" if names.session_of(name) not in self.gone:
                self.log.put(value(name, str(self.now_ms)))
            case "overtake" if names.session_of(name) not in self.gone:
                self.log.put(value(name, "one"))
                await self.written()
                self.log.put(value(name, "two"))
                self.on_disk()
            case "delete":
                self.delete(name)
            case "renew":
                self.log.renew_epoch()
                self.sealer.begin_anew()
                self.grant()
                await self.written()
                self.dial()
                self.link()
            case "turn":
                self.sealer.turn()
                self.grant()
            case "restart desk":
                self.start_desk()
            case "let go":
                self.let_go()
            case "back up":
                self.backup = self.disk.copy()
            case "restore" if self.backup.epoch == self.disk.epoch:
                self.disk = self.backup.copy()
                self.dial()
                self.link()
            case _:
                await self.take_more(step)

    async def take_more(self, step: str) -> None:
        plain: dict[str, Callable[[], None]] = {
            "on disk": self.on_disk, "publish": self.publish, "dial": self.dial, "link": self.link, "page": self.page,
            "restart phone": self.restart_phone, "fetch": self.fetch_earlier,
        }  # fmt: skip
        if step in plain:
            plain[step]()
        if step == "written":
            await self.written()
        if step == "fall behind":
            self.level = False
        assert not self.is_honest or self.warned != LEFT_OUT.format(name="desk")

    def delete(self, name: str) -> None:
        self.log.delete(name)
        if names.parse(name).kind is names.Kind.SESSION:
            # An id is not used twice.
            self.gone.add(name)

    def let_go(self) -> None:
        """Retention takes the older half."""
        self.truncated = max(self.truncated, self.disk.through // 2)
        kept = {key: record for key, record in self.disk.records.items() if record.seq > self.truncated}
        grant = self.disk.records.get(GRANT.encode())
        self.disk.records = kept | ({GRANT.encode(): grant} if grant is not None else {})
        self.level = False

    def close(self) -> None:
        self.phone_store.close()
        self.open.close()


OFTEN = ("write", "write", "overtake", "written", "publish", "page")
RARE = (
    "delete", "on disk", "dial", "link", "fall behind", "restart phone", "restart desk", "renew", "turn", "let go",
    "back up", "restore", "fetch",
)  # fmt: skip
steps = st.lists(
    st.tuples(st.sampled_from(OFTEN) | st.sampled_from(OFTEN + RARE), st.sampled_from(WRITTEN)), max_size=40
)


def run(test: Callable[[Course], Any]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder, closing(Course(Path(folder))) as course:
            await test(course)

    asyncio.run(play())


async def play(course: Course, taken: list[tuple[str, str]]) -> None:
    for name in WRITTEN:
        course.log.put(value(name, "at first"))
    course.link()
    await course.settle()
    for step, name in taken:
        target = name if step != "delete" else DELETED[WRITTEN.index(name) % len(DELETED)]
        await course.take(step, target)


@settings(max_examples=40, deadline=None)
@given(taken=steps)
def test_an_honest_relay_is_never_said_to_have_left_something_out(taken: list[tuple[str, str]]) -> None:
    async def honest(course: Course) -> None:
        await play(course, taken)
        course.link()
        await course.settle()
        following = course.following
        assert course.warned != LEFT_OUT.format(name="desk")
        if not following.has_gap:
            # It was compared, and fitted.
            assert following.row.is_counted
            assert following.row.as_of_ms == following.row.head_ms

    run(honest)


@settings(max_examples=25, deadline=None)
@given(taken=steps, pick=st.integers(0, 1_000))
def test_what_is_left_out_is_missed_and_comes_with_the_next_reading(taken: list[tuple[str, str]], pick: int) -> None:
    async def cheated(course: Course) -> None:
        await play(course, [(step, name) for step, name in taken if step not in ("let go", "restore")])
        course.log.put(value("workstation", "at least one"))
        await course.written()
        live = [entry for entry in course.log.after(0, 1_000) if not entry.is_grant]
        course.is_honest, course.left_out = False, {live[pick % len(live)].seq}
        held = {seq for seq, _ in course.phone_store.seqs(DESK.device_id)}
        course.link()
        await course.settle()
        if course.left_out <= held:
            return
        assert course.warned == LEFT_OUT.format(name="desk")
        course.left_out = set()
        course.restart_phone()
        await course.settle()
        # It began with what it had, missed something, and read everything.
        assert course.asked[-1] == 0
        assert course.warned == ""
        held = {seq for seq, _ in course.phone_store.seqs(DESK.device_id)}
        assert {entry.seq for entry in live} <= held

    run(cheated)


def test_what_cannot_be_opened_is_asked_for_again_until_it_can() -> None:
    """A relay whose disk flipped a bit, and that then got the value once more from the workstation."""

    async def rotten(course: Course) -> None:
        await play(course, [])
        course.log.put(value("workstation", "rots"))
        await course.written()
        seq = course.log.head.seq
        course.is_honest, course.bent = False, {seq}
        await course.settle()
        assert course.warned == UNOPENED.format(name="desk")
        assert course.asked[-1] == 0
        course.bent = set()
        course.now_ms += 11 * 60_000
        await course.settle()
        assert course.warned == ""
        assert seq in {held for held, _ in course.phone_store.seqs(DESK.device_id)}

    run(rotten)
