"""Give a person another name."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NameTaken
from faceml.records import Person, PersonStatus
from faceml.services.decide import deciding
from faceml.storage.people import tidy_name
from faceml.storage.repository import UnitOfWork
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class RenameReport:
    person_id: UUID
    former_name: str
    name: str
    event_id: int


def rename_person(library: Library, person_id: UUID, name: str, *, actor: str) -> RenameReport:
    """Rename a person. The name of someone merged into them is theirs to take: the two records swap names.

    Raises:
        NotFound: the person is not in the library.
        NameTaken: somebody else has this name, in whatever case.
        Conflict: the person is merged into another.
        WrongUse: the name is empty or too long.
    """
    with deciding(library) as unit:
        person = unit.people.get(person_id)
        if person.status is PersonStatus.MERGED:
            into = unit.people.survivor(person_id)
            raise Conflict(f"{person.name!r} is merged into {into.name!r}: rename {into.id} instead")
        names = {person_id: (person.name, tidy_name(name))}
        holder = unit.people.holding(name)
        if holder is not None and holder.id != person_id:
            _refuse_taken(unit, person, holder)
            names[holder.id] = (holder.name, person.name)
        unit.people.set_names({id_: after for id_, (_, after) in names.items()})
        event_id = unit.events.append(
            "rename",
            actor=actor,
            person_id=person_id,
            changes=[],
            details={"names": {str(id_): list(pair) for id_, pair in names.items()}},
        )
    return RenameReport(person_id, *names[person_id], event_id)


def _refuse_taken(unit: UnitOfWork, person: Person, holder: Person) -> None:
    owner = unit.people.survivor(holder.id)
    if owner.id != person.id:
        merged = f", merged into {owner.name!r} ({owner.id})" if owner.id != holder.id else ""
        raise NameTaken(
            f"{holder.name!r} is another person's name ({holder.id}{merged}): take another one, or say that they are "
            f"the same with `faceml people merge {person.id} {owner.id}`"
        )
