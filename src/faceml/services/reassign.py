"""Put single faces under people by hand, and take them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import WrongUse
from faceml.records import Person
from faceml.services.decide import (
    EXEMPLARS,
    as_uuid,
    best_exemplars,
    counted_as,
    decide,
    deciding,
    find_person,
    known_faces,
)
from faceml.services.replay import Word
from faceml.storage.repository import UnitOfWork
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class ReassignReport:
    person_id: UUID
    person_name: str
    faces_assigned: int
    prototypes_created: int
    event_id: int


@dataclass(frozen=True, slots=True)
class UnassignReport:
    faces_unassigned: int
    faces_passed_by: int  # they were under nobody
    event_id: int


@dataclass(frozen=True, slots=True)
class RejectReport:
    person_id: UUID
    person_name: str
    faces_rejected: int
    faces_taken_away: int  # part of them: they were under that person
    event_id: int


def assign_faces_to(
    library: Library, face_ids: Sequence[UUID], name_or_id: str | UUID, *, actor: str
) -> ReassignReport:
    """Say who faces are; a new name makes a new person. Having ruled the person out before is taken back for them.

    The best of these faces become exemplars as long as the person has fewer than three.

    Raises:
        NotFound: a face, or the person of an id, is not in the library.
        WrongUse: no face, or an empty name.
    """
    with deciding(library) as unit:
        ids = [face.id for face in known_faces(unit, face_ids)]
        person = _person(unit, name_or_id)
        already = unit.prototypes.exemplar_faces([person.id])[person.id]
        free = [face_id for face_id in ids if face_id not in already]
        exemplars = best_exemplars(unit, free, count=EXEMPLARS - len(already))
        word = Word("assign", person.id, counted_as(unit, person.id), exemplars)
        event_id = decide(unit, word, ids, actor=actor)
    return ReassignReport(person.id, person.name, len(ids), len(exemplars), event_id)


def unassign_faces(library: Library, face_ids: Sequence[UUID], *, actor: str) -> UnassignReport:
    """Take faces from whom they are under. They stay without a name until a person gives them one or undoes this.

    Where only one person is wrong, and another may be right, reject that person instead.

    Raises:
        NotFound: a face is not in the library.
        WrongUse: no face, or none that is under anybody.
    """
    with deciding(library) as unit:
        faces = known_faces(unit, face_ids)
        named = [face for face in faces if face.person_id is not None]
        if not named:
            raise WrongUse(f"none of these {len(faces)} faces is under a person: there is nothing to take away")
        people = {face.person_id for face in named}
        word = Word("unassign", people.pop() if len(people) == 1 else None)
        event_id = decide(unit, word, [face.id for face in named], actor=actor)
    return UnassignReport(len(named), len(faces) - len(named), event_id)


def reject_person(library: Library, face_ids: Sequence[UUID], name_or_id: str | UUID, *, actor: str) -> RejectReport:
    """Say that faces are *not* this person, who is never proposed for them again.

    Faces under that person are taken away, out of their cluster too, and may be recognised as somebody else.

    Raises:
        NotFound: a face or the person is not in the library.
        WrongUse: no face.
    """
    with deciding(library) as unit:
        faces = known_faces(unit, face_ids)
        person = find_person(unit, name_or_id)
        word = Word("reject", person.id, counted_as(unit, person.id))
        event_id = decide(unit, word, [face.id for face in faces], actor=actor)
    taken = sum(face.person_id == person.id for face in faces)
    return RejectReport(person.id, person.name, len(faces), taken, event_id)


def _person(unit: UnitOfWork, name_or_id: str | UUID) -> Person:
    if as_uuid(name_or_id):
        return find_person(unit, name_or_id)
    return unit.people.named(str(name_or_id)) or unit.people.add(str(name_or_id))
