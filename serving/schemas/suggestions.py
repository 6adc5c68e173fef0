"""What is worth a person's time next."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.faces import Intruder, UncertainFace
from faceml.services.review.groups import Group, MergeSuggestion, SplitSuggestion
from serving.schemas.base import Answer, ClusterId, Question
from serving.schemas.faces import Candidate

Kind = Literal["merges", "splits", "uncertain", "names", "intruders"]


class SuggestionQuery(Question):
    kind: Annotated[
        Kind,
        Field(
            description="groups that look like one person, clusters that look like two, close calls, whom `clusterId` "
            "resembles, or who does not belong to `personId`"
        ),
    ] = "merges"
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cluster_id: ClusterId | None = None
    person_id: UUID | None = None


class GroupItem(Answer):
    cluster_id: str | None
    person_id: UUID | None
    name: str
    face_count: int
    sample_face_ids: list[UUID]

    @classmethod
    def of(cls, group: Group) -> Self:
        return cls(
            cluster_id=group.cluster_id,
            person_id=group.person_id,
            name=group.name,
            face_count=group.faces,
            sample_face_ids=list(group.sample_face_ids),
        )


class MergeItem(Answer):
    one: GroupItem
    other: GroupItem
    similarity: float
    mean_similarity: float
    nearest_similarity: float
    nearest_face_ids: list[UUID]

    @classmethod
    def of(cls, found: MergeSuggestion) -> Self:
        return cls(
            one=GroupItem.of(found.one),
            other=GroupItem.of(found.other),
            similarity=found.similarity,
            mean_similarity=found.mean_similarity,
            nearest_similarity=found.nearest_similarity,
            nearest_face_ids=list(found.nearest_face_ids),
        )


class SplitItem(Answer):
    cluster_id: str
    face_count: int
    similarity: float
    gap: float
    purity: float
    parts: list[list[UUID]]
    left_out: list[UUID]
    min_cluster_size: int

    @classmethod
    def of(cls, found: SplitSuggestion) -> Self:
        return cls(
            cluster_id=found.cluster_id,
            face_count=found.faces,
            similarity=found.similarity,
            gap=found.gap,
            purity=found.purity,
            parts=[list(part) for part in found.parts],
            left_out=list(found.left_out),
            min_cluster_size=found.min_cluster_size,
        )


class UncertainItem(Answer):
    face_id: UUID
    is_match: bool
    distance: float
    threshold: float
    best: Candidate
    second_best: Candidate | None

    @classmethod
    def of(cls, found: UncertainFace) -> Self:
        return cls(
            face_id=found.face_id,
            is_match=found.is_match,
            distance=found.distance,
            threshold=found.threshold,
            best=_candidate(found.nearest),
            second_best=_candidate(found.runner_up) if found.runner_up else None,
        )


class IntruderItem(Answer):
    face_id: UUID
    similarity: float
    misfit: float
    best: Candidate | None

    @classmethod
    def of(cls, found: Intruder) -> Self:
        return cls(
            face_id=found.face_id,
            similarity=found.similarity,
            misfit=found.misfit,
            best=_candidate(found.nearest) if found.nearest else None,
        )


class SuggestionsResponse(Answer):
    """The list of the kind that was asked for; the others are empty."""

    kind: Kind
    merges: list[MergeItem] = Field(default_factory=list)
    splits: list[SplitItem] = Field(default_factory=list)
    uncertain: list[UncertainItem] = Field(default_factory=list)
    names: list[Candidate] = Field(default_factory=list)
    intruders: list[IntruderItem] = Field(default_factory=list)


def candidates(found: list[Resemblance]) -> list[Candidate]:
    return [_candidate(item) for item in found]


def _candidate(found: Resemblance) -> Candidate:
    return Candidate(person_id=found.person_id, person_name=found.person_name, similarity=found.similarity)
