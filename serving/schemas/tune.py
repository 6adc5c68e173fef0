"""The map of faces, and what other options would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self
from uuid import UUID

import numpy as np
from pydantic import Field

from faceml.options import AssignOptions, ClusterOptions, DetectOptions
from faceml.services.cluster.cluster import ClusterReport
from faceml.services.cluster.dual import DualReport, notes_of
from faceml.services.recognise.assign import AssignReport
from faceml.services.review.sheets import MOST_ON_MAP, FacesOnMap
from faceml.storage.grid.face_tiles import Tile
from faceml.trial.moves import DetectionEffect, Example, GroupingEffect, RecognitionEffect
from serving.schemas.base import Flag, RequestModel, ResponseModel, offering
from serving.schemas.grid import MOST_FACES, Bin, FaceFilter, TileItem

BINS = 50


class MapQuery(FaceFilter):
    most: Annotated[int, Field(ge=1, le=MOST_ON_MAP, description="Drawn by chance where there are more")] = MOST_ON_MAP


class MapGroupItem(ResponseModel):
    key: str
    label: str = Field(description="a person's name, or a cluster's id")
    is_person: bool
    faces: int = Field(description="on the map")
    x: float
    y: float


class MapResponse(ResponseModel):
    """Columns, row for row; places from 0 to 1. What lies near each other looks alike; larger distances mean little."""

    total: int
    model_version: str
    face_ids: list[UUID]
    x: list[float]
    y: list[float]
    groups: list[int] = Field(description="number in `largest`, or above; -1: in no group")
    largest: list[MapGroupItem]

    @classmethod
    def of(cls, found: FacesOnMap) -> Self:
        x, y = np.round(found.places, 4).T.tolist() if len(found.places) else ([], [])
        largest = [MapGroupItem.completed(group, x=round(group.x, 4), y=round(group.y, 4)) for group in found.largest]
        return cls(
            total=found.total,
            model_version=found.model_version,
            face_ids=list(found.face_ids),
            x=x,
            y=y,
            groups=found.groups.tolist(),
            largest=largest,
        )


class TilesRequest(RequestModel):
    face_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_FACES)]


class TilesResponse(ResponseModel):
    faces: list[TileItem]

    @classmethod
    def listing(cls, found: Sequence[Tile]) -> Self:
        return cls(faces=[TileItem.of(tile) for tile in found])


@offering(DetectOptions, but=("limit", "offset"))
class TuneDetectionRequest(RequestModel):
    quality_threshold: Annotated[float, Field(strict=True, ge=0, le=1, description="Of clustering")] = 0.5


@offering(ClusterOptions)
class TuneGroupingRequest(RequestModel):
    pass


@offering(AssignOptions, but=("since",))
class TuneRecognitionRequest(RequestModel):
    again: Annotated[Flag, Field(description="All faces that nobody decided about, as `POST /cluster/dual` does")] = (
        False
    )


class TuneStartResponse(ResponseModel):
    """What to begin with."""

    threshold: float = Field(description="cosine: calibrated where there are labels enough, else the pack's")
    model_version: str = Field(description="what tells people apart now")


class ExampleItem(ResponseModel):
    face_id: UUID
    change: str = Field(description="joined, left or moved; of detection: dropped or kept")
    value: float
    other_id: UUID | None = Field(description="whom it would be with, or was")
    name: str

    @classmethod
    def of(cls, found: Example, /) -> Self:
        return cls.completed(found, value=round(found.value, 4))


class DetectionEffectResponse(ResponseModel):
    faces: int
    kept: int
    unsure: int = Field(description="below minConfidence")
    small: int = Field(description="below minFaceSize")
    good: int = Field(description="of those kept: good enough to be grouped")
    undecided: int = Field(description="of those not kept: nobody decided about them; `apply` dismisses these")
    examples: list[ExampleItem]

    @classmethod
    def of(cls, found: DetectionEffect, /) -> Self:
        return cls.completed(
            found, undecided=len(found.undecided), examples=[ExampleItem.of(example) for example in found.examples]
        )


class GroupsItem(ResponseModel):
    clusters: int
    grouped: int = Field(description="faces in one")
    largest: int


class GroupingEffectResponse(ResponseModel):
    faces: int
    faces_in_all: int
    before: GroupsItem
    after: GroupsItem
    joined: int = Field(description="faces in no group now, and in one then")
    left: int
    moved: int = Field(description="to another group")
    examples: list[ExampleItem]
    model_version: str
    note: str | None

    @classmethod
    def of(cls, found: GroupingEffect, /) -> Self:
        return cls.completed(
            found,
            before=GroupsItem.of(found.before),
            after=GroupsItem.of(found.after),
            examples=[ExampleItem.of(example) for example in found.examples],
        )


class FalseMatchesItem(ResponseModel):
    share: float = Field(description="of labelled faces that would be named if their person were unknown")
    at_most: float = Field(description="with 95 % confidence")
    faces: int
    accepted: float = Field(description="share of labelled faces given to their own person")


class RecognitionEffectResponse(ResponseModel):
    faces: int
    faces_in_all: int
    before: int = Field(description="of those looked at, under a person now")
    after: int
    joined: int
    left: int
    moved: int
    threshold: float = Field(description="a cosine, or a score of a matcher")
    model_version: str
    bins: list[Bin] = Field(description="faces by the similarity to whom they resemble most")
    false_matches: FalseMatchesItem | None
    examples: list[ExampleItem]
    notes: list[str]

    @classmethod
    def of(cls, found: RecognitionEffect, /) -> Self:
        counts, edges = np.histogram(found.similarities, bins=BINS if len(found.similarities) else 1)
        parts = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        bins = [Bin(low=low, high=high, faces=faces) for low, high, faces in parts]
        return cls.completed(
            found,
            bins=bins,
            false_matches=FalseMatchesItem.of(found.false_matches) if found.false_matches else None,
            examples=[ExampleItem.of(example) for example in found.examples],
            notes=list(found.notes),
        )


class AppliedResponse(ResponseModel):
    """What a run did; it is recorded in MLflow."""

    figures: dict[str, float]
    notes: list[str]

    @classmethod
    def of(cls, report: ClusterReport | DualReport | AssignReport) -> Self:
        return cls(figures=_figures(report), notes=list(_notes(report)))


def _figures(report: Any) -> dict[str, float]:
    from faceml.services.cluster.dual import key_figures

    if isinstance(report, AssignReport):
        return {"processed": report.processed, "assigned": report.assigned, "unassigned": report.unassigned}
    return {name: float(value) for name, value in key_figures(report).items()}


def _notes(report: ClusterReport | DualReport | AssignReport) -> Sequence[str]:
    return report.notes if isinstance(report, AssignReport) else notes_of(report)
