"""One definition of the tables: models, migrations and the SQL that new stores are made of say the same."""

import contextlib
import sqlite3
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import relay.models  # noqa: F401 - fills the metadata
from relay import migrate
from relay.database import SCHEMA_VERSION
from relay.places import Place


def _tables(file: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    return [(name, " ".join(sql.split()).replace('"', "")) for name, sql in rows]


def test_the_rendered_schema_is_up_to_date() -> None:
    committed = resources.files("relay").joinpath("schema.sql").read_text(encoding="utf-8")
    assert committed == migrate.render(), "run `python -m relay.migrate --render > relay/schema.sql`"


def test_a_new_store_is_what_migrations_make(tmp_path: Path) -> None:
    script = resources.files("relay").joinpath("schema.sql").read_text(encoding="utf-8")
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db")) as db:
        db.executescript(script)
    migrate.upgrade(tmp_path / "migrated.db")
    assert _tables(tmp_path / "new.db") == _tables(tmp_path / "migrated.db")


def test_the_migrated_store_is_what_the_models_say(tmp_path: Path) -> None:
    migrate.upgrade(tmp_path / "relay.db")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'relay.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []
        assert context.get_current_revision() == SCHEMA_VERSION
    engine.dispose()


def test_the_newest_revision_is_the_one_the_store_wants() -> None:
    assert ScriptDirectory.from_config(migrate.config()).get_heads() == [SCHEMA_VERSION]


def test_a_place_is_a_row_of_workstations() -> None:
    columns = [column.name for column in SQLModel.metadata.tables["workstation"].columns]
    assert list(Place.__slots__) == columns


def test_serving_imports_no_orm() -> None:
    heavy = "{'sqlalchemy', 'alembic', 'pydantic', 'sqlmodel', 'flet'} & set(sys.modules)"
    program = f"import sys, relay.main, relay.server; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--render"], 0), (["a", "b"], 1)])
def test_the_program(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "relay.migrate", *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == code
    assert ("CREATE TABLE record" in done.stdout) == (code == 0)
