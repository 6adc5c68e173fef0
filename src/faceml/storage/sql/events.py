"""The log of people's decisions: append-only, with each face's state before and after (DESIGN D4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select

from faceml.decisions import log
from faceml.decisions.decision import Decision, Erase, Erased, Forget
from faceml.decisions.replay import Undos
from faceml.decisions.states import Change
from faceml.errors import NotFound
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.locks import lock_labels
from faceml.storage.sql.tables import LabelChange, LabelEvent

D = TypeVar("D", bound=Decision)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision, and what came of it."""

    decision: Decision
    changes: Sequence[Change]
    effects: log.Effects


class Events(Store):
    def lock(self) -> None:
        """Wait for whoever else is writing labels; until this transaction ends nobody else does."""
        lock_labels(self._session)

    def append(
        self,
        decision: Decision,
        *,
        actor: str,
        changes: Sequence[Change] = (),
        effects: log.Effects = log.Effects(),
        undoes_id: int | None = None,
    ) -> int:
        """Write one decision down; returns the event's id."""
        return self.append_all([Entry(decision, changes, effects)], actor=actor, undoes_id=undoes_id)[0]

    def append_all(self, entries: Sequence[Entry], *, actor: str, undoes_id: int | None = None) -> list[int]:
        """Write several down, one after the other; returns their ids."""
        events = [
            LabelEvent(
                kind=log.kind_of(entry.decision),
                actor=actor,
                person_id=entry.decision.person_id,
                details=log.encode(entry.decision, entry.effects),
                undoes_id=undoes_id,
            )
            for entry in entries
        ]
        self._session.add_all(events)
        self._session.flush()
        # A decision makes many faces alike; states compare without their threshold.
        encoded = cache(lambda state, _threshold: log.encode_state(state))
        rows = [
            {
                "event_id": event.id,
                "face_instance_id": change.face_id,
                "before": encoded(change.before, change.before.threshold),
                "after": encoded(change.after, change.after.threshold),
            }
            for event, entry in zip(events, entries, strict=True)
            for change in entry.changes
        ]
        self._write(insert(LabelChange), rows)
        return [event.id for event in events]

    # --- reading

    def get(self, event_id: int) -> log.Event[Decision]:
        """Raises NotFound."""
        row = self._session.get(LabelEvent, event_id)
        if row is None:
            raise NotFound(f"there is no event {event_id}: `faceml people history` lists them")
        return _event(row)

    def latest(self, limit: int) -> list[log.Event[Decision]]:
        rows = self._session.scalars(select(LabelEvent).order_by(LabelEvent.id.desc()).limit(limit))
        return [_event(row) for row in rows]

    def by_ids(self, event_ids: Collection[int]) -> dict[int, log.Event[Decision]]:
        rows = self._rows(select(LabelEvent), LabelEvent.id, sorted(event_ids))
        return {event.id: _event(event) for (event,) in rows}

    def of(self, *types: type[D]) -> list[log.Event[D]]:
        """Decisions of these types, oldest first."""
        kinds = [kind for kind, type_ in log.KINDS.items() if type_ in types]
        events = self._where(LabelEvent.kind.in_(kinds))
        return cast("list[log.Event[D]]", [event for event in events if isinstance(event.decision, types)])

    def of_person(self, person_id: UUID) -> list[log.Event[Decision]]:
        """Events whose subject is this person, oldest first."""
        return self._where(LabelEvent.person_id == person_id)

    def spoken_of(self, person_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these people who are the subject of any event."""
        statement = select(LabelEvent.person_id).distinct()
        return {row[0] for row in self._rows(statement, LabelEvent.person_id, person_ids) if row[0]}

    def newest(self, *, leaving_out: Collection[int]) -> log.Event[Decision] | None:
        """The newest decision that is not among some; what can never be taken back does not count."""
        statement = select(LabelEvent).where(LabelEvent.undoes_id.is_(None)).order_by(LabelEvent.id.desc())
        events = (_event(row) for row in self._session.scalars(statement.execution_options(yield_per=100)))
        final = Erase | Erased | Forget
        return next((e for e in events if e.id not in leaving_out and not isinstance(e.decision, final)), None)

    def undos(self) -> Undos:
        statement = select(LabelEvent.id, LabelEvent.undoes_id).where(LabelEvent.undoes_id.is_not(None))
        rows = self._session.execute(statement.order_by(LabelEvent.id))
        return Undos(tuple((row[0], row[1]) for row in rows if row[1] is not None))

    def changes(self, event_id: int) -> list[Change]:
        rows = self._session.scalars(select(LabelChange).where(LabelChange.event_id == event_id))
        return [Change(row.face_instance_id, log.decode_state(row.before), log.decode_state(row.after)) for row in rows]

    def faces_of(self, event_ids: Sequence[int]) -> list[UUID]:
        """The faces that any of these events is about, each once."""
        statement = select(LabelChange.face_instance_id).distinct()
        return list({row[0]: None for row in self._rows(statement, LabelChange.event_id, event_ids)})

    def changed_faces(self, event_ids: Sequence[int]) -> dict[int, int]:
        """How many faces each of these events is about."""
        statement = select(LabelChange.event_id, func.count()).group_by(LabelChange.event_id)
        return {row[0]: row[1] for row in self._rows(statement, LabelChange.event_id, event_ids)}

    def histories(self, face_ids: Sequence[UUID]) -> dict[UUID, list[log.FaceEvent]]:
        """Everything decided about each of these faces, oldest first; faces without a decision are left out."""
        statement = select(LabelChange.event_id, LabelChange.face_instance_id, LabelChange.before, LabelChange.after)
        rows = [*self._rows(statement.order_by(LabelChange.event_id), LabelChange.face_instance_id, face_ids)]
        events = self.by_ids({row.event_id for row in rows})
        steps: dict[UUID, list[log.FaceEvent]] = defaultdict(list)
        for row in rows:
            steps[row.face_instance_id].append(
                log.FaceEvent(events[row.event_id], log.decode_state(row.before), log.decode_state(row.after))
            )
        return dict(steps)

    def newest_id(self) -> int:
        """0 where nobody decided anything yet; whoever finds it unchanged finds the labels unchanged."""
        return self._session.scalar(select(func.max(LabelEvent.id))) or 0

    def count(self, *, by_other_than: str | None = None) -> int:
        return self._count(LabelEvent, *(() if by_other_than is None else (LabelEvent.actor != by_other_than,)))

    def _where(self, condition: ColumnElement[bool]) -> list[log.Event[Decision]]:
        statement = select(LabelEvent).where(condition).order_by(LabelEvent.id)
        return [_event(row) for row in self._session.scalars(statement)]


def _event(row: LabelEvent) -> log.Event[Decision]:
    decision = log.decode(row.kind, row.person_id, row.details)
    return log.Event(row.id, decision, row.actor, row.created_at, row.undoes_id, log.decode_effects(row.details))
