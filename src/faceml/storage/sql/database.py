"""Opening the database: engine, pragmas, migrations, and the errors of both databases turned into ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Inspector, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from faceml.addresses import sqlite_file, without_password
from faceml.errors import Conflict, DatabaseUnavailable, WrongUse
from faceml.files import ROOM, free_at, is_full, no_space
from faceml.storage.sql.locks import MIGRATION, advisory_lock
from faceml.storage.sql.tables import Base

SCHEMA_VERSION = "0019"  # the newest migration; a test holds it against the migrations folder
BUSY_TIMEOUT_S = 30
ALEMBIC = "alembic_version"  # the table with the schema's revision
READ_ONLY = "faceml_read_only"
DRAFT = ("PRAGMA journal_mode=DELETE",)  # a file that nobody else opens yet needs no log, which would be as large
USUAL_CACHE, WRITING_CACHE = -2_000, -65_536  # SQLite's, in KiB: many rows are changed in half the time with 64 MB
SCRATCH = (*DRAFT, "PRAGMA synchronous=OFF")  # nor need it outlive a power cut
_COLLIDED = ("40001", "40P01")  # PostgreSQL: serialization failure, deadlock
# What a library holds, by table; a database without rows in these is empty.
CONTENT = {"photos": "image_assets", "people": "persons", "faces": "face_instances", "decisions": "label_events"}


def connect(url: str, *, on_new: Callable[[], object] = lambda: None) -> Engine:
    """An engine for SQLite (WAL) or PostgreSQL (psycopg), its schema migrated to the newest.

    Args:
        on_new: called where there was no library yet.
    Raises:
        WrongUse: the URL is not one of a database that faceml knows.
        DatabaseUnavailable: it does not answer, refuses the password, or is not a faceml database.
    """
    engine = _engine(url)
    with translated_errors(url):
        if migrate(engine):
            on_new()
    return engine


def consistent_reader(engine: Engine) -> Engine:
    """The same database, to be read only: each transaction sees it as it was when it asked first.

    SQLite does that by itself; PostgreSQL would look anew with every statement.
    """
    reader = engine.execution_options(**{READ_ONLY: True})
    if engine.dialect.name == "postgresql":
        return reader.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return reader


def read_schema(url: str) -> str | None:
    """The schema's revision, nothing migrated and no file made; None where there is no faceml database yet.

    Raises:
        WrongUse, DatabaseUnavailable: as `connect`.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return None
    engine = _engine(url)
    try:
        with translated_errors(url), engine.execution_options(**{READ_ONLY: True}).connect() as connection:
            return _version(connection)
    finally:
        engine.dispose()


def migrate(engine: Engine) -> bool:
    """Bring the schema up to `SCHEMA_VERSION`; two processes that start at once take turns.

    Returns:
        Whether there was none.
    """
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        if _version(connection) == SCHEMA_VERSION:
            return False
    with engine.begin() as connection:
        advisory_lock(connection, MIGRATION)
        version = _version(connection)
        if version == SCHEMA_VERSION:
            return False
        if version is not None and version > SCHEMA_VERSION:
            raise DatabaseUnavailable(
                f"the database has schema {version}, newer than this faceml's {SCHEMA_VERSION}: upgrade faceml"
            )
        _upgrade(connection)
    return version is None


@contextmanager
def empty_schema(url: str, revision: str, *, pragmas: Sequence[str] = ()) -> Iterator[Connection]:
    """A transaction on an empty database, with a revision's schema; left as it was on an error. `pragmas`: some more.

    Raises:
        Conflict: it holds a table that is not faceml's, or one with rows.
        WrongUse, DatabaseUnavailable: as `connect`.
    """
    engine = _engine(url)
    event.listen(engine, "connect", lambda connection, _: [connection.execute(pragma) for pragma in pragmas])
    try:
        with translated_errors(url), engine.begin() as connection:
            _refuse_foreign(connection, url)
            _refuse_filled(connection, url)
            if _tables(connection):
                Base.metadata.drop_all(connection)
                connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
            _upgrade(connection, revision)
            yield connection
    finally:
        engine.dispose()


