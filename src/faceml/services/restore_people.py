"""Names, statuses and records of people, as the decisions that stand have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from faceml.errors import Conflict
from faceml.services.replay import PEOPLE_KINDS, replay_name, replay_status
from faceml.storage.events import Event
from faceml.storage.people import fold_name
from faceml.storage.repository import UnitOfWork

# While one of these stands, a person stays although the decision that first named them was taken back.
KEEPING = ("label", "assign", "reject", "exemplars", *PEOPLE_KINDS)


def restore_people(unit: UnitOfWork, decision: Event, taken_back: Mapping[int, int]) -> list[UUID]:
    """Bring the people a decision speaks of to what the decisions that stand say, new records where they were gone.

    Returns:
        People of whom no decision speaks any more; the caller frees their faces and removes them.
    Raises:
        Conflict: a name is another person's by now, or people would be merged in a circle.
    """

    def stands(event_id: int) -> bool:
        return event_id not in taken_back

    events = unit.events.of_kinds(PEOPLE_KINDS)
    concerned = _concerned(decision)
    gone = [person_id for person_id in concerned if _is_gone(unit, person_id, events, stands)]
    staying = [person_id for person_id in concerned if person_id not in gone]
    there = unit.people.existing(staying)
    now = {id_: there[id_].name if id_ in there else _created_as(unit, id_) for id_ in staying}
    names = {id_: replay_name(id_, events, name or str(id_), stands) for id_, name in now.items()}
    _refuse_taken(unit, names)
    for person_id in staying:
        if person_id not in there:
            unit.people.add(str(person_id), person_id=person_id)  # its name follows
    unit.people.set_names({id_: name for id_, name in names.items() if id_ not in there or name != there[id_].name})
    for person_id in staying:
        unit.people.set_status(person_id, *replay_status(person_id, events, stands))
    _refuse_circle(unit, staying)
    return sorted(unit.people.existing(gone))


def _concerned(decision: Event) -> list[UUID]:
    texts = {*decision.details.get("names", ()), *filter(None, [decision.details.get("into")])}
    people = {UUID(text) for text in texts} | ({decision.person_id} - {None})
    return sorted(id_ for id_ in people if id_ is not None)


def _created_as(unit: UnitOfWork, person_id: UUID) -> str | None:
    return next((e.details["created"] for e in unit.events.of_person(person_id) if "created" in e.details), None)


def _is_gone(unit: UnitOfWork, person_id: UUID, events: list[Event], stands: Callable[[int], bool]) -> bool:
    """Whether a person came with a decision that is taken back, and no other one speaks of them."""
    own = unit.events.of_person(person_id)
    if not any("created" in event.details for event in own):
        return False
    about = [event for event in own if event.kind in KEEPING] + [e for e in events if person_id in _concerned(e)]
    return not any(stands(event.id) for event in about)


def _refuse_taken(unit: UnitOfWork, names: Mapping[UUID, str]) -> None:
    for person_id, name in names.items():
        holder = unit.people.holding(name)
        others = [id_ for id_, other in names.items() if id_ != person_id and fold_name(other) == fold_name(name)]
        taken_by = holder.id if holder is not None and holder.id not in names else next(iter(others), None)
        if taken_by is not None:
            raise Conflict(
                f"the name {name!r} is another person's by now ({taken_by}): rename that one first, or merge the two"
            )


def _refuse_circle(unit: UnitOfWork, person_ids: list[UUID]) -> None:
    merged = unit.people.merged()
    for start in person_ids:
        person_id, passed = start, {start}
        while (into := merged.get(person_id)) is not None:
            if into in passed:
                name = unit.people.get(into).name
                raise Conflict(f"{name!r} was merged the other way round since: undo that merge first")
            passed.add(into)
            person_id = into
