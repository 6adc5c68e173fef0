"""Whether the parts outside the process answer now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faceml.errors import Unavailable
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    problem: str | None  # None: it answers
    is_needed: bool  # whether nothing works without it


def check_parts(library: Library) -> tuple[Part, ...]:
    """Database, index, and the queue where a server is named; each asked once, never raises for their faults."""
    parts = [
        Part("database", _problem(lambda: _ask_database(library)), is_needed=True),
        Part("index", _problem(lambda: _ask_index(library)), is_needed=False),
    ]
    if library.settings.redis_url:
        parts.append(Part("queue", _problem(lambda: _ask_queue(library)), is_needed=False))
    return tuple(parts)


def _problem(ask: Callable[[], None]) -> str | None:
    try:
        ask()
    except Unavailable as error:
        return str(error)
    return None


def _ask_database(library: Library) -> None:
    with library.repository.read() as unit:
        unit.contract.pinned()


def _ask_index(library: Library) -> None:
    with library.open_index() as index:
        index.info()


def _ask_queue(library: Library) -> None:
    with library.jobs.answering():
        library.jobs.connection.ping()
