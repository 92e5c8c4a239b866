"""The log on disk behaves like its model, wire.log.Log, whatever is done to it and however often it is reopened."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.session_log import Entry, SessionLog
from agentd.store import Store
from halyard.agent.v1 import resource_pb2 as pb
from halyard.agent.v1 import session_pb2
from tests.fakes.ahead_of_the_loop import on_disk
from wire.log import Log

NAMES = ("sessions/a", "sessions/a/messages/m", "sessions/b", "workstation", "projects/p")
Steps = list[tuple[str, str] | str]


def session(name: str, title: str) -> pb.Resource:
    return pb.Resource(name=name, session=session_pb2.Session(name=name, title=title))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def message(name: str) -> pb.Resource:
    return pb.Resource(name=name, message=session_pb2.Message(name=name))


class Places:
    """Where everything is, as told."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}

    def __call__(self, name: str, out: int, into: int) -> None:
        assert self.now.pop(name, 0) == out
        if into:
            self.now[name] = into


async def settled(log: SessionLog) -> list[Entry]:
    with log.changes() as changed:
        while log.head.seq < log.written:
            changed.clear()
            await changed.wait()
    return log.after(0, 1000)


async def read_all(log: SessionLog) -> list[Entry]:
    await log.flush()
    return log.after(0, 1000)


async def test_a_value_is_seen_by_its_owner_at_once_and_by_readers_once_committed(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1_000)
        assert log.put(session("sessions/a", "one"))
        value = log.get("sessions/a")
        assert value is not None
        assert (value.session.title, value.update_time.seconds) == ("one", 1)
        assert log.names("sessions/") == ["sessions/a"]
        assert [entry.seq for entry in await read_all(log)] == [1]


