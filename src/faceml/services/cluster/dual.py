"""Dual mode: known people first, then groups of the unknown (specification, chapter Dual-Mode Clustering)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np

from faceml.decisions.states import FREE, FaceState, person_cluster
from faceml.errors import WrongUse
from faceml.identity.cluster_labels import keep_names, name_clusters
from faceml.identity.cost import Linkage, Method, Neighbours
from faceml.identity.dual_mode import dual_mode
from faceml.identity.hdbscan.distances import Metric
from faceml.library import Library
from faceml.options import ClusterOptions, DualOptions
from faceml.progress import Progress, silent, told
from faceml.records import Embeddings
from faceml.services.cluster.cluster import ClusterReport, cluster_faces
from faceml.services.cluster.grouping import UNKNOWN, Grouping, Note, group_faces, log, note_of_noise, one_at_a_time
from faceml.services.cluster.sweep import SweepReport
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.assign import tell_recognised
from faceml.services.recognise.gallery import assigned_state, note_of_changed, open_way
from faceml.services.recognise.spaces import RAW, Space, open_space
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class DualReport:
    faces_processed: int
    assigned_to_persons: int
    persons_matched: int
    person_threshold: float  # a cosine, or a score of a matcher
    in_review: int  # match a person whom their photo shows already: neither assigned nor grouped
    unlabeled_faces: int
    clusters_found: int
    noise_count: int
    clustered_faces: int
    seconds: float
    index_backlog: int
    model_version: str  # what told people apart: "raw", "face-projection/3" or "face-matcher/3"
    notes: tuple[str, ...]
    neighbour_recall: float | None = None  # of the unknown, estimated; None: every face was compared with all


@told
@one_at_a_time
def cluster_dual(
    library: Library,
    options: DualOptions = DualOptions(),
    *,
    on_note: Note = log.info,
    on_progress: Progress = silent,
) -> DualReport:
    """Assign faces to the people they match, and group the others as `unknown_cluster_N`.

    Faces that a person decided about are not touched, while this runs neither, but for their cluster: everybody's faces
    come together in one, `person_{uuid}`. A person ruled out for a face is never proposed; a note says how many faces
    changed meanwhile. The best take part where there are more than `max_faces`. With `one_face_a_photo` only the
    nearest of a photo's faces that match one person is assigned; a matcher looks at photos anyway. Assignments of
    another model are weighed again by this one. Unknown faces are grouped in the space of `options.model`.

    Raises:
        WrongUse: more faces than the memory can hold.
        NotEnoughData: "auto" without enough labels.
        NotFound, ModelMismatch, Unavailable: of the model or matcher.
    """
    started = time.monotonic()
    way, space = open_way(library, options.model, options.matcher), open_space(library, options.model)
    threshold = way.threshold(options.person_threshold)
    grouped = (f"unknown faces were grouped in {space.name}",) if space.name not in (RAW, way.name) else ()
    with library.repository.read() as unit:
        faces = unit.vectors.undecided(limit=options.max_faces)
        seen = unit.faces.states(faces.face_ids)
        known = way.read(unit, faces.face_ids)
        photos, taken = _photos(unit, faces.face_ids, known.people) if options.one_face_a_photo else (None, None)
    matches = known.match(faces.vectors, threshold.value)
    found = dual_mode(matches, photo_rows=photos, taken=taken, min_similarity=threshold.value)
    unknown_ids = tuple(faces.face_ids[row] for row in found.unknown_rows)
    # Of the vectors only these are needed from here on: the others are let go before the memory of grouping is taken.
    face_ids, unknown = faces.face_ids, Embeddings(unknown_ids, space.project(faces.vectors[found.unknown_rows]))
    del faces
    grouping = _group(library, unknown, space, options, on_note, on_progress)
    del unknown  # before the index is opened
    labels: list[int] = grouping.labels.tolist()
    assigned = np.flatnonzero(found.person_rows >= 0).tolist()
    states = {face_ids[row]: FREE for row in found.review_rows}
    for row in assigned:
        cluster_id = person_cluster(known.people[matches.person_rows[row]])
        states[face_ids[row]] = assigned_state(
            known.people, matches, row, cluster_id=cluster_id, model_version=way.name, threshold=threshold.value
        )
    with library.repository.begin() as unit:
        left = _store(unit, states, unknown_ids, labels, seen)
    assigned = [row for row in assigned if face_ids[row] not in left]
    named = {face_ids[row]: known.people[matches.person_rows[row]] for row in assigned}
    fresh = {id_: person_id for id_, person_id in named.items() if seen[id_].person_id != person_id}
    tell_recognised(library, fresh, model_version=way.name)
    backlog = drain_outbox(library, on_progress=on_progress).backlog
    labels = [label for id_, label in zip(unknown_ids, labels, strict=True) if id_ not in left]
    return DualReport(
        faces_processed=len(face_ids),
        assigned_to_persons=len(assigned),
        persons_matched=len(set(found.person_rows[assigned].tolist())),
        person_threshold=threshold.value,
        in_review=sum(face_ids[row] not in left for row in found.review_rows),
        unlabeled_faces=len(labels),
        clusters_found=len(set(labels) - {-1}),
        noise_count=labels.count(-1),
        clustered_faces=len(labels) - labels.count(-1),
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        model_version=way.name,
        neighbour_recall=grouping.recall,
        notes=(
            *threshold.notes,
            *grouped,
            *grouping.notes,
            *note_of_changed(len(left)),
            *note_of_noise(labels, _tries(options)),
        ),
    )


def _group(
    library: Library, unknown: Embeddings, space: Space, options: DualOptions, on_note: Note, on_progress: Progress
) -> Grouping:
    method = cast(Method, options.unknown_method)
    return group_faces(
        library,
        unknown,
        purpose=UNKNOWN,
        space=space,
        min_cluster_size=options.unknown_min_cluster_size,
        min_samples=options.unknown_min_samples,
        method=method,
        eps=options.unknown_eps,
        linkage=cast(Linkage, options.unknown_linkage),
        metric="euclidean" if method == "hdbscan" else cast(Metric, options.unknown_metric),
        neighbours=cast(Neighbours, options.neighbours),
        on_note=on_note,
        on_progress=on_progress,
    )


def _tries(options: DualOptions) -> dict[str, bool]:
    size, reaches = options.unknown_min_cluster_size, options.unknown_method in ("dbscan", "agglomerative")
    return {
        f"a larger unknown_eps (it is {options.unknown_eps:g})": reaches,
        "unknown_metric=cosine": reaches and options.unknown_metric != "cosine",
        f"a smaller unknown_min_cluster_size (it is {size})": size > 2,
        "unknown_method=linkage": options.unknown_method != "linkage",
    }


def _photos(
    unit: UnitOfWork, face_ids: Sequence[UUID], people: Sequence[UUID]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The photo of each face, and (photo, row of `people`) of everybody whom a person named on one."""
    photo, row = unit.films.shared_photo(face_ids), {person_id: number for number, person_id in enumerate(people)}
    taken = [(asset_id, row[person]) for asset_id, person in unit.faces.people_on_photos() if person in row]
    return [photo[face_id] for face_id in face_ids], taken


