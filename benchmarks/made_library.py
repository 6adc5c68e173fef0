"""A library of made-up faces, filled as detection fills one; for the benchmarks that need a whole library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from faceml.config import Settings
from faceml.records import BBox, FoundFace, PackContract
from faceml.storage.assets import PhotoFile
from faceml.storage.chunks import chunks
from faceml.wiring import Library

THRESHOLD = 0.25  # recommended for vectors of 512 numbers like these
KPS = np.zeros((5, 2), np.float32)


def new_library(home: Path, width: int) -> Library:
    library = Library(Settings(home=home, model_pack="made-up"))
    with library.repository.begin() as unit:
        unit.contract.pin(PackContract("made-up", width, "f" * 64, "none", THRESHOLD))
    return library


def add_faces(library: Library, vectors: NDArray[np.float32]) -> list[UUID]:
    """One photo a face; the index is left behind, as if it were away."""
    ids: list[UUID] = []
    with library.repository.begin() as unit:
        for rows in chunks(np.arange(len(vectors))):
            files = list(_files(len(rows)))
            unit.assets.add(files)
            assets = unit.assets.at_paths([file.path for file in files])
            found = [(assets[file.path].asset_id, _face(vectors[row])) for file, row in zip(files, rows, strict=True)]
            ids += unit.faces.add(found, pack="made-up")
    return ids


def _files(count: int) -> Iterator[PhotoFile]:
    for _ in range(count):
        name = uuid4().hex
        yield PhotoFile(Path("/photos") / f"{name}.jpg", name * 2, 1, 1, None)


def _face(vector: NDArray[np.float32]) -> FoundFace:
    return FoundFace(BBox(10, 10, 100, 100), KPS, 0.9, 0.9, vector)
