"""Vectors of faces, chosen by what is known of the faces (DESIGN D2); of missing photos only by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from faceml.decisions.states import SPLIT_MARK
from faceml.records import (
    AssignedBy,
    BBox,
    Dismissal,
    Embeddings,
    FaceFacts,
    LibraryFaces,
    Measures,
    PersonStatus,
    Rating,
)
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.face_rows import measure_columns, rating_columns
from faceml.storage.sql.locks import lock_labels
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, ImageAsset, PersonRow

if TYPE_CHECKING:
    import numpy as np

    from faceml.vision.edited import FormerFace

PAGE_ROWS = 10_000  # vectors read at a time


class Vectors(Store):
    def of(self, face_ids: Sequence[UUID]) -> Embeddings:
        """Vectors of these faces, in the order asked; faces without a stored vector are left out."""
        statement = select(FaceEmbedding.face_instance_id, FaceEmbedding.vector)
        rows = self._rows(statement, FaceEmbedding.face_instance_id, face_ids)
        blobs: dict[UUID, bytes] = {row.face_instance_id: row.vector for row in rows}
        known = [face_id for face_id in face_ids if face_id in blobs]
        return as_embeddings((face_id, blobs[face_id]) for face_id in known)

    def former_faces(self, asset_ids: Sequence[int]) -> dict[int, dict[UUID, FormerFace]]:
        """The faces of each of these photos as they were found, missing or not; without a vector they are left out."""
        import numpy as np

        from faceml.vision.edited import FormerFace

        found: dict[int, dict[UUID, FormerFace]] = {asset_id: {} for asset_id in asset_ids}
        size = (ImageAsset.width, ImageAsset.height)
        statement = select(FaceInstance, FaceEmbedding.vector, *size).join(FaceEmbedding).join(ImageAsset)
        for row, blob, width, height in self._rows(statement, FaceInstance.asset_id, asset_ids):
            if width and height:
                found[row.asset_id][row.id] = FormerFace(
                    BBox(row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h),
                    None if row.landmarks is None else np.array(row.landmarks, np.float32),
                    row.detection_confidence,
                    np.frombuffer(blob, dtype="<f4"),
                    (width, height),
                )
        return found

    def unmeasured(
        self, *, limit: int, rated_by: str | None = None
    ) -> dict[int, dict[UUID, np.ndarray[Any, np.dtype[np.float32]]]]:
        """The (5, 2) points of faces that were not measured, by photo, of `limit` photos that are there.

        Args:
            rated_by: a model: also those that it did not rate.
        """
        import numpy as np

        is_of_photo = (FaceInstance.landmarks.is_not(None), FaceInstance.frame_s.is_(None), photo_is_there())
        is_unrated = [] if rated_by is None else [FaceInstance.rated_by.is_distinct_from(rated_by)]
        is_waiting = (or_(FaceInstance.sharpness.is_(None), *is_unrated), *is_of_photo)
        photos = select(FaceInstance.asset_id).where(*is_waiting).distinct().order_by(FaceInstance.asset_id)
        ids = list(self._session.scalars(photos.limit(limit)))
        found: dict[int, dict[UUID, np.ndarray[Any, np.dtype[np.float32]]]] = {asset_id: {} for asset_id in ids}
        statement = select(FaceInstance.asset_id, FaceInstance.id, FaceInstance.landmarks).where(*is_waiting)
        for asset_id, face_id, landmarks in self._rows(statement, FaceInstance.asset_id, ids):
            found[asset_id][face_id] = np.array(landmarks, np.float32)
        return found

    def set_measures(self, measured: Sequence[tuple[UUID, Measures, Rating | None]]) -> int:
        """Store what was measured, but of faces that went; returns of how many. One not rated keeps its rating."""
        lock_labels(self._session)
        ids = [face_id for face_id, _, _ in measured]
        there = {row.id for row in self._rows(select(FaceInstance.id), FaceInstance.id, ids)}
        rows = [
            {"id": id_, **measure_columns(found), **(rating_columns(rating) if rating else {})}
            for id_, found, rating in measured
            if id_ in there
        ]
        self._write(update(FaceInstance), rows)
        return len(rows)

    def keep_ratings_by(self, model: str) -> None:
        """Take away what other models said: numbers of two models are never compared."""
        lock_labels(self._session)
        is_others = or_(FaceInstance.rated_by < model, FaceInstance.rated_by > model)  # found by an index, "!=" is not
        others = update(FaceInstance).where(is_others)
        self._session.execute(others.values(rating_columns(None)))

    def unlabelled(
        self,
        *,
        min_quality: float,
        limit: int,
        taken_from: datetime | None = None,
        taken_before: datetime | None = None,
    ) -> Embeddings:
        """Faces that clustering may group: under no person and in no part of a person's split.

        `taken_from` and `taken_before` are by the clock of where the photo was taken, with UTC as its zone.

        Best quality first where there are more than `limit`; then in order of id.
        """
        where, photos = is_unlabelled(min_quality), select(ImageAsset.id)
        if taken_from is not None:
            where.append(FaceInstance.asset_id.in_(photos.where(ImageAsset.taken_clock >= taken_from)))
        if taken_before is not None:
            where.append(FaceInstance.asset_id.in_(photos.where(ImageAsset.taken_clock < taken_before)))
        return self._vectors(where, limit=limit)

    def best(self, *, limit: int, min_quality: float = 0.0) -> Embeddings:
        """The faces of best quality, whoever they are under."""
        return self._vectors([photo_is_there(), FaceInstance.quality_score >= min_quality], limit=limit)

    def unassigned(self, *, since: datetime | None, limit: int) -> Embeddings:
        """Faces under no person and in no cluster (specification, Assignment Process), oldest first.

        A face whose name a person took away stays out: having no name is that person's decision.
        """
        columns = (FaceInstance.person_id, FaceInstance.cluster_id, FaceInstance.assigned_by)
        where = [photo_is_there(), *(column.is_(None) for column in columns)]
        if since is not None:
            where.append(FaceInstance.created_at >= since)
        return self._vectors(where, limit=limit, first=FaceInstance.created_at)

    def undecided(self, *, limit: int, min_quality: float = 0.0) -> Embeddings:
        """Faces that no person decided about, automatic assignments included; the best where there are more.

        Left out with them are faces in a part of a person's split.
        """
        is_undecided = FaceInstance.assigned_by.is_distinct_from(AssignedBy.MANUAL)
        where = [photo_is_there(), is_undecided, in_no_split_part(), FaceInstance.quality_score >= min_quality]
        return self._vectors(where, limit=limit)

    def everybody(self) -> LibraryFaces:
        """All faces, strangers' too, but those that a person said are none."""
        import numpy as np

        statement = (
            select(
                FaceInstance.id,
                FaceEmbedding.vector,
                FaceInstance.asset_id,
                FaceInstance.quality_score,
                case((and_(FaceInstance.assigned_by == AssignedBy.MANUAL, _is_active()), FaceInstance.person_id)),
            )
            .join(FaceEmbedding)
            .where(photo_is_there(), FaceInstance.dismissed_as.is_distinct_from(Dismissal.NOT_A_FACE))
            .order_by(FaceInstance.id)
            .execution_options(yield_per=PAGE_ROWS)
        )
        told: list[tuple[int, float, UUID | None]] = []

        def vectors() -> Iterator[tuple[UUID, bytes]]:
            for face_id, vector, *rest in self._session.execute(statement):
                told.append((rest[0], rest[1], rest[2]))
                yield face_id, vector

        found = as_embeddings(vectors())
        return LibraryFaces(
            face_ids=found.face_ids,
            vectors=found.vectors,
            photos=np.array([photo for photo, _, _ in told], np.int64),
            quality=np.array([quality for _, quality, _ in told], np.float64),
            labels=tuple(person_id for _, _, person_id in told),
        )

    def facts(self) -> FaceFacts:
        """Of the faces of `everybody`, in the same order."""
        import numpy as np

        statement = (
            select(
                FaceInstance.detection_confidence,
                FaceInstance.bbox_w,
                FaceInstance.bbox_h,
                ImageAsset.taken_clock,
            )
            .join(FaceEmbedding)
            .join(ImageAsset)
            .where(photo_is_there(), FaceInstance.dismissed_as.is_distinct_from(Dismissal.NOT_A_FACE))
            .order_by(FaceInstance.id)
            .execution_options(yield_per=PAGE_ROWS)
        )
        rows = [(c, min(w, h), taken.year if taken else 0) for c, w, h, taken in self._session.execute(statement)]
        return FaceFacts(
            confidence=np.array([confidence for confidence, _, _ in rows], np.float64),
            sizes_px=np.array([size for _, size, _ in rows], np.int64),
            years=np.array([year for _, _, year in rows], np.int64),
        )

    def labelled_by_a_person(
        self, *, min_quality: float = 0.0, active_only: bool = False
    ) -> tuple[Embeddings, list[UUID]]:
        """Faces that a person labelled, with whom, in order of person.

        Args:
            active_only: without those of hidden people.
        """
        where = [FaceInstance.assigned_by == AssignedBy.MANUAL, FaceInstance.quality_score >= min_quality]
        return self._under_people(*where, *([_is_active()] if active_only else []))

    def under_people(self) -> tuple[Embeddings, list[UUID]]:
        """All faces under a person, with that person's id row for row, in order of person."""
        return self._under_people()

    def _under_people(self, *where: ColumnElement[bool]) -> tuple[Embeddings, list[UUID]]:
        statement = (
            select(FaceInstance.id, FaceEmbedding.vector, FaceInstance.person_id)
            .join(FaceEmbedding)
            .where(photo_is_there(), FaceInstance.person_id.is_not(None), *where)
            .order_by(FaceInstance.person_id, FaceInstance.id)
            .execution_options(yield_per=PAGE_ROWS)
        )
        owners: list[UUID] = []

        def vectors() -> Iterator[tuple[UUID, bytes]]:
            for row in self._session.execute(statement):
                owners.append(row.person_id)
                yield row.id, row.vector

        return as_embeddings(vectors()), owners

    def _vectors(
        self,
        where: list[ColumnElement[bool]],
        *,
        limit: int,
        first: ColumnElement[Any] | InstrumentedAttribute[Any] = FaceInstance.quality_score.desc(),
    ) -> Embeddings:
        """The `limit` faces that come first, in order of id."""
        chosen = select(FaceInstance.id).where(*where).order_by(first, FaceInstance.id).limit(limit).subquery()
        statement = (
            select(FaceEmbedding.face_instance_id, FaceEmbedding.vector)
            .join(chosen, chosen.c.id == FaceEmbedding.face_instance_id)
            .order_by(FaceEmbedding.face_instance_id)
            .execution_options(yield_per=PAGE_ROWS)
        )
        return as_embeddings((row[0], row[1]) for row in self._session.execute(statement))


