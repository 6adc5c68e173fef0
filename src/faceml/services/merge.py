"""Merge one person into another (specification, `POST /persons/{person_id}/merge`)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, WrongUse
from faceml.records import Person, PersonStatus
from faceml.services.decide import Written, counted_as, deciding, lost_centroids, refresh_centroids, settle
from faceml.services.replay import taken_back
from faceml.storage.repository import UnitOfWork
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class MergeReport:
    source_person_id: UUID
    target_person_id: UUID
    faces_moved: int
    faces_left: int  # of the source, but ruled out for the target: they are under nobody now
    event_id: int


def merge_people(library: Library, source_id: UUID, target_id: UUID, *, actor: str) -> MergeReport:
    """Say that two people are one: the source's faces and exemplars go to the target, and its name means the target.

    Both records stay. A face of which someone said that it is *not* the target leaves the source and is under nobody;
    whom a face is not, it is not after the merge either, except for faces that a person put under the target.

    Raises:
        NotFound: one of them is not in the library.
        WrongUse: they are the same.
        Conflict: one of them is merged or hidden.
    """
    with deciding(library) as unit:
        source, target = unit.people.get(source_id), unit.people.get(target_id)
        if source.id == target.id:
            raise WrongUse(f"{source.name!r} cannot be merged into itself: name two people")
        for person in (source, target):
            _refuse_inactive(unit, person)
        with_centroid = unit.prototypes.people_with_centroid() & {source.id, target.id}
        counted = counted_as(unit, source.id)
        unit.people.set_status(source.id, PersonStatus.MERGED, target.id)
        written = settle(unit, faces_concerned(unit, source.id, target.id, counted), taken_back(unit.events.undos()))
        refresh_centroids(unit, [target.id], create=bool(with_centroid))
        event_id = unit.events.append(
            "merge",
            actor=actor,
            person_id=source.id,
            changes=written.changes,
            details={"into": str(target.id), **lost_centroids(written)},
        )
    moved, left = _count(written, source.id, target.id)
    return MergeReport(source.id, target.id, moved, left, event_id)


def faces_concerned(unit: UnitOfWork, source_id: UUID, target_id: UUID, counted: frozenset[UUID]) -> list[UUID]:
    """Faces that a merge, or taking it back, may move: of both, and those ruled out for the source."""
    of_both = [face.id for person_id in (source_id, target_id) for face in unit.faces.of_person(person_id)]
    return [*of_both, *sorted(unit.people.faces_ruled_out(sorted(counted)))]


def _count(written: Written, source_id: UUID, target_id: UUID) -> tuple[int, int]:
    of_source = [change for change in written.changes if change.before.person_id == source_id]
    moved = sum(change.after.person_id == target_id for change in of_source)
    return moved, len(of_source) - moved


def _refuse_inactive(unit: UnitOfWork, person: Person) -> None:
    if person.status is PersonStatus.MERGED:
        into = unit.people.survivor(person.id)
        raise Conflict(f"{person.name!r} is merged into {into.name!r} already: merge {into.id} instead")
    if person.status is PersonStatus.HIDDEN:
        raise Conflict(f"{person.name!r} is hidden: `faceml people unhide {person.id}` first")
