"""Decisions about faces: whom they show or do not show, which are not to be asked about, and which belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self
from uuid import UUID

from faceml.decisions.decision import Decision
from faceml.decisions.states import FREE, FaceState, Labelling
from faceml.records import AssignedBy, Dismissal

GroupKey = str | UUID  # a cluster's id or a person's


def ruled_out(before: Labelling, person_id: UUID, people: frozenset[UUID]) -> Labelling:
    """A face that does not show a person, nor any of `people`, who were merged into them."""
    others = before.ruled_out | {person_id}
    if before.state.person_id in people:
        # Out of its cluster too: that is the person's, and only a face without a cluster is recognised anew.
        return Labelling(FREE, False, others)
    return replace(before, ruled_out=others)


@dataclass(frozen=True, slots=True)
class Naming(Decision):
    """Faces show a person."""

    person_id: UUID
    people: frozenset[UUID] = frozenset()  # the person, and all who were merged into them by then
    exemplars: frozenset[UUID] = frozenset()  # those of the faces that stand for the person

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        stays_exemplar = before.is_exemplar and before.state.person_id in self.people
        named = FaceState(self.person_id, AssignedBy.MANUAL, before.state.cluster_id)
        return Labelling(named, face_id in self.exemplars or stays_exemplar, before.ruled_out - self.people)


@dataclass(frozen=True, slots=True)
class Label(Naming):
    """A cluster shows a person."""

    cluster_id: str | None = None

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"labelled {self.cluster_id or 'a cluster'} ({faces}) as {self.who(names)}"


@dataclass(frozen=True, slots=True)
class LabelSome(Label):
    """A cluster shows a person, but for faces that somebody looked at and left out: those do not show them.

    It is stored as a kind of its own: a version that does not know it must not take all its faces for the person's.
    """

    left_out: frozenset[UUID] = frozenset()

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return (
            f"labelled {self.cluster_id or 'a cluster'} ({faces}, {len(self.left_out)} not theirs) as {self.who(names)}"
        )

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        if face_id not in self.left_out:
            return Label.of_face(self, face_id, before, logged)
        return ruled_out(before, self.person_id, self.people)


@dataclass(frozen=True, slots=True)
class Assign(Naming):
    """Single faces show a person."""

    imported_from: str | None = None

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        source = f" from {self.imported_from}" if self.imported_from is not None else ""
        return f"assigned {faces} to {self.who(names)}{source}"


@dataclass(frozen=True, slots=True)
class Unassign(Decision):
    """Faces are under nobody, and automatic steps leave them alone."""

    keeps_people: ClassVar[bool] = False

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"took {faces} from {self.who(names)}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        return Labelling(FaceState(None, AssignedBy.MANUAL, before.state.cluster_id), False, before.ruled_out)

    def without(self, people: frozenset[UUID]) -> Unassign:
        return replace(self, person_id=None)


@dataclass(frozen=True, slots=True)
class Reject(Decision):
    """Faces do not show a person."""

    person_id: UUID
    people: frozenset[UUID] = frozenset()

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"said of {faces}: not {self.who(names)}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        return ruled_out(before, self.person_id, self.people)


@dataclass(frozen=True, slots=True)
class OfSeveral(Decision):
    """A decision about faces of one person or several, each face with its own."""

    # Each of the people, with all who were merged into them by then.
    counted: Mapping[UUID, frozenset[UUID]]

    @property
    def concerns(self) -> frozenset[UUID]:
        return frozenset(self.counted)

    def who(self, names: Mapping[UUID, str]) -> str:
        if len(self.counted) > 1:
            return f"{len(self.counted)} people"
        return names.get(next(iter(self.counted)), "somebody") if self.counted else "nobody"

    def without(self, people: frozenset[UUID]) -> Self | None:
        counted = {id_: of for id_, of in self.counted.items() if id_ not in people}
        return replace(self, counted=counted) if counted else None


@dataclass(frozen=True, slots=True)
class Confirm(OfSeveral):
    """Recognition is right: each face shows whom it was put under; the log says whom."""

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"confirmed {faces} of {self.who(names)}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        people = self.counted.get(logged.person_id) if logged.person_id else None
        if people is None:  # erased since
            return before
        stays_exemplar = before.is_exemplar and before.state.person_id in people
        named = FaceState(logged.person_id, AssignedBy.MANUAL, before.state.cluster_id)
        return Labelling(named, stays_exemplar, before.ruled_out - people)


@dataclass(frozen=True, slots=True)
class RejectEach(OfSeveral):
    """No face shows whom it was put under."""

    of_faces: Mapping[UUID, frozenset[UUID]]  # by person

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"said of {faces} of {self.who(names)}: not them"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        for person_id, people in self.counted.items():
            if face_id in self.of_faces.get(person_id, ()):
                return ruled_out(before, person_id, people)
        return before

    def without(self, people: frozenset[UUID]) -> Self | None:
        left = OfSeveral.without(self, people)
        return left and replace(left, of_faces={id_: of for id_, of in self.of_faces.items() if id_ not in people})


DISMISSED = {Dismissal.NOT_A_FACE: "not a face", Dismissal.STRANGER: "a stranger, stop asking"}


@dataclass(frozen=True, slots=True)
class Dismiss(Decision):
    """Nobody is to be asked about faces any more."""

    dismissed_as: Dismissal

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"said of {faces}: {DISMISSED[self.dismissed_as]}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        # Out of its cluster too: what nobody is to be asked about does not belong among people.
        dismissed = FaceState(None, AssignedBy.MANUAL, None, dismissed_as=self.dismissed_as)
        return Labelling(dismissed, False, before.ruled_out)


@dataclass(frozen=True, slots=True)
class Restore(Decision):
    """Dismissed faces are to be asked about again."""

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"brought back {faces}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        return before if before.state.dismissed_as is None else Labelling(FREE, False, before.ruled_out)


GONE = FaceState(None, AssignedBy.MANUAL, None, dismissed_as=Dismissal.NOT_A_FACE)  # of a drawn face: not there


@dataclass(frozen=True, slots=True)
class Draw(Decision):
    """Somebody drew a face where none was found, and said whom it shows or left that open. Before it was `GONE`."""

    people: frozenset[UUID] = frozenset()
    exemplars: frozenset[UUID] = frozenset()

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"drew {faces}" + (f" of {self.who(names)}" if self.person_id else "")

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        state = FaceState(self.person_id, AssignedBy.MANUAL, None) if self.person_id else FREE
        return Labelling(state, face_id in self.exemplars, before.ruled_out - self.people)

    def without(self, people: frozenset[UUID]) -> Draw:
        return Draw()


@dataclass(frozen=True, slots=True)
class Redraw(Decision):
    """A face's box was wrong: another face, drawn in its place, is what it was, and it is gone.

    So taking it back needs no photo: both have their boxes and vectors.
    """

    replaced: UUID
    drawn: UUID

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return "corrected the box of 1 face" + (f" of {self.who(names)}" if self.person_id else "")

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        if face_id == self.replaced:
            return Labelling(GONE, False, before.ruled_out)
        return Labelling(logged, before.is_exemplar, before.ruled_out)

    def without(self, people: frozenset[UUID]) -> Redraw:
        return replace(self, person_id=None)


@dataclass(frozen=True, slots=True)
class ChooseExemplars(Decision):
    """These faces, and only these, stand for a person."""

    person_id: UUID
    people: frozenset[UUID] = frozenset()
    exemplars: frozenset[UUID] = frozenset()

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"chose {len(self.exemplars)} exemplars of {self.who(names)}"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        state = before.state
        is_theirs = state.person_id in self.people
        if face_id not in self.exemplars:
            return replace(before, is_exemplar=False) if is_theirs else before
        # A face that stands for a person shows them: by hand now, if only a machine had put it there.
        person_id = state.person_id if is_theirs and state.assigned_by is AssignedBy.MANUAL else self.person_id
        chosen = FaceState(person_id, AssignedBy.MANUAL, state.cluster_id)
        return Labelling(chosen, True, before.ruled_out - self.people)


@dataclass(frozen=True, slots=True)
class Split(Decision):
    """A cluster shows several people; the log says which part each face went to."""

    cluster_id: str
    parts: int

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        return f"split {self.cluster_id} ({faces}) into {self.parts} clusters"

    def of_face(self, face_id: UUID, before: Labelling, logged: FaceState) -> Labelling:
        if before.state.dismissed_as is not None:
            return before
        return replace(before, state=replace(before.state, cluster_id=logged.cluster_id))

    def without(self, people: frozenset[UUID]) -> Split:
        return replace(self, person_id=None)


@dataclass(frozen=True, slots=True)
class DifferentPeople(Decision):
    """Two groups show different people."""

    groups: tuple[GroupKey, GroupKey]
    # Typical faces of each: the decision stays with them when clusters change.
    sides: tuple[tuple[UUID, ...], tuple[UUID, ...]]

    def words(self, faces: str, names: Mapping[UUID, str]) -> str:
        one, other = (names.get(key, key) if isinstance(key, UUID) else key for key in self.groups)
        return f"said that {one} and {other} are different people"

    @property
    def concerns(self) -> frozenset[UUID]:
        return frozenset(key for key in self.groups if isinstance(key, UUID))
