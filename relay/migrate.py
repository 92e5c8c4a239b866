"""Brings a store to the newest schema: `python -m relay.migrate FILE`; `--render` prints the SQL of a new one.

Run as a program of its own, and only when the schema in the file is not the newest, so that the relay's process never
imports Alembic, SQLAlchemy and pydantic.
"""

import io
import sqlite3
import sys
from contextlib import redirect_stdout
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

HEADER = "-- Rendered from relay/migrations by `python -m relay.migrate --render`; never edit.\n"


def config() -> Config:
    """Alembic's settings, without a file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.set_main_option("path_separator", "os")
    return settings


def upgrade(file: Path) -> None:
    """Runs what is missing on the database in `file`, all of it or nothing."""
    settings = config()
    engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    # Left to itself, sqlite3 opens no transaction for a CREATE or ALTER, and a failure would leave half a schema.
    sqlalchemy.event.listen(engine, "connect", _leave_transactions_alone)
    sqlalchemy.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    engine.dispose()


def _leave_transactions_alone(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def render() -> str:
    """The SQL that makes a new database of the newest schema, version mark included."""
    out = io.StringIO()
    settings = config()
    settings.output_buffer = out
    with redirect_stdout(out):
        command.upgrade(settings, "head", sql=True)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return HEADER + "\n".join(lines).strip() + "\n"


def main() -> None:
    """The program."""
    match sys.argv[1:]:
        case ["--render"]:
            sys.stdout.write(render())
        case [file]:
            upgrade(Path(file))
        case _:
            sys.exit("usage: python -m relay.migrate FILE | --render")


if __name__ == "__main__":
    main()
