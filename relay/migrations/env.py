"""Alembic's entry: runs the revisions on the connection that `relay.migrate` hands over, or renders them as SQL."""

from alembic import context
from sqlmodel import SQLModel

import relay.models  # noqa: F401 - fills the metadata

_config = context.config


def _run() -> None:
    connection = _config.attributes.get("connection")
    if connection is None:
        context.configure(url="sqlite://", target_metadata=SQLModel.metadata, literal_binds=True, render_as_batch=True)
    else:
        context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


_run()
