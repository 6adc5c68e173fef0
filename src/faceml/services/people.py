"""Look at people: a page of them, or one with faces and exemplars."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from faceml.errors import WrongUse
from faceml.records import Face, Person, PersonStatus
from faceml.services.browse import LARGEST_PAGE
from faceml.services.decide import counted_as, find_person
from faceml.storage.people import PersonSummary
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class PeoplePage:
    items: tuple[PersonSummary, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True, slots=True)
class PersonDetails:
    person: PersonSummary
    also_called: tuple[str, ...]  # names of people merged into them
    exemplars: tuple[UUID, ...]
    has_centroid: bool
    faces: tuple[Face, ...]  # best quality first


def list_people(
    library: Library, *, status: PersonStatus | None = None, page: int = 1, page_size: int = 20
) -> PeoplePage:
    """People with most faces first.

    Args:
        status: only people of this status; None lists all.
    Raises:
        WrongUse: a page below 1, or a page size outside 1 to 100.
    """
    if page < 1 or not 1 <= page_size <= LARGEST_PAGE:
        raise WrongUse(f"page={page}, page_size={page_size}: pages count from 1 and hold 1 to {LARGEST_PAGE} items")
    with library.repository.read() as unit:
        items = unit.people.page(status=status, limit=page_size, offset=(page - 1) * page_size)
        return PeoplePage(tuple(items), unit.people.count(status), page, page_size)


def active_names(library: Library) -> list[str]:
    """Names that faces can be put under, in order: to complete what somebody types."""
    with library.repository.read() as unit:
        return unit.people.active_names()


def show_person(library: Library, name_or_id: str | UUID) -> PersonDetails:
    """One person; who was merged answers with whom they became.

    Raises:
        NotFound: nobody has this name or id.
    """
    with library.repository.read() as unit:
        person = find_person(unit, name_or_id)
        others = unit.people.names(sorted(counted_as(unit, person.id) - {person.id}))
        return PersonDetails(
            unit.people.summary(person.id),
            tuple(sorted(others.values())),
            tuple(sorted(unit.prototypes.exemplar_faces([person.id])[person.id])),
            person.id in unit.prototypes.people_with_centroid(),
            tuple(unit.faces.of_person(person.id)),
        )


def find(library: Library, name_or_id: str | UUID) -> Person:
    """The person of this name or id, see `show_person`."""
    with library.repository.read() as unit:
        return find_person(unit, name_or_id)
