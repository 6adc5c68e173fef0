"""What is worth a person's time next."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from serving.schemas.base import ClusterId, RequestModel, ResponseModel
from serving.schemas.faces import MATCHER, Candidate, MatcherName

Kind = Literal["merges", "splits", "uncertain", "names", "intruders"]


class SuggestionQuery(RequestModel):
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
    matcher: MatcherName = MATCHER.default
    thorough: Annotated[
        bool,
        Field(
            description="of merges and splits: look through all groups while fewer than `limit` are found; without it "
            "the largest groups are looked through until any is"
        ),
    ] = False


class GroupItem(ResponseModel):
    cluster_id: str | None
    person_id: UUID | None
    name: str
    face_count: int = Field(validation_alias="faces")
    sample_face_ids: list[UUID]


class MergeItem(ResponseModel):
    one: GroupItem
    other: GroupItem
    similarity: float
    mean_similarity: float
    nearest_similarity: float
    nearest_face_ids: list[UUID]


class SplitItem(ResponseModel):
    cluster_id: str
    face_count: int = Field(validation_alias="faces")
    similarity: float
    gap: float
    purity: float
    parts: list[list[UUID]]
    left_out: list[UUID]
    min_cluster_size: int


class ExpectedItem(ResponseModel):
    """Of the faces without a name that are probably one person's."""

    face_count: int = Field(validation_alias="faces")
    right: float = Field(description="how many of them are expected to be theirs")


class UncertainItem(ResponseModel):
    face_id: UUID
    is_match: bool
    distance: float
    threshold: float
    best: Candidate = Field(validation_alias="nearest")
    second_best: Candidate | None = Field(validation_alias="runner_up")
    likelihood: float | None = Field(description="that `best` is right; unknown without a matcher")
    expected: ExpectedItem | None = Field(description="of a face that has no name and is probably `best`")


class IntruderItem(ResponseModel):
    face_id: UUID
    similarity: float
    misfit: float
    best: Candidate | None = Field(validation_alias="nearest")


class SuggestionsResponse(ResponseModel):
    """The list of the kind that was asked for; the others are empty."""

    kind: Kind
    merges: list[MergeItem] = Field(default_factory=list)
    splits: list[SplitItem] = Field(default_factory=list)
    uncertain: list[UncertainItem] = Field(default_factory=list)
    names: list[Candidate] = Field(default_factory=list)
    intruders: list[IntruderItem] = Field(default_factory=list)
