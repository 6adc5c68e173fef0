"""What the stores share: types of columns, a session, long lists in pieces, since databases bound the parameters of a
statement, and many rows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple, cast
from uuid import UUID

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Delete,
    Dialect,
    Insert,
    LargeBinary,
    Row,
    Select,
    Table,
    TypeDecorator,
    Update,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from faceml.errors import NotFound

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
STATEMENT_SIZE = 5000  # SQLite takes 32,766 parameters, PostgreSQL 65,535
ROWS_A_STATEMENT = 8  # from which on one of its own takes less than one that is carried out for each row
WORTH_COPYING = 100  # rows; below, asking for the columns' types takes longer


class UtcTime(TypeDecorator[datetime]):
    """TIMESTAMPTZ; SQLite keeps no zone, so the zone is taken off going in and put back coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = _in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _in_utc(value)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class JsonColumn(TypeDecorator[Any]):
    """JSONB, and JSON on SQLite. The types of PostgreSQL are imported where one is: they cost a command a tenth."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB())


def chunks(items: Sequence[T], size: int = STATEMENT_SIZE) -> Iterator[Sequence[T]]:
    """
    >>> [list(piece) for piece in chunks([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


def gone(after: object) -> NotFound:
    """What a page of a list ended with, which the next is to begin behind, is not there any more."""
    return NotFound(f"after={after}: what that page ended with is gone, begin again with the first page")


class Store:
    """One subject of a unit of work, such as photos or people."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _rows(
        self, statement: Select[*Columns], column: InstrumentedAttribute[Any], values: Sequence[Any]
    ) -> Iterator[Row[*Columns]]:
        """The statement's rows whose column holds one of these values."""
        for piece in chunks(values):
            yield from self._session.execute(statement.where(column.in_(piece)))

    def _change(self, statement: Update | Delete, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> None:
        """Carry the statement out where the column holds one of these values."""
        for piece in chunks(values):
            self._session.execute(statement.where(column.in_(piece)))

    def _write(self, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carry the statement out once for each row, if there are any; an update by the row's id."""
        if isinstance(statement, Insert) and len(rows) < WORTH_COPYING:
            if rows:
                self._session.execute(statement, rows)
            return
        self._session.flush()  # rows that these point at, or change
        write = insert_rows if isinstance(statement, Insert) else update_rows
        write(self._session.connection(), cast(Table, statement.table), rows)

    def _update_alike(
        self,
        table: type[DeclarativeBase],
        rows: Mapping[UUID, Mapping[str, Any]],
        was: Mapping[UUID, Mapping[str, Any]],
    ) -> None:
        """Give rows, by their id, their columns, and write only what differs: one statement for all in which the same
        does, if few suffice.

        Args:
            was: the columns as they are in the database, where that is known.
        """
        alike: dict[tuple[tuple[str, Any], ...], list[UUID]] = {}
        for id_, columns in rows.items():
            old = was.get(id_, {})
            new = tuple((name, value) for name, value in columns.items() if name not in old or old[name] != value)
            alike.setdefault(new, []).append(id_)
        if len(alike) * ROWS_A_STATEMENT > len(rows):
            self._write(update(table), [{"id": id_, **dict(new)} for new, ids in alike.items() if new for id_ in ids])
            return
        for changed, ids in alike.items():
            if changed:
                self._change(update(table).values(dict(changed)), cast(Any, table).id, ids)

    def _count(self, table: type[DeclarativeBase], *where: ColumnElement[bool]) -> int:
        return self._session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def update_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Change rows by their id, each in the columns given, by the driver's own loop: the ORM's takes twice as long."""
    alike: dict[frozenset[str], list[dict[str, Any]]] = {}
    for row in rows:
        alike.setdefault(frozenset(row), []).append({"row_id" if name == "id" else name: row[name] for name in row})
    for same in alike.values():
        connection.execute(update(table).where(table.c.id == bindparam("row_id")), same)


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, types: Mapping[str, str] | None = None
) -> None:
    """Put rows with the same keys into a table; PostgreSQL gets them in one binary COPY, vectors as they are.

    What they say nothing of gets its default.

    Args:
        types: `stored_types` of the table, where they are known already.
    """
    if connection.dialect.name == "postgresql" and connection.dialect.driver == "psycopg":
        _copy(connection, table, rows, types or stored_types(connection, table))
    else:
        connection.execute(table.insert(), list(rows))


def stored_types(connection: Connection, table: Table) -> dict[str, str]:
    """PostgreSQL's names for the types of a table's columns."""
    stored = text("SELECT column_name, udt_name FROM information_schema.columns WHERE table_name = :name")
    return {row[0]: row[1] for row in connection.execute(stored, {"name": table.name})}


_BINARY_TYPES = {"uuid", "int4", "int8", "float8", "bytea", "timestamptz", "jsonb", "bool"}


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> None:
    import psycopg

    columns = [column for column in table.columns if column.name in rows[0] or column.default is not None]
    makers = [_maker(column, connection.dialect, is_given=column.name in rows[0]) for column in columns]
    names = ", ".join(f'"{column.name}"' for column in columns)
    statement = f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)'
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            # The binary form of an enum is that of its text.
            copy.set_types([kind if (kind := types[column.name]) in _BINARY_TYPES else "text" for column in columns])
            for row in rows:
                copy.write_row([make(row) for make in makers])
    except psycopg.Error as error:  # as SQLAlchemy would tell it: the connection is the driver's here
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def _maker(column: Column[Any], dialect: Dialect, *, is_given: bool) -> Callable[[Mapping[str, Any]], Any]:
    """Makes the column's value of a row as the driver takes it."""
    name, prepare = column.name, _prepare(column, dialect)
    if is_given:
        return lambda row: None if row[name] is None else prepare(row[name])
    default = cast(Any, column.default)
    return lambda _: prepare(default.arg(None) if default.is_callable else default.arg)


def _prepare(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any]:
    if isinstance(column.type, JSON | JsonColumn):
        from psycopg.types.json import Jsonb

        return Jsonb
    if isinstance(column.type, LargeBinary):
        return bytes
    return column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
