"""The library's memory in domain words: one transaction at a time, everything in it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from faceml.addresses import without_password
from faceml.errors import DatabaseUnavailable
from faceml.once import Once
from faceml.records import PackContract
from faceml.storage.sql.database import BUSY_TIMEOUT_S, connect, consistent_reader, translated_errors
from faceml.storage.sql.locks import run_lock

if TYPE_CHECKING:
    from faceml.storage.sql.asset_rows import Films, Shots
    from faceml.storage.sql.assets import Assets
    from faceml.storage.sql.clusters import Clusters, Groups
    from faceml.storage.sql.contract import Contract
    from faceml.storage.sql.dump import DatabaseDump
    from faceml.storage.sql.erasure import Erasure
    from faceml.storage.sql.events import Events
    from faceml.storage.sql.face_rows import ExportRow, VectorRow
    from faceml.storage.sql.faces import Faces
    from faceml.storage.sql.grid import Drawn, Grid
    from faceml.storage.sql.lives import Lives
    from faceml.storage.sql.outbox import Outbox
    from faceml.storage.sql.people import People
    from faceml.storage.sql.prototypes import PrototypeStore
    from faceml.storage.sql.vectors import Vectors

RUN_WAIT_S = 600.0  # a clustering of 50,000 faces takes minutes


class UnitOfWork:
    """One transaction; the stores share it. Whatever changes a point of the index also tells `outbox`.

    A store is imported when it is first asked: a command that lists people needs few of them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def assets(self) -> Assets:
        from faceml.storage.sql.assets import Assets

        return Assets(self._session)

    @cached_property
    def films(self) -> Films:
        from faceml.storage.sql.asset_rows import Films

        return Films(self._session)

    @cached_property
    def shots(self) -> Shots:
        from faceml.storage.sql.asset_rows import Shots

        return Shots(self._session)

    @cached_property
    def faces(self) -> Faces:
        from faceml.storage.sql.faces import Faces

        return Faces(self._session)

    @cached_property
    def vectors(self) -> Vectors:
        from faceml.storage.sql.vectors import Vectors

        return Vectors(self._session)

    @cached_property
    def clusters(self) -> Clusters:
        from faceml.storage.sql.clusters import Clusters

        return Clusters(self._session)

    @cached_property
    def groups(self) -> Groups:
        from faceml.storage.sql.clusters import Groups

        return Groups(self._session)

    @cached_property
    def grid(self) -> Grid:
        from faceml.storage.sql.grid import Grid

        return Grid(self._session)

    @cached_property
    def drawn(self) -> Drawn:
        from faceml.storage.sql.grid import Drawn

        return Drawn(self._session)

    @cached_property
    def people(self) -> People:
        from faceml.storage.sql.people import People

        return People(self._session)

    @cached_property
    def lives(self) -> Lives:
        from faceml.storage.sql.lives import Lives

        return Lives(self._session)

    @cached_property
    def prototypes(self) -> PrototypeStore:
        from faceml.storage.sql.prototypes import PrototypeStore

        return PrototypeStore(self._session)

    @cached_property
    def events(self) -> Events:
        from faceml.storage.sql.events import Events

        return Events(self._session)

    @cached_property
    def erasure(self) -> Erasure:
        from faceml.storage.sql.erasure import Erasure

        return Erasure(self._session)

    @cached_property
    def outbox(self) -> Outbox:
        from faceml.storage.sql.outbox import Outbox

        return Outbox(self._session)

    @cached_property
    def contract(self) -> Contract:
        from faceml.storage.sql.contract import Contract

        return Contract(self._session)

    def export_rows(self, asset_ids: Sequence[int] | None = None) -> Iterator[ExportRow]:
        """Every face with its photo and person, in order of photo, a page in memory at a time.

        Args:
            asset_ids: only of these photos, at most `STATEMENT_SIZE` of them.
        """
        from faceml.storage.sql.face_rows import export_rows

        return export_rows(self._session, asset_ids)

    def vector_rows(self) -> Iterator[VectorRow]:
        """Every photo that was looked at, with its faces and their vectors, a page in memory at a time."""
        from faceml.storage.sql.face_rows import vector_rows

        return vector_rows(self._session)

    def faces_formerly_at(self) -> dict[Path, set[str]]:
        """Ids of faces on missing photos, by the place where those lay last: another photo may lie there now."""
        from faceml.storage.sql.face_rows import formerly_at

        return formerly_at(self._session)


