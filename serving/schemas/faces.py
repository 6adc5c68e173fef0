"""Faces, the photos they are on, and what a person says about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from faceml.options import AssignOptions, DetectOptions
from faceml.records import BBox, Face
from faceml.services.decisions.label import ReassignReport, RejectReport
from faceml.services.photos.detect import NamedFaces
from faceml.services.recognise.identify import Identification, IdentifiedFace, Likeness
from serving.schemas.base import Answer, Flag, Name, Question, example, offering

FACE = "0b8f7e0c-6f2c-4b0e-9d6c-2a4b1f3e5d70"
PERSON = "3f1f6a52-5f0e-4f6e-8a53-9d0f4a1c2b37"
BOX = {"x": 100, "y": 150, "width": 80, "height": 80}


class BoundingBox(Answer):
    """Pixels of the upright photo."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, box: BBox) -> Self:
        return cls(x=box.x, y=box.y, width=box.w, height=box.h)


class FaceInstance(Answer):
    model_config = example(
        id=FACE,
        assetId=123,
        bbox=BOX,
        detectionConfidence=0.95,
        qualityScore=0.82,
        clusterId="clu_abc123",
        personId=None,
        personName=None,
        createdAt="2025-12-23T10:30:00Z",
    )

    id: UUID
    asset_id: int
    bbox: BoundingBox
    detection_confidence: float
    quality_score: float
    cluster_id: str | None
    person_id: UUID | None
    person_name: str | None
    created_at: datetime

    @classmethod
    def of(cls, face: Face, names: Mapping[UUID, str]) -> Self:
        return cls(
            id=face.id,
            asset_id=face.asset_id,
            bbox=BoundingBox.of(face.bbox),
            detection_confidence=face.detection_confidence,
            quality_score=face.quality_score,
            cluster_id=face.cluster_id,
            person_id=face.person_id,
            person_name=names.get(face.person_id) if face.person_id else None,
            created_at=face.created_at,
        )


class FaceInstanceListResponse(Answer):
    items: list[FaceInstance]
    total: int
    page: int
    page_size: int

    @classmethod
    def of(cls, found: NamedFaces) -> Self:
        items = [FaceInstance.of(face, found.names) for face in found.faces]
        return cls(items=items, total=len(items), page=1, page_size=len(items))


@offering(DetectOptions, but=("limit", "offset"))
class DetectFacesRequest(Question):
    model_config = example(minConfidence=0.5, minFaceSize=20)

    queue: Flag = False


class DetectFacesResponse(Answer):
    model_config = example(assetId=123, facesDetected=1, faceIds=[FACE])

    asset_id: int
    faces_detected: int
    face_ids: list[UUID]

    @classmethod
    def of(cls, asset_id: int, faces: tuple[Face, ...]) -> Self:
        return cls(asset_id=asset_id, faces_detected=len(faces), face_ids=[face.id for face in faces])


class PersonById(Question):
    model_config = example(personId=PERSON)

    person_id: UUID

    @property
    def name_or_id(self) -> str | UUID:
        return self.person_id


class PersonByName(Question):
    model_config = example(name="John Doe")

    name: Name

    @property
    def name_or_id(self) -> str | UUID:
        return self.name


WhoRequest = PersonById | PersonByName


class AssignFaceResponse(Answer):
    model_config = example(faceId=FACE, personId=PERSON, personName="John Doe", prototypesCreated=1, eventId=7)

    face_id: UUID
    person_id: UUID
    person_name: str
    prototypes_created: int
    event_id: int

    @classmethod
    def of(cls, face_id: UUID, report: ReassignReport) -> Self:
        return cls(
            face_id=face_id,
            person_id=report.person_id,
            person_name=report.person_name,
            prototypes_created=report.prototypes_created,
            event_id=report.event_id,
        )


class UnassignFaceResponse(Answer):
    model_config = example(faceId=FACE, eventId=8)

    face_id: UUID
    event_id: int


class RejectFaceResponse(Answer):
    model_config = example(faceId=FACE, personId=PERSON, personName="John Doe", takenAway=True, eventId=9)

    face_id: UUID
    person_id: UUID
    person_name: str
    taken_away: bool
    event_id: int

    @classmethod
    def of(cls, face_id: UUID, report: RejectReport) -> Self:
        return cls(
            face_id=face_id,
            person_id=report.person_id,
            person_name=report.person_name,
            taken_away=report.faces_taken_away > 0,
            event_id=report.event_id,
        )


class Candidate(Answer):
    person_id: UUID
    person_name: str
    similarity: float

    @classmethod
    def of(cls, likeness: Likeness | None) -> Self | None:
        if likeness is None:
            return None
        return cls(
            person_id=likeness.person_id, person_name=likeness.person_name, similarity=round(likeness.similarity, 4)
        )


class FaceOnPhoto(Answer):
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
    def of(cls, face: IdentifiedFace) -> Self:
        known = Candidate.of(face.best) if face.is_known else None
        best = Candidate.of(face.best)
        return cls(
            bbox=BoundingBox.of(face.bbox),
            detection_confidence=face.detection_confidence,
            quality_score=face.quality_score,
            person_id=known.person_id if known else None,
            person_name=known.person_name if known else None,
            similarity=best.similarity if best else None,
            best=best,
            second_best=Candidate.of(face.runner_up),
        )


class IdentifyQuery(Question):
    threshold: Annotated[
        Annotated[float, Field(ge=0, le=1)] | Literal["auto"],
        Field(description="Similarity below which a face is a stranger's; `auto` calibrates it on the labels"),
    ] = float(AssignOptions.threshold)
    min_confidence: Annotated[float, Field(ge=0, le=1)] = DetectOptions.min_confidence
    min_face_size: Annotated[int, Field(ge=1, le=100_000)] = DetectOptions.min_face_size


class IdentifyResponse(Answer):
    model_config = example(
        faces=[
            {
                "bbox": BOX,
                "detectionConfidence": 0.95,
                "qualityScore": 0.82,
                "personId": PERSON,
                "personName": "John Doe",
                "similarity": 0.71,
                "best": {"personId": PERSON, "personName": "John Doe", "similarity": 0.71},
                "secondBest": None,
            }
        ],
        width=1920,
        height=1080,
        threshold=0.6,
        modelVersion="face-projection/3",
    )

    faces: list[FaceOnPhoto]
    width: int
    height: int
    threshold: float
    model_version: str = Field(description="`raw` where no projection is registered")

    @classmethod
    def of(cls, found: Identification) -> Self:
        return cls(
            faces=[FaceOnPhoto.of(face) for face in found.faces],
            width=found.width,
            height=found.height,
            threshold=round(found.threshold, 4),
            model_version=found.model_version,
        )
