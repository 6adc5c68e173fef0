"""A photo's row in the database as records and the other way round; what a video's rows have beside; photos' hashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, update

from faceml.path_text import path_of, path_text
from faceml.records import Asset, AssetStatus, BBox, Face, Span
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import ErasedFace, FaceEmbedding, FaceInstance, ImageAsset

if TYPE_CHECKING:
    from faceml.vision.video.bursts import Shot
    from faceml.vision.video.tracks import StoredTrack


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo as it lies on the disk."""

    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int
    taken_at: datetime | None  # with the zone of where it was taken; UTC where that is not known
    duration_s: float | None = None  # of a video, 0 where its file does not say; None: a photo


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library remembers of a photo's file."""

    asset_id: int
    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int
    status: AssetStatus
    is_missing: bool


@dataclass(frozen=True, slots=True)
class UnreadableAsset:
    """A photo that could not be read when it was looked at last."""

    asset_id: int
    path: str  # as text
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The outcome of one detection, for the asset's row."""

    asset_id: int
    width: int
    height: int
    error: str | None
    note: str | None = None
    perceptual_hash: int | None = None


def columns_of(file: PhotoFile) -> dict[str, Any]:
    clock = file.taken_at.replace(tzinfo=UTC) if file.taken_at else None
    return {**asdict(file), "path": path_text(file.path), "taken_clock": clock, "missing_since": None}


def files_query() -> Select[*tuple[Any, ...]]:
    columns = (ImageAsset.id, ImageAsset.path, ImageAsset.content_hash, ImageAsset.size_bytes, ImageAsset.mtime_ns)
    return select(*columns, ImageAsset.status, ImageAsset.missing_since).order_by(ImageAsset.id)


def known_file(row: Row[*tuple[Any, ...]]) -> KnownFile:
    asset_id, path, content_hash, size_bytes, mtime_ns, status, missing_since = row
    is_missing = missing_since is not None
    return KnownFile(asset_id, path_of(path), content_hash, size_bytes, mtime_ns, status, is_missing)


def asset_of(row: ImageAsset) -> Asset:
    columns = {field.name: getattr(row, field.name) for field in fields(Asset)}
    return Asset(**{**columns, "path": path_of(row.path)})


@dataclass(frozen=True, slots=True)
class Looseness:
    """With which thresholds faces are looked for."""

    detected_min_confidence: float
    detected_min_face_size: int
    detected_size_px: int

    def reaches(self, other: Looseness) -> bool:
        """Whether it finds all that the other would."""
        return (
            self.detected_min_confidence <= other.detected_min_confidence
            and self.detected_min_face_size <= other.detected_min_face_size
            and self.detected_size_px >= other.detected_size_px
        )


