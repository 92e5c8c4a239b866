"""A device's file that cannot be used: said in words, never thrown away, put aside only when the person says so."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app_flet.device import IDENTITY, Device
from app_flet.keeping import CHECKED_WHOLE_BYTES, Unusable, open_device, put_aside
from app_flet.store import Store
from app_flet.web_session import WebSessions
from tests.app_flet.conftest import now_ms
from tests.app_flet.harbour import Harbour
from tests.app_flet.harness import browsing

NOISE = b"\xa5"
HEADER_BYTES = 100
"""SQLite counts there how often the file was opened for writing."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A device's file with a draft in it."""
    file = tmp_path / "device.sqlite"
    with closing(Store(file)) as store:
        Device(store, now_ms)
        store.keep_draft("here", "not sent yet")
    return file


def _overwrite(path: Path) -> None:
    path.write_bytes(NOISE * path.stat().st_size)


def _rot(path: Path) -> None:
    """Everything but the first page."""
    with path.open("r+b") as raw:
        raw.seek(4096)
        raw.write(NOISE * (path.stat().st_size - 4096))


def _rot_in_a_large_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO fact VALUES ('ballast', ?)", (bytes(CHECKED_WHOLE_BYTES),))
        db.commit()
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'draft'").fetchone()
    with path.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(NOISE * 4096)


def _forget_the_keys(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE fact SET value = x'00' WHERE name = ?", (IDENTITY,))
        db.commit()


@pytest.mark.parametrize("harm", [_overwrite, _rot, _rot_in_a_large_file, _forget_the_keys])
def test_damage_is_said_with_what_to_do_and_nothing_is_touched(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path)
    before = path.read_bytes()[HEADER_BYTES:]
    with pytest.raises(Unusable, match=r"is damaged .* try again\. Or begin anew") as trouble:
        open_device(path, now_ms)
    assert trouble.value.is_damaged
    assert str(path) in trouble.value.message
    assert path.read_bytes()[HEADER_BYTES:] == before


def test_a_file_of_a_newer_release_asks_for_an_update_and_nothing_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Unusable, match=r"newer release of Halyard\. Update this app") as trouble:
        open_device(path, now_ms)
    assert not trouble.value.is_damaged


def test_a_place_that_cannot_be_used_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(Unusable, match="cannot be opened") as trouble:
        open_device(tmp_path / "taken" / "device.sqlite", now_ms)
    assert not trouble.value.is_damaged


def test_what_is_put_aside_is_whole_and_can_be_put_back(path: Path) -> None:
    device = open_device(path, now_ms)
    device.store.close()
    aside = put_aside(path, now_ms())
    assert not path.exists()
    with closing(open_device(path, now_ms).store) as store:
        assert store.draft("here") == ""
    aside.rename(path)
    again = open_device(path, now_ms)
    assert again.identity.device_id == device.identity.device_id
    assert again.store.draft("here") == "not sent yet"
    again.store.close()


@pytest.fixture
async def damaged(tmp_path: Path, harbour: Harbour) -> tuple[WebSessions, dict[str, Any], Path]:
    """A host, what a browser keeps, and the damaged file of that browser's device."""
    kept: dict[str, Any] = {}
    host = WebSessions(harbour.origin, tmp_path / "devices", sleep_after_seconds=0.0)
    async with browsing(host, kept):
        pass
    (file,) = (tmp_path / "devices").glob("*/device.sqlite")
    for berth in host._berths.values():
        berth.device.store.close()
    _overwrite(file)
    return WebSessions(harbour.origin, tmp_path / "devices"), kept, file


async def test_a_browser_is_told_and_begins_anew_only_after_a_second_yes(
    damaged: tuple[WebSessions, dict[str, Any], Path],
) -> None:
    host, kept, file = damaged
    async with browsing(host, kept) as tab:
        assert "is damaged" in tab.text()
        await tab.tap("try-again")
        await tab.tap("begin-anew")
        assert file.read_bytes().startswith(NOISE), "one tap alone does nothing"
        await tab.tap("begin-anew-yes")
        await tab.until(lambda: "pair-code" in tab.ids())
        (aside,) = file.parent.glob("device.sqlite.damaged-*")
        assert aside.read_bytes().startswith(NOISE)


async def test_a_browser_whose_file_was_put_back_goes_on(
    damaged: tuple[WebSessions, dict[str, Any], Path],
) -> None:
    host, kept, file = damaged
    async with browsing(host, kept) as tab:
        assert "unusable" in tab.ids()
        file.unlink()
        await tab.tap("try-again")
        await tab.until(lambda: "pair-code" in tab.ids())
