"""Decide who faces show or do not show, and which to leave out (specification, `POST /clusters/{cluster_id}/label`).

Each raises NotFound where a face, or a person by id, is not in the library, and WrongUse where the list of faces is
empty; what else it raises, it says itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from faceml.decisions.about_faces import Assign, Dismiss, Label, LabelSome, Naming, Reject, Unassign
from faceml.errors import Conflict, WrongUse
from faceml.library import Library
from faceml.progress import told
from faceml.records import AssignedBy, Dismissal, Face, Person
from faceml.services.decisions.decide import (
    EXEMPLARS,
    as_uuid,
    best_exemplars,
    counted_as,
    decide,
    deciding,
    faces_of_cluster,
    find_person,
    known_faces,
)
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class LabelReport:
    person_id: UUID
    person_name: str
    faces_labeled: int
    prototypes_created: int
    event_id: int
    note: str | None = None  # where the exemplars are not the documented ones


NOT_THE_BEST = (
    "the exemplars are good faces that differ from each other, not the best three by quality: shots of one moment say "
    "the same (`faceml people exemplars` chooses others)"
)
IfStill = Callable[[Face], bool]  # whether a face is as it was when somebody was asked about it


def is_open(face: Face) -> bool:
    """Whether no person decided about it."""
    return face.assigned_by is not AssignedBy.MANUAL


@told
def label_cluster(
    library: Library,
    cluster_id: str,
    name: str | UUID,
    *,
    face_ids: Collection[UUID] | None = None,
    left_out: Collection[UUID] = (),
    actor: str,
) -> LabelReport:
    """Say who a cluster is: all its faces go under the person, who is created where the name is new.

    A face that someone said is *not* this person is left out. The name of a merged person means whom they became; a
    hidden person stays hidden.

    Args:
        name: or the id of somebody, who may have gone meanwhile.
        face_ids: only these of its faces, and of them only those that nobody decided about meanwhile.
        left_out: others of its faces that somebody looked at and took out: the person is not proposed for them again.
    Raises:
        NotFound: no face is in such a cluster, or nobody has this id.
        Conflict: somebody decided about all of `face_ids` meanwhile.
        WrongUse: the name is empty or too long.
    """
    with deciding(library) as unit:
        faces = everyone = faces_of_cluster(unit, cluster_id)
        if face_ids is not None:
            faces = _still_open(unit, cluster_id, faces, face_ids)
        named = {face.id for face in faces}
        others = [face.id for face in everyone if face.id in left_out and face.id not in named and is_open(face)]
        naming: Callable[..., Naming] = partial(Label, cluster_id=cluster_id)
        if others:
            naming = partial(LabelSome, cluster_id=cluster_id, left_out=frozenset(others))
        return label_faces(unit, _who(unit, name), faces, naming, left_out=others, actor=actor)


def label_open_clusters(
    library: Library, cluster_ids: Sequence[str], name: str | UUID, *, actor: str
) -> list[LabelReport]:
    """Say that clusters are one person: all their faces that nobody decided about go under them. All clusters, or none.

    Raises:
        NotFound, Conflict, WrongUse: as `label_cluster`.
    """
    with deciding(library) as unit:
        found = {id_: faces_of_cluster(unit, id_) for id_ in cluster_ids}
        still = {id_: _still_open(unit, id_, faces, {face.id for face in faces}) for id_, faces in found.items()}
        person = _who(unit, name)
        return [
            label_faces(unit, person, faces, partial(Label, cluster_id=id_), actor=actor)
            for id_, faces in still.items()
        ]


def _still_open(unit: UnitOfWork, cluster_id: str, faces: Sequence[Face], wanted: Collection[UUID]) -> list[Face]:
    chosen = [face for face in faces if face.id in wanted and is_open(face)]
    if not chosen:
        names = unit.people.names(sorted({face.person_id for face in faces if face.person_id}))
        who = ", ".join(sorted(names.values())) or "somebody else"
        raise Conflict(f"these faces of {cluster_id} were decided meanwhile ({who}): look again, nothing was changed")
    return chosen


def label_faces(
    unit: UnitOfWork,
    person: Person,
    faces: Sequence[Face],
    naming: Callable[..., Naming],
    *,
    left_out: Sequence[UUID] = (),
    actor: str,
) -> LabelReport:
    """Put faces under a person, as somebody decided; the best three become exemplars. The caller holds the lock.

    Args:
        naming: makes the decision of the person's id, all people meant, and the exemplars.
        left_out: faces of which the decision says that they are not the person's.
    """
    ids = [face.id for face in faces]
    ruled_out = {face_id for face_id, person_id in unit.faces.rejections(ids) if person_id == person.id}
    quality = {face.id: face.quality_score for face in faces if face.id not in ruled_out}
    exemplars = best_exemplars(unit, quality)
    created = exemplars - unit.prototypes.exemplar_faces([person.id])[person.id]
    event_id = decide(
        unit, naming(person.id, counted_as(unit, person.id), exemplars), [*quality, *left_out], actor=actor
    )
    best = sorted(quality.values(), reverse=True)[: len(exemplars)]
    note = None if sorted((quality[id_] for id_ in exemplars), reverse=True) == best else NOT_THE_BEST
    return LabelReport(person.id, person.name, len(quality), len(created), event_id, note)


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
    faces_skipped: int  # they were under nobody
    event_id: int


@dataclass(frozen=True, slots=True)
class RejectReport:
    person_id: UUID
    person_name: str
    faces_rejected: int
    faces_taken_away: int  # part of them: they were under that person
    event_id: int


def assign_faces_to(
    library: Library,
    face_ids: Sequence[UUID],
    name_or_id: str | UUID,
    *,
    left_out: Sequence[UUID] = (),
    if_still: IfStill | None = None,
    actor: str,
) -> ReassignReport:
    """Say who faces are; a new name makes a new person. Having ruled the person out before is taken back for them.

    The best of these faces become exemplars as long as the person has fewer than three.

    Args:
        left_out: others that somebody looked at and took out: the person is not proposed for them again.
    Raises:
        WrongUse: the name is empty or too long.
        Conflict: a face is not `if_still`, here and below.
    """
    with deciding(library) as unit:
        quality = {face.id: face.quality_score for face in as_asked(unit, face_ids, if_still)}
        others = [face.id for face in as_asked(unit, left_out, if_still)] if left_out else []
        return put_under(unit, quality, name_or_id, left_out=others, actor=actor)


def put_under(
    unit: UnitOfWork,
    quality: Mapping[UUID, float],
    name_or_id: str | UUID,
    *,
    left_out: Sequence[UUID] = (),
    actor: str,
) -> ReassignReport:
    """`assign_faces_to` of the faces whose quality this is; the caller holds the lock."""
    is_name = as_uuid(name_or_id) is None
    person = _named(unit, str(name_or_id)) if is_name else find_person(unit, name_or_id)
    already = unit.prototypes.exemplar_faces([person.id])[person.id]
    free = {face_id: score for face_id, score in quality.items() if face_id not in already}
    exemplars = best_exemplars(unit, free, count=EXEMPLARS - len(already))
    said = (person.id, counted_as(unit, person.id), exemplars)
    decision = LabelSome(*said, left_out=frozenset(left_out)) if left_out else Assign(*said)
    event_id = decide(unit, decision, [*quality, *left_out], actor=actor)
    return ReassignReport(person.id, person.name, len(quality), len(exemplars), event_id)


def unassign_faces(
    library: Library, face_ids: Sequence[UUID], *, if_still: IfStill | None = None, actor: str
) -> UnassignReport:
    """Take faces from whom they are under. They stay without a name until a person gives them one or undoes this.

    Where only one person is wrong, and another may be right, reject that person instead.

    Raises:
        WrongUse: all of them are under nobody already.
    """
    with deciding(library) as unit:
        faces = as_asked(unit, face_ids, if_still)
        named = [face for face in faces if face.person_id is not None]
        if not named:
            raise WrongUse(f"these {len(faces)} faces are under nobody: there is nothing to take away")
        people = {face.person_id for face in named}
        decision = Unassign(person_id=people.pop() if len(people) == 1 else None)
        event_id = decide(unit, decision, [face.id for face in named], actor=actor)
    return UnassignReport(len(named), len(faces) - len(named), event_id)


def reject_person(
    library: Library, face_ids: Sequence[UUID], name_or_id: str | UUID, *, if_still: IfStill | None = None, actor: str
) -> RejectReport:
    """Say that faces are *not* this person, who is never proposed for them again.

    Faces under that person are taken away, out of their cluster too, and may be recognised as somebody else.
    """
    with deciding(library) as unit:
        faces = as_asked(unit, face_ids, if_still)
        person = find_person(unit, name_or_id)
        decision = Reject(person.id, counted_as(unit, person.id))
        event_id = decide(unit, decision, [face.id for face in faces], actor=actor)
    taken = sum(face.person_id == person.id for face in faces)
    return RejectReport(person.id, person.name, len(faces), taken, event_id)


def as_asked(unit: UnitOfWork, face_ids: Sequence[UUID], if_still: IfStill | None) -> list[Face]:
    """These faces; raises Conflict where one is not as it was, and as `known_faces`."""
    faces = known_faces(unit, face_ids)
    if if_still is not None and not all(map(if_still, faces)):
        raise Conflict("somebody decided about this meanwhile: look again, nothing was changed")
    return faces


def _who(unit: UnitOfWork, name_or_id: str | UUID) -> Person:
    return find_person(unit, name_or_id) if isinstance(name_or_id, UUID) else _named(unit, name_or_id)


def _named(unit: UnitOfWork, name: str) -> Person:
    """The person of this name, who is new where nobody has it."""
    return unit.people.named(name) or unit.people.add(name)


@dataclass(frozen=True, slots=True)
class DismissReport:
    dismissed_as: Dismissal
    faces_dismissed: int
    event_id: int


def dismiss_faces(
    library: Library,
    face_ids: Sequence[UUID],
    dismissed_as: Dismissal,
    *,
    if_still: IfStill | None = None,
    actor: str,
) -> DismissReport:
    """Say that faces are not to be asked about again. They leave their person and cluster, and no machine groups or
    recognises them until this is undone, or a person gives them a name after all.
    """
    with deciding(library) as unit:
        ids = [face.id for face in as_asked(unit, face_ids, if_still)]
        event_id = decide(unit, Dismiss(dismissed_as), ids, actor=actor)
    return DismissReport(dismissed_as, len(ids), event_id)
