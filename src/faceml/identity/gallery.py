"""Whom faces are compared with: everything that asks who a face is asks a gallery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.identity.assignment import Matches, match_people
from faceml.identity.lifetimes import ANY_TIME, Times
from faceml.records import Prototypes

ANY_SIMILARITY = -1.0  # every face reaches it


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The enrolled people, what they are recognised by, and for which faces they are ruled out."""

    people: tuple[UUID, ...]  # ascending; the row numbers of a match stand for them
    prototypes: NDArray[np.float32]  # (K, D) unit rows of one space
    person_rows: NDArray[np.intp]  # (K,) whose each prototype is
    rejections: tuple[tuple[UUID, UUID], ...]  # (face, person): a person said that this face is not them
    times: Times = ANY_TIME  # who cannot be on a photo of its day

    @classmethod
    def of(cls, prototypes: Prototypes, rejections: Sequence[tuple[UUID, UUID]] = ()) -> Gallery:
        people = tuple(sorted(set(prototypes.person_ids)))
        row = {person_id: number for number, person_id in enumerate(people)}
        rows = np.array([row[person_id] for person_id in prototypes.person_ids], np.intp)
        return cls(people, prototypes.vectors, rows, tuple(rejections))

    def match(
        self, vectors: NDArray[np.float32], face_ids: Sequence[UUID] = (), *, min_similarity: float = ANY_SIMILARITY
    ) -> Matches:
        """Each face's nearest person and the nearest other person, never one who is ruled out for it.

        This is the one place that says how alike a face and a person are: the cosine to the person's nearest prototype.

        Args:
            vectors: (P, D) unit rows of the gallery's space.
            face_ids: (P,) who they are, where they are faces of the library and somebody may be ruled out.
            min_similarity: cosine in [-1, 1]; below it a face is unknown.

        >>> ada, grace, face = UUID(int=1), UUID(int=2), UUID(int=3)
        >>> prototypes = Prototypes((grace, ada), np.eye(2, dtype=np.float32), ("centroid",) * 2, (None,) * 2)
        >>> gallery = Gallery.of(prototypes, [(face, grace)])
        >>> [gallery.people[row].int for row in gallery.match(np.eye(2), min_similarity=0.5).person_rows]
        [2, 1]
        >>> gallery.match(np.array([[1.0, 0.0]]), [face]).similarities.tolist()
        [0.0]
        """
        return match_people(
            vectors,
            self.prototypes,
            self.person_rows,
            min_similarity=min_similarity,
            rejected=self._ruled_out(face_ids),
            vetoes=self.times.vetoes(face_ids, len(vectors), self.people),
        )

    def ranked(self, vectors: NDArray[np.float32]) -> list[Iterator[tuple[UUID, float]]]:
        """For each of some unit rows (P, D) everybody with their similarity: nearest first, of equals the lower id."""
        order = np.argsort(self.person_rows, kind="stable")
        whose, starts = np.unique(self.person_rows[order], return_index=True)
        if not len(whose):
            return [iter(()) for _ in vectors]
        nearest = np.maximum.reduceat((self.prototypes @ vectors.T)[order], starts, axis=0)
        return [self._nearest_first(column, whose) for column in nearest.T]

    def _nearest_first(self, cosines: NDArray[np.float32], whose: NDArray[np.intp]) -> Iterator[tuple[UUID, float]]:
        for place in np.argsort(-cosines, kind="stable"):
            yield self.people[whose[place]], float(cosines[place])

    def without(self, person_id: UUID) -> Gallery:
        """Everybody else; row numbers stay."""
        is_other = np.array([self.people[row] != person_id for row in self.person_rows], bool)
        return replace(self, prototypes=self.prototypes[is_other], person_rows=self.person_rows[is_other])

    def _ruled_out(self, face_ids: Sequence[UUID]) -> list[tuple[int, int]]:
        person = {person_id: row for row, person_id in enumerate(self.people)}
        face = {face_id: row for row, face_id in enumerate(face_ids)} if self.rejections else {}
        return [(face[one], person[other]) for one, other in self.rejections if one in face and other in person]
