import sqlite3
import stat
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app_flet.filing import StoredRecord, stored
from app_flet.instants import instant
from app_flet.model import Held, Page
from app_flet.skimming import skim
from app_flet.store import (
    MAX_ANSWER_BYTES,
    PAGES_AT_ONCE,
    SPARE_PAGES,
    WAL_BYTES,
    Store,
    WorkstationRow,
)
from halyard_client.halyard.agent import v1
from wire.calls import CallState, QueuedCall, uuid7

ROW = WorkstationRow("w1", b"s" * 32, b"a" * 32, "bench", "operator", "http://relay", ring=b"secret")
S = "sessions/s1"
MESSAGE = f"{S}/messages/m1"
PART = f"{MESSAGE}/parts/p1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "device.sqlite")


def filed(held: Held, key: bytes) -> StoredRecord:
    data = bytes(held.resource)
    return stored(held.seq, key, data, skim(data))


def session(seq: int, title: str) -> Held:
    return Held(seq, v1.Resource(name="sessions/s1", session=v1.Session(name="sessions/s1", title=title)))


def part(seq: int) -> Held:
    return Held(seq, v1.Resource(name=PART, part=v1.Part(name=PART, text=v1.Text(text="hi"))))


def message(seq: int, number: int) -> Held:
    """The message that began in minute `number`."""
    name = f"{S}/messages/m{number}"
    said = v1.Message(name=name, role=v1.Role.AGENT, create_time=instant(number * 60_000))
    return Held(seq, v1.Resource(name=name, message=said))


def part_of(seq: int, number: int) -> Held:
    name = f"{S}/messages/m{number}/parts/p1"
    return Held(seq, v1.Resource(name=name, part=v1.Part(name=name, text=v1.Text(text=f"words {number}"))))


def conversation(store: Store, numbers: Iterable[int]) -> None:
    for number in numbers:
        said = [
            filed(message(2 * number, number), b"m%d" % number),
            filed(part_of(2 * number + 1, number), b"p%d" % number),
        ]
        store.keep_records("w1", said)


def numbers_in(page: Page) -> list[int]:
    found = [held.name.removeprefix(f"{S}/messages/m") for held in page.records if held.resource.message]
    return sorted(map(int, found))


def reopened(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "device.sqlite")


@pytest.mark.usefixtures("store")
def test_the_file_is_only_for_its_owner(tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "deep" / "device.sqlite").stat().st_mode) == 0o600


def test_everything_survives_closing(tmp_path: Path, store: Store) -> None:
    call = QueuedCall(uuid7(1, bytes(10)), "w1", b"payload", 99, CallState.AT_RELAY, 1, b"answer")
    store.keep_fact("identity", b"x")
    store.keep_workstation(ROW)
    store.keep_records("w1", [filed(session(4, "t"), b"k1"), filed(part(5), b"k2"), filed(message(6, 1), b"k3")])
    store.keep_call(call)
    store.keep_draft("w1/s1", "half a")
    store.keep_seen("w1", "sessions/s1", 7)
    store.close()
    again = reopened(tmp_path)
    assert again.fact("identity") == b"x"
    assert again.workstations() == [ROW]
    assert sorted(again.seqs("w1")) == [(4, b"k1"), (5, b"k2"), (6, b"k3")]
    assert [r.resource.session.title for r in again.records_beside("w1") if r.resource.session] == ["t"]
    assert {r.name for r in again.newest("w1", "sessions/s1", 9).records} == {MESSAGE, PART}
    assert again.calls() == [call]
    assert again.draft("w1/s1") == "half a"
    assert again.seen() == {("w1", "sessions/s1"): 7}


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    store.keep_workstation(ROW)
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.keep_records("w1", [filed(session(1, "t"), b"k")])
        raise ZeroDivisionError
    assert store.seqs("w1") == []


def test_the_newest_record_of_a_key_replaces_the_older(store: Store) -> None:
    store.keep_records("w1", [filed(session(1, "old"), b"k")])
    store.keep_records("w1", [filed(session(2, "new"), b"k")])
    assert store.seqs("w1") == [(2, b"k")]


