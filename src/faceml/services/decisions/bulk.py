"""Decide about many faces at once, each with its own person: one decision, one undo.

Each raises NotFound where a face is not in the library, Conflict where one is not `if_still`, and WrongUse where there
is nothing to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from faceml.decisions.about_faces import Confirm, RejectEach, Restore
from faceml.decisions.replay import survivor
from faceml.errors import WrongUse
from faceml.library import Library
from faceml.records import AssignedBy, Dismissal, Face
from faceml.services.decisions.decide import decide, deciding
from faceml.services.decisions.label import (
    IfStill,
    as_asked,
    assign_faces_to,
    dismiss_faces,
    reject_person,
    unassign_faces,
)
from faceml.storage.sql.repository import UnitOfWork


class Action(StrEnum):
    NAME = "name"  # they show a person, new or known
    CONFIRM = "confirm"
    REJECT = "reject"
    UNASSIGN = "unassign"
    DISMISS = "dismiss"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class BulkReport:
    faces: int  # that were decided about
    faces_skipped: int  # to which it does not apply
    event_id: int
    person_id: UUID | None = None  # where it is about just one
    person_name: str | None = None


def decide_about(
    library: Library,
    action: Action,
    face_ids: Sequence[UUID],
    who: str | UUID | None = None,
    *,
    left_out: Sequence[UUID] = (),
    dismissed_as: Dismissal = Dismissal.STRANGER,
    if_still: IfStill | None = None,
    actor: str,
) -> BulkReport:
    """Carry out an action.

    Args:
        who: the person of `NAME` and `REJECT`; None rejects for each face whom it is under.
        left_out: of `NAME`, see `assign_faces_to`.
    """
    match action:
        case Action.NAME:
            if who is None:
                raise WrongUse("action=name says who faces are: give a name or a personId")
            named = assign_faces_to(library, face_ids, who, left_out=left_out, if_still=if_still, actor=actor)
            return BulkReport(named.faces_assigned, 0, named.event_id, named.person_id, named.person_name)
        case Action.REJECT if who is not None:
            found = reject_person(library, face_ids, who, if_still=if_still, actor=actor)
            return BulkReport(found.faces_rejected, 0, found.event_id, found.person_id, found.person_name)
        case Action.UNASSIGN:
            freed = unassign_faces(library, face_ids, if_still=if_still, actor=actor)
            return BulkReport(freed.faces_unassigned, freed.faces_skipped, freed.event_id)
        case Action.DISMISS:
            left = dismiss_faces(library, face_ids, dismissed_as, if_still=if_still, actor=actor)
            return BulkReport(left.faces_dismissed, 0, left.event_id)
    several = {Action.REJECT: reject_each, Action.CONFIRM: confirm_faces, Action.RESTORE: restore_faces}
    return several[action](library, face_ids, if_still=if_still, actor=actor)


def confirm_faces(
    library: Library, face_ids: Sequence[UUID], *, if_still: IfStill | None = None, actor: str
) -> BulkReport:
    """Say that recognition is right: faces stay under whom a machine put them, by a person's word now."""
    with deciding(library) as unit:
        asked = as_asked(unit, face_ids, if_still)
        faces = [face for face in asked if face.person_id and face.assigned_by is AssignedBy.PROTOTYPE]
        if not faces:
            raise WrongUse(
                f"not one of these {len(asked)} faces is recognised and unconfirmed: there is nothing to confirm"
            )
        return _decided(unit, faces, len(asked), Confirm(counted_each(unit, faces)), actor)


def reject_each(
    library: Library, face_ids: Sequence[UUID], *, if_still: IfStill | None = None, actor: str
) -> BulkReport:
    """Say that no face shows whom it is under: they leave them, who are never proposed for them again."""
    with deciding(library) as unit:
        asked = as_asked(unit, face_ids, if_still)
        faces = [face for face in asked if face.person_id]
        if not faces:
            raise WrongUse(f"these {len(asked)} faces are under nobody: say whom they do not show")
        of_faces: dict[UUID, set[UUID]] = defaultdict(set)
        for face in faces:
            if face.person_id:
                of_faces[face.person_id].add(face.id)
        decision = RejectEach(counted_each(unit, faces), {id_: frozenset(of) for id_, of in of_faces.items()})
        return _decided(unit, faces, len(asked), decision, actor)


def restore_faces(
    library: Library, face_ids: Sequence[UUID], *, if_still: IfStill | None = None, actor: str
) -> BulkReport:
    """Ask about dismissed faces again: strangers, and what was said to be no face."""
    with deciding(library) as unit:
        asked = as_asked(unit, face_ids, if_still)
        states = unit.faces.states([face.id for face in asked])
        faces = [face for face in asked if states[face.id].dismissed_as is not None]
        if not faces:
            raise WrongUse(f"not one of these {len(asked)} faces was dismissed: there is nothing to bring back")
        return _decided(unit, faces, len(asked), Restore(), actor)


def _decided(
    unit: UnitOfWork, faces: Sequence[Face], asked: int, decision: Confirm | RejectEach | Restore, actor: str
) -> BulkReport:
    event_id = decide(unit, decision, [face.id for face in faces], actor=actor)
    people = sorted({face.person_id for face in faces if face.person_id})
    who = unit.people.get(people[0]) if len(people) == 1 else None
    return BulkReport(len(faces), asked - len(faces), event_id, who.id if who else None, who.name if who else None)


def counted_each(unit: UnitOfWork, faces: Sequence[Face]) -> dict[UUID, frozenset[UUID]]:
    """Whom these faces are under, each with all who were merged into them."""
    merged = unit.people.merged()
    found: dict[UUID, set[UUID]] = {face.person_id: {face.person_id} for face in faces if face.person_id}
    for person_id in merged:
        if (became := survivor(person_id, merged)) in found:
            found[became].add(person_id)
    return {person_id: frozenset(people) for person_id, people in found.items()}
