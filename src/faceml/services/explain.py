"""Why a face is under the person it is under."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from faceml.errors import NotFound
from faceml.wiring import Library

NEAREST = 5


@dataclass(frozen=True, slots=True)
class NearPrototype:
    person_name: str
    role: str  # centroid or exemplar
    similarity: float  # cosine
    face_id: UUID | None  # the exemplar's face


@dataclass(frozen=True, slots=True)
class Explanation:
    face_id: UUID
    person_name: str | None
    assigned_by: str | None  # manual or prototype
    similarity: float | None  # at the time of assignment
    model_version: str | None
    ruled_out: tuple[str, ...]  # people that a person said it is not
    nearest: tuple[NearPrototype, ...]  # now, best first


def explain_face(library: Library, face_id: UUID) -> Explanation:
    """The evidence for a face as it stands now.

    Raises:
        NotFound: no such face, or its vector is lost.
    """
    with library.repository.read() as unit:
        face = unit.faces.get(face_id)
        vector = unit.vectors.of([face_id]).vectors
        prototypes = unit.prototypes.all()
        names = unit.people.names()
        ruled_out = sorted(names[person] for _, person in unit.faces.rejections([face_id]))
    if not len(vector):
        raise NotFound(f"the vector of face {face_id} is lost: `faceml faces find-orphans --fix` detects it again")
    similarities = prototypes.vectors @ vector[0] if prototypes.person_ids else np.empty(0, np.float32)
    return Explanation(
        face_id=face_id,
        person_name=names.get(face.person_id) if face.person_id else None,
        assigned_by=face.assigned_by,
        similarity=face.similarity,
        model_version=face.model_version,
        ruled_out=tuple(ruled_out),
        nearest=tuple(
            NearPrototype(
                person_name=names[prototypes.person_ids[row]],
                role=prototypes.roles[row],
                similarity=float(similarities[row]),
                face_id=prototypes.face_ids[row],
            )
            for row in np.argsort(-similarities, kind="stable")[:NEAREST]
        ),
    )
