"""Vectors leave as Parquet files and come back from whatever engine wrote some, once and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from faceml.config import Settings
from faceml.errors import Conflict, FileNotReadable, FolderNotFound, ModelMismatch, NotEnoughData
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.records import Dismissal, Measures
from faceml.services.decisions.label import assign_faces_to, dismiss_faces
from faceml.services.exchange.vectors import BATCH, export_shards, import_shards
from faceml.services.photos.detect import waiting_photos
from faceml.storage.sql.asset_rows import LookedAt, PhotoFile
from faceml.storage.sql.face_rows import VectorRow
from tests.conftest import add_photo, found_face, unit_rows
from tests.fakes import CONTRACT, FakePack, library_with

MEASURES = Measures(0.5, 1.0, -2.0, 3.0, 0.25, 0.0)
SIZE = (640, 480)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Library]:
    """A library with two faces on a photo, one on another, and a photo without any; all were looked at."""
    library = library_with(FakePack(), Settings(home=tmp_path / "source", model_pack="opencv-zoo"))
    rows = unit_rows(3, seed=1)
    with library.repository.begin() as unit:
        unit.contract.pin(CONTRACT)
        first, second, empty = (add_photo(unit, name) for name in ("a.jpg", "b.jpg", "empty.jpg"))
        faces = [(first, found_face(rows[0])), (first, found_face(rows[1], x=300)), (second, found_face(rows[2]))]
        unit.faces.add([(id_, replace(face, measures=MEASURES)) for id_, face in faces], pack="opencv-zoo")
        looked = [LookedAt(id_, *SIZE, None) for id_ in (first, second, empty)]
        unit.assets.record_detection(looked, min_confidence=0.4, min_face_size=16, size_px=1024)
    yield library
    library.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Library]:
    """A library that took the same photos in, and one more, and looked at none."""
    yield from with_the_photos(Settings(home=tmp_path / "library", model_pack="opencv-zoo"))


@pytest.fixture
def either(tmp_path: Path, library_url: str) -> Iterator[Library]:
    """The same on both databases."""
    yield from with_the_photos(Settings(home=tmp_path / "library", model_pack="opencv-zoo", database_url=library_url))


def with_the_photos(settings: Settings) -> Iterator[Library]:
    library = library_with(FakePack(), settings)
    with library.repository.begin() as unit:
        for name in ("other.jpg", "empty.jpg", "b.jpg", "a.jpg"):
            add_photo(unit, name)
    yield library
    library.close()


def vectors(library: Library) -> list[VectorRow]:
    """In order of photo's content and face."""
    with library.repository.read() as unit:
        rows = list(unit.vector_rows())
    return sorted(rows, key=lambda row: (row.content_hash, row.face_id or ""))


def test_all_of_a_face_comes_back_and_no_photo_is_looked_at_again(
    source: Library, either: Library, tmp_path: Path
) -> None:
    report = export_shards(source.repository, tmp_path / "shards")
    assert (report.files, report.photos, report.faces) == (1, 3, 3)
    done = import_shards(either, tmp_path / "shards")
    assert (done.photos_taken_in, done.faces_added, done.photos_known, done.photos_not_ingested) == (3, 3, 0, 0)
    assert vectors(either) == vectors(source)
    assert done.index_backlog == 0, "the index followed"
    strict = DetectOptions(min_confidence=0.4, min_face_size=16, detection_size="1024")
    assert [photo.path.name for photo in waiting_photos(either.repository, strict)] == ["other.jpg"]
    assert len(waiting_photos(either.repository, replace(strict, min_confidence=0.3))) == 4

    again = import_shards(either, tmp_path / "shards")
    assert (again.photos_taken_in, again.faces_added, again.photos_known) == (0, 0, 3)
    assert len(vectors(either)) == 4


def test_what_a_person_decided_here_stays_and_what_is_no_face_does_not_leave(
    source: Library, target: Library, tmp_path: Path
) -> None:
    one, other, third = (row.face_id for row in vectors(source) if row.face_id)
    dismiss_faces(source, [_uuid(other)], Dismissal.NOT_A_FACE, actor="tester")
    assert export_shards(source.repository, tmp_path / "shards").faces == 2
    import_shards(target, tmp_path / "shards")
    assign_faces_to(target, [_uuid(one)], "Ada", actor="tester")
    import_shards(target, tmp_path / "shards")
    with target.repository.read() as unit:
        named = {str(face.id): face.person_id is not None for face in unit.faces.by_ids([_uuid(one), _uuid(third)])}
    assert named == {one: True, third: False}


def _uuid(text: str | None) -> Any:
    from uuid import UUID

    return UUID(text or "")


class Stopped(Exception):
    pass


def test_an_import_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    count = 2 * BATCH + 10
    source, target = (
        library_with(FakePack(), Settings(home=tmp_path / name, model_pack="opencv-zoo")) for name in ("one", "two")
    )
    rows = unit_rows(count, seed=2)
    with source.repository.begin() as unit, target.repository.begin() as other:
        unit.contract.pin(CONTRACT)
        files = [PhotoFile(Path(f"/photos/{number}.jpg"), f"{number:064x}", 1, 1, None) for number in range(count)]
        unit.assets.add(files)
        other.assets.add(files)
        photos = [known.asset_id for known in unit.assets.with_hashes([file.content_hash for file in files]).values()]
        unit.faces.add([(id_, found_face(row)) for id_, row in zip(photos, rows, strict=True)], pack="opencv-zoo")
        looked = [LookedAt(id_, *SIZE, None) for id_ in photos]
        unit.assets.record_detection(looked, min_confidence=0.5, min_face_size=20)
    export_shards(source.repository, tmp_path / "shards")

    def stop(done: int, total: int) -> None:
        assert total == count
        if done > BATCH:
            raise Stopped

    with pytest.raises(Stopped):
        import_shards(target, tmp_path / "shards", on_progress=stop)
    there = len(vectors(target))
    assert there == 2 * BATCH
    rest = import_shards(target, tmp_path / "shards")
    assert (rest.photos_known, rest.photos_taken_in, rest.faces_added) == (there, 10, 10)
    assert vectors(target) == vectors(source)
    source.close()
    target.close()


