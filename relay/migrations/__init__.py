"""Alembic's history of the tables in `relay.models`. `python -m relay.migrate` runs it."""
