"""Labels somebody wrote down (who is on which photo), matched to the faces that were found."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceml.errors import FileNotReadable, NotEnoughData
from faceml.records import BBox, Face
from faceml.storage.sql.repository import UnitOfWork

SAME_PLACE_IOU = 0.3  # people draw boxes looser than detectors do
BOX = ("x", "y", "w", "h")


@dataclass(frozen=True, slots=True)
class KnownLabel:
    """One line of such a file: the person at a place of a photo, or on a photo as such."""

    path: Path
    bbox: BBox | None  # upright pixels
    person: str


@dataclass(frozen=True, slots=True)
class KnownFace:
    """A stored face and who it truly is."""

    face: Face
    path: Path
    person: str


def read_known_labels(file: Path) -> list[KnownLabel]:
    """Rows of a CSV with `path`, `person` (or `person_name`), and where known `x,y,w,h`; paths from its folder.

    Raises:
        FileNotReadable: it is missing, or has not these columns.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = set(reader.fieldnames or ())
            table = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileNotReadable(f"{file} cannot be read as a CSV in UTF-8: {error}") from error
    person = next((name for name in ("person", "person_name") if name in columns), None)
    if person is None or "path" not in columns:
        raise FileNotReadable(
            f"{file} has the columns {', '.join(sorted(columns)) or 'none'}; "
            "it needs path and person, and may have x,y,w,h"
        )
    return [
        KnownLabel((file.parent / row["path"]).resolve(), _box(file, line, row), row[person].strip())
        for line, row in enumerate(table, start=2)
        if row[person] and row[person].strip()
    ]


def match_known_labels(unit: UnitOfWork, labels: Sequence[KnownLabel]) -> list[KnownFace]:
    """The faces that these labels speak of: by overlap of the boxes, or the photo's largest face where there is none.

    A label whose face was not found has no entry; a face is matched once.

    Raises:
        NotEnoughData: none of the photos is in the library.
    """
    assets = {path: known.asset_id for path, known in unit.assets.at_paths([label.path for label in labels]).items()}
    if not assets:
        raise NotEnoughData(f"none of the {len(labels)} labelled photos is in this library: ingest their folder first")
    free: dict[int, list[Face]] = defaultdict(list)
    for face in unit.faces.in_assets(list(assets.values())):
        free[face.asset_id].append(face)
    matched: list[KnownFace] = []
    for label in labels:
        faces = free.get(assets.get(label.path, -1), [])
        best = _best(faces, label.bbox)
        if best is not None:
            faces.remove(best)
            matched.append(KnownFace(best, label.path, label.person))
    return matched


def _best(faces: Sequence[Face], bbox: BBox | None) -> Face | None:
    if bbox is None:
        return max(faces, key=lambda face: face.bbox.w * face.bbox.h, default=None)
    best = max(faces, key=lambda face: face.bbox.iou(bbox), default=None)
    return best if best is not None and best.bbox.iou(bbox) >= SAME_PLACE_IOU else None


def _box(file: Path, line: int, row: dict[str, str]) -> BBox | None:
    cells = [row.get(name) for name in BOX]
    if not all(cells):
        return None
    try:
        return BBox(*(round(float(cell or "")) for cell in cells))
    except ValueError as error:
        raise FileNotReadable(f"{file}, line {line}: x, y, w, h are no numbers: {cells}") from error
