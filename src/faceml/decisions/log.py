"""The log of decisions, and the one codec between a decision and its stored kind, subject and JSON.

What is stored is read by other versions of faceml too: a kind's name and its keys never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from faceml.decisions import about_faces, about_people
from faceml.decisions.decision import Decision, Erase, Erased, Forget, Redo, Undo, Unknown
from faceml.decisions.states import FaceState, PersonState
from faceml.records import AssignedBy, Dismissal

D = TypeVar("D", bound=Decision, covariant=True)


@dataclass(frozen=True, slots=True)
class Effects:
    """What came of a decision beside its faces; the log notes it so that taking it back is complete."""

    created: str | None = None  # the name of a person of whom nobody had spoken before: taken back, they go again
    centroids_lost: tuple[UUID, ...] = ()  # people whose last face went


@dataclass(frozen=True, slots=True)
class Event(Generic[D]):
    id: int
    decision: D
    actor: str
    created_at: datetime  # UTC
    undoes_id: int | None = None  # the event that an undo or redo takes back
    effects: Effects = Effects()

    @property
    def kind(self) -> str:
        return kind_of(self.decision)


@dataclass(frozen=True, slots=True)
class FaceEvent:
    """One event in the history of one face."""

    event: Event[Decision]
    before: FaceState
    after: FaceState


ABOUT_FACES: Mapping[str, type[Decision]] = {
    "label": about_faces.Label,
    "label_some": about_faces.LabelSome,
    "assign": about_faces.Assign,
    "unassign": about_faces.Unassign,
    "reject": about_faces.Reject,
    "reject_each": about_faces.RejectEach,
    "confirm": about_faces.Confirm,
    "dismiss": about_faces.Dismiss,
    "restore": about_faces.Restore,
    "draw": about_faces.Draw,
    "redraw": about_faces.Redraw,
    "exemplars": about_faces.ChooseExemplars,
    "split": about_faces.Split,
    "apart": about_faces.DifferentPeople,
}
ABOUT_PEOPLE: Mapping[str, type[Decision]] = {
    "merge": about_people.Merge,
    "rename": about_people.Rename,
    "hide": about_people.Hide,
    "unhide": about_people.Unhide,
    "cover": about_people.ChooseCover,
    "describe": about_people.Describe,
    "relate": about_people.Relate,
}
ABOUT_DECISIONS: Mapping[str, type[Decision]] = {
    "undo": Undo,
    "redo": Redo,
    "erase": Erase,
    "erased": Erased,
    "forget": Forget,
}
KINDS = {**ABOUT_FACES, **ABOUT_PEOPLE, **ABOUT_DECISIONS}
_KIND_OF = {type_: kind for kind, type_ in KINDS.items()}


def kind_of(decision: Decision) -> str:
    """The stored name of its kind."""
    return decision.stored_kind if isinstance(decision, Unknown) else _KIND_OF[type(decision)]


def encode(decision: Decision, effects: Effects = Effects()) -> dict[str, Any]:
    """The details of a decision as JSON; kind and subject have columns of their own.

    >>> encode(about_faces.Split("clu_1", 2))
    {'people': [], 'exemplars': [], 'cluster_id': 'clu_1', 'parts': 2}
    """
    if isinstance(decision, Unknown):
        return dict(decision.details)
    # Every decision about faces stores both, even if it is about nobody else and chooses no exemplar.
    stored: dict[str, Any] = {"people": [], "exemplars": []} if kind_of(decision) in ABOUT_FACES else {}
    for field in fields(decision):
        value = getattr(decision, field.name)
        if field.name != "person_id" and value is not None:
            stored[field.name] = _as_json(value)
    if effects.created is not None:
        stored["created"] = effects.created
    if effects.centroids_lost:
        stored["centroids_lost"] = _as_json(effects.centroids_lost)
    return stored


def decode(kind: str, person_id: UUID | None, details: Mapping[str, Any]) -> Decision:
    """The decision that was stored; `Unknown` where a newer version stored what this one cannot read."""
    type_ = KINDS.get(kind)
    if type_ is None:
        return Unknown(kind, details, person_id=person_id)
    read: dict[str, Any] = {"person_id": person_id}
    try:
        for field in fields(type_):
            if (name := field.name) in details:
                read[name] = _READ[name](details[name]) if name in _READ else details[name]
        return type_(**read)
    except (AttributeError, TypeError, ValueError):  # a key is missing, or a value is not of those known here
        return Unknown(kind, details, person_id=person_id)


def decode_effects(details: Mapping[str, Any]) -> Effects:
    return Effects(details.get("created"), tuple(map(UUID, details.get("centroids_lost", ()))))


def encode_state(state: FaceState) -> dict[str, Any]:
    return {key: _as_json(getattr(state, key)) for key in FaceState.__dataclass_fields__}


def decode_state(stored: Mapping[str, Any]) -> FaceState:
    """A face's state as the log holds it; what versions before did not know of is missing there."""
    return FaceState(**{key: _READ[key](value) if key in _READ and value else value for key, value in stored.items()})


def _as_json(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case frozenset():
            return sorted(map(str, value))
        case tuple():
            return [_as_json(item) for item in value]
        case Mapping():
            return {str(key): _as_json(item) for key, item in value.items()}
    return value


def _ids(texts: Iterable[str]) -> frozenset[UUID]:
    return frozenset(map(UUID, texts))


def _ids_by_person(stored: Mapping[str, Iterable[str]]) -> dict[UUID, frozenset[UUID]]:
    return {UUID(id_): _ids(texts) for id_, texts in stored.items()}


def _group(key: str) -> about_faces.GroupKey:
    try:
        return UUID(key)
    except ValueError:
        return key


def _details(stored: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := stored.keys() - PersonState.__dataclass_fields__.keys():
        raise ValueError(f"a newer version knows {sorted(unknown)} of people")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}


_READ: Mapping[str, Callable[[Any], Any]] = {  # by field, where JSON holds it otherwise
    "person_id": UUID,
    "runner_up_id": UUID,
    "assigned_by": AssignedBy,
    "dismissed_as": Dismissal,
    "people": _ids,
    "exemplars": _ids,
    "left_out": _ids,
    "counted": _ids_by_person,
    "of_faces": _ids_by_person,
    "into": UUID,
    "cover": UUID,
    "other": UUID,
    "replaced": UUID,
    "drawn": UUID,
    "names": lambda names: {UUID(id_): (before, after) for id_, (before, after) in names.items()},
    "details": _details,
    "groups": lambda groups: tuple(map(_group, groups)),
    "sides": lambda sides: tuple(tuple(map(UUID, side)) for side in sides),
}
