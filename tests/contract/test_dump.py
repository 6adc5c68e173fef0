"""A dump's lines: what each kind of column becomes, the same from both databases, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from faceml.errors import FileNotReadable
from faceml.records import AssetStatus, AssignedBy
from faceml.storage.archive import LINES_BYTES, backing_up, new_archive, open_archive
from faceml.storage.lines.cells import texts
from faceml.storage.sql.database import DRAFT, SCHEMA_VERSION, empty_schema
from faceml.storage.sql.dump import PAGE_ROWS, DatabaseDump, TableShape, fill_table, without_indexes
from faceml.storage.sql.repository import Repository
from faceml.storage.sql.tables import Base

NOON = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
TIMES = (
    NOON,
    NOON + timedelta(microseconds=1),
    datetime(1826, 7, 14, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
)
TEXTS = ("Söhne & Töchter", "two\nlines, and\u2028a third", 'a "quote", and ],[ or \\', "👩", "null", "", " 0012")
OBJECTS = (
    {},
    {"b": [1, 2.5, 1e-07, None, True], "a": {"ü": "ß", "null": None}},
    {"text": 'null, "x"],["y"\n', "numbers": [0.1 + 0.2, 123456789012345, 10**15 + 0.5]},
)
LANDMARKS = (None, [], [[0.0, 1.5], [-2.25, 1e-07]])


def one_of(values: tuple[Any, ...], row: int) -> Any:
    return values[row % len(values)]


def rows_of_all_kinds() -> dict[str, list[dict[str, Any]]]:
    """More than a page; as the tables' own types take them."""
    photos = [
        {
            "id": row + 1,
            "path": f"{row}{one_of(TEXTS, row)}",
            "content_hash": f"{row:064}",
            "size_bytes": row << 40,
            "mtime_ns": -row,
            "width": one_of((None, 640), row),
            "taken_at": one_of((None, *TIMES), row),
            "status": one_of(tuple(AssetStatus), row),
            "detected_min_confidence": one_of((None, 0.1 + 0.2, 1e-07, 5.0), row),
            "created_at": one_of(TIMES, row),
            "updated_at": NOON,
        }
        for row in range(2 * PAGE_ROWS + 3)
    ]
    people = [{"id": UUID(int=7 + row), "name": f"P{row}", "folded_name": f"p{row}"} for row in range(3)]
    people = [{**person, "status": "active", "created_at": NOON, "updated_at": NOON} for person in people]
    people[0] |= {"merged_into_id": people[2]["id"], "status": "merged", "note": "n" * 3 * LINES_BYTES}
    faces = [
        {
            "id": UUID(int=row << 96 | 10**18),
            "asset_id": row + 1,
            **dict.fromkeys(("bbox_x", "bbox_y", "bbox_w", "bbox_h"), row),
            "landmarks": one_of(LANDMARKS, row),
            "detection_confidence": 0.9,
            "quality_score": 1 / (row + 1),
            "qdrant_point_id": UUID(int=row),
            "person_id": one_of((None, people[1]["id"]), row),
            "assigned_by": one_of((None, *AssignedBy), row),
            "is_drawn": one_of((True, False), row),
            "created_at": one_of(TIMES, row),
            "updated_at": NOON,
        }
        for row in range(PAGE_ROWS + 5)
    ]
    vectors = [
        {"face_instance_id": face["id"], "pack": "pack", "vector": bytes([row % 256]) * (row % 5)}
        for row, face in enumerate(faces)
    ]
    role = {"role": "centroid", "created_at": NOON}
    prototypes = [
        {"id": UUID(int=row), "person_id": people[1]["id"], "qdrant_point_id": UUID(int=row), "vector": vector, **role}
        for row, vector in enumerate((None, b"", b"\x00\n\xff"))
    ]
    events = [
        {"id": row + 1, "kind": "k", "actor": "a", "undoes_id": row or None, "details": details, "created_at": NOON}
        for row, details in enumerate(OBJECTS)
    ]
    return {
        "image_assets": photos,
        "persons": people,
        "face_instances": faces,
        "face_embeddings": vectors,
        "person_prototypes": prototypes,
        "label_events": events,
    }


def written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return len(value)
    return str(value) if isinstance(value, UUID | StrEnum) else value


def expected_line(shape: TableShape, row: dict[str, Any]) -> bytes:
    """Slow and obvious."""
    values = [written(row.get(column.name)) for column in shape.columns]
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture
def filled(library_url: str) -> Iterator[Repository]:
    """A database with rows that SQLAlchemy put there."""
    repository = Repository(library_url)
    with repository.begin() as unit:
        connection = unit.erasure._session.connection()
        for name, rows in rows_of_all_kinds().items():
            table = Base.metadata.tables[name]
            for row in sorted(rows, key=lambda row: row.get("merged_into_id") is not None):
                connection.execute(table.insert(), row)
    yield repository
    repository.close()


def lines_of(dump: DatabaseDump) -> dict[str, list[bytes]]:
    return {shape.name: b"".join(dump.lines(shape.with_blobs())).split(b"\n")[:-1] for shape in dump.shapes}