class Repository:
    """Opens transactions on one database, which is connected to, and migrated, by the first of them.

    Each of them raises WrongUse where the URL is not one of a database that faceml knows.
    """

    def __init__(
        self,
        url: str,
        *,
        before_writing: Callable[[], object] = lambda: None,
        on_new: Callable[[], object] = lambda: None,
    ) -> None:
        """`before_writing` is called once, before the first writing transaction; `on_new` where nothing was there."""
        self._url = without_password(url)
        self._connected = Once(lambda: connect(url, on_new=on_new))
        self._reading = Once(lambda: consistent_reader(self._engine))
        self._before_writing = Once(lambda: (before_writing(),))

    @property
    def _engine(self) -> Engine:
        return self._connected()

    @property
    def is_shared(self) -> bool:
        """Whether it is a server, which several machines may use."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A writing transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailable: the database does not answer, or stays locked.
        """
        self._before_writing()
        with translated_errors(self._url), Session(self._engine) as session, session.begin():
            yield UnitOfWork(session)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """The library as it was at one moment, however many questions are asked; holds up no writer.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with translated_errors(self._url), Session(self._reading()) as session, session.begin():
            yield UnitOfWork(session)

    @contextmanager
    def exclusive(self, task: str, *, wait_s: float = RUN_WAIT_S) -> Iterator[None]:
        """Keep other exclusive runs out while the block runs, but no reader and no person's decision.

        Raises:
            LibraryBusy: another run still holds the library after `wait_s`; DatabaseUnavailable.
        """
        with ExitStack() as held:
            with translated_errors(self._url):
                held.enter_context(run_lock(self._engine, task, wait_s=wait_s))
            yield

    def pack(self) -> PackContract | None:
        """The pack this library is pinned to; None before its first detection."""
        with self.read() as unit:
            return unit.contract.pinned()

    def compact(self, *, wait_s: float = BUSY_TIMEOUT_S) -> None:
        """Write SQLite's file anew, without the rows that were deleted; PostgreSQL does so by itself, in time.

        Raises:
            DatabaseUnavailable: others are at it, or read an earlier state from its log, for longer than `wait_s`.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with translated_errors(self._url), closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {wait_s * 1000:.0f}")
            try:
                _empty_log(cursor)  # where a reader holds it, writing everything anew would only make it longer
                cursor.execute("VACUUM")
                _empty_log(cursor)
            except sqlite3.OperationalError as error:
                raise DatabaseUnavailable(f"the database cannot be compacted now: {error}") from error
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")

    def identity(self) -> str:
        """Which database this is, the same from every machine and without a password.

        A SQLite file by its path; a PostgreSQL by the identifier that its cluster was given when it was made.
        """
        if self._engine.dialect.name == "sqlite":
            return f"sqlite:{Path(self._engine.url.database or '').resolve()}"
        statement = text("SELECT system_identifier || '/' || current_database() FROM pg_control_system()")
        with translated_errors(self._url), self._engine.connect() as connection:
            return f"postgresql:{connection.execute(statement).scalar_one()}"

    @contextmanager
    def dump(self) -> Iterator[DatabaseDump]:
        """Every table as it was at one moment; holds up no writer."""
        from faceml.storage.sql.dump import DatabaseDump

        with translated_errors(self._url), self._reading().begin() as connection:
            yield DatabaseDump(connection)

    def close(self) -> None:
        if self._connected.opened is not None:
            self._connected.opened.dispose()


def _empty_log(cursor: Any) -> None:
    """Raises DatabaseUnavailable where a reader holds the log, and with it what was deleted since."""
    (is_held, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_held:
        raise DatabaseUnavailable(
            "another program is reading the database and holds its log (faceml.db-wal): let it end or close it, "
            "then any command that writes goes on (`faceml faces find-orphans`)"
        )