def filled_tables(url: str) -> list[str]:
    """Tables of a library there that hold rows; nothing is written, not even the mode of another program's file.

    Raises:
        Conflict: it holds a table that is not faceml's.
        WrongUse, DatabaseUnavailable: as `connect`.
    """
    parsed = _parsed(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    if is_file and not Path(parsed.database or "").exists():
        return []
    engine = (
        create_engine(_reading_only(Path(parsed.database or "")), hide_parameters=True) if is_file else _engine(url)
    )
    try:
        with translated_errors(url), engine.execution_options(**{READ_ONLY: True}).connect() as connection:
            _refuse_foreign(connection, url)
            return _filled(connection)
    finally:
        engine.dispose()


def _reading_only(file: Path) -> URL:
    return URL.create("sqlite", database=file.absolute().as_uri(), query={"mode": "ro", "uri": "true"})


def _tables(connection: Connection) -> list[str]:
    there = inspect(connection)
    return sorted({*there.get_table_names(), *there.get_view_names()})


def _refuse_foreign(connection: Connection, url: str) -> None:
    """Raises Conflict where a table is not faceml's: unknown, or of another shape under one of its names."""
    there = inspect(connection)
    views, tables = set(there.get_view_names()), _tables(connection)
    is_library = {"image_assets", "persons", "label_events"} <= set(tables)
    foreign = [name for name in tables if name in views or not is_library or not _is_ours(there, name)]
    if foreign:
        raise Conflict(
            f"the database {without_password(url)} is another program's ({', '.join(foreign[:5])}): point DATABASE_URL "
            "at an empty one; nothing was changed"
        )


def _is_ours(there: Inspector, name: str) -> bool:
    """Whether a library's table has a name and columns of ours, or those of an earlier schema."""
    ours = Base.metadata.tables.get(name)
    return name == ALEMBIC or (
        ours is not None and {column["name"] for column in there.get_columns(name)} <= set(ours.columns.keys())
    )


def _refuse_filled(connection: Connection, url: str) -> None:
    if filled := _filled(connection):
        raise not_empty(url, filled)


def _filled(connection: Connection) -> list[str]:
    """Tables with rows, those of content first."""
    filled = [name for name in _tables(connection) if name != ALEMBIC and _has_rows(connection, name)]
    of_content = list(CONTENT.values())
    return sorted(filled, key=lambda name: of_content.index(name) if name in of_content else len(of_content))


def not_empty(url: str, filled: Sequence[str]) -> Conflict:
    return Conflict(
        f"the database {without_password(url)} is not empty ({', '.join(filled[:5])}): point DATABASE_URL at an empty "
        "one"
    )


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn what a driver raises when the database is out of reach into one line with the fix."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(_explain(url, error)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(f"the connection to {without_password(url)} broke: try again") from error
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise DatabaseUnavailable(_explain(url, error)) from error
        raise


def _engine(url: str) -> Engine:
    # Parameters are hidden: an error's text may end in a log, and they are names and vectors.
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(url, parsed.database)
    settings = {"connect_timeout": 10, "application_name": "faceml"}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=settings)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in ("sqlite", "postgresql"):
            parsed.get_dialect()
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise WrongUse(
            f"DATABASE_URL={without_password(url)!r} cannot be read: write postgresql+psycopg://user:password@host/name"
        ) from error
    raise WrongUse(f"DATABASE_URL={without_password(url)!r}: faceml knows sqlite:/// and postgresql://")


def _sqlite_engine(url: str, file: str | None) -> Engine:
    if file and file != ":memory:":
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            folder = Path(file).parent
            reason = no_space(folder) if is_full(error) else f"the folder {folder} cannot be made: {error.strerror}"
            raise DatabaseUnavailable(reason) from error
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver would commit before DDL; transactions begin in _begin_sqlite
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a label outlives a power cut
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns writer half-way cannot wait, it fails with SQLITE_BUSY.
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    file = connection.engine.url.database
    if not read_only and file and file != ":memory:" and free_at(Path(file).parent) < ROOM:
        raise DatabaseUnavailable(no_space(Path(file).parent))
    connection.connection.cursor().execute(f"PRAGMA cache_size={USUAL_CACHE if read_only else WRITING_CACHE}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _has_rows(connection: Connection, table: str) -> bool:
    return connection.execute(text(f'SELECT 1 FROM "{table}" LIMIT 1')).first() is not None


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "faceml.storage.sql:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _explain(url: str, error: Any) -> str:
    shown, reason = without_password(url), " ".join(str(error.orig).split())
    if url.startswith("sqlite"):
        file = sqlite_file(url) or Path(url)
        folder = file.parent
        if is_full(error) or ("locked" not in reason and free_at(folder) < ROOM):  # full is also "disk I/O error"
            return no_space(folder)
        if "locked" in reason:
            return (
                f"the library's database {file} has been busy for {BUSY_TIMEOUT_S} s: let the other run end, try again"
            )
        return f"the library's database {file} cannot be opened ({reason}): check FACEML_HOME and its permissions"
    if getattr(error.orig, "sqlstate", None) in _COLLIDED:
        return f"another program changed the same rows of {shown} at the same moment; nothing was stored: try again"
    if is_full(error):
        return f"PostgreSQL at {shown} has no space left on its disk: free some there"
    if "authentication failed" in reason or "no password" in reason:
        return f"PostgreSQL at {shown} refuses this user or password: correct DATABASE_URL"
    if "does not exist" in reason and "database" in reason:
        return f"PostgreSQL at {shown} has no such database: create it, or correct DATABASE_URL"
    return f"PostgreSQL at {shown} does not answer: start it (make db-up), or unset DATABASE_URL to use SQLite"