def test_forgetting_a_workstation_leaves_nothing_of_it(store: Store) -> None:
    store.keep_workstation(ROW)
    store.keep_records("w1", [filed(session(1, "t"), b"k")])
    store.keep_call(QueuedCall(uuid7(1, bytes(10)), "w1", b"", 9))
    store.keep_seen("w1", "sessions/s1", 7)
    store.forget_workstation("w1")
    assert (store.workstations(), store.seqs("w1"), store.calls(), store.seen()) == ([], [], [], {})


def test_what_was_read_out_on_request_is_known_by_where_the_log_has_it(store: Store) -> None:
    values = filed(session(1, "t"), b"k1"), filed(part(9), b"k2"), filed(message(9, 1), b"k3")
    store.keep_records("w1", [values[0], *(value._replace(counted=0) for value in values[1:])])
    assert store.apart("w1") == {b"k2": 0, b"k3": 0}
    store.keep_counted("w1", b"k2", 4)
    store.keep_records("w1", [filed(message(10, 1), b"k3")])
    assert store.apart("w1") == {b"k2": 4}
    assert store.apart("w2") == {}


def test_dropping_a_session_keeps_its_own_record(store: Store) -> None:
    store.keep_records("w1", [filed(session(1, "t"), b"k1"), filed(part(2), b"k2")])
    asked = v1.Resource(name=f"{S}/permissions/p", permission=v1.Permission(name=f"{S}/permissions/p"))
    store.keep_records("w1", [filed(Held(3, asked), b"k3")])
    store.keep_seen("w1", S, 7)
    assert store.drop_session("w1", "sessions/s1", 9) == [b"k2", b"k3"]
    assert store.seqs("w1") == [(1, b"k1")]
    assert store.seen() == {}


def test_a_session_is_read_from_its_end_page_by_page(store: Store) -> None:
    todo_list = v1.Resource(name=f"{S}/todos", todo_list=v1.TodoList(name=f"{S}/todos"))
    store.keep_records("w1", [filed(Held(500, todo_list), b"t")])
    conversation(store, range(1, 26))
    page = store.newest("w1", S, 10)
    assert numbers_in(page) == list(range(16, 26))
    assert sum(held.resource.part is not None for held in page.records) == 10
    assert [held.name for held in page.records if held.resource.todo_list] == [f"{S}/todos"]
    assert (page.since, page.older) == ((16 * 60_000, f"{S}/messages/m16"), 15)
    earlier = store.before("w1", S, page.since, 10)
    assert (numbers_in(earlier), earlier.older) == (list(range(6, 16)), 5)
    first = store.before("w1", S, earlier.since, 10)
    assert (numbers_in(first), first.older) == (list(range(1, 6)), 0)


