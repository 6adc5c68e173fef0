"""A face's row as records and the other way round, and rows of faces with their photo's path and person's name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, join, literal, select, tuple_
from sqlalchemy.orm import Session

from faceml.decisions.states import FaceState
from faceml.identity.lifetimes import Lifetime
from faceml.path_text import path_of
from faceml.records import AssetStatus, BBox, Dismissal, Face, FoundFace, Measures, Rating, Span
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import gone
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, ImageAsset, PersonRow

PAGE_ROWS = 5_000
STATE_COLUMNS = tuple(FaceState.__dataclass_fields__)
MEASURES = tuple(Measures.__dataclass_fields__)
SPAN = tuple(Span.__dataclass_fields__)
RATING = tuple(Rating.__dataclass_fields__)


FACE_COLUMNS = tuple(  # what `as_face` reads: without landmarks, whose JSON takes longer than all of these
    getattr(FaceInstance, name)
    for name in (
        *("id", "asset_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "detection_confidence", "quality_score"),
        *("cluster_id", "person_id", "assigned_by", "similarity", "model_version", "created_at"),
        *SPAN,
    )
)


def as_face(row: FaceInstance | Row[*tuple[Any, ...]]) -> Face:
    return Face(
        id=row.id,
        asset_id=row.asset_id,
        bbox=BBox(row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h),
        detection_confidence=row.detection_confidence,
        quality_score=row.quality_score,
        cluster_id=row.cluster_id,
        person_id=row.person_id,
        assigned_by=row.assigned_by,
        similarity=row.similarity,
        model_version=row.model_version,
        created_at=row.created_at,
        span=None if row.frame_s is None else Span(row.first_s or 0.0, row.last_s or 0.0, row.frame_s),
    )


def faces_page(
    session: Session, belongs: ColumnElement[bool], *, limit: int, offset: int = 0, after: UUID | None = None
) -> list[Face]:
    """Some faces whose photos are there, best quality first.

    Args:
        belongs: to a cluster or a person.
        after: a face: only those that come behind it.
    Raises:
        NotFound: that face is gone.
    """
    statement = select(*FACE_COLUMNS).where(belongs, photo_is_there())
    if after is not None:
        quality = session.scalar(select(FaceInstance.quality_score).where(FaceInstance.id == after))
        if quality is None:
            raise gone(after)
        place = tuple_(literal(quality), literal(after, FaceInstance.id.type))
        statement = statement.where(tuple_(FaceInstance.quality_score, FaceInstance.id) < place)
    best_first = statement.order_by(FaceInstance.quality_score.desc(), FaceInstance.id.desc())
    return [as_face(row) for row in session.execute(best_first.limit(limit).offset(offset))]


def detection_columns(face: FoundFace) -> dict[str, Any]:
    return {
        "bbox_x": face.bbox.x,
        "bbox_y": face.bbox.y,
        "bbox_w": face.bbox.w,
        "bbox_h": face.bbox.h,
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.kps],
        "detection_confidence": float(face.detection_confidence),
        "quality_score": float(face.quality_score),
        **measure_columns(face.measures),
        **span_columns(face.span),
        **rating_columns(face.rating),
    }


def measure_columns(measures: Measures | None) -> dict[str, float | None]:
    return {name: getattr(measures, name, None) for name in MEASURES}


def span_columns(span: Span | None) -> dict[str, float | None]:
    return {name: getattr(span, name, None) for name in SPAN}


def rating_columns(rating: Rating | None) -> dict[str, float | str | None]:
    return {name: getattr(rating, name, None) for name in RATING}


def state_columns(state: FaceState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}


@dataclass(frozen=True, slots=True)
class ExportRow:
    face_id: str
    asset_id: int
    path: str  # as text, see path_text
    x: int
    y: int
    w: int
    h: int
    confidence: float
    quality: float
    cluster_id: str | None
    person_id: str | None
    person_name: str | None
    assigned_by: str | None
    similarity: float | None
    model_version: str | None
    photo_width: int | None  # upright pixels, as the box
    photo_height: int | None
    taken_at: str | None  # ISO 8601, in the zone of where it was taken
    age: int | None = None  # of the person on the photo, in years, where both dates are known
    # See `vision.quality`; None where a face was not measured.
    sharpness: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    exposure: float | None = None
    occlusion: float | None = None
    # Of a face of a video: when it is seen, and the picture that its box is of, in seconds.
    first_s: float | None = None
    last_s: float | None = None
    frame_s: float | None = None
    # By the user's own model, see `vision.quality.QualityModel`; None where no model rated the face.
    rating: float | None = None
    rated_by: str | None = None


def formerly_at(session: Session) -> dict[Path, set[str]]:
    """Ids of faces on missing photos, by the place where those lay last: another photo may lie there now."""
    found: dict[Path, set[str]] = defaultdict(set)
    statement = select(ImageAsset.path, FaceInstance.id).join(FaceInstance)
    for path, face_id in session.execute(statement.where(ImageAsset.missing_since.is_not(None))):
        found[path_of(path)].add(str(face_id))
    return dict(found)


EXPORT_COLUMNS = (  # whole rows take three times as long
    FaceInstance.id,
    FaceInstance.asset_id,
    ImageAsset.path,
    FaceInstance.bbox_x,
    FaceInstance.bbox_y,
    FaceInstance.bbox_w,
    FaceInstance.bbox_h,
    FaceInstance.detection_confidence,
    FaceInstance.quality_score,
    FaceInstance.cluster_id,
    FaceInstance.person_id,
    PersonRow.name,
    FaceInstance.assigned_by,
    FaceInstance.similarity,
    FaceInstance.model_version,
    ImageAsset.width,
    ImageAsset.height,
    ImageAsset.taken_at,
    ImageAsset.taken_clock,
    PersonRow.born,
    PersonRow.died,
    *(getattr(FaceInstance, name) for name in (*MEASURES, *SPAN, *RATING)),
)


def export_rows(session: Session, asset_ids: Sequence[int] | None = None) -> Iterator[ExportRow]:
    statement = (
        select(*EXPORT_COLUMNS)
        .select_from(FaceInstance)
        .join(ImageAsset)
        .where(ImageAsset.missing_since.is_(None))
        .outerjoin(PersonRow, PersonRow.id == FaceInstance.person_id)
        .order_by(FaceInstance.asset_id, FaceInstance.bbox_x, FaceInstance.id)
        .execution_options(yield_per=PAGE_ROWS)
    )
    if asset_ids is not None:
        statement = statement.where(FaceInstance.asset_id.in_(asset_ids))
    for row in session.execute(statement):
        at, clock = row.taken_at, row.taken_clock
        moment = at.astimezone(timezone(clock - at)) if at and clock else at
        yield ExportRow(
            face_id=str(row.id),
            asset_id=row.asset_id,
            path=row.path,
            x=row.bbox_x,
            y=row.bbox_y,
            w=row.bbox_w,
            h=row.bbox_h,
            confidence=row.detection_confidence,
            quality=row.quality_score,
            cluster_id=row.cluster_id,
            person_id=str(row.person_id) if row.person_id else None,
            person_name=row.name,
            assigned_by=row.assigned_by,
            similarity=row.similarity,
            model_version=row.model_version,
            photo_width=row.width,
            photo_height=row.height,
            taken_at=moment.isoformat() if moment else None,
            age=Lifetime.read(row.born, row.died).age((clock or at).date()) if row.born and at else None,
            **{name: getattr(row, name) for name in (*MEASURES, *SPAN, *RATING)},
        )


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A face with its vector, or a photo that was looked at and shows none, as a row of `storage.vector_shards`."""

    content_hash: str  # of the photo
    path: str  # as text, see path_text
    photo_width: int  # upright pixels, as the box
    photo_height: int
    face_id: str | None
    x: int | None
    y: int | None
    w: int | None
    h: int | None
    landmarks: list[list[float]] | None
    detection_confidence: float | None
    quality: float | None
    vector: bytes | None  # (D,) little-endian float32
    # How faces were looked for on the photo.
    min_confidence: float | None
    min_face_size: int | None
    detection_size: int | None
    sharpness: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    exposure: float | None = None
    occlusion: float | None = None


