"""People: merge two, rename one, hide one (specification, `POST /persons/{person_id}/merge`), and what they are
recognised by: exemplars chosen by hand, and centroids (specification, Centroid Computation).

Each decision raises NotFound where a person is not in the library; what else it raises, it says itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from faceml.decisions.about_faces import ChooseExemplars
from faceml.decisions.about_people import ChooseCover, Hide, Merge, Rename, Unhide
from faceml.decisions.log import kind_of
from faceml.errors import Conflict, NameTaken, WrongUse
from faceml.identity.prototypes import centroid
from faceml.library import Library
from faceml.names import fold_name, tidy_name
from faceml.progress import told
from faceml.records import AssignedBy, Person, PersonStatus
from faceml.services.decisions.decide import (
    best_exemplars,
    counted_as,
    decide,
    deciding,
    find_person,
    known_faces,
    moving_faces,
    refresh_centroids,
    refuse_merged,
    settle,
)
from faceml.storage.sql.repository import UnitOfWork


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
        WrongUse: they are the same.
        Conflict: one of them is merged or hidden.
    """
    with deciding(library) as unit:
        source, target = unit.people.get(source_id), unit.people.get(target_id)
        if source.id == target.id:
            raise WrongUse(f"{source.name!r} cannot be merged into itself: name two people")
        for person in (source, target):
            _refuse_inactive(unit, person)
        with_centroid = unit.prototypes.people_with_centroid([source.id, target.id])
        merge = Merge(source.id, target.id)
        unit.people.set_status(source.id, PersonStatus.MERGED, target.id)
        written = settle(unit, moving_faces(unit, merge), unit.events.undos())
        refresh_centroids(unit, [target.id], create=bool(with_centroid))
        event_id = unit.events.append(merge, actor=actor, changes=written.changes, effects=written.effects)
    of_source = [change for change in written.changes if change.before.person_id == source_id]
    moved = sum(change.after.person_id == target_id for change in of_source)
    return MergeReport(source_id, target_id, moved, len(of_source) - moved, event_id)


def _refuse_inactive(unit: UnitOfWork, person: Person) -> None:
    refuse_merged(unit, person, "merge")
    if person.status is PersonStatus.HIDDEN:
        raise Conflict(f"{person.name!r} is hidden: `faceml people unhide {person.id}` first")


@dataclass(frozen=True, slots=True)
class RenameReport:
    person_id: UUID
    former_name: str
    name: str
    event_id: int


def rename_person(library: Library, person_id: UUID, name: str, *, actor: str) -> RenameReport:
    """Rename a person. The name of someone merged into them is theirs to take: the two records swap names.

    Raises:
        NameTaken: somebody else has this name, in whatever case.
        Conflict: the person is merged into another.
        WrongUse: the name is empty or too long.
    """
    with deciding(library) as unit:
        person = unit.people.get(person_id)
        refuse_merged(unit, person, "rename")
        names = {person_id: (person.name, tidy_name(name))}
        holder = unit.people.holding(name)
        if holder is not None and holder.id != person_id:
            _refuse_taken(unit, person, holder, name)
            if fold_name(holder.name) == fold_name(name):  # and no alias of theirs
                names[holder.id] = (holder.name, person.name)
        unit.people.set_names({id_: after for id_, (_, after) in names.items()})
        event_id = unit.events.append(Rename(person_id, names), actor=actor)
    return RenameReport(person_id, *names[person_id], event_id)


def _refuse_taken(unit: UnitOfWork, person: Person, holder: Person, name: str) -> None:
    owner = unit.people.survivor(holder.id)
    if owner.id != person.id:
        held = holder.name if fold_name(holder.name) == fold_name(name) else tidy_name(name)  # or it is an alias
        merged = f", merged into {owner.name!r} ({owner.id})" if owner.id != holder.id else ""
        raise NameTaken(
            f"{held!r} is another person's name ({holder.id}{merged}): take one that tells the two apart, "
            f"such as {f'{held} (Leeds)'!r}, or say that they are the same with "
            f"`faceml people merge {person.id} {owner.id}`"
        )


@dataclass(frozen=True, slots=True)
class StatusReport:
    person_id: UUID
    person_name: str
    status: PersonStatus
    event_id: int


def hide_person(library: Library, person_id: UUID, *, actor: str) -> StatusReport:
    """Hide a person: nothing is matched to them and lists leave them out; their faces stay theirs.

    Raises:
        Conflict: they are hidden already, or merged into another.
    """
    return _change(library, Hide(person_id), PersonStatus.ACTIVE, actor)


def unhide_person(library: Library, person_id: UUID, *, actor: str) -> StatusReport:
    """Bring a hidden person back.

    Raises:
        Conflict: they are not hidden.
    """
    return _change(library, Unhide(person_id), PersonStatus.HIDDEN, actor)


def _change(library: Library, decision: Hide | Unhide, expected: PersonStatus, actor: str) -> StatusReport:
    with deciding(library) as unit:
        person = unit.people.get(decision.person_id)
        if person.status is not expected:
            how = f"only who is {expected} can be {decision.gives} by `{kind_of(decision)}`"
            raise Conflict(f"{person.name!r} is {person.status}: {how}")
        unit.people.set_status(person.id, decision.gives)
        event_id = unit.events.append(decision, actor=actor)
    return StatusReport(person.id, person.name, decision.gives, event_id)


@dataclass(frozen=True, slots=True)
class CoverReport:
    person_id: UUID
    person_name: str
    face_id: UUID
    event_id: int


def choose_cover(library: Library, name_or_id: str | UUID, face_id: UUID, *, actor: str) -> CoverReport:
    """Make a face a person's picture; where it is gone, or no longer theirs, their best one is shown again.

    Raises:
        WrongUse: the face is not under the person.
    """
    with deciding(library) as unit:
        person, face = find_person(unit, name_or_id), unit.faces.get(face_id)
        if face.person_id != person.id:
            raise WrongUse(f"face {face_id} is not under {person.name!r}: assign it to them first")
        unit.people.set_cover(person.id, face_id)
        event_id = unit.events.append(ChooseCover(person.id, face_id), actor=actor)
    return CoverReport(person.id, person.name, face_id, event_id)


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
            chosen = best_exemplars(unit, {face.id: face.quality_score for face in faces})
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
        before = unit.prototypes.exemplar_faces([person.id], with_missing=True)[person.id]
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
        faceless = unit.prototypes.people_with_centroid() - set(centroids)
        faceless -= unit.faces.only_on_missing_photos(sorted(faceless))
        unit.outbox.push(unit.prototypes.remove_centroids(sorted(faceless)))
        people = unit.people.count()
    return CentroidsReport(people, len(centroids))
