"""The log of people's decisions: append-only, with each face's state before and after (DESIGN D4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from faceml.errors import NotFound
from faceml.records import AssignedBy, Dismissal
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.erasure import IRREVERSIBLE
from faceml.storage.sql.face_states import FaceState
from faceml.storage.sql.locks import lock_labels
from faceml.storage.sql.tables import LabelChange, LabelEvent


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision does to one face."""

    face_id: UUID
    before: FaceState
    after: FaceState


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    kind: str
    actor: str
    person_id: UUID | None
    undoes_id: int | None
    details: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One event in the history of one face."""

    event: Event
    before: FaceState
    after: FaceState


class Events:
    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> None:
        """Wait for whoever else is writing labels; until this transaction ends nobody else does."""
        lock_labels(self._session)

    def append(
        self,
        kind: str,
        *,
        actor: str,
        person_id: UUID | None,
        changes: Sequence[Change],
        details: dict[str, Any] | None = None,
        undoes_id: int | None = None,
    ) -> int:
        """Write one decision down; returns the event's id."""
        event = LabelEvent(kind=kind, actor=actor, person_id=person_id, details=details or {}, undoes_id=undoes_id)
        self._session.add(event)
        self._session.flush()
        if changes:
            self._session.execute(
                insert(LabelChange),
                [
                    {
                        "event_id": event.id,
                        "face_instance_id": change.face_id,
                        "before": _as_json(change.before),
                        "after": _as_json(change.after),
                    }
                    for change in changes
                ],
            )
        return event.id

    # --- reading

    def get(self, event_id: int) -> Event:
        """Raises NotFound."""
        row = self._session.get(LabelEvent, event_id)
        if row is None:
            raise NotFound(f"there is no event {event_id}: `faceml people history` lists them")
        return _event(row)

    def latest(self, limit: int) -> list[Event]:
        rows = self._session.scalars(select(LabelEvent).order_by(LabelEvent.id.desc()).limit(limit))
        return [_event(row) for row in rows]

    def by_ids(self, event_ids: Collection[int]) -> dict[int, Event]:
        found: dict[int, Event] = {}
        for piece in chunks(sorted(event_ids)):
            found.update(
                (row.id, _event(row))
                for row in self._session.scalars(select(LabelEvent).where(LabelEvent.id.in_(piece)))
            )
        return found

    def of_kinds(self, kinds: Collection[str]) -> list[Event]:
        """Events of these kinds, oldest first."""
        statement = select(LabelEvent).where(LabelEvent.kind.in_(kinds)).order_by(LabelEvent.id)
        return [_event(row) for row in self._session.scalars(statement)]

    def of_person(self, person_id: UUID) -> list[Event]:
        """Events whose subject is this person, oldest first."""
        statement = select(LabelEvent).where(LabelEvent.person_id == person_id).order_by(LabelEvent.id)
        return [_event(row) for row in self._session.scalars(statement)]

    def newest(self, *, is_undo: bool, leaving_out: Collection[int], kind: str | None = None) -> Event | None:
        """The newest event that is (or is not) an undo or redo, of a kind where given, and not among some.

        Erasures, and what they left of other events, are passed by.
        """
        statement = select(LabelEvent).where(
            LabelEvent.undoes_id.is_not(None) if is_undo else LabelEvent.undoes_id.is_(None),
            LabelEvent.kind.not_in(IRREVERSIBLE),
        )
        if kind is not None:
            statement = statement.where(LabelEvent.kind == kind)
        rows = self._session.scalars(statement.order_by(LabelEvent.id.desc()).execution_options(yield_per=100))
        return next((_event(row) for row in rows if row.id not in leaving_out), None)

    def undos(self) -> list[tuple[int, int]]:
        """(event, event that it takes back) of every undo and redo, oldest first."""
        statement = select(LabelEvent.id, LabelEvent.undoes_id).where(LabelEvent.undoes_id.is_not(None))
        rows = self._session.execute(statement.order_by(LabelEvent.id))
        return [(row[0], row[1]) for row in rows if row[1] is not None]

    def changes(self, event_id: int) -> list[Change]:
        rows = self._session.scalars(select(LabelChange).where(LabelChange.event_id == event_id))
        return [Change(row.face_instance_id, _from_json(row.before), _from_json(row.after)) for row in rows]

    def changed_faces(self, event_ids: Sequence[int]) -> dict[int, int]:
        """How many faces each of these events is about."""
        statement = select(LabelChange.event_id, func.count()).where(LabelChange.event_id.in_(event_ids))
        return {row[0]: row[1] for row in self._session.execute(statement.group_by(LabelChange.event_id))}

    def histories(self, face_ids: Sequence[UUID]) -> dict[UUID, list[Step]]:
        """Everything that was decided about each of these faces, oldest first; faces without are left out."""
        rows = [
            row
            for piece in chunks(face_ids)
            for row in self._session.execute(
                select(LabelChange.event_id, LabelChange.face_instance_id, LabelChange.before, LabelChange.after)
                .where(LabelChange.face_instance_id.in_(piece))
                .order_by(LabelChange.event_id)
            )
        ]
        events = self.by_ids({row.event_id for row in rows})
        steps: dict[UUID, list[Step]] = defaultdict(list)
        for row in rows:
            steps[row.face_instance_id].append(
                Step(events[row.event_id], _from_json(row.before), _from_json(row.after))
            )
        return dict(steps)

    def count(self, *, by_other_than: str | None = None) -> int:
        statement = select(func.count()).select_from(LabelEvent)
        if by_other_than is not None:
            statement = statement.where(LabelEvent.actor != by_other_than)
        return self._session.execute(statement).scalar_one()


def _event(row: LabelEvent) -> Event:
    return Event(row.id, row.kind, row.actor, row.person_id, row.undoes_id, row.details, row.created_at)


def _as_json(state: FaceState) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, UUID) else value for key, value in asdict(state).items()}


def _from_json(stored: dict[str, Any]) -> FaceState:
    dismissed_as = stored.get("dismissed_as")  # events older than dismissals do not say
    return FaceState(
        **{
            **stored,
            "person_id": UUID(stored["person_id"]) if stored["person_id"] else None,
            "runner_up_id": UUID(stored["runner_up_id"]) if stored["runner_up_id"] else None,
            "assigned_by": AssignedBy(stored["assigned_by"]) if stored["assigned_by"] else None,
            "dismissed_as": Dismissal(dismissed_as) if dismissed_as else None,
        }
    )