def test_no_page_costs_a_walk_through_all_values(store: Store) -> None:
    conversation(store, range(1, 26))
    asked: list[str] = []
    store._db.set_trace_callback(asked.append)
    page = store.newest("w1", S, 10)
    store.before("w1", S, page.since, 10)
    store.holds_message("w1", MESSAGE)
    store.records_beside("w1")
    store.seqs("w1")
    store.drop_session("w1", S, 9_000)
    store._db.set_trace_callback(None)
    selects = [statement for statement in asked if statement.startswith("SELECT")]
    plans = [row[3] for statement in selects for row in store._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(plans) > 25
    assert [plan for plan in plans if "PRIMARY KEY" in plan or "SCAN" in plan] == []


def test_messages_of_one_moment_are_told_apart_by_name(store: Store) -> None:
    def at_once(number: int) -> Held:
        held = message(number, number)
        assert held.resource.message is not None
        held.resource.message.create_time = instant(1)
        return held

    store.keep_records("w1", [filed(at_once(number), b"%d" % number) for number in range(1, 5)])
    page = store.newest("w1", S, 2)
    assert numbers_in(page) == [3, 4]
    assert numbers_in(store.before("w1", S, page.since, 9)) == [1, 2]


def test_a_deleted_message_takes_no_place_on_a_page(store: Store) -> None:
    conversation(store, range(1, 4))
    gone = Held(90, v1.Resource(name=f"{S}/messages/m3", deleted=v1.Deleted()))
    store.keep_records("w1", [filed(gone, b"m3")])
    assert numbers_in(store.newest("w1", S, 2)) == [1, 2]
    assert not store.holds_message("w1", f"{S}/messages/m3")
    assert store.holds_message("w1", f"{S}/messages/m2")


def test_a_value_of_another_release_is_passed_over(store: Store) -> None:
    conversation(store, [1])
    strange = StoredRecord(9, b"x", b"\x40\x01", S, f"{S}/messages/m1")
    store.keep_records("w1", [strange])
    assert {held.name for held in store.newest("w1", S, 9).records} == {f"{S}/messages/m1", f"{S}/messages/m1/parts/p1"}


def test_a_file_of_the_first_schema_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "device.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((Path(__file__).parent / "stored" / "schema_1.sql").read_text())
        for held in (message(1, 1), part_of(2, 1), message(3, 2), session(4, "t")):
            inside = S if held.resource.session is None else None
            old.execute(
                "INSERT INTO record VALUES ('w1', ?, ?, ?, ?)",
                (held.name.encode(), held.seq, inside, bytes(held.resource)),
            )
        old.commit()
    store = Store(path)
    page = store.newest("w1", S, 1)
    assert (numbers_in(page), page.older) == ([2], 1)
    assert {held.name for held in store.before("w1", S, page.since, 9).records} == {MESSAGE, PART}
    assert [held.seq for held in store.records_beside("w1")] == [4]
    assert sorted(seq for seq, _ in store.seqs("w1")) == [1, 2, 3, 4]
    store.keep_records("w1", [filed(message(5, 2), message(5, 2).name.encode())])
    assert sorted(seq for seq, _ in store.seqs("w1")) == [1, 2, 4, 5]


def test_the_file_shrinks_when_a_long_session_is_deleted(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "deep" / "device.sqlite"
    store.keep_records("w1", [StoredRecord(seq, b"%d" % seq, bytes(8_000), S) for seq in range(1, 2_001)])
    with store.transaction():
        store.drop_session("w1", S, 9_000)
    for _ in range(2_000 * 2 // PAGES_AT_ONCE + 1):
        with store.transaction():
            store.keep_fact("route", b"/")
    store.close()
    assert path.stat().st_size < 2 * SPARE_PAGES * 4096


def test_rewriting_a_record_does_not_make_the_file_grow(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "deep" / "device.sqlite"
    for seq in range(1, 2_001):
        with store.transaction():
            store.keep_records("w1", [StoredRecord(seq, b"k", bytes(8_000), S)])
    assert store.seqs("w1") == [(2_000, b"k")]
    assert path.with_name("device.sqlite-wal").stat().st_size < 2 * WAL_BYTES
    store.close()
    assert path.stat().st_size < 200_000


def test_an_empty_draft_is_no_draft(store: Store) -> None:
    store.keep_draft("p", "x")
    store.keep_draft("p", "")
    assert store.draft("p") == ""


def test_secrets_do_not_show_in_logs() -> None:
    assert "secret" not in repr(ROW)


def test_answers_are_kept_until_there_are_too_many(store: Store) -> None:
    big = bytes(MAX_ANSWER_BYTES)
    for number in range(20):
        store.keep_answer("w1", "/x/Read", b"%d" % number, big, number)
    assert store.answer("w1", "/x/Read", b"19") == (big, 19)
    assert store.answer("w1", "/x/Read", b"0") is None
    store.keep_answer("w1", "/x/Read", b"huge", big + b"!", 99)
    assert store.answer("w1", "/x/Read", b"huge") is None
    store.forget_workstation("w1")
    assert store.answer("w1", "/x/Read", b"19") is None


def test_a_call_that_changes_keeps_its_place(store: Store) -> None:
    calls = [QueuedCall(uuid7(9 - number, bytes(10)), "w1", b"%d" % number, 99) for number in range(3)]
    for call in calls:
        store.keep_call(call)
    store.keep_call(replace(calls[0], attempts=1))
    assert [call.payload for call in store.calls()] == [b"0", b"1", b"2"]
