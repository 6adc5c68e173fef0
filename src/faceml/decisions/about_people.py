"""What people say of people: two are one, somebody has another name, or is not to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from faceml.decisions.decision import Decision
from faceml.decisions.states import PersonState
from faceml.records import PersonStatus


@dataclass(frozen=True, slots=True)
class Merge(Decision):
    """A person is another one. Faces stay under whom they were put, and who reads follows the merges that stand."""

    moves_faces: ClassVar[bool] = True

    person_id: UUID
    into: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"merged {self.who(names)} into {names.get(self.into, 'somebody')} ({faces})"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return PersonState(before.name, PersonStatus.MERGED, self.into) if person_id == self.person_id else before

    @property
    def people(self) -> frozenset[UUID]:
        return frozenset({self.person_id, self.into})


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
    def people(self) -> frozenset[UUID]:
        return frozenset({self.person_id, *self.names})


@dataclass(frozen=True, slots=True)
class Hide(Decision):
    """Nothing is matched to a person any more, and lists leave them out."""

    person_id: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"hid {self.who(names)}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return PersonState(before.name, PersonStatus.HIDDEN) if person_id == self.person_id else before


@dataclass(frozen=True, slots=True)
class Unhide(Decision):
    """A hidden person is back."""

    person_id: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"brought back {self.who(names)}"

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        return PersonState(before.name, PersonStatus.ACTIVE) if person_id == self.person_id else before
