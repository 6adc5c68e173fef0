"""Small pictures of faces, a file each below the library's cache: they are biometric data, as the library is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

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
        """All or nothing; a cache that cannot be written costs time, not the picture."""
        file = self._file(asset, face)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(file)
        except OSError:
            with suppress(OSError):
                part.unlink()

    def forget(self, face_ids: Iterable[UUID]) -> None:
        """Delete every picture of these faces, of whatever size, as when a person is erased."""
        for face_id in face_ids:
            for file in (self._folder / face_id.hex[:2]).glob(f"{face_id.hex}-*.jpg"):
                file.unlink(missing_ok=True)

    def _file(self, asset: Asset, face: Face) -> Path:
        content = f"{asset.content_hash} {face.bbox} {self._side_px}"
        name = f"{face.id.hex}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.jpg"
        return self._folder / name[:2] / name
