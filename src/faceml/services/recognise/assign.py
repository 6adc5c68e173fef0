"""Put new faces under the people they match (specification, chapter Person Recognition)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from faceml.identity.assignment import Matches, match_people
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.records import AssignedBy, Embeddings, Prototypes
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.calibrate import resolve_threshold, threshold_note
from faceml.services.recognise.spaces import open_space
from faceml.storage.sql.face_states import FaceState
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class AssignReport:
    processed: int
    assigned: int
    unassigned: int
    people_matched: int
    threshold: float
    seconds: float
    index_backlog: int
    status: str  # "completed", or "no_prototypes" where nobody is labelled yet
    model_version: str  # of the vectors that were compared: "raw", or "face-projection/3"
    notes: tuple[str, ...]


def assign_faces(library: Library, options: AssignOptions = AssignOptions()) -> AssignReport:
    """Match faces without person and cluster to people's prototypes; below `threshold` they stay unknown.

    Never proposes a person whom someone ruled out for that face, and touches no face that a person decided about. The
    oldest take part where there are more than `max_faces`.

    Raises:
        NotEnoughData: "auto" without enough labels.
        NotFound, ModelMismatch, Unavailable: of the model.
    """
    started = time.monotonic()
    space = open_space(library, options.model)
    threshold = resolve_threshold(library, options.threshold, space)
    notes = tuple(note for note in (space.note, threshold_note(library, options.threshold, space)) if note)
    with library.repository.read() as unit:
        prototypes = space.prototypes(unit)
        faces = space.embeddings(unit.vectors.unassigned(since=options.found_since, limit=options.max_faces))
        rejections = unit.faces.rejections(faces.face_ids)
    if not prototypes.person_ids or not faces.face_ids:
        status = "completed" if prototypes.person_ids else "no_prototypes"
        count = len(faces.face_ids)
        seconds = time.monotonic() - started
        return AssignReport(count, 0, count, 0, threshold, seconds, 0, status, space.name, notes)
    people = sorted(set(prototypes.person_ids))
    matches = _match(faces, prototypes, people, rejections, threshold)
    with library.repository.begin() as unit:
        assigned = store_matches(unit, faces.face_ids, matches, people, model_version=space.name, threshold=threshold)
    backlog = drain_outbox(library).backlog
    matched = {int(row) for row in matches.person_rows if row >= 0}
    return AssignReport(
        processed=len(faces.face_ids),
        assigned=assigned,
        unassigned=len(faces.face_ids) - assigned,
        people_matched=len(matched),
        threshold=threshold,
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        status="completed",
        model_version=space.name,
        notes=notes,
    )


def _match(
    faces: Embeddings,
    prototypes: Prototypes,
    people: Sequence[UUID],
    rejections: Sequence[tuple[UUID, UUID]],
    threshold: float,
) -> Matches:
    row_of_person = {person_id: row for row, person_id in enumerate(people)}
    return match_people(
        faces.vectors,
        prototypes.vectors,
        np.array([row_of_person[person_id] for person_id in prototypes.person_ids]),
        min_similarity=threshold,
        rejected=rejected_pairs(faces.face_ids, people, rejections),
    )


def rejected_pairs(
    face_ids: Sequence[UUID], people: Sequence[UUID], rejections: Sequence[tuple[UUID, UUID]]
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(R, 2) row numbers of faces and people that a person ruled out for each other."""
    row_of_person = {person_id: row for row, person_id in enumerate(people)}
    row_of_face = {face_id: row for row, face_id in enumerate(face_ids)}
    pairs = [(row_of_face[face], row_of_person[person]) for face, person in rejections if person in row_of_person]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def store_matches(
    unit: UnitOfWork,
    face_ids: Sequence[UUID],
    matches: Matches,
    people: Sequence[UUID],
    *,
    model_version: str,
    threshold: float,
) -> int:
    """Write matches for faces that are still free; returns how many."""
    unit.events.lock()
    cluster = unit.faces.clusters_of_free(face_ids)
    states: list[tuple[UUID, FaceState]] = []
    for row, face_id in enumerate(face_ids):
        person_row = int(matches.person_rows[row])
        if person_row < 0 or face_id not in cluster:
            continue
        runner_up = int(matches.runner_up_rows[row])
        states.append(
            (
                face_id,
                FaceState(
                    person_id=people[person_row],
                    assigned_by=AssignedBy.PROTOTYPE,
                    cluster_id=cluster[face_id],
                    similarity=float(matches.similarities[row]),
                    runner_up_id=people[runner_up] if runner_up >= 0 else None,
                    runner_up_similarity=float(matches.runner_up_similarities[row]) if runner_up >= 0 else None,
                    model_version=model_version,
                    threshold=threshold,
                ),
            )
        )
    unit.faces.set_states(states)
    unit.outbox.push([face_id for face_id, _ in states])
    return len(states)
