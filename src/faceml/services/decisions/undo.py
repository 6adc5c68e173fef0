"""Take any decision back, at any time and in any order, and take that back again (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NotFound
from faceml.library import Library
from faceml.services.decisions.decide import deciding, lost_centroids, refresh_centroids, settle
from faceml.services.decisions.replay import (
    PEOPLE_KINDS,
    latest_taken_back,
    replay_name,
    replay_status,
    survivor,
    taken_back,
)
from faceml.storage.sql.erasure import IRREVERSIBLE
from faceml.storage.sql.events import Event
from faceml.storage.sql.people import fold_name
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class UndoReport:
    event_id: int  # of this undo or redo, by which it can be taken back itself
    undone_event_id: int  # the decision, or an undo or redo of it, that no longer stands
    decision_id: int  # the decision that was taken back or made again
    kind: str  # of that decision: label, merge, …
    is_redo: bool  # the decision stands again
    faces_restored: int
    faces_left: int  # the decision had changed them, but a later one, or a grouping since, says otherwise


@dataclass(frozen=True, slots=True)
class _Toggle:
    """An undo or redo being carried out."""

    decision: Event
    chain: tuple[int, ...]  # the decision, and every undo and redo of it
    is_redo: bool
    taken_back: Mapping[int, int]  # as it will be with this undo


def undo(library: Library, event_id: int | None = None, *, actor: str) -> UndoReport:
    """Take a decision back; without an id, the latest that stands. Everything else stays as if it had not been made.

    Faces get what the decisions that stand say about them: where a later one spoke, it counts. Undoing a merge brings
    the person and their faces back. Who was first named by this decision, and is spoken of by no other, goes from the
    library with it, and so do the names that machines gave on that ground; the log keeps the name, redo brings it back.
    Undoing an undo, or a redo, is possible too.

    Raises:
        NotFound: there is no such event, or nothing to undo.
        Conflict: it was undone already, a later word on the same decision overrules it, or somebody else has the name
            that it would restore.
    """
    with deciding(library) as unit:
        off = taken_back(unit.events.undos())
        event = unit.events.get(event_id) if event_id else unit.events.newest(is_undo=False, leaving_out=off)
        if event is None:
            raise NotFound("there is no decision to undo: none was made, or all are undone")
        return _take_back(unit, event, off, actor)


def redo(library: Library, event_id: int | None = None, *, actor: str) -> UndoReport:
    """Make a decision again that was taken back: by the id of the decision or of its undo; without, the latest undo's.

    Raises:
        NotFound: there is no such event, or nothing to redo.
        Conflict: the decision stands, or it cannot stand beside later ones.
    """
    with deciding(library) as unit:
        undos = unit.events.undos()
        off = taken_back(undos)
        if event_id is None:
            decision_id = latest_taken_back(undos)
            if decision_id is None:
                raise NotFound("there is no undo to take back")
            return _take_back(unit, unit.events.get(off[decision_id]), off, actor)
        given = unit.events.get(event_id)
        event = given if given.kind == "undo" else unit.events.get(off[event_id]) if event_id in off else None
        if event is None:
            raise Conflict(f"event {event_id} is not undone: there is nothing to redo")
        return _take_back(unit, event, off, actor)


def _take_back(unit: UnitOfWork, event: Event, off: Mapping[int, int], actor: str) -> UndoReport:
    if event.id in off:
        raise Conflict(f"event {event.id} is already undone, by event {off[event.id]}: undo that one to redo it")
    toggle = _toggle(unit, event)
    if {event.kind, toggle.decision.kind} & set(IRREVERSIBLE):
        raise Conflict(f"event {event.id} is about a person who was erased: nothing is left of it to bring back")
    if toggle.is_redo == (toggle.decision.id not in off):
        raise Conflict(_overruled(event, toggle.decision, off))
    chain = unit.events.by_ids(toggle.chain)
    faces = [change.face_id for id_ in toggle.chain for change in unit.events.changes(id_)]
    faces += _faces_of_merge(unit, toggle.decision)
    gone = restore_people(unit, toggle.decision, toggle.taken_back)
    faces += [face.id for person_id in gone for face in unit.faces.of_person(person_id)]
    written = settle(unit, faces, toggle.taken_back, gone=gone)
    for person_id in gone:
        unit.people.remove(person_id)
    _restore_centroids(unit, chain.values())
    event_id = unit.events.append(
        "redo" if toggle.is_redo else "undo",
        actor=actor,
        person_id=toggle.decision.person_id,
        changes=written.changes,
        details=lost_centroids(written),
        undoes_id=event.id,
    )
    touched = {change.face_id for change in unit.events.changes(toggle.decision.id) if change.before != change.after}
    restored = {change.face_id for change in written.changes}
    left = len(touched - restored)
    decision = toggle.decision
    return UndoReport(event_id, event.id, decision.id, decision.kind, toggle.is_redo, len(restored), left)


def _overruled(event: Event, decision: Event, off: Mapping[int, int]) -> str:
    if decision.id in off:
        held = f"event {decision.id} is held back by event {off[decision.id]} too: undo that one"
    else:
        held = f"event {decision.id} stands by a later word"
    return f"taking event {event.id} back would change nothing: {held}"


def _toggle(unit: UnitOfWork, event: Event) -> _Toggle:
    undos = unit.events.undos()
    undoes = dict(undos)
    root = event.id
    while root in undoes:
        root = undoes[root]
    chain = [root]
    for id_, undoes_id in undos:  # oldest first, so what an undo takes back is in the chain before it
        if undoes_id in chain:
            chain.append(id_)
    newest = max([event.id, *undoes]) + 1
    off = taken_back([*undos, (newest, event.id)])
    return _Toggle(unit.events.get(root), tuple(chain), root not in off, off)


def _faces_of_merge(unit: UnitOfWork, decision: Event) -> list[UUID]:
    """Faces that may move when a merge is taken back or made again: of both people and whom they became."""
    if decision.kind != "merge" or decision.person_id is None:
        return []
    merged = unit.people.merged()
    both = (decision.person_id, UUID(decision.details["into"]))
    people = {id_ for person_id in both for id_ in (person_id, survivor(person_id, merged))}
    faces = [face.id for person_id in sorted(people) for face in unit.faces.of_person(person_id)]
    return [*faces, *sorted(unit.people.faces_ruled_out(sorted({*people, *merged})))]


def _restore_centroids(unit: UnitOfWork, chain: Iterable[Event]) -> None:
    lost = {UUID(text) for event in chain for text in event.details.get("centroids_lost", ())}
    there = sorted(unit.people.existing(sorted(lost)))
    refresh_centroids(unit, there, create=True)


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
