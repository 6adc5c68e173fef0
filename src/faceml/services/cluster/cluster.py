"""Group the faces under no person by likeness (specification, chapter Clustering)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import drop_loose, keep_names, name_clusters, without_small
from faceml.library import Library
from faceml.services.cluster.grouping import group_faces, one_at_a_time, silent
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.spaces import open_space
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class ClusterReport:
    total_faces: int  # that took part
    clusters_found: int
    noise_count: int
    faces_left_out: int  # good enough, but beyond max_faces or outside the time bucket
    seconds: float
    index_backlog: int
    model_version: str  # of the vectors that were compared: "raw", or "face-projection/3"
    note: str | None


@one_at_a_time
def cluster_faces(
    library: Library,
    *,
    quality_threshold: float = 0.5,
    max_faces: int = 50_000,
    min_cluster_size: int = 5,
    min_samples: int = 3,
    time_bucket: str | None = None,
    min_cohesion: float | None = None,
    on_note: Callable[[str], None] = silent,
    model: str | int = CHAMPION,
) -> ClusterReport:
    """Cluster the faces that no person is assigned to; noise gets no cluster.

    Args:
        quality_threshold: faces below it keep what they have, 0 to 1.
        max_faces: the best faces take part where there are more.
        min_cluster_size: faces that make a cluster, 2 or more.
        min_samples: neighbours that make a face dense, 1 or more.
        time_bucket: only photos taken in this month, YYYY-MM.
        min_cohesion: a face less similar than this to the centre of its cluster's others becomes noise; None keeps all.
        on_note: told what a large run will take, before it starts.
        model: whose vectors are compared, see `open_space`.
    Raises:
        WrongUse: a parameter outside its range, or more faces than the memory can hold.
        NotFound, ModelMismatch, Unavailable: of the model.
    """
    started = time.monotonic()
    _check(min_cluster_size, min_samples, max_faces)
    space = open_space(library, model)
    taken_from, taken_before = month_bounds(time_bucket) if time_bucket else (None, None)
    with library.repository.read() as unit:
        faces = unit.vectors.unlabelled(
            min_quality=quality_threshold, limit=max_faces, taken_from=taken_from, taken_before=taken_before
        )
        eligible = unit.faces.count_unlabelled(min_quality=quality_threshold)
    faces = space.embeddings(faces)
    labels = group_faces(
        library,
        faces,
        purpose=f"unlabelled {time_bucket}" if time_bucket else "unlabelled",
        space=space.name,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        on_note=on_note,
    )
    if min_cohesion is not None:
        labels = without_small(drop_loose(faces.vectors, labels, min_cohesion=min_cohesion), min_cluster_size)
    with library.repository.begin() as unit:
        _store(unit, faces.face_ids, labels.tolist())
    backlog = drain_outbox(library).backlog
    return ClusterReport(
        total_faces=len(labels),
        clusters_found=len(np.unique(labels[labels >= 0])),
        noise_count=int((labels < 0).sum()),
        faces_left_out=eligible - len(labels),
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        model_version=space.name,
        note=space.note,
    )


def month_bounds(time_bucket: str) -> tuple[datetime, datetime]:
    """The first instant of a month YYYY-MM and of the next one, UTC.

    >>> [day.date().isoformat() for day in month_bounds("2025-12")]
    ['2025-12-01', '2026-01-01']
    """
    try:
        start = datetime.strptime(time_bucket, "%Y-%m").replace(tzinfo=UTC)
        return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    except ValueError as error:
        raise WrongUse(f"time bucket {time_bucket!r} is not a month: write it as YYYY-MM, like 2025-12") from error


def _store(unit: UnitOfWork, face_ids: Sequence[UUID], labels: Sequence[int]) -> None:
    """Write the new clusters, leaving out faces that a person labelled while we were computing."""
    unit.events.lock()
    clusters = unit.faces.clusters_of_free(face_ids)
    still_free = [i for i, face_id in enumerate(face_ids) if face_id in clusters]
    ids = [face_ids[i] for i in still_free]
    free_labels = [labels[i] for i in still_free]
    labelled = unit.faces.clusters_of_people()
    former = [name if (name := clusters[face_id]) not in labelled else None for face_id in ids]
    kept = keep_names(free_labels, former)
    names = name_clusters(free_labels, kept, (f"clu_{uuid4().hex[:12]}" for _ in free_labels))
    moved = [(id_, name) for id_, name in zip(ids, names, strict=True) if clusters[id_] != name]
    unit.faces.set_clusters(moved)
    unit.outbox.push([id_ for id_, _ in moved])


def _check(min_cluster_size: int, min_samples: int, max_faces: int) -> None:
    if min_cluster_size < 2:
        raise WrongUse(f"min_cluster_size={min_cluster_size}: a cluster has at least 2 faces")
    if min_samples < 1:
        raise WrongUse(f"min_samples={min_samples} is below 1")
    if max_faces < 1:
        raise WrongUse(f"max_faces={max_faces} is below 1")
