"""Tables as lines of JSON that both databases write alike, and back; a shape says what each column holds.

Bytes may lie apart from the lines, which hold how many there are: vectors then are read and written as they are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from faceml.errors import FileNotReadable
from faceml.storage.sql.chunks import JsonColumn, UtcTime, insert_rows
from faceml.storage.sql.tables import Base

PAGE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a column are stored, written as JSON and read back; None is null."""

    declared: type[TypeEngine[Any]]  # what the type of such a column is an instance of
    stored: TypeEngine[Any]
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value


# The first match counts: Enum is a String, UtcTime decorates.
_KINDS = {
    "time": Kind(UtcTime, UtcTime(), datetime.isoformat, datetime.fromisoformat),
    "enum": Kind(sa.Enum, sa.Text(), str),
    "uuid": Kind(sa.Uuid, sa.Uuid(), str, UUID),
    "json": Kind(JsonColumn, sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")),
    # As text, or apart from the lines, where a shape says so.
    "bytes": Kind(sa.LargeBinary, sa.LargeBinary(), lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "blob": Kind(sa.LargeBinary, sa.LargeBinary()),
    "bool": Kind(sa.Boolean, sa.Boolean()),
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
        """One line a row, in order of the key: equal rows make equal bytes on every database."""
        table = Base.metadata.tables[shape.name]
        columns = (sa.func.length(column) if column.name in shape.blobs else column for column in table.columns)
        writers = [_KINDS[column.kind].write for column in shape.columns]
        for row in self._connection.execute(_in_order(table, *columns)):
            cells = _converted(writers, row)
            yield json.dumps(cells, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    def blobs(self, shape: TableShape, name: str) -> Iterator[bytes]:
        """The bytes of a column, those of some rows at a time, in the order of the lines."""
        table = Base.metadata.tables[shape.name]
        for rows in self._connection.execute(_in_order(table, table.c[name])).partitions():
            yield b"".join(row[0] for row in rows if row[0] is not None)


def _in_order(table: sa.Table, *columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=PAGE_ROWS)


def fill_table(
    connection: sa.Connection,
    shape: TableShape,
    lines: Iterable[bytes],
    blobs: Mapping[str, Callable[[int], bytes]] | None = None,
) -> int:
    """Put rows into an empty table; returns how many.

    Args:
        blobs: by column, what hands out the next so many bytes of those that lie apart.
    Raises:
        FileNotReadable: rows that point at rows of this table do so in a circle.
    """
    table = sa.Table(shape.name, sa.MetaData(), *(_column(column) for column in shape.columns))
    inward = _references_to_itself(connection, shape.name)
    connection.execute(sa.delete(table))  # what a migration has put there is in the dump, too
    later: list[dict[str, Any]] = []
    count = 0
    names = [column.name for column in shape.columns]
    apart = blobs or {}
    readers = [apart.get(column.name, _KINDS[column.kind].read) for column in shape.columns]
    rows = (dict(zip(names, _converted(readers, json.loads(line)), strict=True)) for line in lines)
    while batch := list(islice(rows, PAGE_ROWS)):
        count += len(batch)
        later += [dict(row) for row in batch if any(row[name] is not None for name in inward)]
        insert_rows(connection, table, [{**row, **dict.fromkeys(inward)} for row in batch])
    for name in inward:
        _refuse_circle(shape, name, {row[shape.keys[0]]: row[name] for row in later})
    for row in later:  # only now all rows are there that they point at
        is_it = [table.c[key] == row[key] for key in shape.keys]
        connection.execute(table.update().where(*is_it).values({name: row[name] for name in inward}))
    _count_on(connection, shape)
    return count


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


def _converted(converters: Iterable[Callable[[Any], Any]], row: Iterable[Any]) -> list[Any]:
    return [None if value is None else convert(value) for convert, value in zip(converters, row, strict=True)]


def _column(shape: ColumnShape) -> sa.Column[Any]:
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