async def test_an_equal_value_costs_nothing(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        assert log.put(session("sessions/a", "one"))
        assert not log.put(session("sessions/a", "one"))
        await log.flush()
        assert not log.put(session("sessions/a", "one"))
        assert log.head.seq == 1


async def test_only_the_newest_value_of_a_name_is_kept(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        for title in ("one", "two", "three"):
            log.put(session("sessions/a", title))
        entries = await read_all(log)
        assert [(entry.seq, entry.resource().session.title) for entry in entries] == [(3, "three")]


async def test_deleting_a_session_leaves_one_tombstone(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        log.put(session("sessions/a", "one"))
        log.put(pb.Resource(name="sessions/a/messages/m", message=session_pb2.Message(name="sessions/a/messages/m")))
        await log.flush()
        log.delete("sessions/a")
        assert log.names("sessions/") == []
        entries = await read_all(log)
        assert [(entry.name, entry.is_deleted) for entry in entries] == [("sessions/a", True)]
        assert log.head.seq == 3


async def test_a_deleted_session_takes_along_tombstones_and_what_came_after_it(path: Path) -> None:
    with Store(path) as store:
        log, places = SessionLog(store, lambda: 1), Places()
        log.tell_places(places)
        log.put(session("sessions/a", "one"))
        log.put(message("sessions/a/messages/m"))
        log.delete("sessions/a/messages/m")
        log.delete("sessions/a")
        log.put(message("sessions/a/messages/n"))
        log.delete("sessions/a")
        log.delete("sessions/a")
        assert [(entry.seq, entry.name) for entry in await settled(log)] == [(6, "sessions/a")]
        assert places.now == {"sessions/a": 6}


async def test_what_an_earlier_release_kept_of_a_deleted_session_is_let_go(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        log.put(message("sessions/a/messages/m"))
        log.put(session("sessions/a", "one"))
        log.put(pb.Resource(name="sessions/a", deleted=pb.Deleted()))
        log.put(message("sessions/a/messages/late"))
        await log.flush()
    with Store(path) as store:
        log, places = SessionLog(store, lambda: 1), Places()
        log.tell_places(places)
        assert places.now == {"sessions/a": 3, "sessions/a/messages/late": 4}
        assert [entry.seq for entry in await read_all(log)] == [3, 4]


async def test_readers_see_the_log_as_its_head_says_while_the_disk_is_ahead(path: Path) -> None:
    """Or a reader would stand at the head, and lack what was there."""
    with Store(path) as store:
        log, places = SessionLog(store, lambda: 1), Places()
        log.tell_places(places)
        log.put(session("sessions/a", "one"))
        log.put(message("sessions/a/messages/m"))
        await settled(log)
        log.put(session("sessions/a", "two"))
        log.delete("sessions/a")
        on_disk(store)
        assert [entry.seq for entry in log.after(0, 9)] == [1, 2]
        assert (log.head.seq, places.now) == (2, {"sessions/a": 1, "sessions/a/messages/m": 2})
        again = Places()
        log.tell_places(again)
        assert again.now == places.now
        assert [entry.seq for entry in await settled(log)] == [4]
        assert again.now == {"sessions/a": 4}


async def test_deleting_a_message_leaves_a_tombstone_for_each_part(path: Path) -> None:
    message, part = "sessions/a/messages/m", "sessions/a/messages/m/parts/p"
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        log.put(pb.Resource(name=message, message=session_pb2.Message(name=message)))
        log.put(pb.Resource(name=part, part=session_pb2.Part(name=part)))
        log.delete(message)
        assert {entry.name for entry in await read_all(log) if entry.is_deleted} == {message, part}


async def test_values_are_found_by_kind(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        log.put(session("sessions/a", "one"))
        await log.flush()
        log.put(session("sessions/b", "two"))
        log.put(pb.Resource(name="sessions/b/messages/m", message=session_pb2.Message(name="sessions/b/messages/m")))
        assert [value.name for value in log.of_kind("session")] == ["sessions/a", "sessions/b"]
        log.delete("sessions/a")
        assert [value.name for value in log.of_kind("session")] == ["sessions/b"]


async def test_readers_are_woken_by_a_commit_and_hear_hints(path: Path) -> None:
    heard: list[str] = []
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        with log.changes() as changed, log.hints(lambda delta: heard.append(delta.text)):
            log.hint(pb.Delta(text="He"))
            log.put(session("sessions/a", "one"))
            await asyncio.wait_for(changed.wait(), 30)
            assert [entry.seq for entry in log.after(0, 10)] == [1]
        log.hint(pb.Delta(text="llo"))
    assert heard == ["He"]


async def test_a_renewed_epoch_is_another_log(path: Path) -> None:
    with Store(path) as store:
        log = SessionLog(store, lambda: 1)
        first = log.epoch
        log.renew_epoch()
        assert log.epoch != first
        second = log.epoch
    with Store(path) as store:
        assert SessionLog(store, lambda: 1).epoch == second


actions = st.lists(st.one_of(st.tuples(st.sampled_from(NAMES), st.sampled_from("xyz")), st.just("reopen")), max_size=30)


@settings(max_examples=40, deadline=None)
@given(steps=actions)
def test_it_behaves_like_its_model(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> None:
    asyncio.run(_compare(tmp_path_factory.mktemp("log") / "log.sqlite", steps))


async def _compare(path: Path, steps: Steps) -> None:
    model: Log[str] = Log(bytes(16))
    remaining = iter(steps)
    finished = False
    while not finished:
        with Store(path) as store:
            log = SessionLog(store, lambda: 1)
            finished = _play(log, model, remaining)
            found = [(entry.seq, entry.name, entry.resource().session.title) for entry in await read_all(log)]
            assert found == [(record.seq, record.key.decode(), record.value) for record in model.after(0)]
            assert log.head.seq == model.head.seq


def _play(log: SessionLog, model: Log[str], steps: Iterator[tuple[str, str] | str]) -> bool:
    for step in steps:
        if isinstance(step, str):
            return False
        name, title = step
        known = model.get(name.encode())
        changed = log.put(session(name, title))
        assert changed == (known is None or known.value != title)
        if changed:
            model.put(name.encode(), title)
    return True
