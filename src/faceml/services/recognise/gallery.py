"""Whom faces are compared with, read from the library, and what a comparison says in its people's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.states import FaceState
from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.gallery import Gallery
from faceml.records import AssignedBy
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
    gallery: Gallery, names: Mapping[UUID, str], rows: NDArray[np.intp], similarities: NDArray[np.float32]
) -> list[Resemblance | None]:
    """Those of a match's candidates or runners-up, row for row; None where there is nobody."""
    people = gallery.people
    return [
        Resemblance(people[row], names[people[row]], similarity) if row != NOBODY else None
        for row, similarity in zip(rows.tolist(), similarities.tolist(), strict=True)
    ]


def assigned_state(
    people: Sequence[UUID], matches: Matches, row: int, *, cluster_id: str | None, model_version: str, threshold: float
) -> FaceState:
    """A face under the candidate of its match, by a machine's word, with the evidence."""
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
