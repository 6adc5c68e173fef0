"""Faces with their vectors as a folder of Parquet files: what an engine elsewhere reads, or writes after it embedded.

A row is a face, or a photo that was looked at and shows none: then it has no box, and zeros for a vector, since Parquet
reads no lists of a fixed size that are missing. The rows of a photo stand one after the other in one file, so that each
photo is taken in whole or not at all. The schema's metadata names the pack (`faceml.pack`, `faceml.fingerprint`,
`faceml.width`): vectors of two packs are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from faceml.errors import FileNotReadable, ModelMismatch
from faceml.files import whole_file
from faceml.options import DetectOptions
from faceml.records import BBox, FoundFace, Measures, PackContract
from faceml.storage.sql.face_rows import MEASURES, VectorRow
from faceml.vision.detection import quality_score

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS_A_FILE = 100_000
ROWS_A_GROUP = 5_000  # so many vectors are in memory at a time: 10 MB of 512 numbers each
FACE = ("x", "y", "w", "h", "landmarks", "detection_confidence", "vector")
NEEDED = ("content_hash", "photo_width", "photo_height", *FACE)
NO_POINTS = [[0.0, 0.0]] * 5
LENGTH_OFF = 0.01  # that of a unit vector in float16, with room
USUAL = DetectOptions()


@dataclass(frozen=True, slots=True)
class Written:
    files: int
    photos: int
    faces: int


@dataclass(frozen=True, slots=True)
class LookedFor:
    """How faces were looked for on a photo."""

    min_confidence: float
    min_face_size: int
    size_px: int | None  # None: the usual size


@dataclass(frozen=True, slots=True)
class ShardPhoto:
    """A photo of a file, with all its faces."""

    content_hash: str
    width: int  # upright pixels
    height: int
    faces: tuple[FoundFace, ...]
    looked_for: LookedFor
    rows: int


def write_shards(folder: Path, rows: Iterator[VectorRow], contract: PackContract) -> Written:
    """Write files of about `ROWS_A_FILE` rows of whole photos; each appears whole or not at all.

    Args:
        rows: in order of photo.
    Raises:
        OSError, NoSpace: the folder cannot be written.
    """
    from pyarrow import parquet

    schema = _schema(contract)
    photos = (list(of) for _, of in groupby(rows, key=attrgetter("content_hash")))
    files = count = faces = 0
    page = _page(photos)
    while page or not files:
        with (
            whole_file(folder / f"faces-{files:05d}.parquet") as draft,
            draft.open("wb") as stream,
            parquet.ParquetWriter(stream, schema) as writer,
        ):
            in_file = 0
            while page and in_file < ROWS_A_FILE:
                writer.write_table(_table(page, schema))
                in_file += len(page)
                count += len({row.content_hash for row in page})
                faces += sum(row.vector is not None for row in page)
                page = _page(photos)
        files += 1
    return Written(files, count, faces)


def _page(photos: Iterator[list[VectorRow]]) -> list[VectorRow]:
    rows: list[VectorRow] = []
    for photo in photos:
        rows += photo
        if len(rows) >= ROWS_A_GROUP:
            break
    return rows


def _schema(contract: PackContract) -> pa.Schema:
    import pyarrow as pa

    types = {"str": pa.string(), "float": pa.float64(), "int": pa.int32()}
    arrays = {"landmarks": pa.list_(pa.float32(), 10), "vector": pa.list_(pa.float32(), contract.width)}
    columns = [(f.name, arrays.get(f.name) or types[str(f.type).split(" |")[0]]) for f in fields(VectorRow)]
    told = {"pack": contract.name, "fingerprint": contract.fingerprint, "width": str(contract.width)}
    return pa.schema(columns, {f"faceml.{name}": value for name, value in told.items()})


def _table(rows: Sequence[VectorRow], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    def column(name: str, kind: pa.DataType) -> pa.Array:
        values = [getattr(row, name) for row in rows]
        if name == "vector":
            nothing = bytes(4 * kind.list_size)
            values = [np.frombuffer(blob or nothing, "<f4") for blob in values]
        elif name == "landmarks":
            values = [[part for point in points or NO_POINTS for part in point] for points in values]
        return pa.array(values, kind)

    arrays = [column(name, kind) for name, kind in zip(schema.names, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def check_shard(file: Path, contract: PackContract) -> int:
    """How many rows a file has, without reading them.

    Raises:
        FileNotReadable: it is not such a file.
        ModelMismatch: its vectors are another pack's.
    """
    with _opened(file) as parquet_file:
        schema, rows = parquet_file.schema_arrow, int(parquet_file.metadata.num_rows)
    lacking = [name for name in NEEDED if name not in schema.names]
    if lacking:
        raise FileNotReadable(f"{file} lacks the columns {', '.join(lacking)}")
    told = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items() if key[:7] == b"faceml."}
    fingerprint = told.get("faceml.fingerprint")
    if fingerprint is None:
        raise FileNotReadable(
            f"{file} does not say which pack made its vectors: metadata faceml.fingerprint is missing"
        )
    if fingerprint != contract.fingerprint:
        raise ModelMismatch(
            f"{file} holds vectors of pack {told.get('faceml.pack', '?')!r} ({told.get('faceml.width', '?')}-d, "
            f"fingerprint {fingerprint[:12]}), this library's are of {contract.name!r} ({contract.width}-d, "
            f"{contract.fingerprint[:12]}): embed with that pack, or take them into a library of their own"
        )
    return rows


def read_shard(file: Path, width: int) -> Iterator[ShardPhoto]:
    """The photos of a file that was checked, a group of rows in memory at a time.

    Raises:
        FileNotReadable: a row is no face of its photo, or the rows of a photo stand apart.
    """
    seen: set[bytes] = set()
    for content_hash, rows in groupby(_rows(file, width), key=lambda row: str(row["content_hash"])):
        of_photo = list(rows)
        key = content_hash.encode()
        if key in seen:
            raise _wrong(file, of_photo[0], f"rows of photo {content_hash[:12]} stand apart: sort by content_hash")
        seen.add(key)
        yield _photo(file, content_hash, of_photo)


def _rows(file: Path, width: int) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    with _opened(file) as parquet_file:
        names = [name for name in parquet_file.schema_arrow.names if name in _COLUMNS]
        number = 0
        for batch in parquet_file.iter_batches(batch_size=ROWS_A_GROUP, columns=names):
            try:
                column = batch.column("vector").cast(pa.list_(pa.float32(), width))
            except pa.ArrowInvalid as error:
                raise FileNotReadable(f"{file}, from row {number}: vectors are not lists of {width} numbers") from error
            vectors = iter(column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))
            is_there = column.is_valid().to_pylist()
            for row, has_vector in zip(batch.drop_columns(["vector"]).to_pylist(), is_there, strict=True):
                yield {**row, "vector": next(vectors) if has_vector else None, "row": number}
                number += 1


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with file.open("rb") as stream, parquet.ParquetFile(stream) as parquet_file:
            yield parquet_file
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be read: {error.strerror or error}") from error
    except pa.ArrowInvalid as error:
        raise FileNotReadable(f"{file} is not such a Parquet file: {error}") from error


def _photo(file: Path, content_hash: str, rows: Sequence[dict[str, Any]]) -> ShardPhoto:
    first = rows[0]
    width, height = first["photo_width"], first["photo_height"]
    if not width or not height or width < 1 or height < 1:
        raise _wrong(file, first, f"the photo has {width}×{height} pixels")
    faces = tuple(_face(file, row, width, height) for row in rows if row["x"] is not None)
    confidence, size = first.get("min_confidence"), first.get("min_face_size")
    looked_for = LookedFor(
        USUAL.min_confidence if confidence is None else confidence,
        USUAL.min_face_size if size is None else size,
        first.get("detection_size"),
    )
    return ShardPhoto(content_hash, width, height, faces, looked_for, len(rows))


def _face(file: Path, row: dict[str, Any], width: int, height: int) -> FoundFace:
    lacking = [name for name in FACE if row[name] is None]
    if lacking:
        raise _wrong(file, row, f"the face has no {', '.join(lacking)}")
    box = BBox(*itemgetter("x", "y", "w", "h")(row))
    if box.x < 0 or box.y < 0 or box.w < 1 or box.h < 1 or box.x + box.w > width or box.y + box.h > height:
        raise _wrong(file, row, f"the box {box.x}, {box.y}, {box.w}×{box.h} is not on a photo of {width}×{height}")
    confidence = row["detection_confidence"]
    quality = row["quality"] if row.get("quality") is not None else quality_score(box.w, box.h, confidence)
    if not (0 <= confidence <= 1 and 0 <= quality <= 1):
        raise _wrong(file, row, f"confidence {confidence} and quality {quality} are not both 0 to 1")
    kps = np.array(row["landmarks"], np.float32)
    if kps.size != 10 or not np.isfinite(kps).all():
        raise _wrong(file, row, "landmarks are not five points, x and y of each")
    measures: list[Any] = [row.get(name) for name in MEASURES]
    return FoundFace(
        box,
        kps.reshape(5, 2),
        confidence,
        quality,
        _unit(file, row),
        None if None in measures else Measures(*measures),
        _face_id(file, row),
    )


def _unit(file: Path, row: dict[str, Any]) -> NDArray[np.float32]:
    vector: NDArray[np.float32] = row["vector"]
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not abs(length - 1) <= LENGTH_OFF:
        raise _wrong(file, row, f"the vector's length is {length:.4g}, not 1")
    return vector if abs(length - 1) < 1e-5 else (vector / length).astype(np.float32)


def _face_id(file: Path, row: dict[str, Any]) -> UUID | None:
    text = row.get("face_id")
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise _wrong(file, row, f"face_id {text!r} is not a UUID") from error


def _wrong(file: Path, row: dict[str, Any], what: str) -> FileNotReadable:
    return FileNotReadable(f"{file}, row {row['row']}: {what}")


_COLUMNS = {field.name for field in fields(VectorRow)}
