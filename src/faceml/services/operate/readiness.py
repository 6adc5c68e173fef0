"""Whether the parts outside the process answer now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faceml.errors import Unavailable
from faceml.library import Library
from faceml.storage.sql.repository import Repository


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    problem: str | None  # None: it answers
    is_needed: bool  # whether nothing works without it


def check_parts(library: Library, *, ask_queue: Callable[[], None]) -> tuple[Part, ...]:
    """Database, index, and the queue where a server is named; each asked once, never raises for their faults.

    Args:
        ask_queue: raises QueueUnavailable.
    """
    parts = [
        Part("database", _problem(lambda: _ask_database(library.repository)), is_needed=True),
        Part("index", _problem(lambda: _ask_index(library)), is_needed=False),
    ]
    if library.settings.redis_url:
        parts.append(Part("queue", _problem(ask_queue), is_needed=False))
    return tuple(parts)


def _problem(ask: Callable[[], None]) -> str | None:
    try:
        ask()
    except Unavailable as error:
        return str(error)
    return None


def _ask_database(repository: Repository) -> None:
    with repository.read() as unit:
        unit.contract.pinned()


def _ask_index(library: Library) -> None:
    with library.index.open() as index:
        index.info()
