"""The state of faces in rows, and the two writes that automatic steps make (DESIGN D4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, or_, select, update
from sqlalchemy.orm import Session

from faceml.decisions.replay import survivor
from faceml.decisions.states import SPLIT_MARK, FaceState
from faceml.records import AssignedBy, PersonStatus
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.locks import lock_labels
from faceml.storage.sql.tables import FaceInstance, FaceRejection, PersonRow

STATE_COLUMNS = tuple(FaceState.__dataclass_fields__)


def in_no_split_part() -> ColumnElement[bool]:
    return or_(FaceInstance.cluster_id.is_(None), ~FaceInstance.cluster_id.contains(SPLIT_MARK, autoescape=True))


def is_unlabelled(min_quality: float) -> list[ColumnElement[bool]]:
    """What makes a face one that clustering may group."""
    return [
        FaceInstance.person_id.is_(None),
        FaceInstance.dismissed_as.is_(None),
        FaceInstance.quality_score >= min_quality,
        in_no_split_part(),
    ]


def state_columns(state: FaceState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}


def rejected_pairs(session: Session, face_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """(face, person) pairs that a person ruled out, in order; merged people answer with whom they became."""
    became = merged_people(session)
    pairs: set[tuple[UUID, UUID]] = set()
    for piece in chunks(face_ids):
        rows = session.execute(
            select(FaceRejection.face_instance_id, FaceRejection.person_id).where(
                FaceRejection.face_instance_id.in_(piece)
            )
        )
        pairs.update((face_id, survivor(person_id, became)) for face_id, person_id in rows)
    return sorted(pairs)


def merged_people(session: Session) -> dict[UUID, UUID]:
    """Whom each merged person was merged into."""
    rows = session.execute(
        select(PersonRow.id, PersonRow.merged_into_id).where(PersonRow.status == PersonStatus.MERGED)
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


def write_automatic(session: Session, states: Sequence[tuple[UUID, FaceState]]) -> None:
    """Put faces under people by a machine's word, where no person's stands against it when it is written."""
    if states:
        lock_labels(session)
        rows = [{"face": id_, "person": state.person_id, **state_columns(state)} for id_, state in states]
        session.connection().execute(_AUTOMATIC, rows)


def write_clusters(session: Session, clusters: Sequence[tuple[UUID, str | None]]) -> None:
    if clusters:
        lock_labels(session)
        session.connection().execute(_REGROUP, [{"face": id_, "cluster": name} for id_, name in clusters])


_table: Any = FaceInstance.__table__
_AUTOMATIC = (
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
_REGROUP = (
    update(_table)
    .where(FaceInstance.id == bindparam("face"), FaceInstance.dismissed_as.is_(None), in_no_split_part())
    .values(cluster_id=bindparam("cluster"))
)
