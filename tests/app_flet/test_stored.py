"""A device's file that a former release left: opened with everything in it; one of a newer release is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app_flet.device import Device
from app_flet.store import NewerStore, Store
from tests.app_flet.conftest import now_ms
from wire.calls import CallState
from wire.log import Cursor

RELEASES = sorted((Path(__file__).parent / "stored").glob("halyard-*.sql"))
WORKSTATION = "n3yyr3kknzqdqdzjpwtm3fqneu"
SESSION = "sessions/s1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device.sqlite"


def _make(path: Path, stored: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(stored.read_text(encoding="utf-8"))


@pytest.mark.parametrize("stored", RELEASES, ids=lambda stored: stored.stem)
def test_a_file_of_a_former_release_is_opened_with_all_that_is_in_it(stored: Path, path: Path) -> None:
    _make(path, stored)
    with closing(Store(path)) as store:
        device = Device(store, now_ms)
        # Its identity above all: another one would have to be paired again.
        assert device.identity.device_id == "5uc4cz233lw7yel6x5kvaqdtvi"
        following = device.followings[WORKSTATION]
        assert (following.row.display_name, following.row.role) == ("bench", "operator")
        assert following.cursor is not None
        assert following.cursor.cursor is not None
        cursor = Cursor(following.cursor.cursor.log_epoch, following.cursor.cursor.seq)
        assert cursor == Cursor(bytes.fromhex("01A1FDF8894774D995B921BA70D43798"), 13)
        assert sorted(seq for seq, _ in store.seqs(WORKSTATION)) == [3, 6, 8, 9, 10, 11, 12, 13]
        # It may never have been whole: that is found out before a relay is blamed.
        assert (following.row.digest, following.row.is_counted) == (b"", False)
        session = device.model.workstations[WORKSTATION].held[SESSION].resource.session
        assert session is not None
        assert session.title == "Water the beans"
        prompt, rename = store.calls()
        assert (prompt.state, prompt.attempts, rename.state, rename.attempts) == (
            *(CallState.AT_RELAY, 1),
            *(CallState.ON_DEVICE, 0),
        )
        assert store.draft(f"{WORKSTATION}/{SESSION}") == "and the…"
        assert store.seen() == {(WORKSTATION, SESSION): 1795262286662}
        device.open_session(WORKSTATION, SESSION)
        transcript = device.model.workstations[WORKSTATION].transcripts[SESSION].held.values()
        parts = [held.resource.part for held in transcript if held.resource.part is not None]
        assert {part.text.text for part in parts if part.text} == {"And the peas?"}


@pytest.mark.parametrize("stored", RELEASES, ids=lambda stored: stored.stem)
def test_a_step_forward_that_fails_leaves_the_file_as_it_was(stored: Path, path: Path) -> None:
    _make(path, stored)
    with closing(sqlite3.connect(path)) as db:
        # What the newest step wants to make is there already.
        db.execute("CREATE INDEX record_place ON record (seq)")
        version = db.execute("PRAGMA user_version").fetchone()
        before = list(db.iterdump())
    with pytest.raises(sqlite3.OperationalError):
        Store(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == version
        assert list(db.iterdump()) == before


def test_a_file_of_a_newer_release_is_left_alone(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        before = list(db.iterdump())
    with pytest.raises(NewerStore, match="Update this app"):
        Store(path)
    with closing(sqlite3.connect(path)) as db:
        assert list(db.iterdump()) == before
