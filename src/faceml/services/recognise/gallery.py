"""Whom faces are compared with, read from the library, and what a comparison says in its people's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.decisions.states import FaceState
from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.gallery import Gallery
from faceml.records import AssignedBy
from faceml.services.recognise.matching import Matching
from faceml.services.recognise.spaces import Space
from faceml.storage.sql.repository import UnitOfWork


@dataclass(frozen=True, slots=True)
class Resemblance:
    person_id: UUID
    person_name: str
    similarity: float  # cosine of a face, or a cluster's centroid, and the person's nearest prototype

    def __str__(self) -> str:
        return f"{self.person_name} {self.similarity:.2f}"


def read_gallery(unit: UnitOfWork, space: Space, face_ids: Sequence[UUID] = ()) -> Gallery:
    """All active people as they lie in a space, and who is ruled out for these faces."""
    return Gallery.of(space.prototypes(unit), unit.faces.rejections(face_ids))


def resemblances(
    gallery: Gallery | Matching, names: Mapping[UUID, str], matches: Matches
) -> list[tuple[Resemblance | None, Resemblance | None]]:
    """The person whom each face resembles most, and the next; None where there is nobody."""

    people = gallery.people

    def named(row: int, similarity: float) -> Resemblance | None:
        return Resemblance(people[row], names[people[row]], similarity) if row != NOBODY else None

    best = map(named, matches.candidate_rows.tolist(), matches.similarities.tolist())
    runners_up = map(named, matches.runner_up_rows.tolist(), matches.runner_up_similarities.tolist())
    return list(zip(best, runners_up, strict=True))


def assigned_state(
    people: Sequence[UUID], matches: Matches, row: int, *, cluster_id: str | None, model_version: str, threshold: float
) -> FaceState:
    """A face under the candidate of its match, as a machine put it there, with the evidence."""
    runner_up = int(matches.runner_up_rows[row])
    return FaceState(
        person_id=people[int(matches.candidate_rows[row])],
        assigned_by=AssignedBy.PROTOTYPE,
        cluster_id=cluster_id,
        similarity=float(matches.similarities[row]),
        runner_up_id=people[runner_up] if runner_up != NOBODY else None,
        runner_up_similarity=float(matches.runner_up_similarities[row]) if runner_up != NOBODY else None,
        model_version=model_version,
        threshold=threshold,
    )
