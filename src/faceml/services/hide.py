"""Leave a person out of lists and recognition, and bring them back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict
from faceml.records import PersonStatus
from faceml.services.decide import deciding
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class StatusReport:
    person_id: UUID
    person_name: str
    status: PersonStatus
    event_id: int


def hide_person(library: Library, person_id: UUID, *, actor: str) -> StatusReport:
    """Hide a person: nothing is matched to them and lists leave them out; their faces stay theirs.

    Raises:
        NotFound: the person is not in the library.
        Conflict: they are hidden already, or merged into another.
    """
    return _change(library, person_id, "hide", PersonStatus.ACTIVE, PersonStatus.HIDDEN, actor)


def unhide_person(library: Library, person_id: UUID, *, actor: str) -> StatusReport:
    """Bring a hidden person back.

    Raises:
        NotFound: the person is not in the library.
        Conflict: they are not hidden.
    """
    return _change(library, person_id, "unhide", PersonStatus.HIDDEN, PersonStatus.ACTIVE, actor)


def _change(
    library: Library, person_id: UUID, kind: str, expected: PersonStatus, status: PersonStatus, actor: str
) -> StatusReport:
    with deciding(library) as unit:
        person = unit.people.get(person_id)
        if person.status is not expected:
            raise Conflict(f"{person.name!r} is {person.status}: only who is {expected} can be {status} by `{kind}`")
        unit.people.set_status(person_id, status)
        event_id = unit.events.append(kind, actor=actor, person_id=person_id, changes=[])
    return StatusReport(person_id, person.name, status, event_id)
