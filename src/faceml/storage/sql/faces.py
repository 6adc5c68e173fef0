"""Faces: found, renewed, put in clusters, put under people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from faceml.decisions.states import FaceState
from faceml.errors import NotFound
from faceml.records import AssignedBy, BBox, Face, FoundFace, PersonStatus
from faceml.storage.sql.chunks import change_where, rows_where
from faceml.storage.sql.face_states import (
    STATE_COLUMNS,
    is_unlabelled,
    rejected_pairs,
    state_columns,
    write_automatic,
    write_clusters,
)
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, FaceRejection, LabelChange, PersonRow
from faceml.storage.sql.vectors import as_blob

PAGE_ROWS = 10_000  # vectors read at a time


class Faces:
    def __init__(self, session: Session) -> None:
        self._session = session

    # --- detection

    def in_assets(self, asset_ids: Sequence[int]) -> list[Face]:
        return self._faces(FaceInstance.asset_id, asset_ids)

    def by_asset(self, asset_ids: Sequence[int]) -> dict[int, list[Face]]:
        """The faces of each of these photos; an empty list where it has none."""
        found: dict[int, list[Face]] = {asset_id: [] for asset_id in asset_ids}
        for face in self.in_assets(asset_ids):
            found[face.asset_id].append(face)
        return found

    def add(self, found: Sequence[tuple[int, FoundFace]], *, pack: str) -> list[UUID]:
        """Store new faces of assets with their vectors; returns their ids, row for row."""
        ids = [uuid4() for _ in found]
        if found:
            self._session.execute(
                insert(FaceInstance),
                [
                    {"id": id_, "qdrant_point_id": id_, "asset_id": asset_id, **_detection_columns(face)}
                    for id_, (asset_id, face) in zip(ids, found, strict=True)
                ],
            )
            self._session.execute(
                insert(FaceEmbedding),
                [
                    {"face_instance_id": id_, "pack": pack, "vector": as_blob(face.embedding)}
                    for id_, (_, face) in zip(ids, found, strict=True)
                ],
            )
        return ids

    def renew(self, found: Sequence[tuple[UUID, FoundFace]], *, pack: str) -> None:
        """Give known faces the box and vector of a changed photo (or restore a vector that was lost)."""
        if not found:
            return
        self._session.execute(update(FaceInstance), [{"id": id_, **_detection_columns(face)} for id_, face in found])
        ids = [id_ for id_, _ in found]
        change_where(self._session, delete(FaceEmbedding), FaceEmbedding.face_instance_id, ids)
        self._session.execute(
            insert(FaceEmbedding),
            [{"face_instance_id": id_, "pack": pack, "vector": as_blob(face.embedding)} for id_, face in found],
        )

    def remove(self, face_ids: Sequence[UUID]) -> None:
        change_where(self._session, delete(FaceInstance), FaceInstance.id, face_ids)

    def decided_by_a_person(self, face_ids: Sequence[UUID]) -> set[UUID]:
        """Those of which a person ever said something: labelled, rejected, or changed by an event."""
        labelled = select(FaceInstance.id).where(FaceInstance.assigned_by == AssignedBy.MANUAL)
        rows = [
            *rows_where(self._session, labelled, FaceInstance.id, face_ids),
            *rows_where(self._session, select(column := FaceRejection.face_instance_id), column, face_ids),
            *rows_where(self._session, select(column := LabelChange.face_instance_id), column, face_ids),
        ]
        return {row[0] for row in rows}

    # --- reading

    def get(self, face_id: UUID) -> Face:
        """Raises NotFound."""
        found = self.by_ids([face_id])
        if not found:
            raise NotFound(f"face {face_id} is not in this library: `faceml faces export` lists the ids it knows")
        return found[0]

    def by_ids(self, face_ids: Sequence[UUID]) -> list[Face]:
        """The faces of these ids that exist, in no promised order."""
        return self._faces(FaceInstance.id, face_ids)

    def in_cluster(self, cluster_id: str) -> list[Face]:
        """Faces of a cluster, best quality first; empty where there is no such cluster."""
        return sorted(self._faces(FaceInstance.cluster_id, [cluster_id]), key=lambda face: -face.quality_score)

    def of_person(self, person_id: UUID) -> list[Face]:
        return sorted(self._faces(FaceInstance.person_id, [person_id]), key=lambda face: -face.quality_score)

    def recognised(self, *, limit: int) -> list[Face]:
        """Faces that a machine put under an active person and nobody confirmed, the least similar first."""
        active = select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE)
        statement = (
            select(FaceInstance)
            .where(FaceInstance.assigned_by == AssignedBy.PROTOTYPE, FaceInstance.person_id.in_(active))
            .order_by(FaceInstance.similarity, FaceInstance.id)
            .limit(limit)
        )
        return [as_face(row) for row in self._session.scalars(statement)]

    def photo_of(self, face_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The asset that each face is on."""
        statement = select(FaceInstance.id, FaceInstance.asset_id)
        return {row.id: row.asset_id for row in rows_where(self._session, statement, FaceInstance.id, face_ids)}

    def people_on_photos(self) -> list[tuple[int, UUID]]:
        """(asset, person) of every face that a person labelled."""
        rows = self._session.execute(
            select(FaceInstance.asset_id, FaceInstance.person_id).where(
                FaceInstance.assigned_by == AssignedBy.MANUAL, FaceInstance.person_id.is_not(None)
            )
        )
        return [(row[0], row[1]) for row in rows if row[1] is not None]

    def without_vector(self, *, limit: int) -> list[Face]:
        has_vector = select(FaceEmbedding.pack).where(FaceEmbedding.face_instance_id == FaceInstance.id).exists()
        rows = self._session.scalars(select(FaceInstance).where(~has_vector).order_by(FaceInstance.id).limit(limit))
        return [as_face(row) for row in rows]

    def rejections(self, face_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
        """(face, person) pairs that a person ruled out; who was merged since answers with whom they became."""
        return rejected_pairs(self._session, face_ids)

    # --- changing

    def states(self, face_ids: Sequence[UUID]) -> dict[UUID, FaceState]:
        statement = select(FaceInstance.id, *(getattr(FaceInstance, name) for name in STATE_COLUMNS))
        rows = rows_where(self._session, statement, FaceInstance.id, face_ids)
        return {row[0]: FaceState(*row[1:]) for row in rows}

    def clusters_of_free(self, face_ids: Sequence[UUID]) -> dict[UUID, str | None]:
        """The cluster of each of these faces that is under nobody; the others are left out."""
        statement = select(FaceInstance.id, FaceInstance.cluster_id).where(FaceInstance.person_id.is_(None))
        return {row.id: row.cluster_id for row in rows_where(self._session, statement, FaceInstance.id, face_ids)}

    def set_states(self, states: Sequence[tuple[UUID, FaceState]]) -> None:
        """Write states. An automatic one passes by a face that a person decided about, or whose person is ruled out,
        hidden or merged by now (DESIGN D4): the last word on it is here, whatever a service computed meanwhile.
        """
        self.set_decided([(id_, state) for id_, state in states if state.assigned_by is not AssignedBy.PROTOTYPE])
        write_automatic(
            self._session, [(id_, state) for id_, state in states if state.assigned_by is AssignedBy.PROTOTYPE]
        )

    def set_decided(self, states: Sequence[tuple[UUID, FaceState]]) -> None:
        """Write states as a person's decision has them, automatic ones that it restores too."""
        if states:
            rows = [{"id": id_, **state_columns(state)} for id_, state in states]
            self._session.execute(update(FaceInstance), rows)

    def set_clusters(self, clusters: Sequence[tuple[UUID, str | None]]) -> None:
        """Move faces between clusters, None takes a face out of any; parts of a person's split stay as they are."""
        write_clusters(self._session, clusters)

    def clusters_of_people(self) -> set[str]:
        """Clusters that hold a face under a person."""
        statement = (
            select(FaceInstance.cluster_id)
            .where(FaceInstance.cluster_id.is_not(None), FaceInstance.person_id.is_not(None))
            .distinct()
        )
        return {name for name in self._session.scalars(statement) if name}

    # --- counting

    def count(self, *where: ColumnElement[bool]) -> int:
        return self._session.execute(select(func.count()).select_from(FaceInstance).where(*where)).scalar_one()

    def count_assigned(self) -> int:
        return self.count(FaceInstance.person_id.is_not(None))

    def count_clustered(self) -> int:
        return self.count(FaceInstance.cluster_id.is_not(None))

    def count_unlabelled(self, *, min_quality: float) -> int:
        return self.count(*is_unlabelled(min_quality))

    def labels(self) -> Iterator[tuple[UUID, UUID | None, str | None]]:
        """(face, person, cluster) of every face, in order of face."""
        statement = select(FaceInstance.id, FaceInstance.person_id, FaceInstance.cluster_id).order_by(FaceInstance.id)
        for row in self._session.execute(statement.execution_options(yield_per=PAGE_ROWS)):
            yield row[0], row[1], row[2]

    def quality_scores(self) -> list[float]:
        return list(self._session.scalars(select(FaceInstance.quality_score)))

    def _faces(self, column: Any, values: Sequence[Any]) -> list[Face]:
        return [as_face(row[0]) for row in rows_where(self._session, select(FaceInstance), column, values)]


def as_face(row: FaceInstance) -> Face:
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


def _detection_columns(face: FoundFace) -> dict[str, Any]:
    return {
        "bbox_x": face.bbox.x,
        "bbox_y": face.bbox.y,
        "bbox_w": face.bbox.w,
        "bbox_h": face.bbox.h,
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.kps],
        "detection_confidence": float(face.detection_confidence),
        "quality_score": float(face.quality_score),
    }
