"""Who is where on the demo's photos: `truth.csv` and its rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceml.errors import FileNotReadable
from faceml.records import BBox

COLUMNS = ("path", "x", "y", "w", "h", "person")


@dataclass(frozen=True, slots=True)
class TruthFace:
    """One face of a photo and who it is."""

    path: str  # relative to the CSV's folder, with forward slashes
    bbox: BBox  # upright pixels, as a detector sees the photo once its EXIF orientation is applied
    person: str


def read_truth(csv_path: Path) -> list[TruthFace]:
    """The rows of a truth file, in its order.

    Raises:
        FileNotReadable: it is not there, lacks a column, or a row is no box.
    """
    try:
        with csv_path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise FileNotReadable(
                    f"{csv_path} lacks the column {sorted(missing)[0]}: it needs {', '.join(COLUMNS)}."
                )
            return [_face(row, csv_path, rows.line_num) for row in rows]
    except (OSError, UnicodeDecodeError) as error:
        raise FileNotReadable(f"{csv_path} cannot be read ({error}): name a CSV with {', '.join(COLUMNS)}.") from error


def _face(row: dict[str, str], csv_path: Path, line: int) -> TruthFace:
    try:
        x, y, w, h = (int(row[name]) for name in ("x", "y", "w", "h"))
    except (TypeError, ValueError) as error:
        raise FileNotReadable(f"{csv_path}, line {line}: x, y, w and h must be whole pixels ({error}).") from error
    return TruthFace(row["path"], BBox(x, y, w, h), row["person"])


def truth_text(faces: Iterable[TruthFace]) -> str:
    """The CSV of these faces, with its header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((f.path, f.bbox.x, f.bbox.y, f.bbox.w, f.bbox.h, f.person) for f in faces)
    return text.getvalue()
