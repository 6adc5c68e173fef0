"""What a demo library is once it is built, who is on its photos, and how its files are written."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
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
    """What was built, and where."""

    folder: Path
    photos_folder: Path  # the first batch
    later_folder: Path  # held back: known people, and `strangers` who are on no photo of the first batch
    truth_csv: Path  # of both batches, see `truth_text`
    photos: int
    later_photos: int
    faces: int
    later_faces: int
    people: tuple[str, ...]  # on the first batch
    strangers: tuple[str, ...]


def describe(folder: Path, photos: Sequence[str], truth: Sequence[TruthFace]) -> DemoLibrary:
    """The record of a library with these photos (paths relative to `folder`) and faces."""
    first = [face for face in truth if face.path.startswith(f"{PHOTOS}/")]
    later = [face for face in truth if face.path.startswith(f"{LATER}/")]
    people = {face.person for face in first}
    return DemoLibrary(
        folder=folder,
        photos_folder=folder / PHOTOS,
        later_folder=folder / LATER,
        truth_csv=folder / TRUTH,
        photos=sum(path.startswith(f"{PHOTOS}/") for path in photos),
        later_photos=sum(path.startswith(f"{LATER}/") for path in photos),
        faces=len(first),
        later_faces=len(later),
        people=tuple(sorted(people)),
        strangers=tuple(sorted({face.person for face in later} - people)),
    )


def truth_text(faces: Iterable[TruthFace]) -> str:
    """The CSV of these faces, as `read_known_labels` reads it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((f.path, f.bbox.x, f.bbox.y, f.bbox.w, f.bbox.h, f.person) for f in faces)
    return text.getvalue()


def write_whole(file: Path, data: bytes) -> None:
    """Write all or nothing: a file that exists is whole, whenever the build was killed."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    os.replace(part, file)
