"""MLflow's database where it lies now: `mlruns` may have been moved, or copied to another machine.

MLflow keeps the whole address of every run's and model's files. Where its database lies beside a folder `artifacts`,
as faceml has them, and its addresses begin elsewhere, they are written anew, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from faceml.addresses import sqlite_file

ARTIFACTS = "artifacts"
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(uri: str) -> str:
    """Let the addresses in MLflow's database begin where it lies; returns the URI as it is.

    A server's database, one that was not moved and one that cannot be written stay as they are.
    """
    file = sqlite_file(uri)
    if file is not None and (file.parent / ARTIFACTS).is_dir() and file.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(file, timeout=10)) as connection, connection:
            _rewrite(connection, (file.parent / ARTIFACTS).resolve().as_uri())
    return uri


def _rewrite(connection: sqlite3.Connection, here: str) -> None:
    found = connection.execute("SELECT artifact_location FROM experiments WHERE name = 'faceml'").fetchone()
    before = str(found[0]).rstrip("/") if found and found[0] else here
    if before == here or urlsplit(before).scheme not in ("file", "") or not _lies_here(connection, before, here):
        return
    for table, column in _there(connection):
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (here, len(before) + 1, before, len(before) + 1, f"{before}/"),
        )


def _lies_here(connection: sqlite3.Connection, before: str, here: str) -> bool:
    """Whether files of recorded runs are in this folder, or there are none that were recorded there."""
    rows = connection.execute("SELECT artifact_uri FROM runs WHERE substr(artifact_uri, 1, ?) = ?", _below(before))
    places = [here + uri[len(before) :] for (uri,) in rows]
    return not places or any(Path(_path(place)).exists() for place in places)


def _below(before: str) -> tuple[int, str]:
    return len(before) + 1, f"{before}/"


def _path(uri: str) -> str:
    return unquote_to_bytes(urlsplit(uri).path).decode(errors="surrogateescape")


def _there(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for table, column in _ADDRESSES:
        if column in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
            yield table, column
