"""Decisions about people: two are one, somebody has another name, or is not to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from faceml.decisions.decision import Decision
from faceml.decisions.states import PersonState
from faceml.records import PersonStatus


@dataclass(frozen=True, slots=True)
class StatusChange(Decision):
    """A person is to be treated otherwise."""

    gives: ClassVar[PersonStatus]

    person_id: UUID

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        is_about = person_id == self.person_id
        return replace(before, status=self.gives, merged_into_id=None) if is_about else before


@dataclass(frozen=True, slots=True)
class Merge(StatusChange):
    """A person is another one. Faces stay under whom they were put, and who reads follows the merges that stand."""

    gives: ClassVar[PersonStatus] = PersonStatus.MERGED

    into: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"merged {self.who(names)} into {names.get(self.into, 'somebody')} ({faces})"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        is_about = person_id == self.person_id
        return replace(before, status=self.gives, merged_into_id=self.into) if is_about else before

    @property
    def concerns(self) -> frozenset[UUID]:
        return frozenset({self.person_id, self.into})


@dataclass(frozen=True, slots=True)
class Hide(StatusChange):
    """Nothing is matched to a person any more, and lists leave them out."""

    gives: ClassVar[PersonStatus] = PersonStatus.HIDDEN

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"hid {self.who(names)}"


@dataclass(frozen=True, slots=True)
class Unhide(StatusChange):
    """A hidden person is back."""

    gives: ClassVar[PersonStatus] = PersonStatus.ACTIVE

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"brought back {self.who(names)}"


@dataclass(frozen=True, slots=True)
class Rename(Decision):
    """A person has another name; whose record had it takes the former one."""

    person_id: UUID
    names: Mapping[UUID, tuple[str, str]]  # before and after, of one person or of two who swap

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        before, after = self.names[self.person_id]
        return f"renamed {before} to {after}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return replace(before, name=self.names[person_id][1]) if person_id in self.names else before

    @property
    def concerns(self) -> frozenset[UUID]:
        return frozenset({self.person_id, *self.names})


@dataclass(frozen=True, slots=True)
class ChooseCover(Decision):
    """A face is a person's picture wherever people are shown."""

    person_id: UUID
    cover: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"chose a picture of {self.who(names)}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return replace(before, cover=self.cover) if person_id == self.person_id else before


@dataclass(frozen=True, slots=True)
class Describe(Decision):
    """What is known of a person beside their faces: when they were born and died, a note, aliases."""

    person_id: UUID
    details: Mapping[str, Any]  # of `PersonState`, only what is said anew; None is no longer known

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"described {self.who(names)}: {', '.join(_told(*item) for item in self.details.items())}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return replace(before, **self.details) if person_id == self.person_id else before


class Kin(StrEnum):
    """What somebody is to a person: relatives look alike, and are easily taken for each other."""

    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    TWIN = "twin"

    @property
    def other_way(self) -> Kin:
        """What the person is to them."""
        return {Kin.PARENT: Kin.CHILD, Kin.CHILD: Kin.PARENT}.get(self, self)


@dataclass(frozen=True, slots=True)
class Relate(Decision):
    """Somebody is kin to a person; None: they are not, or nobody knows."""

    person_id: UUID
    other: UUID
    kin: str | None = None

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        other = names.get(self.other, "somebody")
        return f"said that {other} is {f'a {self.kin}' if self.kin else 'no relative'} of {self.who(names)}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        if person_id not in (self.person_id, self.other):
            return before
        kin = {(id_, kind) for id_, kind in before.kin if id_ not in (self.person_id, self.other)}
        if self.kin is not None and person_id == self.person_id:
            kin.add((self.other, self.kin))
        return replace(before, kin=frozenset(kin))

    @property
    def concerns(self) -> frozenset[UUID]:
        return frozenset({self.person_id, self.other})


def _told(name: str, value: Any) -> str:
    if name == "note":
        return "a note" if value else "no note"
    if name == "aliases":
        return f"also called {', '.join(value) or 'nothing else'}"
    return f"{name} {value or 'unknown'}"
