"""The state of faces in rows, and the two writes that automatic steps make (DESIGN D4)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, select, update

from faceml.decisions.states import SPLIT_MARK, FaceState
from faceml.records import AssignedBy, PersonStatus
from faceml.storage.sql.tables import FaceInstance, FaceRejection, PersonRow

STATE_COLUMNS = tuple(FaceState.__dataclass_fields__)


def in_no_split_part() -> ColumnElement[bool]:
    return or_(FaceInstance.cluster_id.is_(None), ~FaceInstance.cluster_id.contains(SPLIT_MARK, autoescape=True))


def is_unlabelled(min_quality: float) -> list[ColumnElement[bool]]:
    """What makes a face one that clustering may group; all of it holds."""
    return [
        FaceInstance.person_id.is_(None),
        FaceInstance.dismissed_as.is_(None),
        FaceInstance.quality_score >= min_quality,
        in_no_split_part(),
    ]


def state_columns(state: FaceState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}


_table: Any = FaceInstance.__table__
# Puts a face under a person by a machine's word, where no person's stands against it when it is written.
ASSIGN_AUTOMATICALLY = (
    update(_table)
    .where(
        FaceInstance.id == bindparam("face"),
        or_(FaceInstance.assigned_by.is_(None), FaceInstance.assigned_by != AssignedBy.MANUAL),
        select(PersonRow.id)
        .where(PersonRow.id == bindparam("person"), PersonRow.status == PersonStatus.ACTIVE)
        .exists(),
        ~select(FaceRejection.person_id)
        .where(FaceRejection.face_instance_id == bindparam("face"), FaceRejection.person_id == bindparam("person"))
        .exists(),
    )
    .values({name: bindparam(name) for name in STATE_COLUMNS})
)
REGROUP = (
    update(_table)
    .where(FaceInstance.id == bindparam("face"), FaceInstance.dismissed_as.is_(None), in_no_split_part())
    .values(cluster_id=bindparam("cluster"))
)
