"""Photos: found, moved, changed, waiting for detection, looked at."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, update

from faceml.path_text import path_of, path_text
from faceml.records import Asset, AssetStatus
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.locks import INGESTING, advisory_lock
from faceml.storage.sql.tables import FaceInstance, ImageAsset, utc_now


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo as it lies on the disk."""

    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int
    taken_at: datetime | None  # with the zone of where it was taken; UTC where that is not known


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library remembers of a photo's file."""

    asset_id: int
    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int
    status: AssetStatus


@dataclass(frozen=True, slots=True)
class UnreadableAsset:
    """A photo that could not be read when it was looked at last."""

    asset_id: int
    path: str  # as text
    reason: str


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The outcome of one detection, for the asset's row."""

    asset_id: int
    width: int
    height: int
    error: str | None
    note: str | None = None


class Assets(Store):
    def at_paths(self, paths: Sequence[Path]) -> dict[Path, KnownFile]:
        return {known.path: known for known in self._known(ImageAsset.path, [path_text(path) for path in paths])}

    def at_written_paths(self, paths: Sequence[Path]) -> dict[Path, KnownFile]:
        """As `at_paths`, by paths that somebody wrote down: an é may be two letters there and one on the disk."""
        found = self.at_paths(paths)
        asked = {path: composed(path) for path in paths if path not in found and not str(path).isascii()}
        if not asked:
            return found
        there: dict[str, list[Path]] = {form: [] for form in asked.values()}
        for (name,) in self._session.execute(select(ImageAsset.path).execution_options(yield_per=10_000)):
            if not name.isascii() and (form := composed(path := Path(name))) in there:
                there[form].append(path)
        files = self.at_paths([paths[0] for paths in there.values() if len(paths) == 1])
        return found | {path: files[there[form][0]] for path, form in asked.items() if len(there[form]) == 1}

    def with_hashes(self, hashes: Sequence[str]) -> dict[str, KnownFile]:
        return {known.content_hash: known for known in self._known(ImageAsset.content_hash, hashes)}

    def of_sizes(self, sizes: Sequence[int]) -> list[KnownFile]:
        """Photos whose files have so many bytes."""
        return list(self._known(ImageAsset.size_bytes, sizes))

    def lock_new(self) -> None:
        """Wait for whoever else is taking photos in; until this transaction ends nobody else does. PostgreSQL only."""
        advisory_lock(self._session.connection(), INGESTING)

    def add(self, files: Sequence[PhotoFile]) -> None:
        self._write(insert(ImageAsset), [_columns(file) for file in files])

    def rewrite(self, files: Sequence[tuple[int, PhotoFile]], *, is_changed: bool) -> None:
        """Record where the file lies now; `is_changed` content waits for detection again."""
        again = {"status": AssetStatus.PENDING, "error": None, "note": None} if is_changed else {}
        self._write(update(ImageAsset), [{"id": asset_id, **_columns(file), **again} for asset_id, file in files])

    def wait_again(self, asset_ids: Sequence[int]) -> None:
        again = update(ImageAsset).values(status=AssetStatus.PENDING, error=None)
        self._change(again, ImageAsset.id, asset_ids)

    def waiting(self, *, min_confidence: float, min_face_size: int, limit: int, offset: int = 0) -> list[Asset]:
        """Photos never looked at, or only with stricter thresholds than these, in order of arrival."""
        statement = select(ImageAsset).where(_is_waiting(min_confidence, min_face_size)).order_by(ImageAsset.id)
        return [_asset(row) for row in self._session.scalars(statement.limit(limit).offset(offset))]

    def by_ids(self, asset_ids: Sequence[int]) -> list[Asset]:
        """The assets of these ids that exist, in order of id."""
        rows = self._rows(select(ImageAsset).order_by(ImageAsset.id), ImageAsset.id, sorted(asset_ids))
        return [_asset(row[0]) for row in rows]

    def lock(self, asset_ids: Sequence[int]) -> None:
        """Hold these rows until the transaction ends, so that two workers do not add the same faces."""
        held = select(ImageAsset.id).order_by(ImageAsset.id).with_for_update(key_share=True)
        list(self._rows(held, ImageAsset.id, sorted(asset_ids)))

    def content_changed(self, asset_ids: Sequence[int]) -> set[int]:
        """Those whose faces were found in another content than the file has now."""
        changed = select(ImageAsset.id).where(
            ImageAsset.detected_hash.is_not(None), ImageAsset.detected_hash != ImageAsset.content_hash
        )
        return {row.id for row in self._rows(changed, ImageAsset.id, asset_ids)}

    def record_detection(self, looked_at: Sequence[LookedAt], *, min_confidence: float, min_face_size: int) -> None:
        """Note the outcome of detection, and the loosest thresholds so far; an unreadable photo keeps its reason."""
        now = utc_now()
        tried = self._tried([photo.asset_id for photo in looked_at])
        rows: list[dict[str, Any]] = [
            {
                "id": photo.asset_id,
                "status": AssetStatus.FAILED if photo.error else AssetStatus.DETECTED,
                "error": photo.error,
                "note": photo.note,
                "width": photo.width or None,
                "height": photo.height or None,
                "detected_at": now,
                "detected_min_confidence": min(min_confidence, tried.get(photo.asset_id, (1.0, 0))[0]),
                "detected_min_face_size": min(min_face_size, tried.get(photo.asset_id, (1.0, min_face_size))[1]),
            }
            for photo in looked_at
        ]
        self._write(update(ImageAsset), rows)
        seen = [photo.asset_id for photo in looked_at if not photo.error]
        self._change(update(ImageAsset).values(detected_hash=ImageAsset.content_hash), ImageAsset.id, seen)

    def _tried(self, asset_ids: Sequence[int]) -> dict[int, tuple[float, int]]:
        """The loosest thresholds these were looked at with, as long as their content is the same."""
        statement = select(ImageAsset.id, ImageAsset.detected_min_confidence, ImageAsset.detected_min_face_size).where(
            ImageAsset.detected_hash == ImageAsset.content_hash
        )
        rows = self._rows(statement, ImageAsset.id, asset_ids)
        return {row[0]: (row[1], row[2]) for row in rows if row[1] is not None and row[2] is not None}

    def count(self, status: AssetStatus | None = None) -> int:
        return self._count(ImageAsset, *((ImageAsset.status == status,) if status else ()))

    def count_waiting(self, *, min_confidence: float, min_face_size: int) -> int:
        return self._count(ImageAsset, _is_waiting(min_confidence, min_face_size))

    def unreadable(self, *, limit: int, offset: int = 0) -> list[UnreadableAsset]:
        """Photos that failed, by path."""
        statement = select(ImageAsset.id, ImageAsset.path, ImageAsset.error).order_by(ImageAsset.path, ImageAsset.id)
        failed = statement.where(ImageAsset.status == AssetStatus.FAILED).limit(limit).offset(offset)
        return [UnreadableAsset(id_, path, error or "") for id_, path, error in self._session.execute(failed)]

    def without_faces(self, *, limit: int) -> list[Asset]:
        """Photos that failed, or in which no face was found."""
        has_face = select(FaceInstance.id).where(FaceInstance.asset_id == ImageAsset.id).exists()
        statement = select(ImageAsset).where(ImageAsset.status != AssetStatus.PENDING, ~has_face)
        return [_asset(row) for row in self._session.scalars(statement.order_by(ImageAsset.id).limit(limit))]

    def _known(self, column: Any, values: Sequence[str] | Sequence[int]) -> Iterator[KnownFile]:
        for (row,) in self._rows(select(ImageAsset).order_by(ImageAsset.id), column, values):
            yield KnownFile(row.id, path_of(row.path), row.content_hash, row.size_bytes, row.mtime_ns, row.status)


def composed(path: Path) -> str:
    """How a path is compared with one that somebody wrote down."""
    return unicodedata.normalize("NFC", str(path))


def _is_waiting(min_confidence: float, min_face_size: int) -> ColumnElement[bool]:
    return or_(
        ImageAsset.status == AssetStatus.PENDING,
        (ImageAsset.status == AssetStatus.DETECTED)
        & ((ImageAsset.detected_min_confidence > min_confidence) | (ImageAsset.detected_min_face_size > min_face_size)),
    )


def _columns(file: PhotoFile) -> dict[str, Any]:
    clock = file.taken_at.replace(tzinfo=UTC) if file.taken_at else None
    return {**asdict(file), "path": path_text(file.path), "taken_clock": clock}


def _asset(row: ImageAsset) -> Asset:
    columns = (row.content_hash, row.status, row.error, row.width, row.height, row.taken_at, row.note)
    return Asset(row.id, path_of(row.path), *columns)
