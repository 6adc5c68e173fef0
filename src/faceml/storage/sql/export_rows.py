"""Faces with their photo's path and their person's name, streamed in order of photo, but for missing photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from faceml.path_text import path_of
from faceml.storage.sql.tables import FaceInstance, ImageAsset, PersonRow

PAGE_ROWS = 5_000


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


def formerly_at(session: Session) -> dict[Path, set[str]]:
    """Ids of faces on missing photos, by the place where those lay last: another photo may lie there now."""
    found: dict[Path, set[str]] = defaultdict(set)
    statement = select(ImageAsset.path, FaceInstance.id).join(FaceInstance)
    for path, face_id in session.execute(statement.where(ImageAsset.missing_since.is_not(None))):
        found[path_of(path)].add(str(face_id))
    return dict(found)


_COLUMNS = (  # whole rows take three times as long
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
)


def export_rows(session: Session) -> Iterator[ExportRow]:
    statement = (
        select(*_COLUMNS)
        .select_from(FaceInstance)
        .join(ImageAsset)
        .where(ImageAsset.missing_since.is_(None))
        .outerjoin(PersonRow, PersonRow.id == FaceInstance.person_id)
        .order_by(FaceInstance.asset_id, FaceInstance.bbox_x, FaceInstance.id)
        .execution_options(yield_per=PAGE_ROWS)
    )
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
        )
