"""What was decided, in words; and any decision taken back, at any time and in any order, and made again (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from faceml.decisions.about_faces import Confirm, RejectEach
from faceml.decisions.decision import Decision, Redo, Undo, count_faces
from faceml.decisions.log import ABOUT_PEOPLE, Event
from faceml.decisions.replay import Undos, replay_person
from faceml.decisions.states import PersonState
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.names import fold_name
from faceml.services.decisions.decide import deciding, moving_faces, refresh_centroids, settle
from faceml.storage.sql.lives import About
from faceml.storage.sql.repository import Repository, UnitOfWork


@dataclass(frozen=True, slots=True)
class HistoryLine:
    event_id: int
    at: datetime  # UTC
    actor: str
    kind: str
    text: str  # what was decided, with the names people have now
    undone_by: int | None  # the undo that holds it back; None where it stands

    def __str__(self) -> str:
        undone = f"  [undone by {self.undone_by}]" if self.undone_by else ""
        return f"{self.event_id:5}  {self.at.astimezone():%Y-%m-%d %H:%M}  {self.actor} {self.text}{undone}"


def history(repository: Repository, *, limit: int = 20) -> list[HistoryLine]:
    """The latest decisions, newest first. Raises WrongUse where `limit` is below 1."""
    if limit < 1:  # SQLite would take -1 for all
        raise WrongUse(f"limit={limit}: ask for 1 decision or more")
    with repository.read() as unit:
        events = unit.events.latest(limit)
        taken_back = unit.events.undos().taken_back
        undone = unit.events.by_ids({event.undoes_id for event in events if event.undoes_id is not None})
        counts = unit.events.changed_faces([*undone, *(event.id for event in events)])
        # Of people who went with an undo, the name that the log kept.
        created = {e.decision.person_id: e.effects.created for e in (*events, *undone.values()) if e.effects.created}
        names = {id_: name for id_, name in created.items() if id_ is not None} | unit.people.names()

    def words(event: Event[Decision]) -> str:
        text = event.decision.words(count_faces(counts.get(event.id, 0)), names)
        if event.undoes_id is None or event.decision.irreversible:
            return text
        target = undone[event.undoes_id]
        if target.undoes_id is not None:
            return f"{text}: took back event {target.id}"
        return f"{text} event {target.id}: {words(target)}"

    return [
        HistoryLine(event.id, event.created_at, event.actor, event.kind, words(event), taken_back.get(event.id))
        for event in events
    ]


MOST_NAMED = 1_000  # faces


@dataclass(frozen=True, slots=True)
class Since:
    """What was decided after an event."""

    latest_event: int
    face_ids: tuple[UUID, ...] | None  # None: too many to name
    texts: tuple[str, ...]  # oldest first


def decided_since(repository: Repository, event_id: int, *, limit: int = 20) -> Since:
    """What anybody decided after an event, of the texts the latest `limit`."""
    with repository.read() as unit:
        latest = unit.events.newest_id()
        if latest <= event_id:
            return Since(latest, (), ())
        faces = unit.grid.changed_faces_since(event_id, limit=MOST_NAMED + 1)
    lines = [line for line in reversed(history(repository, limit=limit)) if line.event_id > event_id]
    texts = tuple(f"{line.actor} {line.text}" for line in lines)
    return Since(latest, None if len(faces) > MOST_NAMED else tuple(faces), texts)


@dataclass(frozen=True, slots=True)
class UndoReport:
    event_id: int  # of this undo or redo, by which it can be taken back itself
    undone_event_id: int  # the decision, or an undo or redo of it, that no longer stands
    decision_id: int  # the decision that was taken back or made again
    kind: str  # of that decision: label, merge, …
    is_redo: bool  # the decision stands again
    faces_restored: int
    faces_left: int  # the decision had changed them, but a later one, or a grouping since, says otherwise


def undo(library: Library, event_id: int | None = None, *, actor: str) -> UndoReport:
    """Take a decision back; without an id, the latest that stands. Everything else stays as if it had not been made.

    Faces get what the decisions that stand say about them: where a later one spoke, it counts. Undoing a merge brings
    the person and their faces back. Who was first named by this decision, and is spoken of by no other, goes from the
    library with it, and so do the names that machines gave on that ground; the log keeps the name, redo brings it back.
    Undoing an undo, or a redo, is possible too.

    Raises:
        NotFound: there is no such event, or nothing to undo.
        Conflict: it was undone already, a later undo or redo of the same decision overrules it, or somebody else has
            the name that it would restore.
    """
    with deciding(library) as unit:
        undos = unit.events.undos()
        event = unit.events.newest(leaving_out=undos.taken_back) if event_id is None else unit.events.get(event_id)
        if event is None:
            raise NotFound("there is no decision to undo: nothing was decided yet, or everything is undone")
        return _take_back(unit, event, undos, actor)


def redo(library: Library, event_id: int | None = None, *, actor: str) -> UndoReport:
    """Make a decision again that was taken back: by the id of the decision or of its undo; without, the latest undo's.

    Raises:
        NotFound: there is no such event, or nothing to redo.
        Conflict: the decision stands, or it cannot stand beside later ones.
    """
    with deciding(library) as unit:
        undos = unit.events.undos()
        if event_id is None:
            if undos.latest is None:
                raise NotFound("there is no undo to take back")
            return _take_back(unit, unit.events.get(undos.taken_back[undos.latest]), undos, actor)
        event = unit.events.get(event_id)
        if not isinstance(event.decision, Undo):
            if undos.stands(event_id):
                raise Conflict(f"event {event_id} is not undone: there is nothing to redo")
            event = unit.events.get(undos.taken_back[event_id])
        return _take_back(unit, event, undos, actor)


def _take_back(unit: UnitOfWork, event: Event[Decision], undos: Undos, actor: str) -> UndoReport:
    """Take back one event, be it an undo, and with it make its decision stand or fall."""
    if not undos.stands(event.id):
        raise Conflict(
            f"event {event.id} is already undone, by event {undos.taken_back[event.id]}: undo that one to redo it"
        )
    decided = unit.events.get(undos.decision_of(event.id))
    decision = decided.decision
    if irreversible := event.decision.irreversible or decision.irreversible:
        raise Conflict(f"event {event.id} {irreversible}")
    then = undos.with_another(event.id)
    is_redo = then.stands(decided.id)
    if is_redo == undos.stands(decided.id):
        raise Conflict(_overruled(event.id, decided.id, undos))
    chain = unit.events.by_ids(then.about(decided.id))
    faces = [change.face_id for id_ in chain for change in unit.events.changes(id_)]
    faces += moving_faces(unit, decision)
    gone = _restore_people(unit, decision, then)
    faces += [face.id for person_id in gone for face in unit.faces.of_person(person_id, with_missing=True)]
    written = settle(unit, faces, then, gone=gone)
    for person_id in gone:
        unit.people.remove(person_id)
    lost = {person_id for event_ in chain.values() for person_id in event_.effects.centroids_lost}
    refresh_centroids(unit, sorted(unit.people.existing(sorted(lost))), create=True)
    event_id = unit.events.append(
        Redo(person_id=decision.person_id) if is_redo else Undo(person_id=decision.person_id),
        actor=actor,
        changes=written.changes,
        effects=written.effects,
        undoes_id=event.id,
    )
    touched = {change.face_id for change in unit.events.changes(decided.id) if change.before != change.after}
    restored = {change.face_id for change in written.changes}
    return UndoReport(event_id, event.id, decided.id, decided.kind, is_redo, len(restored), len(touched - restored))


def _overruled(event_id: int, decision_id: int, undos: Undos) -> str:
    if undos.stands(decision_id):
        held = f"event {decision_id} stands again since"
    else:
        held = f"event {decision_id} is held back by event {undos.taken_back[decision_id]} too: undo that one"
    return f"taking event {event_id} back would change nothing: {held}"


def _restore_people(unit: UnitOfWork, decision: Decision, undos: Undos) -> list[UUID]:
    """Bring the people a decision speaks of to what the decisions that stand say, new records where they were gone.

    Returns:
        People of whom no decision speaks any more; the caller frees their faces and removes them.
    Raises:
        Conflict: a name is another person's by now, or people would be merged in a circle.
    """
    events: list[Event[Decision]] = unit.events.of(*ABOUT_PEOPLE.values(), Confirm, RejectEach)
    concerned = sorted(decision.concerns)
    gone = [person_id for person_id in concerned if _is_gone(unit, person_id, events, undos)]
    staying = [person_id for person_id in concerned if person_id not in gone]
    there = unit.people.existing(staying)
    known_as = {id_: there[id_].name if id_ in there else _created_as(unit, id_) or str(id_) for id_ in staying}
    people = {id_: replay_person(id_, events, name, undos.stands) for id_, name in known_as.items()}
    renamed = {id_: p.name for id_, p in people.items() if id_ not in there or p.name != there[id_].name}
    _refuse_taken(unit, renamed, people)
    for person_id in staying:
        if person_id not in there:
            unit.people.add(str(person_id), person_id=person_id)  # its name follows
    unit.people.set_names(renamed)
    for person_id, person in people.items():
        unit.people.set_status(person_id, person.status, person.merged_into_id)
        unit.people.set_cover(person_id, person.cover)
    unit.lives.write({id_: About(p.born, p.died, p.note, p.aliases, p.kin) for id_, p in people.items()})
    _refuse_circle(unit, staying)
    return sorted(unit.people.existing(gone))


def _created_as(unit: UnitOfWork, person_id: UUID) -> str | None:
    created = (event.effects.created for event in unit.events.of_person(person_id))
    return next((name for name in created if name is not None), None)


def _is_gone(unit: UnitOfWork, person_id: UUID, events: Sequence[Event[Decision]], undos: Undos) -> bool:
    """Whether a person came with a decision that is taken back, and no other one that stands needs them."""
    own = unit.events.of_person(person_id)
    about = [*own, *(event for event in events if person_id in event.decision.concerns)]
    return any(event.effects.created is not None for event in own) and not any(
        event.decision.keeps_people and undos.stands(event.id) for event in about
    )


def _refuse_taken(unit: UnitOfWork, renamed: Mapping[UUID, str], people: Mapping[UUID, PersonState]) -> None:
    called = {id_: {fold_name(name) for name in (one.name, *one.aliases)} for id_, one in people.items()}
    aliases = ((id_, alias) for id_, one in people.items() for alias in one.aliases)
    for person_id, name in (*renamed.items(), *aliases):
        holder = unit.people.holding(name)
        others = [id_ for id_, names in called.items() if id_ != person_id and fold_name(name) in names]
        taken_by = holder.id if holder is not None and holder.id not in people else next(iter(others), None)
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
