"""Group the faces under no person by likeness (specification, chapter Clustering)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

from faceml.identity.cluster_labels import keep_names, name_clusters
from faceml.identity.cost import Method, Neighbours
from faceml.identity.hdbscan.distances import Metric
from faceml.library import Library
from faceml.options import ClusterOptions
from faceml.progress import Progress, silent, told
from faceml.services.cluster.grouping import (
    UNLABELLED,
    Note,
    group_faces,
    log,
    note_of_noise,
    one_at_a_time,
    without_loose,
)
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.gallery import note_of_changed
from faceml.services.recognise.spaces import open_space
from faceml.storage.sql.repository import UnitOfWork

MARK = "clu_"  # how the id of a cluster begins (specification, Cluster ID Format)


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
    neighbour_recall: float | None = None  # estimated; None: every face was compared with all


@told
@one_at_a_time
def cluster_faces(
    library: Library,
    options: ClusterOptions = ClusterOptions(),
    *,
    on_note: Note = log.info,
    on_progress: Progress = silent,
) -> ClusterReport:
    """Cluster the faces that no person is assigned to; noise gets no cluster. What a person decides meanwhile stays.

    Faces below `quality_threshold` keep what they have; the best take part where there are more than `max_faces`; a
    face less similar than `min_cohesion` to the centre of its cluster's others becomes noise.

    Raises:
        WrongUse: more faces than the memory can hold.
        NotFound, ModelMismatch, Unavailable: of the model.
    """
    started = time.monotonic()
    space = open_space(library, options.model)
    taken_from, taken_before = options.month or (None, None)
    with library.repository.read() as unit:
        faces = unit.vectors.unlabelled(
            min_quality=options.quality_threshold,
            limit=options.max_faces,
            taken_from=taken_from,
            taken_before=taken_before,
        )
        seen = unit.faces.clusters_of_free(faces.face_ids)
        eligible = unit.faces.count_unlabelled(min_quality=options.quality_threshold)
    faces = space.embeddings(faces)
    grouped = group_faces(
        library,
        faces,
        purpose=f"{UNLABELLED} {options.time_bucket or ''}".rstrip(),
        space=space,
        min_cluster_size=options.min_cluster_size,
        min_samples=options.min_samples,
        cluster_selection_epsilon=options.cluster_selection_epsilon,
        metric=cast(Metric, options.metric),
        method=cast(Method, options.method),
        min_similarity=options.min_similarity,
        neighbours=cast(Neighbours, options.neighbours),
        on_note=on_note,
        on_progress=on_progress,
    )
    labels = without_loose(
        faces.vectors, grouped.labels, min_cohesion=options.min_cohesion, min_cluster_size=options.min_cluster_size
    )
    with library.repository.begin() as unit:
        label_of = _store(unit, dict(zip(faces.face_ids, labels.tolist(), strict=True)), seen)
    backlog = drain_outbox(library, on_progress=on_progress).backlog
    stored = list(label_of.values())
    notes = [space.note, *grouped.notes]
    notes += [*note_of_changed(len(labels) - len(stored)), *note_of_noise(stored, _tries(options))]
    return ClusterReport(
        total_faces=len(labels),
        clusters_found=len(set(stored) - {-1}),
        noise_count=stored.count(-1),
        faces_left_out=eligible - len(labels),
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        model_version=space.name,
        note="; ".join(note for note in notes if note) or None,
        neighbour_recall=grouped.recall,
    )


def _tries(options: ClusterOptions) -> dict[str, bool]:
    return {
        f"a smaller min_cluster_size (it is {options.min_cluster_size})": options.min_cluster_size > 2,
        f"a lower quality_threshold (it is {options.quality_threshold:g})": options.quality_threshold > 0,
        "a lower min_similarity": options.method == "linkage",
        "method=linkage": options.method == "hdbscan",
        "no min_cohesion": options.min_cohesion is not None,
        "`faceml people assign NAME FACE_ID...`, where they all show one person": options.method == "hdbscan",
    }


def _store(unit: UnitOfWork, found: Mapping[UUID, int], seen: Mapping[UUID, str | None]) -> dict[UUID, int]:
    """Write the new clusters; returns the labels of all faces but those that changed since they were `seen`."""
    unit.events.lock()
    clusters = unit.faces.clusters_of_free(list(found))
    label_of = {id_: label for id_, label in found.items() if id_ in clusters and clusters[id_] == seen[id_]}
    of_people = unit.faces.clusters_of_people()
    continued = {name for name in clusters.values() if name and name.startswith(MARK)} - of_people
    former = [name if (name := clusters[id_]) in continued else None for id_ in label_of]
    free_labels = list(label_of.values())
    kept = keep_names(free_labels, former)
    names = name_clusters(free_labels, kept, (f"{MARK}{uuid4().hex[:12]}" for _ in free_labels))
    moved = [(id_, name) for id_, name in zip(label_of, names, strict=True) if clusters[id_] != name]
    unit.faces.set_clusters(moved)
    unit.outbox.push([id_ for id_, _ in moved])
    return label_of
