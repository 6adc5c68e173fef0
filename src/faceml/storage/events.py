"""The log of people's decisions: append-only, with each face's state before and after (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from faceml.records import AssignedBy
from faceml.storage.faces import FaceState
from faceml.storage.tables import LabelChange, LabelEvent


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


class Events:
    def __init__(self, session: Session) -> None:
        self._session = session

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

    def latest(self, limit: int) -> list[Event]:
        rows = self._session.scalars(select(LabelEvent).order_by(LabelEvent.id.desc()).limit(limit))
        return [
            Event(row.id, row.kind, row.actor, row.person_id, row.undoes_id, row.details, row.created_at)
            for row in rows
        ]

    def changes(self, event_id: int) -> list[Change]:
        rows = self._session.scalars(select(LabelChange).where(LabelChange.event_id == event_id))
        return [Change(row.face_instance_id, _from_json(row.before), _from_json(row.after)) for row in rows]

    def count(self, *, by_other_than: str | None = None) -> int:
        statement = select(func.count()).select_from(LabelEvent)
        if by_other_than is not None:
            statement = statement.where(LabelEvent.actor != by_other_than)
        return self._session.execute(statement).scalar_one()


def _as_json(state: FaceState) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, UUID) else value for key, value in asdict(state).items()}


def _from_json(stored: dict[str, Any]) -> FaceState:
    return FaceState(
        **{
            **stored,
            "person_id": UUID(stored["person_id"]) if stored["person_id"] else None,
            "runner_up_id": UUID(stored["runner_up_id"]) if stored["runner_up_id"] else None,
            "assigned_by": AssignedBy(stored["assigned_by"]) if stored["assigned_by"] else None,
        }
    )