class Films(Store):
    """Videos: how far each was looked at, and the faces in them."""

    def settled_s(self, asset_id: int, wanted: Looseness) -> float:
        """Up to where a run that did not end has looked at it, at least so loosely; 0 where there was none."""
        columns = (getattr(ImageAsset, item.name) for item in fields(Looseness))
        statement = select(ImageAsset.looked_until_s, *columns).where(ImageAsset.id == asset_id)
        row = self._session.execute(statement).one_or_none()
        if row is None or row[0] is None or None in row[1:]:
            return 0.0
        return float(row[0]) if Looseness(*row[1:]).reaches(wanted) else 0.0

    def settle(self, asset_id: int, until_s: float, looseness: Looseness, *, width: int, height: int) -> None:
        """Note how far a run has come: the video waits for the rest."""
        size = {"width": width, "height": height} if width and height else {}
        values = {"status": AssetStatus.PENDING, "looked_until_s": until_s, **asdict(looseness), **size}
        self._session.execute(update(ImageAsset).where(ImageAsset.id == asset_id).values(values))

    def end(self, asset_id: int) -> None:
        self._session.execute(update(ImageAsset).where(ImageAsset.id == asset_id).values(looked_until_s=None))

    def start_anew(self, asset_id: int) -> None:
        """Its faces of another content are gone from it."""
        nothing = {"detected_hash": None, "looked_until_s": None}
        self._session.execute(update(ImageAsset).where(ImageAsset.id == asset_id).values(nothing))

    def stored(self, asset_ids: Sequence[int]) -> dict[UUID, StoredTrack]:
        """The faces of these videos."""
        import numpy as np

        from faceml.vision.video.tracks import StoredTrack

        statement = select(FaceInstance, FaceEmbedding.vector).outerjoin(FaceEmbedding)
        rows = self._rows(statement.where(FaceInstance.frame_s.is_not(None)), FaceInstance.asset_id, asset_ids)
        return {
            row.id: StoredTrack(
                _box_of(row), _span_of(row), None if vector is None else np.frombuffer(vector, dtype="<f4")
            )
            for row, vector in rows
        }

    def erased(self, asset_id: int) -> list[StoredTrack]:
        """Where and when erased people are in it."""
        from faceml.vision.video.tracks import StoredTrack

        statement = select(ErasedFace).where(ErasedFace.asset_id == asset_id, ErasedFace.frame_s.is_not(None))
        return [StoredTrack(_box_of(row), _span_of(row)) for row in self._session.scalars(statement)]

    def shared_photo(self, face_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Which of these faces are on one photo, and so rarely one person: a number a photo.

        Each face of a video has its own: somebody goes, and comes back.
        """
        statement = select(FaceInstance.id, FaceInstance.asset_id, FaceInstance.frame_s)
        rows = list(self._rows(statement, FaceInstance.id, face_ids))
        return {row.id: row.asset_id if row.frame_s is None else -number for number, row in enumerate(rows, start=1)}


class Shots(Store):
    """Photos that show faces, as bursts of them are found (`vision.video.bursts`)."""

    def unhashed(self, *, limit: int) -> list[Asset]:
        """Photos with faces that were looked at before photos were hashed, in order of id."""
        statement = select(ImageAsset).where(
            _shows_faces(),
            ImageAsset.perceptual_hash.is_(None),
            ImageAsset.duration_s.is_(None),
            ImageAsset.detected_hash == ImageAsset.content_hash,
        )
        return [asset_of(row) for row in self._session.scalars(statement.order_by(ImageAsset.id).limit(limit))]

    def set_hashes(self, hashes: Mapping[int, int]) -> None:
        rows = [{"id": asset_id, "perceptual_hash": found} for asset_id, found in hashes.items()]
        self._write(update(ImageAsset), rows)

    def all(self) -> list[Shot]:
        """Of photos that are there, in order of id."""
        return _as_shots(self._session.execute(_shots().order_by(ImageAsset.id)))

    def of(self, asset_ids: Sequence[int]) -> list[Shot]:
        """Those of these photos that are there."""
        return _as_shots(self._rows(_shots(), ImageAsset.id, sorted(asset_ids)))

    def one_a_burst(self, faces: Sequence[Face]) -> dict[Face, int]:
        """Without faces that a burst shows once more: the first of them stands for it, so give the best ones first.

        Two faces of one photo both stay. With each face of how many of these photos it stands for, its own included.
        """
        from faceml.vision.video.bursts import find_bursts

        shots = self.of(sorted({face.asset_id for face in faces}))
        burst = {shots[row].asset_id: number for number, rows in enumerate(find_bursts(shots)) for row in rows}
        photos: dict[int, list[int]] = {}  # of each burst; the faces of the first one are shown
        for asset_id in dict.fromkeys(face.asset_id for face in faces):
            photos.setdefault(burst.get(asset_id, -asset_id), []).append(asset_id)
        stands = {rows[0]: len(rows) for rows in photos.values()}
        return {face: stands[face.asset_id] for face in faces if face.asset_id in stands}

    def places(self, asset_ids: Sequence[int]) -> dict[int, Path]:
        rows = self._rows(select(ImageAsset.id, ImageAsset.path), ImageAsset.id, sorted(asset_ids))
        return {asset_id: path_of(path) for asset_id, path in rows}


def _shows_faces() -> ColumnElement[bool]:
    is_shown = select(FaceInstance.id).where(FaceInstance.asset_id == ImageAsset.id).exists()
    return and_(ImageAsset.missing_since.is_(None), is_shown)


def _shots() -> Select[*tuple[Any, ...]]:
    moment = func.coalesce(ImageAsset.taken_clock, ImageAsset.taken_at)
    columns = (ImageAsset.id, ImageAsset.perceptual_hash, moment)
    return select(*columns).where(_shows_faces(), ImageAsset.perceptual_hash.is_not(None))


def _as_shots(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Shot]:
    from faceml.vision.video.bursts import Shot

    return [Shot(*row) for row in rows]


def _box_of(row: FaceInstance | ErasedFace) -> BBox:
    return BBox(row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h)


def _span_of(row: FaceInstance | ErasedFace) -> Span:
    return Span(row.first_s or 0.0, row.last_s or 0.0, row.frame_s or 0.0)
