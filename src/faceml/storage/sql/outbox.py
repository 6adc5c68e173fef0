"""The outbox: points whose state in the index may lag behind SQL (DESIGN D3).

A row only names a point. Whoever drains it copies the point's present state, so order and repeats do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Subquery, delete, func, insert, select

from faceml.records import PrototypeRole
from faceml.storage.index.vector_index import UNSET, Payload, Point
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store, chunks
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
        for piece in chunks(point_ids):
            self._write(insert(OutboxRow), [{"point_id": point_id} for point_id in piece])

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
        page: list[UUID] = []
        for points, id_ in _KINDS:  # each along its own index: as one they would be sorted anew for every page
            statement = points.order_by(id_).limit(limit)
            page += self._session.scalars(statement if after is None else statement.where(id_ > after))
        return sorted(page)[:limit]

    def ought_to_be(self, point_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these points that the index ought to hold."""
        return {row[0] for points, id_ in _KINDS for row in self._rows(points, id_, point_ids)}

    def _face_points(self, point_ids: Sequence[UUID]) -> Iterator[Point]:
        import numpy as np

        is_prototype = select(PersonPrototype.id).where(PersonPrototype.face_instance_id == FaceInstance.id).exists()
        statement = (
            select(*_SHOWN, FaceEmbedding.vector, ImageAsset.taken_at, is_prototype.label("is_prototype"))
            .join(FaceEmbedding)
            .join(ImageAsset)
            .where(photo_is_there())
        )
        for row in self._rows(statement, FaceInstance.qdrant_point_id, point_ids):
            yield Point(row.qdrant_point_id, _payload(row), np.frombuffer(row.vector, dtype="<f4"))

    def _centroids(self, point_ids: Sequence[UUID]) -> Iterator[Point]:
        import numpy as np

        statement = select(PersonPrototype).where(PersonPrototype.face_instance_id.is_(None), is_in_use())
        for (row,) in self._rows(statement, PersonPrototype.qdrant_point_id, point_ids):
            payload = {**UNSET, "person_id": str(row.person_id), "is_prototype": True}
            yield Point(row.qdrant_point_id, payload, np.frombuffer(row.vector or b"", dtype="<f4"))


_FACES: Select[UUID] = select(FaceInstance.qdrant_point_id).join(FaceEmbedding).where(photo_is_there())
_CENTROIDS: Select[UUID] = select(PersonPrototype.qdrant_point_id).where(
    PersonPrototype.role == PrototypeRole.CENTROID, is_in_use()
)
_KINDS = ((_FACES, FaceInstance.qdrant_point_id), (_CENTROIDS, PersonPrototype.qdrant_point_id))
# What a point shows of its face: whole rows take three times as long.
_SHOWN = (
    FaceInstance.id,
    FaceInstance.asset_id,
    FaceInstance.qdrant_point_id,
    FaceInstance.detection_confidence,
    FaceInstance.quality_score,
    FaceInstance.bbox_x,
    FaceInstance.bbox_y,
    FaceInstance.bbox_w,
    FaceInstance.bbox_h,
    FaceInstance.person_id,
    FaceInstance.cluster_id,
)


def _every_point() -> Subquery:
    """The ids that the index ought to hold."""
    return _FACES.union_all(_CENTROIDS).subquery()


def _payload(row: Any) -> Payload:
    """The specification's payload of a face's point; what is not set is None."""
    return {
        "asset_id": str(row.asset_id),
        "face_instance_id": str(row.id),
        "detection_confidence": row.detection_confidence,
        "quality_score": row.quality_score,
        "bbox": {"x": row.bbox_x, "y": row.bbox_y, "w": row.bbox_w, "h": row.bbox_h},
        "person_id": str(row.person_id) if row.person_id else None,
        "cluster_id": row.cluster_id,
        "is_prototype": row.is_prototype,
        "taken_at": row.taken_at.isoformat() if row.taken_at else None,
    }
