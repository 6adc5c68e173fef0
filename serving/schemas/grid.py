"""The face grid: what is asked for, and what is shown (docs/decisions/0043-one-protocol-for-page-and-widget.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from faceml.records import AssignedBy
from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.grid import FaceGroup
from faceml.storage.grid.face_query import MEASURED, FaceQuery, Place, Quantity, Sort
from faceml.storage.grid.face_tiles import By, GridPage, GroupSort, PlaceCount
from serving.schemas.base import ClusterId, RequestModel, ResponseModel

NUMBERS = ("min_quality", "max_quality", "min_size", "min_similarity", "max_similarity", *MEASURED)
MOST_FACES = 10_000  # named one by one in a request
Share = Annotated[float, Field(ge=-1, le=1)]
Part = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=0, le=180, description="degrees")]


def _as_day(value: Any) -> Any:
    """A day as the description has it: pydantic takes a moment and a number for one, too."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("write a day as 2025-12-23")
    return value


Day = Annotated[date, BeforeValidator(_as_day)]
Offset = Annotated[int, Field(ge=0, le=100_000_000)]


class FaceFilter(RequestModel):
    """Which faces; every part that is given has to hold."""

    place: Place = Place.ALL
    cluster_id: ClusterId | None = None
    person_id: UUID | None = None
    since: Annotated[Day | None, Field(description="First day, by the clock of where a photo was taken")] = None
    until: Annotated[Day | None, Field(description="Last day")] = None
    day: Day | None = None
    folder: Annotated[str, Field(max_length=400, description="In which photos lie, or below it")] | None = None
    min_quality: Share | None = None
    max_quality: Share | None = None
    min_size: Annotated[int, Field(ge=0, le=100_000, description="Pixels of the box's shorter side")] | None = None
    min_confidence: Annotated[Part | None, Field(description="Of detection")] = None
    min_sharpness: Annotated[Part | None, Field(description="Of the eyes: below 0.3 they are blurred")] = None
    max_yaw: Annotated[Degrees | None, Field(description="How far the face looks to either side")] = None
    max_pitch: Annotated[Degrees | None, Field(description="How far it looks up or down")] = None
    max_roll: Annotated[Degrees | None, Field(description="How far it is tilted to either side")] = None
    min_exposure: Annotated[Part | None, Field(description="0 is black; below 0.15 a face is dark")] = None
    max_exposure: Annotated[Part | None, Field(description="1 is white; above 0.85 it is burnt out")] = None
    max_occlusion: Annotated[Part | None, Field(description="A hint that glasses or a mask hide it")] = None
    min_rating: Annotated[float | None, Field(description="By the user's own model (FACEML_QUALITY_MODEL)")] = None
    min_similarity: Annotated[Share | None, Field(description="Of the assignment")] = None
    max_similarity: Share | None = None
    assigned_by: AssignedBy | None = None
    text: Annotated[str, Field(max_length=100, description="Part of a person's name")] | None = None
    sort: Annotated[Sort, Field(description="`fit`: the most typical of a group first")] = Sort.FIT
    descending: Annotated[bool, Field(description="The order turned round")] = False

    def query(self) -> FaceQuery:
        return FaceQuery(**{field.name: getattr(self, field.name) for field in fields(FaceQuery)})


class FaceFilterBody(FaceFilter):
    """The same in a body, where a number is no text."""

    @field_validator(*NUMBERS, "descending", "since", "until", "day", mode="before")
    @classmethod
    def _spelt(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = (int, float) if info.field_name in NUMBERS else bool if info.field_name == "descending" else str
        is_spelt = isinstance(value, kinds) and (info.field_name == "descending" or not isinstance(value, bool))
        if value is not None and not is_spelt:
            raise ValueError("this is spelt otherwise: see the description")
        return value


class GridQuery(FaceFilter):
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200


class GroupQuery(FaceFilter):
    by: By = By.CLUSTER
    order: Annotated[GroupSort, Field(description="Of the groups")] = GroupSort.SIZE
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 60


class HistogramQuery(FaceFilter):
    of: Quantity = Quantity.SIMILARITY
    bins: Annotated[int, Field(ge=1, le=1_000)] = 50


class PlaceItem(ResponseModel):
    place: Place
    label: str
    faces: int
    groups: int


LABELS = {
    Place.TO_NAME: "To name",
    Place.UNCONFIRMED: "Unconfirmed",
    Place.UNKNOWN: "Unknown",
    Place.PEOPLE: "People",
    Place.IGNORED: "Ignored",
    Place.HIDDEN: "Hidden",
    Place.MISSING: "Missing photos",
    Place.ALL: "All faces",
}


class PlacesResponse(ResponseModel):
    places: list[PlaceItem]
    latest_event: int
    revision: str

    @classmethod
    def listing(cls, places: Sequence[PlaceCount], revision: str, latest_event: int) -> Self:
        items = [PlaceItem.completed(found, label=LABELS[found.place]) for found in places]
        return cls(places=items, latest_event=latest_event, revision=revision)


class TileItem(ResponseModel):
    face_id: UUID
    asset_id: int
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    similarity: float | None = Field(description="of the assignment; null where no machine made it")
    quality: float
    size: int = Field(description="pixels of the box's shorter side")
    taken_at: int | None = Field(description="seconds since 1970 by the clock of where the photo was taken")
    state: str = Field(description="open, confirmed, recognised or dismissed")
    is_odd: bool = Field(description="less like the others of its group than one person's faces are")


class GridResponse(ResponseModel):
    total: int
    offset: int
    revision: str
    faces: list[TileItem]

    @classmethod
    def of(cls, found: GridPage, /) -> Self:
        return cls.completed(found, faces=[TileItem.of(tile) for tile in found.faces])


class Candidate(ResponseModel):
    person_id: UUID
    person_name: str
    similarity: float

    @classmethod
    def of(cls, found: Resemblance, /) -> Self:
        return cls.completed(found, similarity=round(found.similarity, 4))


class GroupItem(ResponseModel):
    key: str
    label: str
    faces: int
    to_confirm: int = Field(description="of them, named by a machine alone")
    cover: list[UUID]
    cohesion: float | None
    is_mixed: bool
    suggestion: Candidate | None
    cluster_id: str | None
    person_id: UUID | None
    day: date | None

    @classmethod
    def of(cls, found: FaceGroup, /) -> Self:
        return cls.completed(
            found,
            cover=list(found.cover),
            cohesion=None if found.cohesion is None else round(found.cohesion, 4),
            suggestion=Candidate.of(found.suggestion) if found.suggestion else None,
        )


class GroupsResponse(ResponseModel):
    total: int
    groups: list[GroupItem]

    @classmethod
    def of(cls, found: Any, /) -> Self:
        return cls(total=found.total, groups=[GroupItem.of(group) for group in found.groups])


class Bin(ResponseModel):
    low: float
    high: float
    faces: int


class HistogramResponse(ResponseModel):
    bins: list[Bin]
    faces: int
    without: int = Field(description="faces that have no such value")


class DayItem(ResponseModel):
    day: date
    faces: int


class TimelineResponse(ResponseModel):
    days: list[DayItem]
    without: int = Field(description="faces of photos of which nobody knows the day")
