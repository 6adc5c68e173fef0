"""Alembic's entry: runs the migrations on the connection that `storage.database` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from faceml.storage.sql.tables import Base

config = context.config


def run() -> None:
    connection = config.attributes.get("connection")
    if connection is None:  # called as `alembic -x …` by a developer writing the next migration
        connection = create_engine(config.get_main_option("sqlalchemy.url") or "sqlite://").connect()
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run()
