"""The log of people's decisions, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from faceml.decisions.decision import Decision, count_faces
from faceml.decisions.log import Event
from faceml.storage.sql.repository import Repository


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
    """The latest decisions, newest first."""
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
