"""Backups: whole, checked, private, made while the store is written; and the way back, with what it must change."""

import asyncio
import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from relay import backup, database, restore_served
from relay.backup import BackupFailed, back_up, lay_out, restore, take
from relay.errors import ConfigError, InviteInvalid, StoreDamaged
from relay.ledger import Ledger
from relay.limits import Limits
from relay.store import open_store
from tests.relay.peers import record

EPOCH = b"0123456789abcdef"
WS, APP = "a" * 26, "b" * 26
NOW_MS = 1_795_262_286_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "relay.db"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "monday.db"


def _publish(ledger: Ledger, seq: int) -> None:
    ledger.publish(WS, EPOCH, [record(seq, sealed=bytes(500))], seq, 1_000)


def _written(file: Path, *seqs: int) -> None:
    """Publishes these records, with everything else that a store holds, and leaves the write-ahead log behind."""
    database.prepare(file)
    with contextlib.closing(database.connect(file)) as db:
        ledger = Ledger(db, Limits())
        ledger.begin()
        ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000)
        for seq in seqs:
            _publish(ledger, seq)
        ledger.set_members(WS, frozenset({APP}), 1)
        ledger.commit()


def _seqs(file: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return [seq for (seq,) in db.execute("SELECT seq FROM record ORDER BY seq")]


def _kept(target: Path) -> dict[str, int]:
    """What lies beside a backup: names and modes."""
    return {kept.name: kept.stat().st_mode & 0o777 for kept in target.parent.iterdir()}


def _relay(*arguments: str, largest_file: int = 0) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = [sys.executable, "-m", "relay.main", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, preexec_fn=limited)


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


# --- backup -----------------------------------------------------------------------------------------------------------


async def test_a_backup_is_one_moment_of_a_store_that_is_being_written(file: Path, target: Path) -> None:
    store = open_store(file, Limits())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.run())
        await store.do(lambda ledger: ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000))
        for seq in range(1, 201):
            await store.do(partial(_publish, seq=seq))
        copying = tasks.create_task(asyncio.to_thread(back_up, file, target))
        written = 200
        while not copying.done():
            written += 1
            await store.do(partial(_publish, seq=written))
        store.close()
    copied, seqs = copying.result(), _seqs(target)
    assert seqs == list(range(1, copied.records + 1))
    assert 200 <= copied.records <= written
    assert _seqs(file)[-1] == written
    assert _kept(target) == {"monday.db": 0o600}


