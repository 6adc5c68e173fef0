"""The library's memory in domain words: one transaction at a time, everything in it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from faceml.addresses import without_password
from faceml.errors import DatabaseUnavailable, ModelMismatch
from faceml.once import Once
from faceml.records import PackContract
from faceml.storage.sql.assets import Assets
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.clusters import Clusters
from faceml.storage.sql.database import BUSY_TIMEOUT_S, connect, consistent_reader, translated_errors
from faceml.storage.sql.dump import DatabaseDump
from faceml.storage.sql.erasure import Erasure
from faceml.storage.sql.events import Events
from faceml.storage.sql.face_rows import ExportRow, export_rows, formerly_at
from faceml.storage.sql.faces import Faces
from faceml.storage.sql.grid import Drawn, Grid
from faceml.storage.sql.groups import Groups
from faceml.storage.sql.lives import Lives
from faceml.storage.sql.locks import run_lock
from faceml.storage.sql.outbox import Outbox
from faceml.storage.sql.people import People
from faceml.storage.sql.prototypes import PrototypeStore
from faceml.storage.sql.tables import LibraryContract
from faceml.storage.sql.vectors import Vectors

RUN_WAIT_S = 600.0  # a clustering of 50,000 faces takes minutes


class Contract(Store):
    """Which pack the library's vectors come from, and counters that never go back."""

    def pinned(self) -> PackContract | None:
        """The pack this library is pinned to; None before its first detection."""
        row = self._session.get(LibraryContract, 1)
        if row is None:
            return None
        return PackContract(row.pack, row.width, row.fingerprint, row.licence, row.match_threshold)

    def check(self, pack: PackContract) -> None:
        """Raises ModelMismatch when the library is pinned to other weights than `pack`."""
        pinned = self.pinned()
        if pinned is not None and pinned.fingerprint != pack.fingerprint:
            raise ModelMismatch(
                f"this library holds vectors of pack {pinned.name!r} ({pinned.width}-d), not of {pack.name!r} "
                f"({pack.width}-d): set FACEML_MODEL_PACK={pinned.name}, or start a new library "
                "with another FACEML_HOME and detect there again"
            )

    def pin(self, pack: PackContract) -> None:
        """Pin the library to `pack` at its first detection; raises ModelMismatch as `check` does."""
        self.check(pack)
        if self.pinned() is not None:
            return
        row = LibraryContract(
            id=1,
            pack=pack.name,
            width=pack.width,
            fingerprint=pack.fingerprint,
            licence=pack.licence,
            match_threshold=pack.match_threshold,
        )
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:  # another worker was first
            self.check(pack)

    def labels_version(self) -> int:
        """The same as long as people, prototypes, and labels and vectors of faces are; see `lock_labels`."""
        return self._session.scalar(select(LibraryContract.labels_version)) or 0

    def next_unknown_clusters(self, count: int) -> range:
        """Numbers for `count` new unknown_cluster_N groups; a number is given out once in a library's life."""
        last = self._session.execute(
            update(LibraryContract)
            .values(last_unknown_cluster=LibraryContract.last_unknown_cluster + count)
            .returning(LibraryContract.last_unknown_cluster)
        ).scalar_one()
        return range(last - count + 1, last + 1)


class UnitOfWork:
    """One transaction; the stores share it. Whatever changes a point of the index also tells `outbox`."""

    def __init__(self, session: Session) -> None:
        self.assets = Assets(session)
        self.faces = Faces(session)
        self.vectors = Vectors(session)
        self.clusters = Clusters(session)
        self.groups = Groups(session)
        self.grid = Grid(session)
        self.drawn = Drawn(session)
        self.people = People(session)
        self.lives = Lives(session)
        self.prototypes = PrototypeStore(session)
        self.events = Events(session)
        self.erasure = Erasure(session)
        self.outbox = Outbox(session)
        self.contract = Contract(session)
        self._session = session

    def export_rows(self) -> Iterator[ExportRow]:
        """Every face with its photo and person, in order of photo, a page in memory at a time."""
        return export_rows(self._session)

    def faces_formerly_at(self) -> dict[Path, set[str]]:
        """Ids of faces on missing photos, by the place where those lay last: another photo may lie there now."""
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
