"""Long lists in pieces: databases bound the parameters of one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Delete, Row, Select, Update
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
STATEMENT_SIZE = 5000  # SQLite takes 32,766 parameters, PostgreSQL 65,535


def chunks(items: Sequence[T], size: int = STATEMENT_SIZE) -> Iterator[Sequence[T]]:
    """
    >>> [list(piece) for piece in chunks([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


def rows_where(
    session: Session, statement: Select[*Columns], column: InstrumentedAttribute[Any], values: Sequence[Any]
) -> Iterator[Row[*Columns]]:
    """The statement's rows whose column holds one of these values."""
    for piece in chunks(values):
        yield from session.execute(statement.where(column.in_(piece)))


def change_where(
    session: Session, statement: Update | Delete, column: InstrumentedAttribute[Any], values: Sequence[Any]
) -> None:
    """Carry the statement out where the column holds one of these values."""
    for piece in chunks(values):
        session.execute(statement.where(column.in_(piece)))
