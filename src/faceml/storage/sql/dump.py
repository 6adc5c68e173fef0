"""Tables as lines of JSON that both databases write alike, and back; a shape says what each column holds.

Bytes may lie apart from the lines, which hold how many there are: vectors then are read and written as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from faceml.errors import FileNotReadable
from faceml.storage.lines import cells
from faceml.storage.lines.cells import Form, Take, Turn
from faceml.storage.sql.chunks import JsonColumn, UtcTime, chunks, insert_rows, stored_types
from faceml.storage.sql.tables import Base

PAGE_ROWS = 200  # of more, Python's garbage collector goes through most before they are done with


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a column are stored."""

    declared: type[TypeEngine[Any]]  # what the type of such a column is an instance of
    stored: TypeEngine[Any]
    form: Form = cells.AS_IT_IS
    in_sqlite: Form = cells.AS_IT_IS


# The first match counts: Enum is a String, UtcTime decorates.
_KINDS = {
    "time": Kind(UtcTime, UtcTime(), cells.TIMES, cells.TIMES_AS_TEXT),
    "enum": Kind(sa.Enum, sa.Text()),
    "uuid": Kind(sa.Uuid, sa.Uuid(), cells.UUIDS, cells.UUIDS_AS_TEXT),
    "json": Kind(
        JsonColumn,
        sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
        in_sqlite=cells.JSON_AS_TEXT,
    ),
    # As text, or apart from the lines, where a shape says so.
    "bytes": Kind(sa.LargeBinary, sa.LargeBinary(), cells.BYTES, cells.BYTES),
    "blob": Kind(sa.LargeBinary, sa.LargeBinary()),
    "bool": Kind(sa.Boolean, sa.Boolean(), in_sqlite=cells.TRUTHS_AS_NUMBERS),
    "float": Kind(sa.Float, sa.Float()),
    "int": Kind(sa.Integer, sa.BigInteger()),
    "text": Kind(sa.String, sa.Text()),
}


@dataclass(frozen=True, slots=True)
class ColumnShape:
    name: str
    kind: str  # a key of _KINDS
    values: tuple[str, ...] = ()  # of an enum
    enum: str | None = None  # its name on PostgreSQL


@dataclass(frozen=True, slots=True)
class TableShape:
    name: str
    columns: tuple[ColumnShape, ...]
    keys: tuple[str, ...]  # the primary key

    @property
    def blobs(self) -> tuple[str, ...]:
        """Columns whose bytes lie apart."""
        return tuple(column.name for column in self.columns if column.kind == "blob")

    def with_blobs(self) -> TableShape:
        """The same table, with all its bytes apart."""
        columns = (replace(column, kind="blob") if column.kind == "bytes" else column for column in self.columns)
        return replace(self, columns=tuple(columns))


class DatabaseDump:
    """All tables of a database, in an order in which they can be filled again."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.schema: str = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
        self.shapes = tuple(_shape(table) for table in Base.metadata.sorted_tables)

    def lines(self, shape: TableShape) -> Iterator[bytes]:
        """One line a row, in order of the key, some lines at a time: equal rows make equal bytes on every database."""
        table = Base.metadata.tables[shape.name]
        lengths = {name: sa.func.length(table.c[name]) for name in shape.blobs}
        columns = (lengths.get(column.name, sa.type_coerce(column, sa.types.NullType())) for column in table.columns)
        writers = [form.write for form in _forms(shape, self._connection)]
        for rows in self._connection.execute(_in_order(table, *columns)).partitions():
            turned = (write(column) for write, column in zip(writers, zip(*rows, strict=True), strict=True))
            yield "\n".join([*cells.texts(zip(*turned, strict=True)), ""]).encode()

    def blobs(self, shape: TableShape, name: str) -> Iterator[bytes]:
        """The bytes of a column, those of some rows at a time, in the order of the lines."""
        table = Base.metadata.tables[shape.name]
        for rows in self._connection.execute(_in_order(table, table.c[name])).partitions():
            yield b"".join(row[0] for row in rows if row[0] is not None)


def _in_order(table: sa.Table, *columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=PAGE_ROWS)


def _forms(shape: TableShape, connection: sa.Connection) -> list[Form]:
    kinds = (_KINDS[column.kind] for column in shape.columns)
    return [kind.in_sqlite if connection.dialect.name == "sqlite" else kind.form for kind in kinds]


def fill_table(
    connection: sa.Connection,
    shape: TableShape,
    lines: Iterable[bytes],
    blobs: Mapping[str, Take] | None = None,
) -> int:
    """Put rows into an empty table; returns how many.

    Args:
        lines: some whole lines at a time.
        blobs: by column, what hands out bytes that lie apart.
    Raises:
        FileNotReadable: rows that point at rows of this table do so in a circle, or hold what their columns cannot.
    """
    table = sa.Table(shape.name, sa.MetaData(), *(_column(column, connection) for column in shape.columns))
    inward = _references_to_itself(connection, shape.name)
    connection.execute(sa.delete(table))  # what a migration has put there is in the dump, too
    insert = _inserter(connection, table)
    later: list[dict[str, Any]] = []
    count = 0
    for columns in _pages(shape, lines, _readers(shape, connection, blobs or {})):
        rows = len(next(iter(columns.values())))
        later += _of_rows_that_point(columns, inward, shape.keys)
        insert(columns | dict.fromkeys(inward, [None] * rows))
        count += rows
    for name in inward:
        _refuse_circle(shape, name, {row[shape.keys[0]]: row[name] for row in later})
    for row in later:  # only now all rows are there that they point at
        is_it = [table.c[key] == row[key] for key in shape.keys]
        connection.execute(table.update().where(*is_it).values({name: row[name] for name in inward}))
    _count_on(connection, shape)
    return count


def _pages(shape: TableShape, lines: Iterable[bytes], readers: Sequence[Turn]) -> Iterator[dict[str, Sequence[Any]]]:
    """Columns of some rows, as the driver takes them."""
    names = [column.name for column in shape.columns]
    for some in lines:
        try:
            for rows in chunks(json.loads(b"[" + some.rstrip().replace(b"\n", b",") + b"]"), PAGE_ROWS):
                columns = zip(names, readers, zip(*rows, strict=True), strict=True)
                yield {name: read(column) for name, read, column in columns}
        except (ValueError, TypeError, AttributeError) as error:
            reason = f"table {shape.name} cannot be read ({type(error).__name__})"
            raise FileNotReadable(f"the backup's {reason}: use another one") from error


def _readers(shape: TableShape, connection: sa.Connection, blobs: Mapping[str, Take]) -> list[Turn]:
    forms = zip(shape.columns, _forms(shape, connection), strict=True)
    return [cells.apart(blobs[column.name]) if column.name in blobs else form.read for column, form in forms]


def _inserter(connection: sa.Connection, table: sa.Table) -> Callable[[Mapping[str, Sequence[Any]]], object]:
    """Puts rows into a table, given by column."""
    if connection.dialect.name != "sqlite":
        types = stored_types(connection, table)
        return lambda columns: insert_rows(connection, table, _rows(columns), types=types)

    @cache
    def statement(empty: frozenset[str]) -> str:
        values = {c.name: sa.null() if c.name in empty else sa.bindparam(c.name) for c in table.columns}
        return str(table.insert().values(values).compile(dialect=connection.dialect))

    def insert(columns: Mapping[str, Sequence[Any]]) -> None:
        # To SQLite's driver null is the dearest of values: columns of nothing else are told in the statement.
        empty = frozenset(name for name, column in columns.items() if column.count(None) == len(column))
        rows = zip(*(column for name, column in columns.items() if name not in empty), strict=True)
        connection.exec_driver_sql(statement(empty), list(rows))

    return insert


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _of_rows_that_point(
    columns: Mapping[str, Sequence[Any]], inward: Sequence[str], keys: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Key and targets of rows that point at others of their table."""
    for row in _rows({name: columns[name] for name in (*keys, *inward)}) if inward else ():
        if any(row[name] is not None for name in inward):
            yield row


