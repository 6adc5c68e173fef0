"""Small pictures of faces, a file each below the library's cache: they are biometric data, as the library is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from faceml.files import write_cache
from faceml.records import Asset, Face


class ThumbnailFiles:
    """A picture belongs to the photo's content and the face's box: where either changes, it is another file."""

    def __init__(self, cache_folder: Path, *, side_px: int = 0) -> None:
        self._folder = cache_folder / "thumbnails"
        self._side_px = side_px

    def read(self, asset: Asset, face: Face) -> bytes | None:
        try:
            return self._file(asset, face).read_bytes() or None
        except OSError:
            return None

    def write(self, asset: Asset, face: Face, data: bytes) -> None:
        write_cache(self._file(asset, face), data)

    def forget(self, face_ids: Iterable[UUID]) -> None:
        """Delete every picture of these faces, of whatever size, as when a person is erased."""
        for face_id in face_ids:
            for file in (self._folder / face_id.hex[:2]).glob(f"{face_id.hex}-*.jpg"):
                file.unlink(missing_ok=True)

    def _file(self, asset: Asset, face: Face) -> Path:
        content = f"{asset.content_hash} {face.bbox} {self._side_px}"
        name = f"{face.id.hex}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.jpg"
        return self._folder / name[:2] / name
