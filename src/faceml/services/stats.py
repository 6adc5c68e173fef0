"""What the library holds (specification, `faces stats`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faceml.errors import IndexUnavailable
from faceml.records import AssetStatus, PersonStatus
from faceml.storage.repository import UnitOfWork
from faceml.storage.vector_index import CollectionInfo
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class StatsReport:
    total_photos: int
    photos_waiting: int
    photos_failed: int
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


def read_stats(library: Library) -> StatsReport:
    """Count everything; an index out of reach is said, not raised."""
    info, problem = _index_info(library)
    with library.repository.read() as unit:
        counts = count_library(unit)
    return StatsReport(
        **counts,
        points=None if problem else info.points_count if info else 0,
        vectors=None if problem else info.vectors_count if info else 0,
        index_problem=problem,
    )


def count_library(unit: UnitOfWork) -> dict[str, Any]:
    """The numbers that SQL knows, by the names of `StatsReport`."""
    pinned = unit.contract.pinned()
    return {
        "total_photos": unit.assets.count(),
        "photos_waiting": unit.assets.count(AssetStatus.PENDING),
        "photos_failed": unit.assets.count(AssetStatus.FAILED),
        "total_faces": unit.faces.count(),
        "assigned_faces": unit.faces.count_assigned(),
        "clustered_faces": unit.faces.count_clustered(),
        "total_persons": unit.people.count(),
        "active_persons": unit.people.count(PersonStatus.ACTIVE),
        "merged_persons": unit.people.count(PersonStatus.MERGED),
        "total_prototypes": unit.prototypes.count(),
        "pack": pinned.name if pinned else None,
        "index_backlog": unit.outbox.backlog(),
    }


def _index_info(library: Library) -> tuple[CollectionInfo | None, str | None]:
    try:
        with library.open_index() as index:
            return index.info(), None
    except IndexUnavailable as error:
        return None, str(error)
