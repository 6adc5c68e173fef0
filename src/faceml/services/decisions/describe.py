"""What is known of a person beside their faces: when they were born and died, a note, what else they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from faceml.decisions.about_people import Describe, Kin, Relate
from faceml.decisions.states import PersonState
from faceml.errors import NameTaken, WrongUse
from faceml.identity.lifetimes import PartialDate
from faceml.library import Library
from faceml.names import fold_name, tidy_name
from faceml.records import Person
from faceml.services.decisions.decide import counted_as, deciding, find_person, settle
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
