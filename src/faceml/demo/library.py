"""What a demo library is once it is built, who is on its photos, and how its files are written."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceml.records import BBox

PHOTOS, LATER, TRUTH = "photos", "later", "truth.csv"
COLUMNS = ("path", "x", "y", "w", "h", "person")


@dataclass(frozen=True, slots=True)
class TruthFace:
    """One face of a photo and who it is."""

    path: str  # relative to the CSV's folder, with forward slashes
    bbox: BBox  # upright pixels, as a detector sees the photo once its EXIF orientation is applied
    person: str


@dataclass(frozen=True, slots=True)
class DemoLibrary:
    """Where a demo was built."""

    folder: Path

    @property
    def photos_folder(self) -> Path:
        """The first batch."""
        return self.folder / PHOTOS

    @property
    def later_folder(self) -> Path:
        """Held back: known people, and strangers who are on no photo of the first batch."""
        return self.folder / LATER

    @property
    def truth_csv(self) -> Path:
        """Who is on the photos of both batches, see `truth_text`."""
        return self.folder / TRUTH


def truth_text(faces: Iterable[TruthFace]) -> str:
    """The CSV of these faces, as `read_known_labels` reads it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((f.path, f.bbox.x, f.bbox.y, f.bbox.w, f.bbox.h, f.person) for f in faces)
    return text.getvalue()
