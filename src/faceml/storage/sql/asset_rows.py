"""A photo's row in the database as records, and the other way round."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select

from faceml.path_text import path_of, path_text
from faceml.records import Asset, AssetStatus
from faceml.storage.sql.tables import ImageAsset


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
