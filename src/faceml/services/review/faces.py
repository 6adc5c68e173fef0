"""Suggest single faces to look at: those that faceml is least sure of, and those that may be under a wrong name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from uuid import UUID

import numpy as np

from faceml.decisions.about_faces import Assign
from faceml.identity.prototypes import trimmed_centroid
from faceml.identity.suggestions import distance_to_change, misfit
from faceml.library import Library
from faceml.records import AssignedBy
from faceml.services.decisions.decide import counted_as, find_person
from faceml.services.recognise.calibrate import resolve_threshold, usual_threshold
from faceml.services.recognise.gallery import Resemblance, read_gallery, resemblances
from faceml.services.recognise.spaces import RAW, Space
from faceml.services.review.groups import check_limit
from faceml.storage.sql.repository import Repository, UnitOfWork

DOUBT = 0.1  # an answer is uncertain where it changes with less of a similarity than that


@dataclass(frozen=True, slots=True)
class UncertainFace:
    face_id: UUID
    nearest: Resemblance  # whether or not the face is assigned to them
    runner_up: Resemblance | None
    distance: float  # by how much the similarity has to change for the answer to become another
    threshold: float  # that the answer was weighed with

    @property
    def is_match(self) -> bool:
        return self.nearest.similarity >= self.threshold


@dataclass(frozen=True, slots=True)
class Intruder:
    face_id: UUID
    similarity: float  # to the centre of the person's faces
    misfit: float  # by how much more it looks like somebody else's than theirs
    nearest: Resemblance | None  # the other person whom it resembles most


def suggest_uncertain(
    library: Library, *, limit: int = 20, threshold: float | str | None = None, min_quality: float = 0.5
) -> list[UncertainFace]:
    """Faces that no person decided about and whose answer is the closest call, the closest first.

    Args:
        limit: how many at most.
        threshold: a cosine similarity or "auto"; None takes the best known, see `usual_threshold`.
        min_quality: 0 to 1; a face too poor to recognise is not worth a question.
    """
    check_limit(limit)
    value = usual_threshold(library) if threshold is None else resolve_threshold(library, threshold, Space(RAW))
    with library.repository.read() as unit:
        return nsmallest(limit, _uncertain(unit, value, min_quality), key=lambda face: (face.distance, face.face_id))


def suggest_intruders(repository: Repository, name_or_id: str | UUID, *, limit: int = 20) -> list[Intruder]:
    """Faces under a person that look as if they were not theirs, the worst first; often there are no such faces.

    A face that was put under the person a second time, by hand, is believed: the question was asked and answered.

    Raises:
        NotFound: nobody has this name or id.
    """
    check_limit(limit)
    with repository.read() as unit:
        person = find_person(unit, name_or_id)
        faces = unit.groups.of(person.id)
        if not faces.face_ids:
            return []
        gallery = read_gallery(unit, Space(RAW), faces.face_ids)
        matches = gallery.without(person.id).match(faces.vectors, faces.face_ids)
        fit = faces.vectors @ trimmed_centroid(faces.vectors)
        scores = misfit(fit, matches.similarities)
        suspects = [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] > 0]
        believed = _confirmed(unit, [faces.face_ids[row] for row in suspects], counted_as(unit, person.id))
        alike = resemblances(gallery, unit.people.names(), matches)
    return [
        Intruder(faces.face_ids[row], float(fit[row]), float(scores[row]), alike[row][0])
        for row in suspects
        if faces.face_ids[row] not in believed
    ][:limit]


def _uncertain(unit: UnitOfWork, threshold: float, min_quality: float) -> Iterator[UncertainFace]:
    everybody, names = read_gallery(unit, Space(RAW)), unit.people.names()
    for faces in unit.vectors.undecided_pages(min_quality=min_quality) if everybody.people else ():
        gallery = replace(everybody, rejections=tuple(unit.faces.rejections(faces.face_ids)))
        matches = gallery.match(faces.vectors, faces.face_ids)
        distances = distance_to_change(matches.similarities, matches.runner_up_similarities, threshold=threshold)
        alike = resemblances(gallery, names, matches)
        for row in np.flatnonzero(distances < DOUBT).tolist():
            nearest, runner_up = alike[row]
            if nearest is not None:
                yield UncertainFace(faces.face_ids[row], nearest, runner_up, float(distances[row]), threshold)


def _confirmed(unit: UnitOfWork, face_ids: Sequence[UUID], counted: frozenset[UUID]) -> set[UUID]:
    """Faces that a person put under somebody under whom a person had put them before."""
    undos = unit.events.undos()
    return {
        face_id
        for face_id, steps in unit.events.histories(face_ids).items()
        if any(
            isinstance(step.event.decision, Assign)
            and undos.stands(step.event.id)
            and step.before.assigned_by is AssignedBy.MANUAL
            and {step.before.person_id, step.after.person_id} <= counted
            for step in steps
        )
    }