def test_vectors_of_another_pack_are_refused_and_nothing_is_changed(
    source: Library, target: Library, tmp_path: Path
) -> None:
    export_shards(source.repository, tmp_path / "shards")
    other = replace(
        target, packs=library_with(FakePack(replace(CONTRACT, fingerprint="e" * 64)), target.settings).packs
    )
    with pytest.raises(ModelMismatch, match=r"holds vectors of pack 'opencv-zoo' \(128-d, fingerprint ffffffffffff\)"):
        import_shards(other, tmp_path / "shards")
    assert vectors(target) == []
    assert target.repository.pack() is None


def foreign(folder: Path, rows: list[dict[str, Any]], *, fingerprint: str = CONTRACT.fingerprint) -> Path:
    """A file as another engine would write it: only what is needed, and numbers of its own width."""
    folder.mkdir()
    kinds = {
        "vector": pa.list_(pa.float64()),
        "landmarks": pa.list_(pa.float64()),
        "detection_confidence": pa.float32(),
    }
    names = ("content_hash", "photo_width", "photo_height", "x", "y", "w", "h", *kinds)
    columns = {name: pa.array([row[name] for row in rows], kinds.get(name)) for name in names}
    table = pa.table(columns).replace_schema_metadata({"faceml.fingerprint": fingerprint})
    parquet.write_table(table, folder / "engine.parquet")
    return folder


def row_of(library: Library, name: str, **changed: Any) -> dict[str, Any]:
    with library.repository.read() as unit:
        content = unit.assets.at_paths([Path("/photos") / name])[Path("/photos") / name].content_hash
    row = {"content_hash": content, "photo_width": 640, "photo_height": 480, "x": 10, "y": 20, "w": 100, "h": 100}
    row |= {"landmarks": [float(number) for number in range(10)], "detection_confidence": 0.75}
    return {**row, "vector": unit_rows(1, seed=3)[0].tolist(), **changed}


def test_any_engine_may_write_them_with_only_what_is_needed(target: Library, tmp_path: Path) -> None:
    rows = [row_of(target, "a.jpg"), row_of(target, "b.jpg"), {**row_of(target, "b.jpg"), "content_hash": "0" * 64}]
    rows[1]["vector"] = (0.996 * np.array(rows[1]["vector"])).tolist()  # as float16 rounds
    report = import_shards(target, foreign(tmp_path / "engine", rows))
    assert (report.faces_added, report.photos_not_ingested) == (2, 1)
    stored = [np.frombuffer(row.vector or b"", "<f4") for row in vectors(target)]
    assert [float(np.linalg.norm(vector)) for vector in stored] == pytest.approx([1, 1], abs=1e-6)
    assert [row.quality for row in vectors(target)] == pytest.approx([0.5 * 0.25 + 0.5 * 0.75] * 2)


def test_a_row_that_is_no_face_is_named(target: Library, tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        r"engine\.parquet, row 1: the vector's length is 11\.31, not 1": {"vector": [1.0] * 128},
        "vectors are not lists of 128 numbers": {"vector": [1.0, 0.0]},
        "the box 600, 20, 100×100 is not on a photo of 640×480": {"x": 600},
        "row 1: the face has no w, vector": {"w": None, "vector": None},
        "landmarks are not five points": {"landmarks": [1.0]},
        "confidence 1.5": {"detection_confidence": 1.5},
        "the photo has 0×480 pixels": {"photo_width": 0},
    }
    for number, (words, changed) in enumerate(wrong.items()):
        rows = [row_of(target, "a.jpg"), row_of(target, "b.jpg", **changed)]
        with pytest.raises(FileNotReadable, match=words):
            import_shards(target, foreign(tmp_path / str(number), rows))
    assert vectors(target) == []


def test_rows_of_one_photo_that_stand_apart_are_refused(target: Library, tmp_path: Path) -> None:
    rows = [row_of(target, name) for name in ("a.jpg", "b.jpg", "a.jpg")]
    with pytest.raises(FileNotReadable, match=r"row 2: rows of photo \w{12} stand apart: sort by content_hash"):
        import_shards(target, foreign(tmp_path / "engine", rows))


def test_folders_that_hold_no_such_files_and_libraries_without_faces_are_told(target: Library, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="faceml faces backfill"):
        export_shards(target.repository, tmp_path / "shards")
    with pytest.raises(FolderNotFound, match=r"holds no \.parquet files"):
        import_shards(target, tmp_path / "gone")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.parquet").write_text("no table")
    with pytest.raises(FileNotReadable, match="is not such a Parquet file"):
        import_shards(target, tmp_path / "full")
    with pytest.raises(Conflict, match="not empty"):
        export_shards(target.repository, tmp_path / "full")