def test_a_backup_takes_the_place_of_an_older_one_only_when_told_to(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    _written(file, 2)
    with pytest.raises(ConfigError, match="exists"):
        back_up(file, target)
    assert _seqs(target) == [1]
    assert back_up(file, target, overwrite=True).records == 2
    assert _seqs(target) == [1, 2]


def test_a_store_is_never_its_own_backup(file: Path) -> None:
    _written(file, 1)
    with pytest.raises(ConfigError, match="exists"):
        back_up(file, file, overwrite=True)


def test_there_must_be_a_store(file: Path, target: Path) -> None:
    with pytest.raises(ConfigError, match="no store"):
        back_up(file, target)


def test_a_damaged_store_gives_no_backup(file: Path, target: Path) -> None:
    _written(file, *range(1, 100))
    with file.open("r+b") as raw:
        raw.seek(10 * 4096)
        raw.write(b"\xa5" * 4096)
    with pytest.raises(StoreDamaged, match="integrity check"):
        back_up(file, target)
    assert list(target.parent.iterdir()) == []


def test_a_backup_that_does_not_fit_leaves_nothing_behind(file: Path, target: Path) -> None:
    _written(file, *range(1, 400))
    done = _relay("backup", str(target), "--data", str(file.parent), largest_file=64 * 1024)
    assert done.returncode == 1
    assert "could not be made" in done.stderr
    assert list(target.parent.iterdir()) == []


# --- restore ----------------------------------------------------------------------------------------------------------


def test_a_restore_goes_back_and_keeps_what_it_replaced(file: Path, target: Path) -> None:
    _written(file, 1, 2)
    back_up(file, target)
    _written(file, 3)
    restored = restore(file, target, NOW_MS)
    assert _seqs(file) == [1, 2]
    assert file.stat().st_mode & 0o777 == 0o600
    assert restored.replaced == file.with_name("relay.db.replaced-20261121T115806Z")
    assert _seqs(restored.replaced) == [1, 2, 3]
    assert _seqs(target) == [1, 2]


def test_what_was_replaced_has_its_write_ahead_log_with_it(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    reader = database.connect(file)
    _written(file, 2)
    # As after a crash: the log was not folded into the database, because somebody was still reading.
    aside = restore(file, target, NOW_MS).replaced
    reader.close()
    assert aside is not None
    assert _seqs(aside) == [1, 2]
    assert _seqs(file) == [1]


def test_a_restore_where_nothing_is_left(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    file.unlink()
    assert restore(file, target, NOW_MS).replaced is None
    assert _seqs(file) == [1]


def test_a_restore_over_a_damaged_store(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    file.write_bytes(b"\xa5" * 20_000)
    aside = restore(file, target, NOW_MS).replaced
    assert aside is not None
    assert aside.read_bytes() == b"\xa5" * 20_000
    assert _seqs(file) == [1]


def test_a_used_invite_is_not_good_again_after_a_restore(file: Path, target: Path) -> None:
    _written(file, 1)
    with contextlib.closing(database.connect(file)) as db:
        Ledger(db, Limits()).put_invite(b"hash", NOW_MS + 1_000_000)
    back_up(file, target)
    restore(file, target, NOW_MS)
    with contextlib.closing(database.connect(file)) as db, pytest.raises(InviteInvalid):
        Ledger(db, Limits()).attach("c" * 26, EPOCH, b"hash", invited_only=True, now_ms=NOW_MS)


def test_inbox_seqs_go_on_above_every_one_that_was_given(file: Path, target: Path) -> None:
    def call(name: bytes) -> int:
        with contextlib.closing(database.connect(file)) as db:
            ledger = Ledger(db, Limits())
            ledger.begin()
            stored = ledger.put_call(WS, (APP, name), 9_000, b"call")
            ledger.commit()
        return stored.inbox_seq

    _written(file, 1)
    before = call(b"before")
    back_up(file, target)
    since = [call(b"since %d" % number) for number in range(20)]
    restore(file, target, NOW_MS)
    assert call(b"before") == before
    assert call(b"after") > max(since)


def test_a_restore_waits_for_no_other_program(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    with database.alone(file, "busy"), pytest.raises(ConfigError, match="stop it first"):
        restore(file, target, NOW_MS)
    # No relay says that it serves it, so nobody is sent a signal.
    with database.alone(file, "busy"):
        refused = _relay("restore", str(target), "--data", str(file.parent))
    assert (refused.returncode, "stop it first" in refused.stderr) == (2, True)


def test_who_has_a_store_for_itself_is_known_while_it_has(file: Path) -> None:
    assert database.holder(file) is None
    with database.alone(file, "busy"):
        assert database.holder(file) == os.getpid()
        with pytest.raises(ConfigError, match="busy"), database.alone(file, "busy"):
            pass
        assert database.holder(file) == os.getpid()
    assert database.holder(file) is None


def test_what_was_laid_out_takes_the_place_of_the_store_or_changes_nothing(
    file: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _written(file, 1)
    back_up(file, target)
    _written(file, 2)
    assert lay_out(file, target).records == 1
    monkeypatch.setattr(backup, "_set_aside", _full)
    with pytest.raises(BackupFailed, match="No space left"):
        take(file, NOW_MS)
    assert _seqs(file) == [1, 2]
    monkeypatch.undo()
    lay_out(file, target)
    aside = take(file, NOW_MS)
    assert aside is not None
    assert (_seqs(file), _seqs(aside)) == ([1], [1, 2])
    with pytest.raises(BackupFailed, match="could not take the place"):
        take(file, NOW_MS)


def test_a_relay_that_does_not_take_what_was_laid_out_is_said_so(
    file: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _written(file, 1)
    back_up(file, target)
    monkeypatch.setattr(restore_served, "PATIENCE_SECONDS", 0.0)
    with subprocess.Popen(["sleep", "60"]) as deaf, pytest.raises(BackupFailed, match=r"did not take .* Nothing was"):
        monkeypatch.setattr(restore_served, "RESTORE_SIGNAL", 0)
        try:
            restore_served.restore_served(file, target, deaf.pid, file.with_name("relay.json"))
        finally:
            deaf.kill()
    assert sorted(kept.name for kept in file.parent.iterdir()) == ["relay.db"]
    with pytest.raises(BackupFailed, match="could not be told"):
        restore_served.restore_served(file, target, deaf.pid, file.with_name("relay.json"))


@pytest.mark.parametrize(
    ("contents", "said"), [(b"", "is empty"), (b"words" * 100, "no sound backup"), (None, "no backup at")]
)
def test_what_is_no_backup_is_not_restored(file: Path, target: Path, contents: bytes | None, said: str) -> None:
    _written(file, 1)
    if contents is not None:
        target.write_bytes(contents)
    with pytest.raises(ConfigError, match=said):
        restore(file, target, NOW_MS)
    assert _seqs(file) == [1]


def test_a_backup_of_a_newer_release_is_not_restored(file: Path, target: Path) -> None:
    _written(file, 1)
    back_up(file, target)
    with contextlib.closing(sqlite3.connect(target)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer release"):
        restore(file, target, NOW_MS)


def test_a_restore_that_fails_changes_nothing(file: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(file, 1)
    back_up(file, target)
    _written(file, 2)

    monkeypatch.setattr(backup, "_sync", _full)
    with pytest.raises(BackupFailed, match="No space left"):
        restore(file, target, NOW_MS)
    assert _seqs(file) == [1, 2]
    assert sorted(kept.name for kept in file.parent.iterdir()) == ["relay.db", "relay.db.lock"]


# --- the commands -----------------------------------------------------------------------------------------------------


def test_the_commands(file: Path, target: Path) -> None:
    _written(file, 1, 2)
    made = _relay("backup", str(target), "--data", str(file.parent), "--json")
    told = json.loads(made.stdout)
    assert (told["file"], told["records"], told["workstations"]) == (str(target), 2, 1)
    _written(file, 3)
    done = _relay("restore", str(target), "--data", str(file.parent))
    assert done.returncode == 0, done.stderr
    assert "What was there before is" in done.stdout
    assert _seqs(file) == [1, 2]
    assert _relay("restore", str(target.with_name("none")), "--data", str(file.parent)).returncode == 2
