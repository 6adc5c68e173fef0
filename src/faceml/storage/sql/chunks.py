"""Long lists in pieces: databases bound the parameters of one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
STATEMENT_SIZE = 5000  # SQLite takes 32,766 parameters, PostgreSQL 65,535


def chunks(items: Sequence[T], size: int = STATEMENT_SIZE) -> Iterator[Sequence[T]]:
    """
    >>> [list(piece) for piece in chunks([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]
