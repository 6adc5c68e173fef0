"""A face's row in the database as records, and the other way round."""

from __future__ import annotations

from typing import Any

from faceml.decisions.states import FaceState
from faceml.records import BBox, Face, FoundFace
from faceml.storage.sql.tables import FaceInstance

STATE_COLUMNS = tuple(FaceState.__dataclass_fields__)


# Of a row what a `Face` is made of: with landmarks and what assigned it, reading takes three times as long.
FACE_COLUMNS = (
    FaceInstance.id,
    FaceInstance.asset_id,
    FaceInstance.bbox_x,
    FaceInstance.bbox_y,
    FaceInstance.bbox_w,
    FaceInstance.bbox_h,
    FaceInstance.detection_confidence,
    FaceInstance.quality_score,
    FaceInstance.cluster_id,
    FaceInstance.person_id,
    FaceInstance.assigned_by,
    FaceInstance.similarity,
    FaceInstance.model_version,
    FaceInstance.created_at,
)


def as_face(row: Any) -> Face:
    """Of a row with `FACE_COLUMNS`."""
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
    )


def detection_columns(face: FoundFace) -> dict[str, Any]:
    return {
        "bbox_x": face.bbox.x,
        "bbox_y": face.bbox.y,
        "bbox_w": face.bbox.w,
        "bbox_h": face.bbox.h,
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.kps],
        "detection_confidence": float(face.detection_confidence),
        "quality_score": float(face.quality_score),
    }


def state_columns(state: FaceState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}
