"""What a demo library is once it is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceml.demo.truth import TruthFace

PHOTOS, LATER, TRUTH = "photos", "later", "truth.csv"


@dataclass(frozen=True, slots=True)
class DemoLibrary:
    """What was built, and where."""

    folder: Path
    photos_folder: Path  # the first batch
    later_folder: Path  # held back: known people, and `strangers` who are on no photo of the first batch
    truth_csv: Path  # of both batches, see faceml.demo.truth
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
