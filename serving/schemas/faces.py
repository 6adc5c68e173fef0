"""Faces, the photos they are on, and what a person says about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, WithJsonSchema, field_validator

from faceml.options import AssignOptions, DetectOptions, options_of
from faceml.records import Face
from faceml.services.photos.detect import NamedFaces
from faceml.services.recognise.gallery import Resemblance
from faceml.services.recognise.identify import Identification, IdentifiedFace
from serving.schemas.base import Flag, ListResponse, Name, RequestModel, ResponseModel, described, offering

THRESHOLD = next(item for item in options_of(AssignOptions) if item.name == "threshold")


class BoundingBox(ResponseModel):
    """Pixels of the upright photo."""

    x: int
    y: int
    width: int = Field(validation_alias="w")
    height: int = Field(validation_alias="h")


class FaceInstance(ResponseModel):
    id: UUID
    asset_id: int
    bbox: BoundingBox
    detection_confidence: float
    quality_score: float
    cluster_id: str | None
    person_id: UUID | None
    person_name: str | None
    created_at: datetime


class FaceInstanceListResponse(ListResponse[FaceInstance]):
    """All faces of a photo, from left to right."""

    @classmethod
    def of(cls, found: NamedFaces, /) -> Self:
        items = with_names(found.faces, found.names)
        return cls(items=items, total=len(items), page=1, page_size=len(items))


def with_names(faces: Iterable[Face], names: Mapping[UUID, str]) -> list[FaceInstance]:
    """Faces with the names of the people they are under."""
    return [FaceInstance.completed(f, person_name=names.get(f.person_id) if f.person_id else None) for f in faces]


@offering(DetectOptions, but=("limit", "offset"))
class DetectFacesRequest(RequestModel):
    queue: Flag = False


class DetectFacesResponse(ResponseModel):
    asset_id: int
    faces_detected: int
    face_ids: list[UUID]

    @classmethod
    def on_photo(cls, asset_id: int, faces: Sequence[Face]) -> Self:
        return cls(asset_id=asset_id, faces_detected=len(faces), face_ids=[face.id for face in faces])


class PersonById(RequestModel):
    person_id: UUID


class PersonByName(RequestModel):
    name: Name


WhoRequest = PersonById | PersonByName


def name_or_id(who: WhoRequest) -> str | UUID:
    return who.person_id if isinstance(who, PersonById) else who.name


class AssignFaceResponse(ResponseModel):
    face_id: UUID
    person_id: UUID
    person_name: str
    prototypes_created: int
    event_id: int


class UnassignFaceResponse(ResponseModel):
    face_id: UUID
    event_id: int


class RejectFaceResponse(ResponseModel):
    face_id: UUID
    person_id: UUID
    person_name: str
    taken_away: bool
    event_id: int


class Candidate(ResponseModel):
    person_id: UUID
    person_name: str
    similarity: float


class FaceOnPhoto(ResponseModel):
    """`personId` is null for a stranger; `best` and `secondBest` tell whom a face is most like, however little."""

    bbox: BoundingBox
    detection_confidence: float
    quality_score: float
    person_id: UUID | None
    person_name: str | None
    similarity: float | None
    best: Candidate | None
    second_best: Candidate | None

    @classmethod
    def of(cls, face: IdentifiedFace, /) -> Self:
        best = _candidate(face.best)
        known = best if face.is_known else None
        return cls.completed(
            face,
            person_id=known.person_id if known else None,
            person_name=known.person_name if known else None,
            similarity=best.similarity if best else None,
            best=best,
            second_best=_candidate(face.runner_up),
        )


def _candidate(found: Resemblance | None) -> Candidate | None:
    return Candidate.completed(found, similarity=round(found.similarity, 4)) if found else None


@offering(DetectOptions, but=("limit", "offset"))
class IdentifyQuery(RequestModel):
    threshold: Annotated[
        Any,
        WithJsonSchema(described(THRESHOLD)),
        Field(description="Similarity below which a face is a stranger's; `auto` calibrates it on the labels"),
    ] = THRESHOLD.default
    _read = field_validator("*", mode="before")(THRESHOLD.read)  # a query's numbers come as texts


class IdentifyResponse(ResponseModel):
    faces: list[FaceOnPhoto]
    width: int
    height: int
    threshold: float
    model_version: str = Field(description="`raw` where no projection is registered")

    @classmethod
    def of(cls, found: Identification, /) -> Self:
        faces = [FaceOnPhoto.of(face) for face in found.faces]
        return cls.completed(found, faces=faces, threshold=round(found.threshold, 4))
