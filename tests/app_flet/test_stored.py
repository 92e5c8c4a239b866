"""A device's file of every schema so far: opened with all that is in it, or left as it was. A newer one is refused."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app_flet import store as store_module
from app_flet.device import Device
from app_flet.schema import STEPS
from app_flet.store import NewerStore, Store
from tests.app_flet.conftest import now_ms
from wire.calls import CallState
from wire.log import Cursor

FILES = sorted((Path(__file__).parent / "stored").glob("halyard-*.sql"))
SCHEMAS = {int(re.findall(r"PRAGMA user_version = (\d+);", file.read_text("utf-8"))[0]): file for file in FILES}
FAILURES = [(schema, step) for schema in SCHEMAS for step in range(schema, len(STEPS))]
"""Every stored schema, with every step that it still has to take."""
WORKSTATION = "n3yyr3kknzqdqdzjpwtm3fqneu"
SESSION = "sessions/s1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device.sqlite"


def _make(path: Path, stored: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(stored.read_text(encoding="utf-8"))


def test_every_schema_has_a_stored_file() -> None:
    assert sorted(SCHEMAS) == list(range(1, len(STEPS) + 1)), "store a file of the schema that you add"


@pytest.mark.parametrize("stored", FILES, ids=lambda stored: stored.stem)
def test_a_file_of_a_former_schema_is_opened_with_all_that_is_in_it(stored: Path, path: Path) -> None:
    _make(path, stored)
    _check_all_is_there(path)


def _check_all_is_there(path: Path) -> None:
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


@pytest.mark.parametrize(("schema", "step"), FAILURES)
def test_a_step_forward_that_fails_leaves_the_file_as_it_was(
    schema: int, step: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when steps before it went well: the release that wrote the file can go on with it."""
    _make(path, SCHEMAS[schema])
    before = _content(path)

    def fails_at_its_end(db: sqlite3.Connection) -> None:
        STEPS[step](db)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store_module, "STEPS", (*STEPS[:step], fails_at_its_end, *STEPS[step + 1 :]))
        with pytest.raises(sqlite3.OperationalError, match="is full"):
            Store(path)
    assert _content(path) == before
    _check_all_is_there(path)


def _content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [f"schema {db.execute('PRAGMA user_version').fetchone()[0]}", *db.iterdump()]


def test_a_file_of_a_newer_release_is_left_alone(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = _content(path)
    with pytest.raises(NewerStore, match="Update this app"):
        Store(path)
    assert _content(path) == before
