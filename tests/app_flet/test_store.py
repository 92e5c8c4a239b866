import stat
from pathlib import Path

import pytest

from app_flet.model import Held
from app_flet.store import Store, WorkstationRow, stored
from halyard_client.halyard.agent import v1
from wire.calls import CallState, QueuedCall, uuid7

ROW = WorkstationRow("w1", b"s" * 32, b"a" * 32, "bench", "operator", "http://relay", ring=b"secret")
PART = "sessions/s1/messages/m1/parts/p1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "device.sqlite")


def session(seq: int, title: str) -> Held:
    return Held(seq, v1.Resource(name="sessions/s1", session=v1.Session(name="sessions/s1", title=title)))


def part(seq: int) -> Held:
    return Held(seq, v1.Resource(name=PART, part=v1.Part(name=PART, text=v1.Text(text="hi"))))


def reopened(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "device.sqlite")


@pytest.mark.usefixtures("store")
def test_the_file_is_only_for_its_owner(tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "deep" / "device.sqlite").stat().st_mode) == 0o600


def test_everything_survives_closing(tmp_path: Path, store: Store) -> None:
    call = QueuedCall(uuid7(1, bytes(10)), "w1", b"payload", 99, CallState.AT_RELAY, 1, b"answer")
    store.keep_fact("identity", b"x")
    store.keep_workstation(ROW)
    store.keep_records("w1", [stored(session(4, "t"), b"k1"), stored(part(5), b"k2")])
    store.keep_call(call)
    store.keep_draft("w1/s1", "half a")
    store.keep_seen("w1", "sessions/s1", 7)
    store.close()
    again = reopened(tmp_path)
    assert again.fact("identity") == b"x"
    assert again.workstations() == [ROW]
    assert sorted(again.seqs("w1")) == [(4, b"k1"), (5, b"k2")]
    assert [r.resource.session.title for r in again.records_beside("w1") if r.resource.session] == ["t"]
    assert [r.name for r in again.records_inside("w1", "sessions/s1")] == [PART]
    assert again.calls() == [call]
    assert again.draft("w1/s1") == "half a"
    assert again.seen() == {("w1", "sessions/s1"): 7}


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    store.keep_workstation(ROW)
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.keep_records("w1", [stored(session(1, "t"), b"k")])
        raise ZeroDivisionError
    assert store.seqs("w1") == []


def test_the_newest_record_of_a_key_replaces_the_older(store: Store) -> None:
    store.keep_records("w1", [stored(session(1, "old"), b"k")])
    store.keep_records("w1", [stored(session(2, "new"), b"k")])
    assert store.seqs("w1") == [(2, b"k")]


def test_forgetting_a_workstation_leaves_nothing_of_it(store: Store) -> None:
    store.keep_workstation(ROW)
    store.keep_records("w1", [stored(session(1, "t"), b"k")])
    store.keep_call(QueuedCall(uuid7(1, bytes(10)), "w1", b"", 9))
    store.keep_seen("w1", "sessions/s1", 7)
    store.forget_workstation("w1")
    assert (store.workstations(), store.seqs("w1"), store.calls(), store.seen()) == ([], [], [], {})


def test_dropping_a_session_keeps_its_own_record(store: Store) -> None:
    store.keep_records("w1", [stored(session(1, "t"), b"k1"), stored(part(2), b"k2")])
    store.drop_session("w1", "sessions/s1")
    assert store.seqs("w1") == [(1, b"k1")]


def test_an_empty_draft_is_no_draft(store: Store) -> None:
    store.keep_draft("p", "x")
    store.keep_draft("p", "")
    assert store.draft("p") == ""


def test_secrets_do_not_show_in_logs() -> None:
    assert "secret" not in repr(ROW)
