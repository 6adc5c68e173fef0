"""The library's memory in domain words: one transaction at a time, everything in it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from faceml.storage.assets import Assets
from faceml.storage.clusters import Clusters
from faceml.storage.contract import Contract
from faceml.storage.database import READ_ONLY, translated_errors
from faceml.storage.dump import DatabaseDump
from faceml.storage.events import Events
from faceml.storage.export_rows import ExportRow, export_rows
from faceml.storage.faces import Faces
from faceml.storage.outbox import Outbox
from faceml.storage.people import People
from faceml.storage.prototypes import PrototypeStore
from faceml.storage.vectors import Vectors


class UnitOfWork:
    """One transaction; the stores share it. Whatever changes a point of the index also tells `outbox`."""

    def __init__(self, session: Session) -> None:
        self.assets = Assets(session)
        self.faces = Faces(session)
        self.vectors = Vectors(session)
        self.clusters = Clusters(session)
        self.people = People(session)
        self.prototypes = PrototypeStore(session)
        self.events = Events(session)
        self.outbox = Outbox(session)
        self.contract = Contract(session)
        self._session = session

    def export_rows(self) -> Iterator[ExportRow]:
        """Every face with its photo and person, in order of photo, a page in memory at a time."""
        return export_rows(self._session)


class Repository:
    """Opens transactions on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._url = engine.url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A writing transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailable: the database does not answer, or stays locked.
        """
        with translated_errors(self._url), Session(self._engine) as session, session.begin():
            yield UnitOfWork(session)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A consistent view to read from; takes no lock that would hold up a writer."""
        reader = self._engine.execution_options(**{READ_ONLY: True})
        with translated_errors(self._url), Session(reader) as session, session.begin():
            yield UnitOfWork(session)

    @contextmanager
    def dump(self) -> Iterator[DatabaseDump]:
        """Every table as it was at one moment; holds up no writer."""
        options: dict[str, Any] = {READ_ONLY: True}
        if self._engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        reader = self._engine.execution_options(**options)
        with translated_errors(self._url), reader.begin() as connection:
            yield DatabaseDump(connection)

    def close(self) -> None:
        self._engine.dispose()
