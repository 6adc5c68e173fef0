"""What the library holds (specification, `faces stats`), and whether the parts outside the process answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faceml.errors import IndexUnavailable, Unavailable
from faceml.library import Library
from faceml.records import AssetStatus, PersonStatus
from faceml.storage.sql.asset_rows import UnreadableAsset
from faceml.storage.sql.repository import Repository, UnitOfWork

MOST_NAMED = 10  # photos of a report that only counts


@dataclass(frozen=True, slots=True)
class StatsReport:
    total_photos: int
    photos_waiting: int
    photos_failed: int
    photos_missing: int  # their files are gone; their faces count nowhere else
    faces_missing: int  # on them
    total_faces: int
    assigned_faces: int
    clustered_faces: int
    total_persons: int
    active_persons: int
    merged_persons: int
    total_prototypes: int
    pack: str | None
    index_backlog: int
    points: int | None  # None where the index cannot be reached
    vectors: int | None
    index_problem: str | None = None
    unreadable: tuple[UnreadableAsset, ...] = ()  # the first of the photos that failed


def read_stats(library: Library) -> StatsReport:
    """Count everything; where the index cannot be reached, the report says why."""
    points: int | None = None
    vectors: int | None = None
    problem = None
    try:
        info = library.index.info()
        points, vectors = (info.points_count, info.vectors_count) if info else (0, 0)
    except IndexUnavailable as error:
        problem = str(error)
    with library.repository.read() as unit:
        named = tuple(unit.assets.unreadable(limit=MOST_NAMED))
        return StatsReport(**_counts(unit), points=points, vectors=vectors, index_problem=problem, unreadable=named)


def _counts(unit: UnitOfWork) -> dict[str, Any]:
    """The numbers that SQL knows, by the names of `StatsReport`."""
    pinned, faces = unit.contract.pinned(), unit.faces.counts()
    return {
        "total_photos": unit.assets.count(),
        "photos_waiting": unit.assets.count(AssetStatus.PENDING),
        "photos_failed": unit.assets.count(AssetStatus.FAILED),
        "photos_missing": unit.assets.count_missing(),
        "faces_missing": unit.faces.count_missing(),
        "total_faces": faces.faces,
        "assigned_faces": faces.assigned,
        "clustered_faces": faces.clustered,
        "total_persons": unit.people.count(),
        "active_persons": unit.people.count(PersonStatus.ACTIVE),
        "merged_persons": unit.people.count(PersonStatus.MERGED),
        "total_prototypes": unit.prototypes.count(),
        "pack": pinned.name if pinned else None,
        "index_backlog": unit.outbox.backlog(),
    }


def library_snapshot(repository: Repository) -> dict[str, Any]:
    """Counts, pack, and hashes: of which face is under whom (two equal ones are the same data), and of its parts.

    `faces_hash` tells which faces there are, `people_hash` also under which people; so a run that groups or names
    the same faces otherwise can be told from one on other faces.
    """
    whole, faces, people = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    with repository.read() as unit:
        counts = _counts(unit)
        for face_id, person_id, cluster_id in unit.grid.labels():
            under = f"{face_id} {person_id}"
            whole.update(f"{under} {cluster_id}\n".encode())
            faces.update(f"{face_id}\n".encode())
            people.update(f"{under}\n".encode())
    hashes = {"hash": whole, "faces_hash": faces, "people_hash": people}
    return {**counts, **{name: digest.hexdigest()[:16] for name, digest in hashes.items()}}


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    problem: str | None  # None: it answers
    is_needed: bool  # whether nothing works without it


def check_parts(library: Library, *, ask_queue: Callable[[], None]) -> tuple[Part, ...]:
    """Ask the database, the index, and the queue where a server is named, once each; their faults are not raised.

    Args:
        ask_queue: raises QueueUnavailable.
    """
    parts = [
        Part("database", _problem(library.repository.pack), is_needed=True),
        Part("index", _problem(library.index.info), is_needed=False),
    ]
    if library.settings.redis_url:
        parts.append(Part("queue", _problem(ask_queue), is_needed=False))
    return tuple(parts)


def _problem(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except Unavailable as error:
        return str(error)
    return None
