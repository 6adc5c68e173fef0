"""Write every face for other programs: a table, or a dataset that FiftyOne opens."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from faceml.csv_cells import as_cell
from faceml.errors import Conflict, FileNotReadable, NoSpace, NotEnoughData, WrongUse
from faceml.files import is_full, no_space, whole_file
from faceml.storage.sql.face_rows import ExportRow
from faceml.storage.sql.repository import Repository

SUFFIXES = (".csv", ".parquet")
UNLABELLED = -1
ROWS_A_GROUP = 50_000  # of Parquet: so many faces are in memory at a time


@dataclass(frozen=True, slots=True)
class ExportReport:
    file: Path
    faces: int


def export_faces(repository: Repository, file: Path) -> ExportReport:
    """Write one row a face to a .csv or .parquet file of its owner's alone, which appears whole or not at all.

    Raises:
        WrongUse: another suffix.
        FileNotReadable: the place cannot be written.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise WrongUse(f"{file} ends in {file.suffix or 'nothing'!r}: export knows {' and '.join(SUFFIXES)}")
    write = _write_csv if file.suffix.lower() == ".csv" else _write_parquet
    try:
        with whole_file(file) as draft, repository.read() as unit:
            faces = write(draft, unit.export_rows())
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be written: {error.strerror or error}") from error
    return ExportReport(file, faces)


def export_vectors(repository: Repository, file: Path) -> ExportReport:
    """Write every face's vector to an .npz file of its owner's alone, as `benchmarks/recognition.py` reads it.

    Arrays, one row a face: `vectors` (N, D) float16 unit rows, `person` (a number for whoever a person labelled it as;
    -1: nobody), `photo` (faces of one photo share a number), `quality` (0 to 1); and `match_threshold`, the pack's
    recommended cosine. No names and no ids, but vectors are biometric data.

    Raises:
        WrongUse: another suffix.
        NotEnoughData: no face was found yet.
        FileNotReadable: the place cannot be written.
    """
    if file.suffix.lower() != ".npz":
        raise WrongUse(f"{file} ends in {file.suffix or 'nothing'!r}: vectors go into a .npz file")
    with repository.read() as unit:
        faces, contract = unit.vectors.everybody(), unit.contract.pinned()
    if contract is None:
        raise NotEnoughData("no face was found yet, so there are no vectors: `faceml faces backfill` finds faces")
    number = {person_id: row for row, person_id in enumerate(sorted({label for label in faces.labels if label}))}
    try:
        with whole_file(file) as draft, draft.open("wb") as stream:
            np.savez(
                stream,
                vectors=faces.vectors.astype(np.float16),
                person=np.array([number[label] if label else UNLABELLED for label in faces.labels], np.int64),
                photo=np.unique(faces.photos, return_inverse=True)[1],
                quality=faces.quality,
                match_threshold=np.float64(contract.match_threshold),
            )
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be written: {error.strerror or error}") from error
    return ExportReport(file, len(faces.face_ids))


def _write_csv(file: Path, rows: Iterator[ExportRow]) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        names = [column.name for column in fields(ExportRow)]
        writer.writerow(names)
        cells = attrgetter(*names)
        for row in rows:
            writer.writerow(map(as_cell, cells(row)))
            count += 1
    return count


def _write_parquet(file: Path, rows: Iterator[ExportRow]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}
    schema = pa.schema([(column.name, types[str(column.type).split(" |")[0]]) for column in fields(ExportRow)])
    count = 0
    # Given a name, pyarrow wants it in UTF-8.
    with file.open("wb") as stream, parquet.ParquetWriter(stream, schema) as writer:
        while page := list(islice(rows, ROWS_A_GROUP)):
            columns = [
                pa.array(map(attrgetter(name), page), type_)
                for name, type_ in zip(schema.names, schema.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(page)
    return count


NOBODY = "unknown"  # FiftyOne wants a label on every detection
_OWN_FIELDS = ("face_id", "cluster_id", "person_id", "assigned_by", "similarity", "model_version")


@dataclass(frozen=True, slots=True)
class FiftyOneReport:
    folder: Path
    photos: int
    faces: int


def export_fiftyone(repository: Repository, folder: Path) -> FiftyOneReport:
    """Write `metadata.json` and `samples.json` into a new folder; photos stay where they are and are pointed at.

    Videos are left out: a FiftyOne dataset is of one kind of media.

    The files are of the FiftyOneDataset format without a version: every release reads that and brings it up to its own
    (read with the importer of 1.22). Boxes are shares of the upright photo, corner and size.

    Raises:
        Conflict: the folder is there and not empty.
        FileNotReadable: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there and not empty: name a new folder")
    photos = faces = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with repository.read() as unit, (folder / "samples.json").open("w", encoding="utf-8") as stream:
            stream.write('{"samples": [')
            for sample in _samples(unit.export_rows()):
                stream.write((",\n" if photos else "") + json.dumps(sample))
                photos, faces = photos + 1, faces + len(sample["faces"]["detections"])
            stream.write("]}\n")
            pinned = unit.contract.pinned()
        info = {"made_by": "faceml", "pack": pinned.name if pinned else None}
        metadata = json.dumps({"media_type": "image", "info": info})
        (folder / "metadata.json").write_text(metadata, encoding="utf-8")
    except OSError as error:
        for name in ("samples.json", "metadata.json"):  # the folder is new again
            (folder / name).unlink(missing_ok=True)
        if is_full(error):
            raise NoSpace(no_space(folder)) from error
        raise FileNotReadable(f"{folder} cannot be written: {error.strerror or error}") from error
    return FiftyOneReport(folder, photos, faces)


def _samples(rows: Iterator[ExportRow]) -> Iterator[dict[str, Any]]:
    for _, faces in groupby(rows, key=lambda row: row.asset_id):
        known = [face for face in faces if face.photo_width and face.photo_height and face.frame_s is None]
        if known:
            photo = known[0]
            yield {
                "filepath": photo.path,
                "tags": [],
                "metadata": {"_cls": "ImageMetadata", "width": photo.photo_width, "height": photo.photo_height},
                "taken_at": photo.taken_at,
                "faces": {"_cls": "Detections", "detections": [_detection(face) for face in known]},
            }


def _detection(face: ExportRow) -> dict[str, Any]:
    width, height = face.photo_width or 1, face.photo_height or 1
    return {
        "_cls": "Detection",
        "label": face.person_name or NOBODY,
        "bounding_box": [face.x / width, face.y / height, face.w / width, face.h / height],
        "confidence": face.confidence,
        "quality": face.quality,
        "tags": [],
        **{name: value for name in _OWN_FIELDS if (value := getattr(face, name)) is not None},
    }
