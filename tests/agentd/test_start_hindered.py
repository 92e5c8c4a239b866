"""agentd is started while something keeps it from its own files: it says what, and never to move them away."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agentd import identity_file, storage, store
from agentd.cli.outcome import Exit
from agentd.config import Config
from agentd.daemon import running
from agentd.errors import StorageError, StoreDamagedError, StoreUnavailableError
from agentd.members_file import MembersFile
from agentd.store import Store, put_meta
from tests.chaos.disk import Disk, small_disk
from tests.fakes.scripted_agent import ScriptedAgent

PATIENCE_SECONDS = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agentd.sqlite"


@pytest.fixture
async def kept(path: Path) -> Path:
    """A store that holds something."""
    with Store(path) as opened:
        opened.write(put_meta("a", b"acknowledged"))
    return path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program has the file for itself meanwhile."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


async def test_a_store_that_another_program_holds_is_whole_once_it_lets_go(kept: Path) -> None:
    with held(kept), pytest.raises(StorageError) as refused, Store(kept, busy_ms=20):
        pass
    assert f"{kept} cannot be used: another program holds it" in str(refused.value)
    assert "leave it in its place" in str(refused.value)
    with Store(kept) as opened:
        assert opened.meta("a") == b"acknowledged"


async def test_a_new_store_that_another_program_holds_is_no_damage_either(path: Path) -> None:
    with held(path), pytest.raises(StorageError, match="another program holds it"), Store(path, busy_ms=20):
        pass


# --- a full disk ----------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


def started_full(disk: Disk) -> "subprocess.CompletedProcess[str]":
    """What becomes of `agentd run` on this disk, which is full."""
    command = [sys.executable, "-m", "agentd.main", "--json", "run", "--opencode", sys.executable]
    environment = {**os.environ, "HALYARD_STATE_DIR": str(disk.folder)}  # noqa: TID251 - for the child
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        preexec_fn=lambda: disk.fill(os.getpid()),
    )


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """What a person reads of a start that failed because of the disk."""
    assert done.returncode == Exit.UNAVAILABLE, done.stderr
    told = str(json.loads(done.stderr)["error"]["message"])
    assert "ove it away" not in told
    return told


@pytest.fixture
def profile(disk: Disk) -> Config:
    """A profile on that disk, with a relay that is not there."""
    state = disk.folder / "default"
    state.mkdir(mode=0o700)
    (state / "relay.json").write_text(json.dumps({"origin": "http://127.0.0.1:1", "grpc": "127.0.0.1:1"}))
    return Config(state)


async def test_on_a_full_disk_it_says_so_and_goes_on_when_there_is_room(disk: Disk, profile: Config) -> None:
    async with running(profile, lambda _: [ScriptedAgent()]) as daemon:
        epoch = daemon.log.epoch
    told = refusal(started_full(disk))
    assert str(profile.database_path) in told
    assert "disk is full" in told or disk.kind != "tmpfs"
    disk.free()
    async with running(profile, lambda _: [ScriptedAgent()]) as daemon:
        assert daemon.log.epoch == epoch


@pytest.mark.usefixtures("profile")
def test_a_profile_that_has_no_room_to_begin_says_so(disk: Disk) -> None:
    told = refusal(started_full(disk))
    assert "disk is full" in told or disk.kind != "tmpfs"


# --- damage ---------------------------------------------------------------------------------------------------------


async def test_a_page_that_rotted_is_named_when_it_is_read_at_the_start(tmp_path: Path) -> None:
    config = Config(tmp_path / "state")
    async with running(config, lambda _: [ScriptedAgent()]):
        pass
    with config.database_path.open("r+b") as file:
        # All pages but the first, which SQLite reads to know what the others are.
        file.seek(4096)
        file.write(b"\xa5" * (config.database_path.stat().st_size - 4096))
    with pytest.raises(StoreDamagedError, match=r"is damaged \(.*\)\. Move it away, together with agentd\.sqlite-wal"):
        async with running(config, lambda _: [ScriptedAgent()]):
            pass


@pytest.mark.parametrize(
    ("code", "is_damage", "words"),
    [
        (sqlite3.SQLITE_CORRUPT, True, "Move it away"),
        (sqlite3.SQLITE_CORRUPT_INDEX, True, "Move it away"),
        (sqlite3.SQLITE_NOTADB, True, "Move it away"),
        (sqlite3.SQLITE_FULL, False, "its disk is full. Make room"),
        (sqlite3.SQLITE_BUSY, False, "another program holds it"),
        (sqlite3.SQLITE_BUSY_RECOVERY, False, "another program holds it"),
        (sqlite3.SQLITE_LOCKED, False, "another program holds it"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, False, "may not write it"),
        (sqlite3.SQLITE_IOERR_FSYNC, False, "its disk's health, free space and limits"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, False, "leave it in its place"),
    ],
)
def test_only_damage_is_to_be_moved_away(tmp_path: Path, code: int, is_damage: bool, words: str) -> None:
    error = sqlite3.DatabaseError("what SQLite said")
    error.sqlite_errorcode = code
    told = storage.unusable(tmp_path / "db", error)
    assert isinstance(told, StoreDamagedError if is_damage else StorageError)
    assert words in str(told)
    assert ("ove it away" in str(told)) == is_damage


# --- while it runs --------------------------------------------------------------------------------------------------


async def test_a_row_that_makes_no_sense_ends_it_without_a_word_of_damage(kept: Path) -> None:
    with Store(kept) as opened:
        opened.write(("INSERT INTO meta(key, value) VALUES('a', x'')", ()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(StorageError, match="UNIQUE constraint failed"):
                await opened.watch()
        with pytest.raises(StoreUnavailableError):
            await opened.flush()
    with Store(kept) as again:
        assert again.meta("a") == b"acknowledged"


async def test_a_writer_that_gets_no_connection_is_no_silent_store(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, made = store._connect, list[sqlite3.Connection]()

    def nearly_out_of_files(path: Path, busy_ms: int) -> sqlite3.Connection:
        if len(made) == 2:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        made.append(connect(path, busy_ms))
        return made[-1]

    monkeypatch.setattr(store, "_connect", nearly_out_of_files)
    with pytest.raises(StorageError, match="unable to open database file"), Store(kept) as opened:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await opened.flush(opened.write(put_meta("b", b"2")))


# --- its other files ------------------------------------------------------------------------------------------------


def test_members_that_cannot_be_read_just_now_are_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "members.json").mkdir()
    with pytest.raises(StorageError, match=r"members\.json cannot be read \(Is a directory\)"):
        MembersFile(tmp_path / "members.json").read()


def test_keys_that_cannot_be_read_just_now_are_named(tmp_path: Path) -> None:
    (tmp_path / "identity.key").mkdir(mode=0o700)
    with pytest.raises(StorageError, match=r"identity\.key cannot be read \(Is a directory\)"):
        identity_file.load_or_make(tmp_path / "identity.key")