def as_blob(vector: np.ndarray[Any, Any]) -> bytes:
    import numpy as np

    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def as_embeddings(rows: Iterable[tuple[UUID, bytes]]) -> Embeddings:
    """Rows of (id, little-endian float32 blob) as ids and one (N, D) matrix; (0, 0) where there are no rows."""
    import numpy as np

    ids: list[UUID] = []
    joined = bytearray()
    for face_id, blob in rows:
        ids.append(face_id)
        joined += blob
    vectors = np.frombuffer(joined, dtype="<f4")
    return Embeddings(tuple(ids), vectors.reshape(len(ids), -1) if ids else vectors.reshape(0, 0))


def _is_active() -> ColumnElement[bool]:
    return FaceInstance.person_id.in_(select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE))


def in_no_split_part() -> ColumnElement[bool]:
    return or_(FaceInstance.cluster_id.is_(None), ~FaceInstance.cluster_id.contains(SPLIT_MARK, autoescape=True))


def is_unlabelled(min_quality: float) -> list[ColumnElement[bool]]:
    """What makes a face one that clustering may group; all of it holds."""
    return [
        photo_is_there(),
        FaceInstance.person_id.is_(None),
        FaceInstance.dismissed_as.is_(None),
        FaceInstance.quality_score >= min_quality,
        in_no_split_part(),
    ]