def test_each_kind_of_value_is_written_as_json_writes_it_whatever_the_database(filled: Repository) -> None:
    rows = rows_of_all_kinds()
    with filled.dump() as dump:
        found = lines_of(dump)
        for shape in dump.shapes:
            mine = sorted(rows.get(shape.name, []), key=lambda row: next(iter(row.values())))
            assert found[shape.name] == [expected_line(shape.with_blobs(), row) for row in mine], shape.name
            for name in shape.with_blobs().blobs:
                assert b"".join(dump.blobs(shape, name)) == b"".join(row[name] or b"" for row in mine)


@pytest.mark.parametrize("is_apart", [True, False])
def test_what_was_dumped_comes_back_into_either_database(
    filled: Repository, database_url: str, tmp_path: Path, is_apart: bool
) -> None:
    url = database_url.replace("/library/", "/other/")
    with filled.dump() as dump, empty_schema(url, SCHEMA_VERSION) as connection, without_indexes(connection):
        for shape in dump.shapes:
            as_written = shape.with_blobs() if is_apart else shape
            blobs = {name: Pieces(b"".join(dump.blobs(shape, name))) for name in as_written.blobs}
            fill_table(connection, as_written, dump.lines(as_written), blobs)
    back = Repository(url)
    with filled.dump() as dump, back.dump() as again:
        assert lines_of(again) == lines_of(dump)
        for shape in dump.shapes:
            for name in shape.with_blobs().blobs:
                assert b"".join(again.blobs(shape, name)) == b"".join(dump.blobs(shape, name))
    back.close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        nulls = connection.exec_driver_sql("SELECT count(*) FROM face_instances WHERE landmarks IS NULL").scalar()
    engine.dispose()
    assert nulls == sum(face["landmarks"] is None for face in rows_of_all_kinds()["face_instances"]) > 0


class Pieces:
    """Hands out the next bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __call__(self, sizes: Any) -> list[bytes]:
        ends = list(accumulate(sizes, initial=0))
        found = [self._content[start : start + size] for start, size in zip(ends, sizes, strict=False)]
        self._content = self._content[ends[-1] :]
        return found


def test_times_that_another_program_wrote_shorter_are_read(tmp_path: Path) -> None:
    repository = Repository(f"sqlite:///{tmp_path / 'faceml.db'}")
    repository.pack()
    noon = "2020-01-01 12:00:00"
    times = {noon: "2020-01-01T12:00:00+00:00", f"{noon}.5": "2020-01-01T12:00:00.500000+00:00"}
    with closing(sqlite3.connect(tmp_path / "faceml.db")) as database, database:
        database.executemany("INSERT INTO outbox (point_id, created_at) VALUES (?, ?)", [("0" * 32, t) for t in times])
    with repository.dump() as dump:
        assert [json.loads(line)[2] for line in lines_of(dump)["outbox"]] == list(times.values())
    repository.close()


def test_a_filled_file_has_the_indexes_of_a_new_library_and_its_log(tmp_path: Path) -> None:
    new, other = (tmp_path / name for name in ("new.db", "filled.db"))
    Repository(f"sqlite:///{new}").pack()
    with empty_schema(f"sqlite:///{other}", SCHEMA_VERSION, pragmas=DRAFT) as connection, without_indexes(connection):
        assert indexes(connection) == set()
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    Repository(f"sqlite:///{other}").pack()
    found = []
    for file in (new, other):
        with sa.create_engine(f"sqlite:///{file}").connect() as opened:
            assert opened.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            found.append(indexes(opened))
    assert found[0] == found[1] != set()


def indexes(connection: sa.Connection) -> set[tuple[str, str]]:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return {(name, statement) for name, statement in rows}


@pytest.mark.parametrize(
    "line",
    [b"[1,", b"[]", b"7", b"[1,2,3]", b'[1,"no id","2020-01-01T00:00:00+00:00"]', b'[1,"%032d","yesterday"]' % 0],
)
def test_a_line_that_its_columns_cannot_hold_is_refused(library_url: str, line: bytes) -> None:
    repository = Repository(library_url)
    with repository.dump() as dump:
        shape = next(shape for shape in dump.shapes if shape.name == "outbox")
    with repository.begin() as unit, pytest.raises(FileNotReadable, match="backup's table outbox cannot be read"):
        fill_table(unit.erasure._session.connection(), shape, [line + b"\n"])
    repository.close()


def test_lines_of_any_length_are_read_whole(tmp_path: Path) -> None:
    lines = [b"x" * length + b"\n" for length in (0, 1, LINES_BYTES - 1, LINES_BYTES, 3 * LINES_BYTES, 5, 0)]
    with backing_up(tmp_path) as begun, new_archive(tmp_path / "file.zip", begun=begun) as archive:
        assert archive.add("lines", lines) == len(lines)
        assert archive.add("unended", [b"a\nb"]) == 1
        archive.close({})
    with open_archive(tmp_path / "file.zip") as reader:
        pieces = list(reader.lines("lines"))
        assert all(piece.endswith(b"\n") for piece in pieces)
        assert b"".join(pieces).splitlines(keepends=True) == lines
        assert list(reader.lines("unended")) == [b"a\n", b"b"]


def test_values_are_told_apart_whatever_they_hold() -> None:
    values = [[], {}, None, "],[", [["a", '"],["']], 1.5, True, "\n", {"b": 1, "a": [None]}]
    assert [json.loads(text) for text in texts(values)] == values
    assert texts([astuple(TableShape("t", (), ("k",)))]) == ['["t",[],["k"]]']
