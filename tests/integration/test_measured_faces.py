"""What a face's picture is worth, through the library: stored, exported, asked for, and measured afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from sqlalchemy import update

from faceml.config import Settings
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.records import Measures
from faceml.services.exchange.export import export_faces
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.grid import FaceGrid
from faceml.storage.grid.face_query import FaceQuery
from faceml.storage.sql.face_rows import MEASURES, RATING, SPAN
from faceml.storage.sql.tables import FaceInstance
from faceml.wiring import open_library
from tests.conftest import add_photo, found_face, unit_rows
from tests.fakes import CONTRACT

SHARP = Measures(sharpness=0.6, yaw=-5.0, pitch=2.0, roll=1.0, exposure=0.5, occlusion=0.1)
PROFILE = replace(SHARP, yaw=-70.0)
BLURRED = replace(SHARP, sharpness=0.2, roll=95.0)


@pytest.fixture
def measured(library_url: str, settings: Settings) -> Library:
    """Four faces on four photos, the last one not measured, in either database."""
    library = open_library(replace(settings, database_url=library_url))
    with library.repository.begin() as unit:
        unit.contract.pin(CONTRACT)
        rows = [
            (add_photo(unit, f"{number}.jpg"), replace(found_face(vector), measures=measures))
            for number, (vector, measures) in enumerate(
                zip(unit_rows(4, seed=1), (SHARP, PROFILE, BLURRED, None), strict=True)
            )
        ]
        unit.faces.add(rows, pack=CONTRACT.name)
    return library


def test_measures_are_stored_and_exported(measured: Library, tmp_path: Path) -> None:
    export_faces(measured.repository, tmp_path / "faces.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "faces.parquet").to_pylist()
    assert [tuple(row[name] for name in MEASURES) for row in table] == [
        *(tuple(getattr(one, name) for name in MEASURES) for one in (SHARP, PROFILE, BLURRED)),
        (None,) * len(MEASURES),
    ]
    export_faces(measured.repository, tmp_path / "faces.csv")
    assert (tmp_path / "faces.csv").read_text().splitlines()[0].endswith(",".join(("", *MEASURES, *SPAN, *RATING)))
    measured.close()


def test_the_grid_shows_faces_by_their_measures(measured: Library) -> None:
    grid = FaceGrid(measured)

    def photos(**asked: float) -> list[int]:
        return sorted(tile.asset_id for tile in grid.page(FaceQuery(**asked)).faces)

    assert photos() == [1, 2, 3, 4]
    assert photos(min_sharpness=0.4) == [1, 2]
    assert photos(max_yaw=30) == [1, 3]
    assert photos(max_roll=45, max_yaw=80) == [1, 2]
    assert photos(max_pitch=1) == []
    assert photos(min_exposure=0.4, max_exposure=0.6, max_occlusion=0.2) == [1, 2, 3]
    assert photos(min_confidence=0.95) == [1, 2, 3, 4]
    assert photos(min_confidence=0.96) == []
    measured.close()


def test_faces_found_earlier_are_measured_by_the_next_backfill(library: Library, photos: Path) -> None:
    ingest_folder(library.repository, photos)
    assert backfill_faces(library).faces_measured == 0
    with library.repository.read() as unit:
        before = {row.face_id: row for row in unit.export_rows()}
    assert all(row.sharpness and abs(row.roll or 99) < 45 for row in before.values())
    with library.repository.begin() as unit:
        unit.faces._session.execute(update(FaceInstance).values(dict.fromkeys(MEASURES)))
    assert backfill_faces(library, DetectOptions(limit=1)).faces_measured > 0
    (photos / "group.jpg").unlink(missing_ok=True)
    backfill_faces(library)
    with library.repository.read() as unit:
        after = {row.face_id: row for row in unit.export_rows()}
        assert set(unit.vectors.unmeasured(limit=9)) == {
            row.asset_id for row in after.values() if row.path.endswith("group.jpg") and row.sharpness is None
        }
    again = [row for row in after.values() if row.sharpness is not None]
    assert again
    for row in again:
        one = [getattr(row, name) for name in MEASURES]
        assert np.allclose(one, [getattr(before[row.face_id], name) for name in MEASURES], atol=0.05)
    assert backfill_faces(library).faces_measured == 0
