"""Tables and datasets for other programs hold what the library holds."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from faceml.errors import Conflict, NotEnoughData, WrongUse
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to, unassign_faces
from faceml.services.exchange.annotations import export_fiftyone
from faceml.services.exchange.export import export_faces
from faceml.services.exchange.import_labels import import_labels
from faceml.services.exchange.vectors import _write_arrays, export_vectors
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from tests.conftest import add_faces, unit_rows


@pytest.fixture
def filled(library: Library, photos: Path) -> Library:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:02:03 04:05:06"
    with Image.open(photos / "hopper.jpg") as photo:
        photo.save(photos / "hopper.jpg", exif=exif)
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    with library.repository.read() as unit:
        asset = unit.assets.at_paths([photos / "hopper.jpg"])[photos / "hopper.jpg"].asset_id
        face = unit.faces.in_assets([asset])[0]
    assign_faces_to(library, [face.id], "Grace Hopper", actor="tester")
    return library


def test_fiftyones_dataset_points_at_the_photos_and_boxes_are_shares_of_them(filled: Library, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    report = export_fiftyone(filled.repository, folder)
    assert (report.photos, report.faces) == (3, 8)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert "version" not in metadata, "else FiftyOne would take it for a database dump of its own"
    samples = {Path(s["filepath"]).name: s for s in json.loads((folder / "samples.json").read_text())["samples"]}
    assert all(Path(sample["filepath"]).is_file() for sample in samples.values())
    (grace,) = samples["hopper.jpg"]["faces"]["detections"]
    assert (grace["_cls"], grace["label"], grace["assigned_by"]) == ("Detection", "Grace Hopper", "manual")
    assert {face["label"] for face in samples["group.jpg"]["faces"]["detections"]} == {"unknown"}
    with filled.repository.read() as unit:
        row = next(row for row in unit.export_rows() if row.person_name)
    with Image.open(row.path) as photo:
        width, height = photo.size
    x, y, w, h = grace["bounding_box"]
    assert (x * width, y * height, w * width, h * height) == pytest.approx((row.x, row.y, row.w, row.h))
    assert samples["hopper.jpg"]["metadata"] == {"_cls": "ImageMetadata", "width": width, "height": height}
    with pytest.raises(Conflict, match="not empty"):
        export_fiftyone(filled.repository, folder)


def test_an_empty_library_is_an_empty_dataset(library: Library, tmp_path: Path) -> None:
    export_fiftyone(library.repository, tmp_path / "dataset")
    assert json.loads((tmp_path / "dataset" / "samples.json").read_text()) == {"samples": []}


def test_both_tables_hold_the_size_of_the_photo_and_when_it_was_taken(filled: Library, tmp_path: Path) -> None:
    from pyarrow import parquet

    export_faces(filled.repository, tmp_path / "f.csv")
    export_faces(filled.repository, tmp_path / "f.parquet")
    with (tmp_path / "f.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    rows = parquet.read_table(tmp_path / "f.parquet").to_pylist()
    assert [{name: "" if v is None else str(v) for name, v in row.items()} for row in rows] == table
    grace = next(row for row in rows if row["person_name"])
    with Image.open(grace["path"]) as photo:
        assert (grace["photo_width"], grace["photo_height"]) == photo.size
    assert grace["taken_at"] == "2024-02-03T04:05:06+00:00"


FORMULAS = ("=1+1", "+49 30", "-2", "@SUM(A1)", "'=quoted", "''-twice", "'t Hart", "O'Hara", "Ada, = and more")


def test_no_name_is_a_formula_in_a_spreadsheet_and_all_are_read_back(library: Library, tmp_path: Path) -> None:
    faces = add_faces(library, unit_rows(len(FORMULAS), seed=1))
    for name, face in zip(FORMULAS, faces, strict=True):
        assign_faces_to(library, [face], name, actor="tester")
    file = tmp_path / "f.csv"
    export_faces(library.repository, file)
    with file.open(newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+@\t\r") or (cell[:1] == "-" and not is_number(cell))]

    def names() -> dict[UUID, str]:
        with library.repository.read() as unit:
            people = unit.people.names()
            return {face.id: people[face.person_id] for face in unit.faces.by_ids(faces) if face.person_id}

    before = names()
    assert sorted(before.values()) == sorted(FORMULAS)
    unassign_faces(library, faces, actor="tester")
    assert import_labels(library, file, actor="tester").faces_labeled == len(FORMULAS)
    assert names() == before


def is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()


def test_vectors_leave_with_numbers_for_people_and_photos_and_for_their_owner_alone(
    filled: Library, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.npz"
    assert export_vectors(filled.repository, file).faces == 8
    with np.load(file, allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    with filled.repository.read() as unit:
        everybody = unit.vectors.everybody()
        contract = unit.contract.pinned()
    assert contract is not None
    assert np.allclose(arrays["vectors"], everybody.vectors, atol=1e-3)
    assert sorted(arrays["person"].tolist()) == [-1] * 7 + [0]
    assert len(set(arrays["photo"].tolist())) == 3
    assert arrays["quality"].tolist() == everybody.quality.tolist()
    assert arrays["match_threshold"] == contract.match_threshold
    assert file.stat().st_mode & 0o077 == 0


def test_vectors_leave_without_a_second_copy_of_all(filled: Library, tmp_path: Path) -> None:
    with filled.repository.read() as unit:
        few = unit.vectors.everybody()
    many = np.repeat(few.vectors, 5_000, axis=0)  # half of it would be the copy
    file = tmp_path / "vectors.npz"
    with file.open("wb") as stream:
        tracemalloc.start()
        _write_arrays(stream, many, quality=few.quality, match_threshold=np.float64(0.4))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < many.nbytes / 4
    with np.load(file, allow_pickle=False) as found:
        assert np.array_equal(found["vectors"], many.astype(np.float16))
        assert (found["quality"].tolist(), float(found["match_threshold"])) == (few.quality.tolist(), 0.4)


def test_vectors_of_nothing_or_in_another_format_are_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="faceml faces backfill"):
        export_vectors(library.repository, tmp_path / "vectors.npz")
    with pytest.raises(WrongUse, match=r"\.npz"):
        export_vectors(library.repository, tmp_path / "vectors.parquet")
    assert not list(tmp_path.glob("vectors*"))
