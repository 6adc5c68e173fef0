"""Private data: what is written down of a person beside their faces, and erasing all that there is of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from faceml.decisions.about_people import Describe, Kin, Relate
from faceml.decisions.decision import Erase
from faceml.decisions.states import Change, PersonState
from faceml.errors import Conflict, NameTaken, NotFound, WrongUse
from faceml.identity.lifetimes import PartialDate
from faceml.library import Library
from faceml.names import fold_name, tidy_name
from faceml.records import Person
from faceml.services.decisions.decide import (
    as_uuid,
    counted_as,
    deciding,
    find_person,
    labellings,
    refresh_centroids,
    refuse_merged,
    settle,
)
from faceml.services.index.drain import drain_outbox
from faceml.storage.enrolled import is_enrolled
from faceml.storage.forgetting import complete_erasures, open_erasures
from faceml.storage.sql.repository import UnitOfWork

LONGEST_NOTE = 10_000  # characters
MOST_ALIASES = 50


@dataclass(frozen=True, slots=True)
class DescribeReport:
    person_id: UUID
    person_name: str
    born: str | None  # 1950, 1950-05 or 1950-05-17
    died: str | None
    note: str | None
    aliases: tuple[str, ...]
    names_taken_back: int  # that a machine gave to faces on photos from before their birth, or long after their death
    event_id: int | None  # None where nothing new was said


def describe_person(
    library: Library,
    name_or_id: str | UUID,
    *,
    born: str | None = None,
    died: str | None = None,
    note: str | None = None,
    aliases: Sequence[str] | None = None,
    actor: str,
) -> DescribeReport:
    """Write down what is known of a person. What is None stays as it is; what is empty is no longer known.

    Names that a machine gave to their faces on photos on which they cannot be are taken back; undo restores them.

    Args:
        born, died: 1950, 1950-05 or 1950-05-17.
        aliases: all that they are called beside their name; each finds them wherever a name is typed.
    Raises:
        NotFound: the person is not in the library.
        WrongUse: it is no date, one that cannot be, or no name.
        NameTaken: an alias is another person's.
    """
    with deciding(library) as unit:
        person = find_person(unit, name_or_id)
        before = unit.lives.about([person.id])[person.id]
        said: dict[str, Any] = _texts(born=born, died=died, note=note)
        if aliases is not None:
            said["aliases"] = _aliases(unit, person, aliases)
        said = {name: value for name, value in said.items() if value != getattr(before, name)}
        after = replace(before, **said)
        after.lifetime  # noqa: B018  # refuses who died before their birth
        freed, event_id = 0, None
        if said:
            unit.lives.write({person.id: after})
            theirs = [face.id for face in unit.faces.of_person(person.id, with_missing=True)]
            changes = settle(unit, theirs, unit.events.undos()).changes if {"born", "died"} & said.keys() else ()
            freed = len(changes)
            event_id = unit.events.append(Describe(person.id, said), actor=actor, changes=changes)
    return DescribeReport(
        person.id, person.name, after.born, after.died, after.note, after.aliases, freed, event_id=event_id
    )


def _texts(**given: str | None) -> dict[str, str | None]:
    """As they are stored; empty ones become None, what is not given is left out."""
    texts = {name: text.strip() for name, text in given.items() if text is not None}
    if len(texts.get("note", "")) > LONGEST_NOTE:
        raise WrongUse(f"the note has {len(texts['note'])} characters: {LONGEST_NOTE} fit")
    dates = {name: str(PartialDate.read(texts[name])) for name in ("born", "died") if texts.get(name)}
    return {name: dates.get(name, text) or None for name, text in texts.items()}


def _aliases(unit: UnitOfWork, person: Person, aliases: Sequence[str]) -> tuple[str, ...]:
    """In order of how they are compared, each once; their name itself is none."""
    named = {fold_name(name): tidy_name(name) for name in aliases if name.strip()}
    if len(named) > MOST_ALIASES:
        raise WrongUse(f"{len(named)} aliases are more than {MOST_ALIASES}: keep those that people use")
    named.pop(fold_name(person.name), None)
    for name in named.values():
        holder = unit.people.holding(name)
        if holder is not None and unit.people.survivor(holder.id).id != person.id:
            raise NameTaken(f"{name!r} is already what another person is called ({holder.id}): take another one")
        if holder is not None and holder.id != person.id:
            raise NameTaken(f"{name!r} finds {person.name!r} already: somebody of that name was merged into them")
    return tuple(named[key] for key in sorted(named))


@dataclass(frozen=True, slots=True)
class RelateReport:
    person_id: UUID
    person_name: str
    other_id: UUID
    other_name: str
    kin: str | None  # what the other is to the person; None: no relative
    event_id: int


def relate_people(
    library: Library, name_or_id: str | UUID, other_name_or_id: str | UUID, kin: Kin | None, *, actor: str
) -> RelateReport:
    """Say what somebody is to a person; None takes it back. They are two people, whatever their faces look like.

    Suggestions never take relatives for one person, and ask first about faces that lie between them.

    Raises:
        NotFound: one of them is not in the library. WrongUse: they are the same.
    """
    with deciding(library) as unit:
        person, other = find_person(unit, name_or_id), find_person(unit, other_name_or_id)
        if person.id == other.id:
            raise WrongUse(f"{person.name!r} is no relative of themselves: name two people")
        decision = Relate(person.id, other.id, kin.value if kin else None)
        about = unit.lives.about([person.id, other.id])
        said = {id_: decision.of_person(id_, PersonState("", kin=one.kin)).kin for id_, one in about.items()}
        unit.lives.write({id_: replace(one, kin=said[id_]) for id_, one in about.items()})
        event_id = unit.events.append(decision, actor=actor)
    return RelateReport(person.id, person.name, other.id, other.name, decision.kin, event_id)


@dataclass(frozen=True, slots=True)
class Relative:
    person_id: UUID
    name: str
    kin: Kin  # what they are to the person


def relatives_of(unit: UnitOfWork, person_id: UUID) -> tuple[Relative, ...]:
    """Who is kin to a person, in order of name, whoever of the two it was said of; merged people as who they became."""
    counted, found = counted_as(unit, person_id), {}
    for (one, other), kind in unit.lives.relatives().items():
        if one in counted or other in counted:
            who = unit.people.survivor(other if one in counted else one)
            if who.id not in counted:
                found[who.id] = Relative(who.id, who.name, Kin(kind) if one in counted else Kin(kind).other_way)
    return tuple(sorted(found.values(), key=lambda each: fold_name(each.name)))


COMPLETED = "; what an erasure before had left in files is being cleaned up"
PATIENCE_S = 5.0  # for others that read the database or hold the index: after that it is a later command's work


@dataclass(frozen=True, slots=True)
class EraseReport:
    person_id: UUID
    people_erased: int  # the person, and all who were merged into them
    faces_erased: int  # with vector, crop and history; the photos stay
    embeddings_erased: int
    prototypes_erased: int
    events_redacted: int  # decisions that named them
    index_backlog: int = 0  # points that wait for the index, the erased ones among them
    not_gone_yet: tuple[str, ...] = ()  # where copies may be left, and why; every later command tries again
    pictures_erased: int = 0  # of the library's own, by which people were enrolled, with their files


def erase_person(library: Library, name_or_id: str | UUID, *, is_confirmed: bool, actor: str) -> EraseReport:
    """Erase a person: faces, vectors, prototypes, points of the index, and their name wherever decisions hold it.

    Who was merged into them is erased too; so is a name that the log alone still holds, its label being undone. Where
    their faces are on the photos stays known as bare boxes, so that detection does not take them in again. Pictures by
    which they were enrolled are the library's, and go; whoever else is on one steps aside, as on a missing photo. What
    lies outside the library is not reached: photos, executed notebooks, exports, backups, models trained on them.

    Once it is committed it is completed, here or, where this process is killed or others hold the files, by whatever
    writes to the library or drains its outbox next, on each machine in that one's own folder.

    Raises:
        NotFound: the person is not in the library.
        Conflict: they are merged into another, or it is not confirmed: then nothing is erased, and the message says
            what would be.
    """
    were_open = open_erasures(library.settings, library.repository)
    with deciding(library) as unit:
        try:
            person_id, people = _whom(unit, as_uuid(name_or_id) or str(name_or_id))
        except NotFound as error:
            raise NotFound(f"{error}{COMPLETED if were_open else ''}") from error
        faces = [face for id_ in people for face in unit.faces.of_person(id_, with_missing=True)]
        face_ids = [face.id for face in faces]
        photos = sorted({face.asset_id for face in faces})
        unit.assets.lock(photos)  # detection looks at no photo of theirs meanwhile
        own = [photo.id for photo in unit.assets.by_ids(photos) if is_enrolled(photo)]
        mentions = unit.erasure.mentions(people, face_ids)
        there = unit.people.existing(people)
        report = EraseReport(
            person_id=person_id,
            people_erased=len(people),
            faces_erased=len(faces),
            embeddings_erased=len(unit.vectors.of(face_ids).face_ids),
            prototypes_erased=sum(unit.people.summary(id_).prototype_count for id_ in there),
            events_redacted=len(mentions),
            pictures_erased=len(own),
        )
        if not is_confirmed:
            raise Conflict(_warning(report))
        unit.erasure.keep_blank([(face.asset_id, face.bbox, face.span) for face in faces])
        unit.outbox.push(face_ids)
        unit.outbox.push(unit.prototypes.remove_centroids(people))
        unit.faces.remove(face_ids)
        _let_go(unit, own)
        unit.erasure.redact(mentions)
        for id_ in people:
            unit.people.remove(id_)
        # A machine may have had one of the faces under somebody else, whose centroid is then partly, or all, theirs.
        refresh_centroids(unit, sorted(unit.prototypes.people_with_centroid()))
        decision = Erase(len(face_ids), frozenset(people), person_id=person_id)
        unit.events.append(decision, actor=actor, changes=_what_others_said(unit, mentions.about))
    left = complete_erasures(library.settings, library.repository, wait_s=PATIENCE_S)
    drained = drain_outbox(library)
    waits = (f"the index waits: {drained.reason}",) if drained.reason else ()
    return replace(report, index_backlog=drained.backlog, not_gone_yet=(*left, *waits))


def _what_others_said(unit: UnitOfWork, event_ids: Sequence[int]) -> list[Change]:
    """Give faces that were once said to be an erased person's, and are not, what the other decisions say of them.

    All of them are noted: a decision before that is taken back later must not bring the person back.
    """
    touched = unit.events.faces_of(event_ids)
    before = labellings(unit, touched)
    settle(unit, touched, unit.events.undos())
    after = labellings(unit, touched)
    return [Change(id_, before[id_].state, after[id_].state) for id_ in before]


def _whom(unit: UnitOfWork, name_or_id: str | UUID) -> tuple[UUID, list[UUID]]:
    """The person, and with them all who are erased. Raises NotFound, Conflict."""
    try:
        person = unit.people.get(name_or_id) if isinstance(name_or_id, UUID) else find_person(unit, name_or_id)
    except NotFound:
        if gone := sorted(unit.erasure.gone(name_or_id)):
            return gone[0], gone
        raise
    refuse_merged(unit, person, "erase")
    return person.id, sorted(counted_as(unit, person.id))


def _let_go(unit: UnitOfWork, asset_ids: Sequence[int]) -> None:
    """Mark pictures as missing, whose files go once this is committed; whoever is left on them steps aside."""
    unit.assets.set_missing(asset_ids, missing=True)
    left = unit.faces.in_assets(asset_ids)
    people = sorted({face.person_id for face in left if face.person_id})
    unit.outbox.push([*(face.id for face in left), *unit.prototypes.centroid_points(people)])


def _warning(report: EraseReport) -> str:
    counts = {
        "face": report.faces_erased,
        "vector": report.embeddings_erased,
        "prototype": report.prototypes_erased,
        "picture by which they were enrolled": report.pictures_erased,
    }
    what = ", ".join(_so_many(count, name) for name, count in counts.items() if count or "enrolled" not in name)
    return (
        f"erasing person {report.person_id} takes {what} and the content of "
        f"{_so_many(report.events_redacted, 'decision')}, for good: confirm it (--yes, or confirm=true)"
    )


def _so_many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
