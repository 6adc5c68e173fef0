"""Take any decision back, at any time and in any order, and take that back again (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NameTaken, NotFound
from faceml.services.decide import Written, deciding, lost_centroids, refresh_centroids, settle
from faceml.services.replay import PEOPLE_KINDS, replay_name, replay_status, survivor, taken_back
from faceml.storage.events import Event
from faceml.storage.people import fold_name
from faceml.storage.repository import UnitOfWork
from faceml.wiring import Library

# What keeps a person in the library, while it stands, although the decision that first named them was taken back.
KEEPING = ("label", "assign", "reject", "exemplars", "merge", "rename", "hide", "unhide")


@dataclass(frozen=True, slots=True)
class UndoReport:
    event_id: int  # of this undo or redo, by which it can be taken back itself
    undone_event_id: int
    kind: str  # of the decision that was taken back or made again: label, merge, …
    is_redo: bool  # the decision stands again
    faces_restored: int
    faces_left: int  # the decision had changed them, but a later one, or a grouping since, says otherwise


@dataclass(frozen=True, slots=True)
class _Toggle:
    """An undo or redo being carried out."""

    decision: Event
    chain: tuple[int, ...]  # the decision, and every undo and redo of it
    is_redo: bool
    taken_back: Mapping[int, int]  # as it will be; this undo counts as event `new`


def undo(library: Library, event_id: int | None = None, *, actor: str) -> UndoReport:
    """Take a decision back; without an id, the latest that stands. Everything else stays as if it had not been made.

    Faces get what the decisions that stand say about them: where a later one spoke, it counts. Undoing a merge brings
    the person and their faces back. Who was first named by this decision, and is spoken of by no other, goes from the
    library with it, and so do the names that machines gave on that ground; the log keeps the name, redo brings it back.
    Undoing an undo, or a redo, is possible too.

    Raises:
        NotFound: there is no such event, or nothing to undo.
        Conflict: it was undone already, or somebody else has the name that it would restore.
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
        off = taken_back(unit.events.undos())
        if event_id is None:
            event = unit.events.newest(is_undo=True, kind="undo", leaving_out=off)
        else:
            given = unit.events.get(event_id)
            event = given if given.kind == "undo" else unit.events.get(off[event_id]) if event_id in off else None
            if event is None:
                raise Conflict(f"event {event_id} is not undone: there is nothing to redo")
        if event is None:
            raise NotFound("there is no undo to take back")
        return _take_back(unit, event, off, actor)


def _take_back(unit: UnitOfWork, event: Event, off: Mapping[int, int], actor: str) -> UndoReport:
    if event.id in off:
        raise Conflict(f"event {event.id} is undone already, by event {off[event.id]}: undo that one to redo it")
    toggle = _toggle(unit, event)
    decision, chain = toggle.decision, toggle.chain
    gone = _gone(unit, toggle)
    former = _faces_of_people(unit, toggle)
    _bring_back_people(unit, toggle)
    if decision.kind in PEOPLE_KINDS:
        _restore_people(unit, toggle)
    for person_id in gone:
        former += [face.id for face in unit.faces.of_person(person_id)]
        unit.outbox.push(unit.prototypes.remove_centroids([person_id]))
    changed = [change for id_ in chain for change in unit.events.changes(id_)]
    written = _settle_without(unit, [*former, *(change.face_id for change in changed)], gone, toggle)
    _restore_centroids(unit, toggle)
    touched = {change.face_id for change in unit.events.changes(decision.id) if change.before != change.after}
    event_id = unit.events.append(
        "redo" if toggle.is_redo else "undo",
        actor=actor,
        person_id=decision.person_id,
        changes=written.changes,
        details=lost_centroids(written),
        undoes_id=event.id,
    )
    restored = {change.face_id for change in written.changes}
    return UndoReport(event_id, event.id, decision.kind, toggle.is_redo, len(restored), len(touched - restored))


def _toggle(unit: UnitOfWork, event: Event) -> _Toggle:
    undos = unit.events.undos()
    target = dict(undos)
    root = event.id
    while root in target:
        root = target[root]
    chain = {root}
    for id_, undoes_id in undos:
        if undoes_id in chain:
            chain.add(id_)
    new = max((id_ for id_, _ in undos), default=0) + event.id + 1  # later than all
    off = taken_back([*undos, (new, event.id)])
    return _Toggle(unit.events.get(root), tuple(sorted(chain)), root not in off, off)
