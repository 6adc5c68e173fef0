"""Write a person's decision down and carry it out, in one transaction (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from faceml.identity.prototypes import centroid, choose_exemplars
from faceml.storage.events import Change
from faceml.storage.faces import FaceState
from faceml.storage.repository import UnitOfWork


def decide(
    unit: UnitOfWork,
    kind: str,
    *,
    actor: str,
    person_id: UUID | None,
    states: Mapping[UUID, FaceState],
    details: dict[str, Any] | None = None,
    undoes_id: int | None = None,
) -> int:
    """Give faces the states a person decided on, log each face's before and after, and refresh what follows from it.

    Returns:
        The event's id, by which it can be taken back.
    """
    before = unit.faces.states(list(states))
    changes = [Change(face_id, before[face_id], after) for face_id, after in states.items() if face_id in before]
    event_id = unit.events.append(
        kind, actor=actor, person_id=person_id, changes=changes, details=details, undoes_id=undoes_id
    )
    unit.faces.set_states([(change.face_id, change.after) for change in changes])
    lost = [change.face_id for change in changes if change.before.person_id not in (None, change.after.person_id)]
    unit.prototypes.remove_exemplars(lost)
    unit.outbox.push([change.face_id for change in changes])
    people = {change.before.person_id for change in changes} | {change.after.person_id for change in changes}
    refresh_centroids(unit, [id_ for id_ in people if id_ is not None])
    return event_id


def add_exemplars(unit: UnitOfWork, person_id: UUID, face_ids: Sequence[UUID], *, count: int = 3) -> int:
    """Make the best `count` of these faces exemplars of the person; returns how many were new."""
    already = unit.prototypes.exemplar_faces([person_id])[person_id]
    embeddings = unit.faces.embeddings(face_ids)
    if not embeddings.face_ids:
        return 0
    quality = {face.id: face.quality_score for face in unit.faces.by_ids(face_ids)}
    rows = choose_exemplars(
        embeddings.vectors, np.array([quality[face_id] for face_id in embeddings.face_ids]), count=count
    )
    fresh = [embeddings.face_ids[row] for row in rows if embeddings.face_ids[row] not in already]
    unit.prototypes.add_exemplars(person_id, fresh)
    unit.outbox.push(fresh)
    return len(fresh)


def refresh_centroids(unit: UnitOfWork, person_ids: Sequence[UUID]) -> None:
    """Recompute the centroids these people have; a person left without faces loses it."""
    having = unit.prototypes.people_with_centroid() & set(person_ids)
    fresh = {}
    for person_id in having:
        faces = unit.faces.embeddings([face.id for face in unit.faces.of_person(person_id)])
        if faces.face_ids:
            fresh[person_id] = centroid(faces.vectors)
    unit.outbox.push(unit.prototypes.set_centroids(fresh))
    unit.outbox.push(unit.prototypes.remove_centroids(sorted(having - set(fresh))))
