"""The file under the store: what is opened, what is refused and with which words, and old files brought forward."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from relay import database, migrate, reading
from relay.database import SCHEMA_VERSION
from relay.errors import ConfigError, StoreDamaged, ValueRotted
from relay.ledger import Ledger
from relay.limits import Limits
from relay.store import open_store
from tests.relay.peers import record

STORED = Path(__file__).parent / "stored"
EPOCH = b"0123456789abcdef"
WS, APP = "a" * 26, "b" * 26


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


def _filled(file: Path, records: int = 400) -> None:
    """A store of `records` records, in one file without a write-ahead log beside it."""
    database.prepare(file)
    with contextlib.closing(database.connect(file)) as db:
        ledger = Ledger(db, Limits())
        ledger.begin()
        ledger.attach(WS, EPOCH, None, invited_only=False, now_ms=1_000)
        ledger.publish(WS, EPOCH, [record(seq, sealed=bytes(500)) for seq in range(1, records + 1)], records, 1_000)
        ledger.commit()


def _scribble(file: Path, page: int) -> None:
    """Overwrites one page of 4 KiB, as a failing disk or a careless tool does."""
    with file.open("r+b") as raw:
        raw.seek(page * 4096)
        raw.write(b"\xa5" * 4096)


def _cut(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.truncate(file.stat().st_size // 2)


def _no_database(file: Path) -> None:
    file.write_text("not a database, though long enough to be mistaken for one" * 20)


@pytest.mark.parametrize(
    "damage", [lambda file: _scribble(file, 0), lambda file: _scribble(file, 20), _cut, _no_database]
)
def test_a_damaged_file_is_not_served_and_the_operator_hears_what_to_do(
    file: Path, damage: Callable[[Path], None]
) -> None:
    _filled(file)
    damage(file)
    before = file.read_bytes()
    with pytest.raises(StoreDamaged, match=r"(?s)relay\.db is damaged .* `relay restore FILE` .* move relay\.db away"):
        open_store(file, Limits())
    assert file.read_bytes() == before


def test_of_a_large_file_the_small_tables_are_checked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CHECKED_WHOLE_BYTES", 0)
    _filled(file)
    with contextlib.closing(sqlite3.connect(file)) as db:
        roots = dict(db.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0").fetchall())
    _scribble(file, roots["waiting_call"] - 1)
    with pytest.raises(StoreDamaged):
        open_store(file, Limits())


def test_another_programs_database_is_left_alone(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE recipe (name TEXT)")
    with pytest.raises(StoreDamaged, match="no store of a relay"):
        open_store(file, Limits())


def test_a_file_that_another_program_holds_stops_the_start(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    _filled(file)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="another program holds it"):
            open_store(file, Limits(), busy_seconds=0.05)


def test_a_newer_schema_stops_the_start(file: Path) -> None:
    _filled(file)
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer release of Halyard"):
        open_store(file, Limits())


def test_an_empty_schema_is_migrated_by_a_process_of_its_own(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    database.prepare(file)
    assert database.version_of(file) == SCHEMA_VERSION


def test_a_migration_that_fails_leaves_the_file_as_it_was(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        # The first revision makes this table last.
        db.execute("CREATE TABLE invite (other TEXT)")
        before = list(db.iterdump())
    with pytest.raises(ConfigError, match="could not be brought"):
        open_store(file, Limits())
    with contextlib.closing(sqlite3.connect(file)) as db:
        assert list(db.iterdump()) == before


# --- stores of former releases ----------------------------------------------------------------------------------------


def _stored(version: str, file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript((STORED / f"{version}.sql").read_text(encoding="utf-8"))


def test_every_schema_that_was_released_has_a_stored_file() -> None:
    versions = Path(migrate.__file__).parent / "migrations" / "versions"
    released = {revision.name[:4] for revision in versions.glob("[0-9]*.py")}
    assert {stored.stem for stored in STORED.glob("*.sql")} == released


@pytest.mark.parametrize("stored", sorted(STORED.glob("*.sql")), ids=lambda stored: stored.stem)
def test_a_store_of_a_former_release_is_served_with_all_its_rows(stored: Path, file: Path) -> None:
    _stored(stored.stem, file)
    database.prepare(file)
    assert database.version_of(file) == SCHEMA_VERSION
    with contextlib.closing(database.connect(file)) as db:
        known = reading.known(db)
        (place,) = known.places
        assert place.stored_through == 13
        app = known.members[0][1]
        page = reading.log_page(db, place.device_id, app, after=0, max_items=100, max_bytes=10**6)
        assert page is not None
        assert [kept.seq for kept in page.records] == [3, 4, 6, 8, 9, 10, 11, 12, 13]
        grant = reading.grant(db, place.device_id, app)
        assert grant is not None
        assert grant.seq == 4
        (waiting,) = reading.inbox_page(db, place.device_id, 0, 10, 10**6).calls
        assert (waiting.inbox_seq, waiting.device_id) == (2, app)
        assert db.execute("SELECT count(*) FROM invite").fetchone() == (1,)
        ledger = Ledger(db, Limits())
        ledger.begin()
        assert ledger.attach(place.device_id, place.log_epoch, None, invited_only=True, now_ms=1).reset is False
        assert ledger.ack_inbox(place.device_id, 2)[0].call_id == waiting.call.call_id
        ledger.commit()


@pytest.mark.parametrize("stored", sorted(STORED.glob("*.sql")), ids=lambda stored: stored.stem)
def test_what_rots_in_a_store_of_a_former_release_is_known_from_then_on(stored: Path, file: Path) -> None:
    _stored(stored.stem, file)
    database.prepare(file)
    with contextlib.closing(database.connect(file)) as db:
        ((_, app),) = reading.known(db).members
        values = db.execute("SELECT id, seq, sealed FROM record ORDER BY seq").fetchall()
        assert len(values) == 9
        for number, seq, sealed in values:
            rotten = bytes((sealed[0] ^ 1, *sealed[1:]))
            db.execute("UPDATE record SET sealed = ? WHERE id = ?", (rotten, number))
            place = reading.known(db).places[0].device_id
            with pytest.raises(ValueRotted, match=f"record {seq} "):
                reading.log_page(db, place, app, after=seq - 1, max_items=1, max_bytes=10**6)
            db.execute("UPDATE record SET sealed = ? WHERE id = ?", (sealed, number))


def test_a_value_of_a_type_that_makes_no_sense_does_not_keep_a_store_from_being_brought_forward(file: Path) -> None:
    _stored("0001", file)
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE record SET key_epoch = x'01' WHERE seq = 9")
    database.prepare(file)
    with contextlib.closing(database.connect(file)) as db:
        ((place, app),) = reading.known(db).members
        with pytest.raises(ValueRotted, match="record 9 "):
            reading.log_page(db, place, app, after=8, max_items=1, max_bytes=10**6)


@pytest.mark.parametrize(
    ("free", "said"), [(0, "its disk is full. Make room"), (1 << 30, "disk I/O error. Put that right")]
)
def test_a_disk_that_fails_because_it_is_full_is_called_full(
    file: Path, free: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite calls it an I/O error when there is no room even for the memory that its connections share."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(ConfigError, match=said):
        database.refuse_to_open(file, error)
