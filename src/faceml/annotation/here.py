"""What was said in an annotation tool beside what the library says by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from uuid import UUID

from faceml.annotation.marks import NOBODY, Exported, Mark, Verdict
from faceml.records import AssignedBy, Dismissal, Face, Person

COUNTED = {
    Verdict.CONFIRM: "confirmed",
    Verdict.REJECT: "corrected",
    Verdict.UNASSIGN: "corrected",
    Verdict.STRANGER: "dismissed",
    Verdict.NOT_A_FACE: "dismissed",
}


@dataclass(frozen=True, slots=True)
class Here:
    """What the library knows of faces that marks are about."""

    dismissed: Mapping[UUID, Dismissal | None]
    names: Mapping[UUID, str]
    ruled_out: Set[tuple[UUID, UUID]]
    person_named: Callable[[str], Person | None]

    def label(self, face: Face) -> str:
        return self.names.get(face.person_id, NOBODY) if face.person_id else NOBODY

    def is_so(self, verdict: Verdict, mark: Mark, face: Face) -> bool:
        """Whether a person said the same here."""
        is_manual = face.assigned_by is AssignedBy.MANUAL
        match verdict:
            case Verdict.NAME:
                person = self.person_named(mark.label)
                # Earlier versions wrote no label beside the id: a guess that is repeated is not a person's word.
                is_ours = mark.face_id is not None and mark.exported is None
                return person is not None and person.id == face.person_id and (is_manual or is_ours)
            case Verdict.CONFIRM:
                return is_manual and mark.exported is not None and mark.exported.label == self.label(face)
            case Verdict.UNASSIGN:
                return is_manual and face.person_id is None
            case Verdict.REJECT:
                person = self.person_named(mark.exported.label) if mark.exported else None
                return person is not None and (face.id, person.id) in self.ruled_out
        return self.dismissed[face.id] == verdict.value

    def objection(self, verdict: Verdict, mark: Mark, face: Face) -> str | None:
        """Why what was said there is not taken over."""
        now = self.label(face)
        if face.assigned_by is AssignedBy.MANUAL and mark.exported != Exported(now, AssignedBy.MANUAL):
            return f"face {face.id} was decided about here since ({now}), which stays"
        if verdict is Verdict.NAME:
            person = self.person_named(mark.label)
            if person and (face.id, person.id) in self.ruled_out:
                return f"somebody said here that face {face.id} is not {person.name}, which stays"
        elif verdict in (Verdict.CONFIRM, Verdict.REJECT, Verdict.UNASSIGN) and (
            face.person_id is None or mark.exported is None or mark.exported.label != now
        ):
            return f"face {face.id} is under {now} now, so there is nothing to {verdict.value}"
        return None
