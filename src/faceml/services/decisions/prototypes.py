"""What people are recognised by: exemplars chosen by hand, and centroids (specification, Centroid Computation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from faceml.decisions.about_faces import ChooseExemplars
from faceml.errors import WrongUse
from faceml.identity.prototypes import centroid
from faceml.library import Library
from faceml.progress import told
from faceml.records import AssignedBy
from faceml.services.decisions.decide import best_exemplars, counted_as, decide, deciding, find_person, known_faces

MOST = 20  # exemplars by hand; beyond, single faces say no more than the centroid


@dataclass(frozen=True, slots=True)
class ExemplarsReport:
    person_id: UUID
    person_name: str
    exemplars: tuple[UUID, ...]  # all the person has now
    added: int
    removed: int
    event_id: int


def choose_exemplars(
    library: Library, name_or_id: str | UUID, face_ids: Sequence[UUID] | None = None, *, actor: str
) -> ExemplarsReport:
    """Make these faces the person's exemplars, and only these.

    Without any, the best three of those that a person put there are chosen anew. A face chosen by hand that a machine
    had put under the person counts as confirmed.

    Raises:
        NotFound: the person or a face is not in the library.
        WrongUse: a face is not under the person, they are too many, or the person has no face to choose from.
    """
    with deciding(library) as unit:
        person = find_person(unit, name_or_id)
        if face_ids is None:
            faces = [face for face in unit.faces.of_person(person.id) if face.assigned_by is AssignedBy.MANUAL]
            chosen = best_exemplars(unit, [face.id for face in faces])
            if not chosen:
                raise WrongUse(f"{person.name!r} has no face to choose from: label or assign some first")
        else:
            faces = known_faces(unit, face_ids)
            stranger = next((face for face in faces if face.person_id != person.id), None)
            if stranger is not None:
                raise WrongUse(f"face {stranger.id} is not under {person.name!r}: assign it to them first")
            chosen = frozenset(face.id for face in faces)
        if len(chosen) > MOST:
            raise WrongUse(f"{len(chosen)} exemplars are too many: choose {MOST} at most")
        before = unit.prototypes.exemplar_faces([person.id])[person.id]
        decision = ChooseExemplars(person.id, counted_as(unit, person.id), chosen)
        event_id = decide(unit, decision, sorted(before | chosen), actor=actor)
    return ExemplarsReport(
        person.id, person.name, tuple(sorted(chosen)), len(chosen - before), len(before - chosen), event_id
    )


@dataclass(frozen=True, slots=True)
class CentroidsReport:
    persons_processed: int
    centroids_computed: int


@told
def compute_centroids(library: Library) -> CentroidsReport:
    """The normalised mean of every person's faces, stored beside the exemplars; without faces no centroid."""
    with deciding(library) as unit:  # no decision, but nobody's faces may change meanwhile
        faces, person_ids = unit.vectors.under_people()
        centroids = {}
        for person_id, rows in groupby(range(len(person_ids)), key=person_ids.__getitem__):
            centroids[person_id] = centroid(faces.vectors[list(rows)])
        unit.outbox.push(unit.prototypes.set_centroids(centroids))
        orphaned = sorted(unit.prototypes.people_with_centroid() - set(centroids))
        unit.outbox.push(unit.prototypes.remove_centroids(orphaned))
        people = unit.people.count()
    return CentroidsReport(people, len(centroids))
