"""Dual mode: known people first, then groups of the unknown (specification, chapter Dual-Mode Clustering)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np

from faceml.decisions.states import FaceState
from faceml.errors import WrongUse
from faceml.identity.clustering import cluster_embeddings
from faceml.identity.cost import Method
from faceml.identity.dual_mode import DualMode, dual_mode
from faceml.identity.gallery import Gallery
from faceml.identity.naming import keep_names, name_clusters
from faceml.library import Library
from faceml.options import ClusterOptions, DualOptions
from faceml.records import AssignedBy, Embeddings
from faceml.services.cluster.cluster import ClusterReport, cluster_faces
from faceml.services.cluster.grouping import announce, group_faces, one_at_a_time, silent
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.calibrate import resolve_threshold, threshold_note
from faceml.services.recognise.gallery import assigned_state, read_gallery
from faceml.services.recognise.spaces import Space, open_space
from faceml.storage.sql.repository import Repository, UnitOfWork

MIN_SAMPLES = 2  # of the unknown; their groups are small


@dataclass(frozen=True, slots=True)
class DualReport:
    faces_processed: int
    assigned_to_persons: int
    persons_matched: int
    person_threshold: float
    in_review: int  # match a person whom their photo shows already: neither assigned nor grouped
    unlabeled_faces: int
    clusters_found: int
    noise_count: int
    clustered_faces: int
    seconds: float
    index_backlog: int
    model_version: str  # of the vectors that were compared: "raw", or "face-projection/3"
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """What the library held when the run began, its vectors in one space."""

    space: str
    faces: Embeddings
    gallery: Gallery
    photos: np.ndarray[tuple[int], np.dtype[np.int64]]
    taken: np.ndarray[tuple[int, int], np.dtype[np.int64]]


@one_at_a_time
def cluster_dual(
    library: Library, options: DualOptions = DualOptions(), *, on_note: Callable[[str], None] = silent
) -> DualReport:
    """Assign faces to the people they match, and group the others as `unknown_cluster_N`.

    Faces that a person decided about are not touched, and a person ruled out for a face is never proposed. The best
    take part where there are more than `max_faces`. With `one_face_a_photo` only the nearest of a photo's faces that
    match one person is assigned. Assignments of another model are weighed again by this one.

    Args:
        on_note: told what a large run will take, before it starts.
    Raises:
        WrongUse: more faces than the memory can hold.
        NotEnoughData: "auto" without enough labels.
        NotFound, ModelMismatch, Unavailable: of the model.
    """
    started = time.monotonic()
    space = open_space(library, options.model)
    threshold = resolve_threshold(library, options.person_threshold, space)
    notes = tuple(note for note in (space.note, threshold_note(library, options.person_threshold, space)) if note)
    given = _read(library.repository, options.max_faces, space)
    found = dual_mode(
        given.gallery.match(given.faces.vectors, given.faces.face_ids, min_similarity=threshold),
        photo_rows=given.photos if options.one_face_a_photo else None,
        taken=given.taken if options.one_face_a_photo else None,
    )
    unknown = Embeddings(
        tuple(given.faces.face_ids[row] for row in found.unknown_rows), given.faces.vectors[found.unknown_rows]
    )
    labels = _group(library, unknown, space.name, options, on_note)
    with library.repository.begin() as unit:
        _store(unit, given, found, labels, threshold)
    backlog = drain_outbox(library).backlog
    assigned = found.person_rows[found.person_rows >= 0]
    return DualReport(
        faces_processed=len(given.faces.face_ids),
        assigned_to_persons=len(assigned),
        persons_matched=len(set(assigned.tolist())),
        person_threshold=threshold,
        in_review=len(found.review_rows),
        unlabeled_faces=len(labels),
        clusters_found=len(set(labels) - {-1}),
        noise_count=labels.count(-1),
        clustered_faces=len(labels) - labels.count(-1),
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        model_version=space.name,
        notes=notes,
    )


def _read(repository: Repository, max_faces: int, space: Space) -> _Given:
    with repository.read() as unit:
        faces = space.embeddings(unit.vectors.undecided(limit=max_faces))
        gallery = read_gallery(unit, space, faces.face_ids)
        photos = unit.faces.photo_of(faces.face_ids)
        row = {person_id: number for number, person_id in enumerate(gallery.people)}
        taken = [(asset_id, row[person]) for asset_id, person in unit.faces.people_on_photos() if person in row]
    return _Given(
        space.name,
        faces,
        gallery,
        np.array([photos[face_id] for face_id in faces.face_ids], dtype=np.int64),
        np.array(taken, dtype=np.int64).reshape(-1, 2),
    )


def _group(
    library: Library,
    faces: Embeddings,
    space: str,
    options: DualOptions,
    on_note: Callable[[str], None],
) -> list[int]:
    method, size = options.unknown_method, options.unknown_min_cluster_size
    if method == "hdbscan":
        labels = group_faces(
            library,
            faces,
            purpose="unknown",
            space=space,
            min_cluster_size=size,
            min_samples=MIN_SAMPLES,
            on_note=on_note,
        )
    else:
        chosen = cast(Method, method)
        announce(faces.vectors, method=chosen, on_note=on_note)
        labels = cluster_embeddings(
            faces.vectors, method=chosen, min_cluster_size=size, min_samples=MIN_SAMPLES, eps=options.unknown_eps
        )
    return cast("list[int]", labels.tolist())


def _store(unit: UnitOfWork, given: _Given, found: DualMode, labels: Sequence[int], threshold: float) -> None:
    """Write what is still true: faces that a person decided about meanwhile are left as they are."""
    unit.events.lock()
    ids = given.faces.face_ids
    current = unit.faces.states(ids)
    is_free = {id_ for id_, state in current.items() if state.assigned_by is not AssignedBy.MANUAL}
    names = _names(unit, [ids[row] for row in found.unknown_rows], labels, current)
    matched = np.flatnonzero(found.person_rows >= 0)
    states = [(ids[row], _assigned(given, found, int(row), threshold)) for row in matched]
    states += [(ids[row], FaceState(None, None, name)) for row, name in zip(found.unknown_rows, names, strict=True)]
    states += [(ids[row], FaceState(None, None, None)) for row in found.review_rows]
    changed = [(id_, state) for id_, state in states if id_ in is_free and current[id_] != state]
    unit.faces.set_states(changed)
    unit.outbox.push([id_ for id_, _ in changed])


def _names(
    unit: UnitOfWork, ids: Sequence[UUID], labels: Sequence[int], current: dict[UUID, FaceState]
) -> list[str | None]:
    former = [current[id_].cluster_id if id_ in current else None for id_ in ids]
    known = [name if name and name.startswith("unknown_cluster_") else None for name in former]
    kept = keep_names(labels, known)
    wanted = len(set(labels) - {-1} - set(kept))
    fresh = unit.contract.next_unknown_clusters(wanted) if wanted else range(0)
    return name_clusters(labels, kept, (f"unknown_cluster_{number}" for number in fresh))


def _assigned(given: _Given, found: DualMode, row: int, threshold: float) -> FaceState:
    people = given.gallery.people
    cluster_id = f"person_{people[int(found.person_rows[row])]}"
    return assigned_state(
        people, found.matches, row, cluster_id=cluster_id, model_version=given.space, threshold=threshold
    )


def cluster_in_mode(
    library: Library,
    mode: str,
    *,
    single: ClusterOptions = ClusterOptions(),
    dual: DualOptions = DualOptions(),
    on_note: Callable[[str], None] = silent,
) -> ClusterReport | DualReport:
    """Cluster in mode "single" (`cluster_faces`) or "dual" (`cluster_dual`), each with its own options.

    Raises:
        WrongUse: another mode.
        NotEnoughData: a threshold of "auto" without enough labels.
    """
    if mode == "single":
        return cluster_faces(library, single, on_note=on_note)
    if mode == "dual":
        return cluster_dual(library, dual, on_note=on_note)
    raise WrongUse(f"mode={mode!r}: write single (group faces without a name) or dual (name the known first)")


def key_figures(report: ClusterReport | DualReport) -> dict[str, int | float]:
    """What both modes report, under the same names, and what only dual mode has."""
    found: dict[str, int | float] = {"clusters_found": report.clusters_found, "noise_count": report.noise_count}
    if isinstance(report, ClusterReport):
        return {"total_faces": report.total_faces, **found}
    return {
        "total_faces": report.faces_processed,
        **found,
        "assigned_to_persons": report.assigned_to_persons,
        "persons_matched": report.persons_matched,
        "person_threshold": report.person_threshold,
        "in_review": report.in_review,
    }
