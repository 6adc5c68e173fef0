"""Tables as lines of JSON that both databases write alike, and back; a shape says what each column holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Enum,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    delete,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from faceml.storage.sql.tables import Base, UtcTime

PAGE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a column are stored, written as JSON and read back; None is null."""

    stored: TypeEngine[Any]
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value


# By what a column's type is an instance of; the first match counts: Enum is a String, UtcTime decorates.
_KINDS: dict[str, tuple[type[TypeEngine[Any]], Kind]] = {
    "time": (UtcTime, Kind(UtcTime(), datetime.isoformat, datetime.fromisoformat)),
    "enum": (Enum, Kind(Text(), str)),
    "uuid": (Uuid, Kind(Uuid(), str, UUID)),
    "json": (JSON, Kind(JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"))),
    "bytes": (LargeBinary, Kind(LargeBinary(), lambda value: base64.b64encode(value).decode(), base64.b64decode)),
    "bool": (Boolean, Kind(Boolean())),
    "float": (Float, Kind(Float())),
    "int": (Integer, Kind(BigInteger())),
    "text": (String, Kind(Text())),
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


class DatabaseDump:
    """All tables of a database, in an order in which they can be filled again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.schema: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        self.shapes = tuple(_shape(table) for table in Base.metadata.sorted_tables)

    def lines(self, shape: TableShape) -> Iterator[bytes]:
        """One line a row, in order of the key: equal rows make equal bytes on every database."""
        table = Base.metadata.tables[shape.name]
        statement = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=PAGE_ROWS)
        writers = [_KINDS[column.kind][1].write for column in shape.columns]
        for row in self._connection.execute(statement):
            cells = _converted(writers, row)
            yield json.dumps(cells, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def fill_table(connection: Connection, shape: TableShape, lines: Iterable[bytes]) -> int:
    """Put rows into an empty table; returns how many."""
    table = Table(shape.name, MetaData(), *(_column(column) for column in shape.columns))
    inward = _references_to_itself(connection, shape.name)
    connection.execute(delete(table))  # what a migration has put there is in the dump, too
    later: list[dict[str, Any]] = []
    count = 0
    names = [column.name for column in shape.columns]
    readers = [_KINDS[column.kind][1].read for column in shape.columns]
    rows = (dict(zip(names, _converted(readers, json.loads(line)), strict=True)) for line in lines)
    while batch := list(islice(rows, PAGE_ROWS)):
        count += len(batch)
        later += [dict(row) for row in batch if any(row[name] is not None for name in inward)]
        connection.execute(table.insert(), [{**row, **dict.fromkeys(inward)} for row in batch])
    for row in later:  # only now all rows are there that they point at
        is_it = [table.c[key] == row[key] for key in shape.keys]
        connection.execute(table.update().where(*is_it).values({name: row[name] for name in inward}))
    _count_on(connection, shape)
    return count


def shape_as_json(shape: TableShape) -> dict[str, Any]:
    return asdict(shape)


def shape_from_json(plain: Mapping[str, Any]) -> TableShape:
    """Raises ValueError where it is not a shape."""
    from pydantic import TypeAdapter

    return TypeAdapter(TableShape).validate_python(plain)


def _shape(table: Table) -> TableShape:
    columns = (_column_shape(column.name, column.type) for column in table.columns)
    return TableShape(table.name, tuple(columns), tuple(column.name for column in table.primary_key.columns))


def _column_shape(name: str, type_: TypeEngine[Any]) -> ColumnShape:
    kind = next(kind for kind, (declared, _) in _KINDS.items() if isinstance(type_, declared))
    return (
        ColumnShape(name, kind, tuple(type_.enums), type_.name) if isinstance(type_, Enum) else ColumnShape(name, kind)
    )


def _converted(converters: Iterable[Callable[[Any], Any]], row: Iterable[Any]) -> list[Any]:
    return [None if value is None else convert(value) for convert, value in zip(converters, row, strict=True)]


def _column(shape: ColumnShape) -> Column[Any]:
    if shape.values:
        return Column(shape.name, Enum(*shape.values, name=shape.enum, create_type=False))
    return Column(shape.name, _KINDS[shape.kind][1].stored)


def _references_to_itself(connection: Connection, table: str) -> tuple[str, ...]:
    keys = inspect(connection).get_foreign_keys(table)
    return tuple(name for key in keys if key["referred_table"] == table for name in key["constrained_columns"])


def _count_on(connection: Connection, shape: TableShape) -> None:
    """PostgreSQL's counters do not notice keys that are given to them."""
    kind = {column.name: column.kind for column in shape.columns}
    if connection.dialect.name != "postgresql" or [kind[key] for key in shape.keys] != ["int"]:
        return
    table, key = shape.name, shape.keys[0]
    sequence = connection.execute(text("SELECT pg_get_serial_sequence(:t, :k)"), {"t": table, "k": key}).scalar()
    if sequence is not None:
        connection.execute(
            text(f'SELECT setval(:s, max("{key}")) FROM "{table}" HAVING max("{key}") > 0'), {"s": sequence}
        )
