"""Tables as lines of JSON that both databases write alike, and back; a shape says what each column holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    bindparam,
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


# First match counts: Enum is a String, UtcTime decorates.
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (UtcTime, "time"),
    (Enum, "enum"),
    (Uuid, "uuid"),
    (JSON, "json"),
    (LargeBinary, "bytes"),
    (Boolean, "bool"),
    (Float, "float"),
    (Integer, "int"),
    (String, "text"),
)


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
        kinds = [column.kind for column in shape.columns]
        for row in self._connection.execute(statement):
            cells = [_to_json(kind, value) for kind, value in zip(kinds, row, strict=True)]
            yield json.dumps(cells, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def fill_table(connection: Connection, shape: TableShape, lines: Iterable[bytes]) -> int:
    """Put rows into an empty table; returns how many."""
    table = Table(shape.name, MetaData(), *(_column(column) for column in shape.columns))
    inward = _references_to_itself(connection, shape.name)
    connection.execute(delete(table))  # what a migration has put there is in the dump, too
    kinds = [column.kind for column in shape.columns]
    names = [column.name for column in shape.columns]
    later: list[dict[str, Any]] = []
    count = 0
    cells = (json.loads(line) for line in lines)
    rows = (dict(zip(names, map(_from_json, kinds, row), strict=True)) for row in cells)
    while batch := list(islice(rows, PAGE_ROWS)):
        count += len(batch)
        later += [dict(row) for row in batch if any(row[name] is not None for name in inward)]
        connection.execute(table.insert(), [{**row, **dict.fromkeys(inward)} for row in batch])
    if later:  # only now all rows are there that they point at
        _point(connection, table, shape.keys, inward, later)
    _count_on(connection, shape)
    return count


def shape_as_json(shape: TableShape) -> dict[str, Any]:
    columns = [
        {"name": c.name, "kind": c.kind, **({"enum": c.enum, "values": list(c.values)} if c.enum else {})}
        for c in shape.columns
    ]
    return {"name": shape.name, "keys": list(shape.keys), "columns": columns}


def shape_from_json(plain: Mapping[str, Any]) -> TableShape:
    """Raises KeyError or TypeError where it is none."""
    columns = [ColumnShape(c["name"], c["kind"], tuple(c.get("values", ())), c.get("enum")) for c in plain["columns"]]
    return TableShape(plain["name"], tuple(columns), tuple(plain["keys"]))


def _shape(table: Table) -> TableShape:
    return TableShape(
        table.name,
        tuple(_column_shape(column) for column in table.columns),
        tuple(column.name for column in table.primary_key.columns),
    )


def _column_shape(column: Column[Any]) -> ColumnShape:
    kind = next(kind for kind_type, kind in _KINDS if isinstance(column.type, kind_type))
    if isinstance(column.type, Enum):
        return ColumnShape(column.name, kind, tuple(column.type.enums), column.type.name)
    return ColumnShape(column.name, kind)


def _column(shape: ColumnShape) -> Column[Any]:
    types: dict[str, TypeEngine[Any]] = {
        "time": UtcTime(),
        "uuid": Uuid(),
        "json": JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
        "bytes": LargeBinary(),
        "bool": Boolean(),
        "float": Float(),
        "int": BigInteger(),
        "text": Text(),
        "enum": Enum(*shape.values, name=shape.enum, create_type=False) if shape.values else Text(),
    }
    return Column(shape.name, types[shape.kind])


def _to_json(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind == "time":
        return value.isoformat()
    return str(value) if kind in ("uuid", "enum") else value


def _from_json(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "bytes":
        return base64.b64decode(value)
    if kind == "time":
        return datetime.fromisoformat(value)
    return UUID(value) if kind == "uuid" else value


def _references_to_itself(connection: Connection, table: str) -> tuple[str, ...]:
    keys = inspect(connection).get_foreign_keys(table)
    return tuple(name for key in keys if key["referred_table"] == table for name in key["constrained_columns"])


def _point(
    connection: Connection, table: Table, keys: Sequence[str], inward: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    where = [table.c[key] == bindparam(f"key_{key}") for key in keys]
    statement = table.update().where(*where).values({name: bindparam(f"to_{name}") for name in inward})
    given = [
        {**{f"key_{key}": row[key] for key in keys}, **{f"to_{name}": row[name] for name in inward}} for row in rows
    ]
    connection.execute(statement, given)


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