def _store(
    unit: UnitOfWork,
    states: Mapping[UUID, FaceState],
    unknown: Sequence[UUID],
    labels: Sequence[int],
    seen: Mapping[UUID, FaceState],
) -> set[UUID]:
    """Write what is still true; returns the faces left alone, because they or their person changed since `seen`."""
    unchanged = unit.faces.unchanged(seen)
    label_of = {id_: label for id_, label in zip(unknown, labels, strict=True) if id_ in unchanged}
    wanted = {id_: state for id_, state in states.items() if id_ in unchanged}
    wanted |= {id_: FaceState(None, None, name) for id_, name in _names(unit, label_of, seen).items()}
    changing = [(id_, state) for id_, state in wanted.items() if state != seen[id_]]
    written = unit.faces.set_states(changing, seen)
    unit.outbox.push(sorted({*written, *unit.faces.gather_people()}))
    return (seen.keys() - unchanged) | ({id_ for id_, _ in changing} - written)


def _names(unit: UnitOfWork, label_of: Mapping[UUID, int], seen: Mapping[UUID, FaceState]) -> dict[UUID, str | None]:
    """The cluster of each face: the one that most of a group was in, or a new one."""
    labels, former = list(label_of.values()), [seen[id_].cluster_id for id_ in label_of]
    known = [name if name and name.startswith("unknown_cluster_") else None for name in former]
    kept = keep_names(labels, known)
    wanted = len(set(labels) - {-1} - set(kept))
    fresh = unit.contract.next_unknown_clusters(wanted) if wanted else range(0)
    names = name_clusters(labels, kept, (f"unknown_cluster_{number}" for number in fresh))
    return dict(zip(label_of, names, strict=True))


def cluster_in_mode(
    library: Library,
    mode: str,
    *,
    single: ClusterOptions = ClusterOptions(),
    dual: DualOptions = DualOptions(),
    on_note: Note = log.info,
    on_progress: Progress = silent,
) -> ClusterReport | DualReport:
    """Cluster in mode "single" (`cluster_faces`) or "dual" (`cluster_dual`), each with its own options.

    Raises:
        WrongUse: another mode.
        NotEnoughData: a threshold of "auto" without enough labels.
    """
    if mode == "single":
        return cluster_faces(library, single, on_note=on_note, on_progress=on_progress)
    if mode == "dual":
        return cluster_dual(library, dual, on_note=on_note, on_progress=on_progress)
    raise WrongUse(f"mode={mode!r}: write single (group faces without a name) or dual (name the known first)")


def notes_of(report: ClusterReport | DualReport | None) -> tuple[str, ...]:
    """What to know of either mode's figures."""
    if isinstance(report, DualReport):
        return report.notes
    return (report.note,) if report and report.note else ()


def key_figures(report: ClusterReport | DualReport | SweepReport) -> dict[str, int | float]:
    """What both modes report, under the same names, and what only dual mode has; of a sweep its best setting."""
    if isinstance(report, SweepReport):
        best = {f"best_{report.scored_by}": report.runs[0].score} if report.runs else {}
        return {"total_faces": report.faces, "settings_tried": len(report.runs), **best}
    found: dict[str, int | float] = {"clusters_found": report.clusters_found, "noise_count": report.noise_count}
    if report.neighbour_recall is not None:
        found["neighbour_recall"] = round(report.neighbour_recall, 4)
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
