"""Names and ids for a shell's completion, read off SQLite's file: importing SQLAlchemy would take a second."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from faceml.names import folded

MAX_HINTS = 50
_PEOPLE = "SELECT name FROM persons WHERE status <> 'merged' AND folded_name LIKE ? ESCAPE '\\' ORDER BY name LIMIT ?"
_CLUSTERS = (
    "SELECT cluster_id, count(*) FROM face_instances WHERE cluster_id LIKE ? ESCAPE '\\' GROUP BY cluster_id "
    "ORDER BY count(*) DESC LIMIT ?"
)


def people_named(database: Path | None, beginning: str) -> list[str]:
    """Names that begin so, in upper or lower case; an empty list where the library cannot be read."""
    return [row[0] for row in _rows(database, _PEOPLE, folded(beginning))]


def clusters_named(database: Path | None, beginning: str) -> list[tuple[str, int]]:
    """Cluster ids that begin so with their faces, largest first."""
    return [(row[0], row[1]) for row in _rows(database, _CLUSTERS, beginning)]


def _rows(database: Path | None, statement: str, beginning: str) -> list[tuple[Any, ...]]:
    if database is None:
        return []
    pattern = beginning.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    try:
        uri = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=0.2)) as connection:
            return connection.execute(statement, (pattern, MAX_HINTS)).fetchall()
    except sqlite3.Error:  # not there, busy, or of another schema: a completion is a nicety
        return []
