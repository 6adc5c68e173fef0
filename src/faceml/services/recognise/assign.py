"""Put new faces under the people they match (specification, chapter Person Recognition)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from faceml.identity.assignment import NOBODY, Matches
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.calibrate import resolve_threshold, threshold_note
from faceml.services.recognise.gallery import assigned_state, read_gallery
from faceml.services.recognise.spaces import open_space
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
        faces = space.embeddings(unit.vectors.unassigned(since=options.found_since, limit=options.max_faces))
        gallery = read_gallery(unit, space, faces.face_ids)
    if not gallery.people or not faces.face_ids:
        status = "completed" if gallery.people else "no_prototypes"
        count = len(faces.face_ids)
        seconds = time.monotonic() - started
        return AssignReport(count, 0, count, 0, threshold, seconds, 0, status, space.name, notes)
    matches = gallery.match(faces.vectors, faces.face_ids, min_similarity=threshold)
    with library.repository.begin() as unit:
        assigned = store_matches(
            unit, faces.face_ids, matches, gallery.people, model_version=space.name, threshold=threshold
        )
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
    states = [
        (
            id_,
            assigned_state(
                people, matches, row, cluster_id=cluster[id_], model_version=model_version, threshold=threshold
            ),
        )
        for row in np.flatnonzero(matches.person_rows != NOBODY).tolist()
        if (id_ := face_ids[row]) in cluster
    ]
    unit.faces.set_states(states)
    unit.outbox.push([face_id for face_id, _ in states])
    return len(states)
