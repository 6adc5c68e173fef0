"""Faces, the photos they are on, and what a person says about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from faceml.options import AssignOptions, DetectOptions, options_of
from faceml.records import Face
from faceml.services.photos import missing as missing_photos
from faceml.services.photos.drawn import NamedFaces
from faceml.services.recognise.gallery import Resemblance
from faceml.services.recognise.identify import Identification, IdentifiedFace
from serving.schemas.base import Flag, ListResponse, Name, RequestModel, ResponseModel, described, offering

THRESHOLD = next(item for item in options_of(AssignOptions) if item.name == "threshold")

MATCHER = next(item for item in options_of(AssignOptions) if item.name == "matcher")
MatcherName = Annotated[
    Any, WithJsonSchema(described(MATCHER)), AfterValidator(MATCHER.checked), Field(description=MATCHER.words)
]
SIZE = next(item for item in options_of(DetectOptions) if item.name == "detection_size")
SizeName = Annotated[Any, WithJsonSchema(described(SIZE)), AfterValidator(SIZE.checked), Field(description=SIZE.words)]


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


class UnreadablePhoto(ResponseModel):
    asset_id: int
    path: str = Field(description="a file URI where a name in it is not UTF-8")
    reason: str


class UnreadableListResponse(ListResponse[UnreadablePhoto]):
    """A page of photos that could not be read, by path."""


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
    """`personId` is null for a stranger, and for a face whose person a matcher found in another one of the photo;
    `best` and `secondBest` tell whom a face is most like, however little."""

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
    matcher: MatcherName = MATCHER.default
    detection_size: SizeName = SIZE.default
    _read = field_validator("*", mode="before")(THRESHOLD.read)  # a query's numbers come as texts


class IdentifyResponse(ResponseModel):
    faces: list[FaceOnPhoto]
    width: int
    height: int
    threshold: float = Field(description="a cosine; of a matcher a score, as the similarities are")
    model_version: str = Field(description="`raw` where no projection and no matcher is in use")
    notes: list[str] = Field(description="what the numbers mean")

    @classmethod
    def of(cls, found: Identification, /) -> Self:
        faces = [FaceOnPhoto.of(face) for face in found.faces]
        return cls.completed(found, faces=faces, threshold=round(found.threshold, 4), notes=list(found.notes))


class NearPrototypeItem(ResponseModel):
    person_name: str
    role: str
    similarity: float
    face_id: UUID | None


class PersonScoreItem(ResponseModel):
    """`nearest` and `centre` are halves of cosines; with `face`, `person` and `group` they add up to `score`."""

    person_name: str
    score: float
    nearest: float
    centre: float
    face: float = Field(description="what it takes off that the face is near many")
    person: float = Field(description="what it takes off that the person is near many")
    group: float = Field(description="what the other faces of its group add")


class ExplanationResponse(ResponseModel):
    face_id: UUID
    person_name: str | None
    assigned_by: str | None
    similarity: float | None = Field(description="at the time of assignment; a score where a matcher assigned it")
    threshold: float | None
    runner_up_name: str | None
    runner_up_similarity: float | None
    model_version: str | None
    ruled_out: list[str]
    taken_on: date | None
    age: int | None = Field(description="in years, of the person it is under, on the day of the photo")
    cannot_be: list[str] = Field(description="people not born yet on the day of the photo, or long dead, and why")
    compared_in: str
    nearest: list[NearPrototypeItem] = Field(description="now; empty where a matcher compares")
    scores: list[PersonScoreItem] = Field(description="now; empty where no matcher compares")
    note: str | None


class ExplainQuery(RequestModel):
    model: str | None = Field(None, description="Vectors to compare; without it those that assigned the face")
    matcher: str | None = Field(None, description="How people are told apart; without it as at the assignment")


class MissingPhoto(ResponseModel):
    asset_id: int
    faces: int
    since: datetime


class MissingPhotosResponse(ResponseModel):
    missing: list[MissingPhoto]

    @classmethod
    def listing(cls, found: Sequence[missing_photos.MissingPhoto]) -> Self:
        return cls(missing=[MissingPhoto.of(photo) for photo in found])


class ForgetMissingResponse(ResponseModel):
    photos_forgotten: int
    faces_forgotten: int
    faces_named: Annotated[int, Field(description="Of these, by a person's word")]
    photos_back: Annotated[int, Field(description="Their files are there again: `faceml ingest` takes them back")]
    photos_offline: Annotated[int, Field(description="Their folders cannot be reached now: they stay")]
    index_backlog: int
    not_gone_yet: Annotated[
        list[str], Field(description="Where copies may be left, and why; every later command tries again")
    ]
