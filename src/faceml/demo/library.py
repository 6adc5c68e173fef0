"""What a demo runs on, and how its photos and their truth are laid out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from faceml.csv_cells import as_cell
from faceml.errors import WrongUse
from faceml.files import write_whole
from faceml.storage.known_labels import BOX, KnownLabel

PHOTOS, LATER, TRUTH = "photos", "later", "truth.csv"


@dataclass(frozen=True, slots=True)
class DemoPhotos:
    """The folders a demo runs on; without truth nothing can be named or measured by itself."""

    photos: Path  # the first batch
    later: Path | None = None  # held back: known people, and strangers who are on no photo of the first batch
    truth: Path | None = None  # who is on the photos of both batches, as `read_known_labels` reads it


def lay_out(folder: Path, faces: Iterable[KnownLabel], write_photos: Callable[[], object]) -> DemoPhotos:
    """Have the photos of both batches written below `folder`, and put the truth beside them.

    Args:
        faces: who is on the photos; their paths are relative to `folder`.
    Raises:
        WrongUse: `folder` cannot be written.
    """
    try:
        for batch in (PHOTOS, LATER):
            (folder / batch).mkdir(parents=True, exist_ok=True)
        write_photos()
        write_whole(folder / TRUTH, _csv_text(faces).encode())
    except OSError as error:
        raise WrongUse(f"The demo cannot be built in {folder} ({error}): choose a folder you can write to") from error
    return DemoPhotos(folder / PHOTOS, folder / LATER, folder / TRUTH)


def _csv_text(faces: Iterable[KnownLabel]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", *BOX, "person"))
    for face in faces:
        box = (getattr(face.bbox, side) for side in BOX)
        writer.writerow(map(as_cell, (face.path.as_posix(), *box, face.person)))
    return text.getvalue()