@contextmanager
def without_indexes(connection: sa.Connection) -> Iterator[None]:
    """Meanwhile SQLite's tables have their keys alone: an index made of all rows at once is a sort, and not many looks.

    PostgreSQL's stay.
    """
    statement = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    made = connection.exec_driver_sql(statement).all() if connection.dialect.name == "sqlite" else ()
    for name, _ in made:
        connection.exec_driver_sql(f"DROP INDEX {connection.dialect.identifier_preparer.quote(name)}")
    yield
    for _, statement in made:
        connection.exec_driver_sql(statement)


def shape_from_json(plain: Mapping[str, Any]) -> TableShape:
    """Raises ValueError where it is not a shape."""
    from pydantic import TypeAdapter

    return TypeAdapter(TableShape).validate_python(plain)


def _shape(table: sa.Table) -> TableShape:
    columns = (_column_shape(column.name, column.type) for column in table.columns)
    return TableShape(table.name, tuple(columns), tuple(column.name for column in table.primary_key.columns))


def _column_shape(name: str, type_: TypeEngine[Any]) -> ColumnShape:
    kind = next(key for key, kind in _KINDS.items() if isinstance(type_, kind.declared))
    if isinstance(type_, sa.Enum):
        return ColumnShape(name, kind, tuple(type_.enums), type_.name)
    return ColumnShape(name, kind)


def _column(shape: ColumnShape, connection: sa.Connection) -> sa.Column[Any]:
    if connection.dialect.name == "sqlite":
        return sa.Column(shape.name)  # gets what it holds
    if shape.values:
        return sa.Column(shape.name, sa.Enum(*shape.values, name=shape.enum, create_type=False))
    return sa.Column(shape.name, _KINDS[shape.kind].stored)


def _references_to_itself(connection: sa.Connection, table: str) -> tuple[str, ...]:
    keys = sa.inspect(connection).get_foreign_keys(table)
    return tuple(name for key in keys if key["referred_table"] == table for name in key["constrained_columns"])


def _refuse_circle(shape: TableShape, column: str, points_at: Mapping[Any, Any]) -> None:
    """Whoever follows these rows from one to the next must come to an end."""
    try:
        TopologicalSorter({row: [target] for row, target in points_at.items() if target is not None}).prepare()
    except CycleError as error:
        raise FileNotReadable(
            f"the backup's table {shape.name} points at itself in a circle ({column}): use another one"
        ) from error


def _count_on(connection: sa.Connection, shape: TableShape) -> None:
    """PostgreSQL's counters do not notice keys that are given to them."""
    kind = {column.name: column.kind for column in shape.columns}
    if connection.dialect.name != "postgresql" or [kind[key] for key in shape.keys] != ["int"]:
        return
    table, key = shape.name, shape.keys[0]
    sequence = connection.execute(sa.text("SELECT pg_get_serial_sequence(:t, :k)"), {"t": table, "k": key}).scalar()
    if sequence is not None:
        connection.execute(
            sa.text(f'SELECT setval(:s, max("{key}")) FROM "{table}" HAVING max("{key}") > 0'), {"s": sequence}
        )