def vector_rows(session: Session) -> Iterator[VectorRow]:
    """Every photo, no video, whose present content was looked at, with its faces, but those that are none."""
    is_face = FaceInstance.dismissed_as.is_distinct_from(Dismissal.NOT_A_FACE)
    statement = (
        select(
            *(ImageAsset.content_hash, ImageAsset.path, ImageAsset.width, ImageAsset.height),
            *(FaceInstance.id, FaceInstance.bbox_x, FaceInstance.bbox_y, FaceInstance.bbox_w, FaceInstance.bbox_h),
            *(FaceInstance.landmarks, FaceInstance.detection_confidence, FaceInstance.quality_score),
            FaceEmbedding.vector,
            *(ImageAsset.detected_min_confidence, ImageAsset.detected_min_face_size, ImageAsset.detected_size_px),
            *(getattr(FaceInstance, name) for name in MEASURES),
        )
        .select_from(ImageAsset)
        .outerjoin(join(FaceInstance, FaceEmbedding), and_(FaceInstance.asset_id == ImageAsset.id, is_face))
        .where(
            ImageAsset.missing_since.is_(None),
            ImageAsset.duration_s.is_(None),
            ImageAsset.status == AssetStatus.DETECTED,
            ImageAsset.detected_hash == ImageAsset.content_hash,
        )
        .order_by(ImageAsset.id, FaceInstance.id)
        .execution_options(yield_per=PAGE_ROWS)
    )
    for row in session.execute(statement):
        values: list[Any] = list(row)
        values[4] = str(values[4]) if values[4] else None
        yield VectorRow(*values)
