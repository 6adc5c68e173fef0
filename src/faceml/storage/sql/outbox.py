"""The outbox: points whose state in the index may lag behind SQL (DESIGN D3).

A row only names a point. Whoever drains it copies the point's present state, so order and repeats do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import Subquery, delete, func, insert, select

from faceml.storage.index.vector_index import UNSET, Payload, Point
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.locks import DRAINING, advisory_lock
from faceml.storage.sql.prototypes import is_in_use
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, ImageAsset, OutboxRow, PersonPrototype


@dataclass(frozen=True, slots=True)
class Pending:
    """Some of the backlog: the outbox rows, and the points they name (each once)."""

    row_ids: tuple[int, ...]
    point_ids: tuple[UUID, ...]


class Outbox(Store):
    def push(self, point_ids: Sequence[UUID]) -> None:
        self._write(insert(OutboxRow), [{"point_id": point_id} for point_id in point_ids])

    def push_all(self) -> None:
        """Every point, for an index that is about to be built anew."""
        self._session.execute(insert(OutboxRow).from_select(["point_id"], select(_every_point().c.qdrant_point_id)))

    def lock(self) -> None:
        """Wait for whoever else is draining; until this transaction ends nobody else does. PostgreSQL only."""
        advisory_lock(self._session.connection(), DRAINING)

    def backlog(self) -> int:
        return self._count(OutboxRow)

    def peek(self, limit: int) -> Pending:
        rows = self._session.execute(select(OutboxRow.id, OutboxRow.point_id).order_by(OutboxRow.id).limit(limit)).all()
        return Pending(tuple(row.id for row in rows), tuple(dict.fromkeys(row.point_id for row in rows)))

    def remove(self, row_ids: Sequence[int]) -> None:
        self._change(delete(OutboxRow), OutboxRow.id, row_ids)

    def points(self, point_ids: Sequence[UUID]) -> list[Point]:
        """These points as SQL has them now, vector and payload; left out are those that are gone, their photo too."""
        return [*self._face_points(point_ids), *self._centroids(point_ids)]

    def count_points(self) -> int:
        """How many points the index ought to hold."""
        return self._session.execute(select(func.count()).select_from(_every_point())).scalar_one()

    def point_ids(self, *, limit: int, after: UUID | None = None) -> list[UUID]:
        """Ids that the index ought to hold, in order, one page."""
        every = _every_point()
        statement = select(every.c.qdrant_point_id).order_by(every.c.qdrant_point_id).limit(limit)
        if after is not None:
            statement = statement.where(every.c.qdrant_point_id > after)
        return list(self._session.scalars(statement))

    def _face_points(self, point_ids: Sequence[UUID]) -> Iterator[Point]:
        is_prototype = select(PersonPrototype.id).where(PersonPrototype.face_instance_id == FaceInstance.id).exists()
        statement = (
            select(FaceInstance, FaceEmbedding.vector, ImageAsset.taken_at, is_prototype)
            .join(FaceEmbedding)
            .join(ImageAsset)
            .where(photo_is_there())
        )
        for face, vector, taken_at, prototype in self._rows(statement, FaceInstance.qdrant_point_id, point_ids):
            payload = face_payload(face, is_prototype=prototype, taken_at=taken_at.isoformat() if taken_at else None)
            yield Point(face.qdrant_point_id, payload, np.frombuffer(vector, dtype="<f4"))

    def _centroids(self, point_ids: Sequence[UUID]) -> Iterator[Point]:
        statement = select(PersonPrototype).where(PersonPrototype.face_instance_id.is_(None), is_in_use())
        for (row,) in self._rows(statement, PersonPrototype.qdrant_point_id, point_ids):
            payload = {**UNSET, "person_id": str(row.person_id), "is_prototype": True}
            yield Point(row.qdrant_point_id, payload, np.frombuffer(row.vector or b"", dtype="<f4"))


def _every_point() -> Subquery:
    """The ids that the index ought to hold."""
    faces = select(FaceInstance.qdrant_point_id).join(FaceEmbedding).where(photo_is_there())
    is_centroid = PersonPrototype.face_instance_id.is_(None)
    centroids = select(PersonPrototype.qdrant_point_id).where(is_centroid, is_in_use())
    return faces.union_all(centroids).subquery()


def face_payload(face: FaceInstance, *, is_prototype: bool, taken_at: str | None) -> Payload:
    """The specification's payload of a face's point; what is not set is None."""
    return {
        "asset_id": str(face.asset_id),
        "face_instance_id": str(face.id),
        "detection_confidence": face.detection_confidence,
        "quality_score": face.quality_score,
        "bbox": {"x": face.bbox_x, "y": face.bbox_y, "w": face.bbox_w, "h": face.bbox_h},
        "person_id": str(face.person_id) if face.person_id else None,
        "cluster_id": face.cluster_id,
        "is_prototype": is_prototype,
        "taken_at": taken_at,
    }
