"""Write every face to a table that other programs read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from faceml.errors import FileNotReadable, WrongUse
from faceml.storage.export_rows import ExportRow
from faceml.wiring import Library

SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class ExportReport:
    file: Path
    faces: int


def export_faces(library: Library, file: Path) -> ExportReport:
    """Write one row a face to a .csv or .parquet file, which appears whole or not at all.

    Raises:
        WrongUse: another suffix.
        FileNotReadable: the place cannot be written.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise WrongUse(f"{file} ends in {file.suffix or 'nothing'!r}: export knows {' and '.join(SUFFIXES)}")
    write = _write_csv if file.suffix.lower() == ".csv" else _write_parquet
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with library.repository.read() as unit:
            faces = write(partial, unit.export_rows())
        partial.replace(file)
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return ExportReport(file, faces)


def _columns() -> list[str]:
    return [field.name for field in fields(ExportRow)]


def _write_csv(file: Path, rows: Iterator[ExportRow]) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _columns(), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(asdict(row))
            count += 1
    return count


def _write_parquet(file: Path, rows: Iterator[ExportRow]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    texts = {"face_id", "path", "cluster_id", "person_id", "person_name", "assigned_by"}
    texts |= {"model_version", "taken_at"}
    reals = {"confidence", "quality", "similarity"}
    schema = pa.schema(
        [(name, pa.string() if name in texts else pa.float64() if name in reals else pa.int64()) for name in _columns()]
    )
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)
    parquet.write_table(table, file)
    return int(table.num_rows)
