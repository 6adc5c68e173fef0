"""Files below the library's cache: lost, they cost time only. They are biometric data, as the library is."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from faceml.files import write_cache
from faceml.records import Asset, Face, LabelState
from faceml.storage.forgetting import keeping

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

FORMAT = "1"


@dataclass(frozen=True, slots=True)
class GraphKey:
    """Graphs with the same key can be compared: of one recogniser's vectors, in one space, for one purpose."""

    fingerprint: str  # of the pack's recogniser
    space: str  # "raw", or the name of a projection
    purpose: str  # which faces take part: "unlabelled", "unknown" …

    def __str__(self) -> str:
        return "/".join((FORMAT, self.fingerprint, self.space, self.purpose))

    @property
    def file_name(self) -> str:
        plain = "".join(c if c.isalnum() else "-" for c in f"{self.purpose}-{self.space}")
        return f"{plain}-{zlib.crc32(str(self).encode()):08x}.npz"


@dataclass(frozen=True, slots=True, eq=False)
class KeptGraph:
    face_ids: NDArray[np.bytes_]  # (N,) row by row, as `packed` has them
    arrays: Mapping[str, NDArray[Any]]


class GraphFiles:
    """Neighbour graphs of former clusterings; without one, the next clustering is a full run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: GraphKey) -> KeptGraph | None:
        """The graph; None where there is no file, or it is damaged or another library's."""
        import numpy as np

        path = self._folder / key.file_name
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            if str(arrays.pop("key")) != str(key):
                raise ValueError("it belongs to other vectors")
            return KeptGraph(arrays.pop("face_ids"), arrays)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log.warning("neighbour graph %s is not usable (%s): clustering from the start", path, error)
            return None

    def write(
        self, key: GraphKey, face_ids: Sequence[UUID], arrays: Mapping[str, NDArray[Any]], *, newest_erasure: str = ""
    ) -> None:
        """Keep a graph in place of the former one; a full disk costs the next run's time only.

        Args:
            newest_erasure: as it was when all of these faces were still there: a graph of others is not kept.
        """
        import numpy as np

        content: dict[str, Any] = {"key": np.array(str(key)), "face_ids": packed(face_ids), **arrays}

        def save(draft: Path) -> None:
            with draft.open("wb") as stream:  # given a name, numpy would add a suffix to it
                np.savez(stream, **content)

        with keeping(self._folder.parent.parent, newest_erasure) as may_be_kept:
            if may_be_kept:
                write_cache(self._folder / key.file_name, save)


def packed(face_ids: Sequence[UUID]) -> NDArray[np.bytes_]:
    """(N,) ids of 16 bytes each, which numpy compares many times faster than Python does."""
    import numpy as np

    return np.frombuffer(b"".join(id_.bytes for id_ in face_ids), dtype="S16")


@dataclass(frozen=True, slots=True)
class KeptThreshold:
    labels: LabelState  # that it was read off
    value: float


class ThresholdFile:
    """A threshold that was read off very many labels; without it, it is read off again."""

    def __init__(self, cache_folder: Path, space: str) -> None:
        self._path = cache_folder / "thresholds" / f"{zlib.crc32(space.encode()):08x}.json"
        self._space = space

    def read(self) -> KeptThreshold | None:
        """None where there is no file, or it is damaged or another space's."""
        try:
            space, began, faces, newest, value = json.loads(self._path.read_text())
            labels = LabelState(datetime.fromisoformat(began), int(faces), datetime.fromisoformat(newest))
            return KeptThreshold(labels, float(value)) if space == self._space else None
        except (OSError, ValueError, TypeError):
            return None

    def write(self, kept: KeptThreshold) -> None:
        labels = kept.labels
        content = [self._space, str(labels.began), labels.faces, str(labels.newest), kept.value]
        write_cache(self._path, json.dumps(content).encode())


class ThumbnailFiles:
    """Small pictures of faces, one for a photo's content and a box found in it: where either changes, another file."""

    def __init__(self, cache_folder: Path, *, side_px: int) -> None:
        self._folder = cache_folder / "thumbnails"
        self._side_px = side_px

    def read(self, asset: Asset, face: Face) -> bytes | None:
        try:
            return self._file(asset, face).read_bytes() or None
        except OSError:
            return None

    def write(self, asset: Asset, pictures: Mapping[Face, bytes], *, newest_erasure: str) -> None:
        """Keep pictures of a photo's faces.

        Args:
            newest_erasure: as it was when these faces were still there: pictures of others are not kept.
        """
        with keeping(self._folder.parent.parent, newest_erasure) as may_be_kept:
            for face, data in pictures.items() if may_be_kept else ():
                write_cache(self._file(asset, face), data)

    def _file(self, asset: Asset, face: Face) -> Path:
        content = f"{asset.detected_hash or asset.content_hash} {face.bbox} {self._side_px}"
        name = f"{face.id.hex}-{hashlib.sha256(content.encode()).hexdigest()[:12]}.jpg"
        return self._folder / name[:2] / name
