"""Labels somebody wrote down (who is on which photo), matched to the faces that were found."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceml.csv_cells import from_cell
from faceml.errors import FileNotReadable, NotEnoughData, WrongUse
from faceml.names import fold_name, tidy_name
from faceml.path_text import path_of
from faceml.records import BBox, Face
from faceml.storage.sql.repository import UnitOfWork
from faceml.vision.overlap import SAME_PLACE_IOU, pair_boxes

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
    person: str


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV with a header."""

    file: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]  # line of the file, and its cells without blanks around them

    def first_of(self, *names: str) -> str | None:
        """The first of these columns that it has."""
        return next((name for name in names if name in self.columns), None)

    def name_in(self, line: int, cell: str) -> str:
        """A person's name as it is stored. Raises FileNotReadable where it cannot be one."""
        try:
            return tidy_name(cell)
        except WrongUse as error:
            raise FileNotReadable(f"{self.file}, line {line}: {error}") from error

    def lacking(self, needed: str) -> FileNotReadable:
        there = f"the columns {', '.join(sorted(self.columns))}" if self.columns else "no columns"
        return FileNotReadable(f"{self.file} has {there}; it needs {needed}")


def read_table(file: Path) -> Table:
    """Raises FileNotReadable where it is missing, or not a CSV in UTF-8."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = tuple(name.strip() for name in reader.fieldnames or ())
            reader.fieldnames = columns
            rows = [
                (reader.line_num, {name: from_cell((row[name] or "").strip()) for name in columns}) for row in reader
            ]
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileNotReadable(f"{file} is not a CSV in UTF-8: {error}") from error
    return Table(file, columns, tuple(rows))


def read_known_labels(file: Path) -> list[KnownLabel]:
    """Rows of a CSV with `path`, `person` (or `person_name`), and where known `x,y,w,h`; paths from its folder.

    Raises:
        FileNotReadable: it is missing, or lacks these columns.
    """
    table = read_table(file)
    person = table.first_of("person", "person_name")
    if person is None or "path" not in table.columns:
        raise table.lacking("path and person, and may have x,y,w,h")
    spelt: dict[str, str] = {}  # a name as it is compared, as it is written first
    labels = []
    for line, row in table.rows:
        if row[person]:
            name = table.name_in(line, row[person])
            name = spelt.setdefault(fold_name(name), name)
            labels.append(KnownLabel((file.parent / path_of(row["path"])).resolve(), _box(file, line, row), name))
    return labels


def match_known_labels(unit: UnitOfWork, labels: Sequence[KnownLabel]) -> list[KnownFace]:
    """The faces that these labels name: by overlap of the boxes; a label without a box gets the largest face left.

    A label whose face was not found has no entry; a face is matched once.

    Raises:
        NotEnoughData: none of the photos is in the library.
    """
    files = unit.assets.at_written_paths([label.path for label in labels])
    assets = {path: known.asset_id for path, known in files.items()}
    if not assets:
        raise NotEnoughData(f"none of the {len(labels)} labelled photos is in this library: ingest their folder first")
    rows: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        if label.path in assets:
            rows[assets[label.path]].append(row)
    found: dict[int, Face] = {}
    for asset_id, faces in unit.faces.by_asset(list(rows)).items():
        found |= _match_photo(labels, rows[asset_id], faces)
    return [KnownFace(found[row], labels[row].person) for row in sorted(found)]


def _match_photo(labels: Sequence[KnownLabel], rows: Sequence[int], faces: Sequence[Face]) -> dict[int, Face]:
    """Face by label, of the labels in these rows, which are of one photo."""
    boxes = [(row, box) for row in rows if (box := labels[row].bbox)]
    pairs = pair_boxes([box for _, box in boxes], [face.bbox for face in faces], min_iou=SAME_PLACE_IOU)
    found = {boxes[number][0]: faces[at] for number, at in pairs.items()}
    left = [face for at, face in enumerate(faces) if at not in pairs.values()]
    left.sort(key=lambda face: face.bbox.w * face.bbox.h, reverse=True)
    return found | dict(zip((row for row in rows if labels[row].bbox is None), left, strict=False))


def _box(file: Path, line: int, row: dict[str, str]) -> BBox | None:
    cells = [row.get(name, "") for name in BOX]
    if not all(cells):
        return None
    try:
        return BBox(*(round(float(cell)) for cell in cells))
    except ValueError as error:
        raise FileNotReadable(f"{file}, line {line}: x, y, w, h are not numbers: {cells}") from error
