"""What the stores share: a session, and long lists in pieces, since databases bound the parameters of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Delete, Insert, Row, Select, Update, func, select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session

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
        """Carry the statement out once for each row, if there are any."""
        if rows:
            self._session.execute(statement, rows)

    def _count(self, table: type[DeclarativeBase], *where: ColumnElement[bool]) -> int:
        return self._session.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
