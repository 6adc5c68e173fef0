"""The log of people's decisions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from faceml.records import Dismissal
from faceml.services.decisions.decide import as_uuid
from faceml.services.decisions.replay import taken_back
from faceml.storage.sql.erasure import IRREVERSIBLE
from faceml.storage.sql.events import Event
from faceml.storage.sql.repository import Repository, UnitOfWork

DISMISSED = {Dismissal.NOT_A_FACE: "not a face", Dismissal.STRANGER: "a stranger, stop asking"}


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
        off = taken_back(unit.events.undos())
        undone = unit.events.by_ids({event.undoes_id for event in events if event.undoes_id is not None})
        counts = unit.events.changed_faces([*undone, *(event.id for event in events)])
        names = _names(unit, [*events, *undone.values()])
    return [
        HistoryLine(
            event.id,
            event.created_at,
            event.actor,
            event.kind,
            _taken_back_words(event, undone, counts, names)
            if event.undoes_id and event.kind not in IRREVERSIBLE
            else words(event, counts, names),
            off.get(event.id),
        )
        for event in events
    ]


def words(event: Event, counts: Mapping[int, int], names: Mapping[UUID, str]) -> str:
    """One decision as a person would say it, without its subject."""
    who = names.get(event.person_id, "somebody") if event.person_id else "several people"
    faces = _faces(counts.get(event.id, 0))
    details = event.details
    match event.kind:
        case "label":
            return f"labelled {details.get('cluster_id', 'a cluster')} ({faces}) as {who}"
        case "assign":
            source = f" from {details['imported_from']}" if "imported_from" in details else ""
            return f"assigned {faces} to {who}{source}"
        case "unassign":
            return f"took {faces} from {who}"
        case "reject":
            return f"said of {faces}: not {who}"
        case "dismiss":
            return f"said of {faces}: {DISMISSED[details['dismissed_as']]}"
        case "merge":
            return f"merged {who} into {names.get(UUID(details['into']), 'somebody')} ({faces})"
        case "split":
            return f"split {details['cluster_id']} ({faces}) into {details['parts']} clusters"
        case "rename":
            before, after = details["names"][str(event.person_id)]
            return f"renamed {before} to {after}"
        case "exemplars":
            return f"chose {len(details['exemplars'])} exemplars of {who}"
        case "apart":
            one, other = (names.get(id_, key) if (id_ := as_uuid(key)) else key for key in details["groups"])
            return f"said that {one} and {other} are different people"
        case "hide":
            return f"hid {who}"
        case "unhide":
            return f"brought back {who}"
        case "erase":
            return f"erased a person and {_faces(details['faces'])}, for good"
        case "erased":
            return f"decided something ({details['was']}) about a person who was erased"
    return f"{event.kind}: {faces}, {who}"


def _taken_back_words(
    event: Event, undone: Mapping[int, Event], counts: Mapping[int, int], names: Mapping[UUID, str]
) -> str:
    target = undone[event.undoes_id or 0]
    verb = "undid" if event.kind == "undo" else "redid"
    if target.undoes_id:
        return f"{verb}: took back event {target.id}"
    return f"{verb} event {target.id}: {words(target, counts, names)}"


def _names(unit: UnitOfWork, events: list[Event]) -> dict[UUID, str]:
    """Names by the records; of people who went with an undo, the name that the log kept."""
    created = {e.person_id: e.details["created"] for e in events if e.person_id and "created" in e.details}
    return {**created, **unit.people.names()}


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count} faces"
