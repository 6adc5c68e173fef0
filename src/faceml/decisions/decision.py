"""What a decision knows of itself: its words, what it makes of a face or a person, and what taking it back touches."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from uuid import UUID

from faceml.decisions.states import FREE, FaceState, Labelling, PersonState


@dataclass(frozen=True, slots=True)
class Decision(ABC):
    """Something that a person decided. The kinds are in `about_faces`, `about_people`, and below about decisions."""

    irreversible: ClassVar[str] = ""  # why it cannot be taken back; empty where it can
    keeps_people: ClassVar[bool] = True  # those it concerns stay, even if the decision that first named them is undone

    person_id: UUID | None = field(default=None, kw_only=True)  # its subject, where it has just one

    @abstractmethod
    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        """The decision as a person would tell it, without saying who decided.

        Args:
            faces: how many it is about, as "4 faces".
            names: of people, as they are called now.
        """

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        """How a face is labelled after it; `logged` is how the log says that it left the face."""
        return before

    def of_person(self, person_id: UUID, before: PersonState) -> PersonState:
        """Who somebody is after it."""
        return before

    def without(self, people: frozenset[UUID]) -> Decision | None:
        """What is left of it where these are erased; None: only that something was decided."""
        return None

    @property
    def concerns(self) -> frozenset[UUID]:
        """Of whom it speaks."""
        return frozenset({self.person_id} if self.person_id else ())

    def who(self, names: Mapping[UUID, str]) -> str:
        return names.get(self.person_id, "somebody") if self.person_id else "several people"


@dataclass(frozen=True, slots=True)
class Undo(Decision):
    """An earlier decision, or a redo, is taken back; its event says which."""

    keeps_people: ClassVar[bool] = False

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return "undid"


@dataclass(frozen=True, slots=True)
class Redo(Decision):
    """An undo is taken back."""

    keeps_people: ClassVar[bool] = False

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return "redid"


@dataclass(frozen=True, slots=True)
class Erase(Decision):
    """A person is forgotten for good. Faces that were theirs once, and went to somebody else or to nobody, stay."""

    irreversible: ClassVar[str] = "is about a person who was erased: nothing is left of it to bring back"
    keeps_people: ClassVar[bool] = False

    faces: int
    people: frozenset[UUID] | None = None  # the person, and all who were merged into them; versions before noted none

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        if before.state.person_id not in (self.people or ()):
            return before
        cluster = logged.cluster_id if logged.person_id is None else None
        return Labelling(replace(FREE, cluster_id=cluster), False, before.ruled_out)

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"erased a person and {count_faces(self.faces)}, for good"


@dataclass(frozen=True, slots=True)
class Erased(Decision):
    """What an erasure leaves of a decision that named the person: that there was one, of which kind."""

    irreversible: ClassVar[str] = Erase.irreversible
    keeps_people: ClassVar[bool] = False

    was: str

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"decided something ({self.was}) about a person who was erased"


@dataclass(frozen=True, slots=True)
class Forget(Decision):
    """Photos whose files are gone are forgotten for good, with their faces."""

    irreversible: ClassVar[str] = "forgot photos for good: nothing is left of them to bring back"
    keeps_people: ClassVar[bool] = False

    photos: int
    faces: int

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        photos = "1 missing photo" if self.photos == 1 else f"{self.photos} missing photos"
        return f"forgot {photos} and {count_faces(self.faces)}, for good"


@dataclass(frozen=True, slots=True)
class Unknown(Decision):
    """A decision that a newer version wrote: it is told, stands as it was left, and is erased with whom it may name."""

    irreversible: ClassVar[str] = "was decided with a newer version of faceml: update this one to take it back"

    stored_kind: str
    details: Mapping[str, Any]

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"decided something that a newer version of faceml understands ({self.stored_kind}, {faces})"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        return Labelling(logged, before.is_exemplar, before.ruled_out)

    @property
    def concerns(self) -> frozenset[UUID]:
        named = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(self.details))
        return frozenset({*map(UUID, named), *({self.person_id} if self.person_id else ())})


def count_faces(count: int) -> str:
    """
    >>> count_faces(1), count_faces(2)
    ('1 face', '2 faces')
    """
    return "1 face" if count == 1 else f"{count} faces"
