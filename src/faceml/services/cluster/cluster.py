"""Group the faces under no person by likeness (specification, chapter Clustering)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid4

from faceml.identity.cluster_labels import keep_names, name_clusters
from faceml.identity.cost import Method
from faceml.library import Library
from faceml.options import ClusterOptions
from faceml.services.cluster.grouping import Note, group_faces, log, one_at_a_time, without_loose
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.gallery import note_of_changed
from faceml.services.recognise.spaces import open_space
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
    library: Library, options: ClusterOptions = ClusterOptions(), *, on_note: Note = log.info
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
    labels = group_faces(
        library,
        faces,
        purpose=f"unlabelled {options.time_bucket or ''}".rstrip(),
        space=space,
        min_cluster_size=options.min_cluster_size,
        min_samples=options.min_samples,
        method=cast(Method, options.method),
        min_similarity=options.min_similarity,
        on_note=on_note,
    )
    labels = without_loose(
        faces.vectors, labels, min_cohesion=options.min_cohesion, min_cluster_size=options.min_cluster_size
    )
    with library.repository.begin() as unit:
        label_of = _store(unit, dict(zip(faces.face_ids, labels.tolist(), strict=True)), seen)
    backlog = drain_outbox(library).backlog
    stored = list(label_of.values())
    notes = (space.note, *note_of_changed(len(labels) - len(stored)))
    return ClusterReport(
        total_faces=len(labels),
        clusters_found=len(set(stored) - {-1}),
        noise_count=stored.count(-1),
        faces_left_out=eligible - len(labels),
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        model_version=space.name,
        note="; ".join(note for note in notes if note) or None,
    )


def _store(unit: UnitOfWork, found: Mapping[UUID, int], seen: Mapping[UUID, str | None]) -> dict[UUID, int]:
    """Write the new clusters; returns the labels of all faces but those that changed since they were `seen`."""
    unit.events.lock()
    clusters = unit.faces.clusters_of_free(list(found))
    label_of = {id_: label for id_, label in found.items() if id_ in clusters and clusters[id_] == seen[id_]}
    of_people = unit.faces.clusters_of_people()
    former = [name if (name := clusters[face_id]) not in of_people else None for face_id in label_of]
    free_labels = list(label_of.values())
    kept = keep_names(free_labels, former)
    names = name_clusters(free_labels, kept, (f"clu_{uuid4().hex[:12]}" for _ in free_labels))
    moved = [(id_, name) for id_, name in zip(label_of, names, strict=True) if clusters[id_] != name]
    unit.faces.set_clusters(moved)
    unit.outbox.push([id_ for id_, _ in moved])
    return label_of
