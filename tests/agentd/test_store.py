"""The store: what is flushed is on disk, in order; a disk that refuses loses nothing."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agentd.errors import StorageError, StoreDamagedError, StoreUnavailableError
from agentd.store import PAGES_AT_ONCE, SPARE_PAGES, WAL_BYTES, Store, put_meta


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agentd.sqlite"


async def test_what_is_flushed_is_read_by_the_next_process(path: Path) -> None:
    with Store(path) as store:
        store.write(put_meta("a", b"1"))
        await store.flush()
        assert store.meta("a") == b"1"
    with Store(path) as store:
        assert store.meta("a") == b"1"
        assert store.meta("b") is None


async def test_writes_keep_their_order_and_leaving_commits_them(path: Path) -> None:
    with Store(path) as store:
        for number in range(200):
            store.write(put_meta("last", str(number).encode()))
    with Store(path) as store:
        assert store.meta("last") == b"199"


async def test_listeners_hear_of_commits(path: Path) -> None:
    heard = asyncio.Event()
    with Store(path) as store:
        store.on_commit(heard.set)
        ticket = store.write(put_meta("a", b"1"))
        await asyncio.wait_for(heard.wait(), 30)
        assert store.committed == ticket


async def test_statements_of_one_write_are_taken_together_or_not_at_all(path: Path) -> None:
    with Store(path) as store:
        store.write(put_meta("a", b"1"), ("INSERT INTO meta(key, value) VALUES(?, ?)", ("b", b"2")))
        await store.flush()
        assert (store.meta("a"), store.meta("b")) == (b"1", b"2")


async def test_a_locked_store_refuses_and_loses_nothing(path: Path) -> None:
    with Store(path, busy_ms=50) as store:
        await store.flush(store.write(put_meta("before", b"1")))
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        ticket = store.write(put_meta("during", b"2"))
        with pytest.raises(StoreUnavailableError) as refused:
            await store.flush(ticket)
        assert refused.value.reason == "STORE_UNAVAILABLE"
        async with asyncio.TaskGroup() as group:
            patient = group.create_task(store.flush_patiently())
            blocker.execute("ROLLBACK")
        assert patient.done()
        assert store.meta("during") == b"2"
        blocker.close()


async def test_the_file_is_private(path: Path) -> None:
    with Store(path):
        assert _mode(path) == 0o600


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_store_of_a_newer_release_is_left_alone(path: Path) -> None:
    with Store(path):
        pass
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreDamagedError, match="newer release"), Store(path):
        pass


@pytest.fixture
def damaged(path: Path) -> Path:
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    return path


async def test_a_damaged_file_is_named(damaged: Path) -> None:
    with pytest.raises(StoreDamagedError, match=damaged.name), Store(damaged):
        pass


async def test_the_file_shrinks_when_much_of_it_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store(path) as store:
        for number in range(2_000):
            store.write(put_meta(f"key{number}", bytes(8_000)))
        await store.flush()
        store.write(("DELETE FROM meta", ()))
        for number in range(2_000 * 2 // PAGES_AT_ONCE + 2):
            store.write(put_meta("last", b"%d" % number))
            await store.flush()
    assert path.stat().st_size < 2 * SPARE_PAGES * 4096


async def test_rewriting_a_value_does_not_make_the_file_grow(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Store(path) as store:
        for number in range(100):
            for _ in range(100):
                store.write(put_meta("key", b"%d" % number * 2_000))
            await store.flush()
        assert path.with_name("db-wal").stat().st_size < 2 * WAL_BYTES
        assert store.rows("SELECT count(*) FROM meta") == [(1,)]
    assert path.stat().st_size < 200_000


# --- a file that is taken away while it is open ---------------------------------------------------------------------

PATIENCE_SECONDS = 60.0


def _unlink(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def _unlink_wal(path: Path) -> None:
    _wal(path).unlink()


def _move(path: Path, target: Path) -> None:
    path.replace(target)


def _remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@pytest.mark.parametrize("take_away", [_unlink, _replace, _unlink_wal, _remove_folder])
async def test_nothing_is_acknowledged_into_a_file_that_is_gone(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    path = tmp_path / "state" / "agentd.sqlite"
    path.parent.mkdir()
    with Store(path) as store:
        await store.flush(store.write(put_meta("before", b"1")))
        take_away(path)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(StoreUnavailableError, match="removed or replaced while agentd ran"):
                await store.flush(store.write(put_meta("after", b"2")))
            with pytest.raises(StorageError, match="Then start agentd again"):
                await store.watch()
        ticket = store.write(put_meta("later", b"3"))
        with pytest.raises(StoreUnavailableError):
            await store.flush(ticket)
        assert store.committed == ticket - 2


async def test_a_file_that_was_moved_away_is_whole_when_it_is_put_back(path: Path) -> None:
    aside = path.with_name("aside")
    with Store(path) as store:
        await store.flush(store.write(put_meta("before", b"1")))
        _move(path, aside)
        with pytest.raises(StoreUnavailableError):
            await store.flush(store.write(put_meta("after", b"2")))
    _unlink_wal(path)
    _move(aside, path)
    with Store(path) as store:
        assert store.meta("before") == b"1"


async def test_a_file_that_was_put_in_its_place_is_not_mixed_with_what_came_since(path: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    with Store(path) as store:
        await store.flush(store.write(put_meta("a", b"old")))
        with closing(sqlite3.connect(older)) as copy, closing(sqlite3.connect(path)) as live:
            live.backup(copy)
        await store.flush(store.write(put_meta("a", b"new")))
        _move(older, path)
        with pytest.raises(StoreUnavailableError):
            await store.flush(store.write(put_meta("b", bytes(100_000))))
    with Store(path) as store:
        assert store.meta("a") == b"old"
        assert store.meta("b") is None
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
