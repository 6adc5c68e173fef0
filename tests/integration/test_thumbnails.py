"""Pictures of faces: the right part of the right photo, made once."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceml.library import Library
from faceml.records import BBox, Face
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.private import erase_person
from faceml.services.review.sheets import draw_people
from faceml.services.review.thumbnails import SIDE_PX, Thumbnails
from faceml.vision.crops import face_thumbnail
from faceml.vision.image import read_photo
from tests.synthetic import synthetic_library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = synthetic_library(tmp_path / "library", people=4, faces=4)
    yield opened
    opened.close()


@pytest.fixture
def faces(library: Library) -> list[Face]:
    with library.repository.read() as unit:
        return unit.faces.in_cluster("clu_00000")


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)


def photo_of(library: Library, face: Face) -> Path:
    with library.repository.read() as unit:
        return unit.assets.by_ids([face.asset_id])[0].path


def test_a_picture_shows_the_face(library: Library, faces: list[Face]) -> None:
    made = Thumbnails(library).of(faces)
    for face in faces:
        expected = face_thumbnail(read_photo(photo_of(library, face)), face.bbox, size_px=SIDE_PX)
        assert np.abs(pixels(made[face.id]) - expected).mean() < 6  # JPEG's


@pytest.mark.parametrize("shrink", [2, 4, 8])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_photo_is_decoded_small_and_shows_the_same(
    library: Library, faces: list[Face], shrink: int, orientation: int
) -> None:
    rng = np.random.default_rng(3)
    patches = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    photo = Image.fromarray(patches).resize((320 * shrink, 240 * shrink), Image.Resampling.BICUBIC)
    path = photo_of(library, faces[0])
    path.unlink()  # other photos are further names of the same file
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo.save(path, quality=95, exif=exif)
    upright = read_photo(path)
    side = round(SIDE_PX * shrink / 1.6) + 1
    face = replace(faces[0], bbox=BBox(10 * shrink, 20 * shrink, side, side))
    with closing(sqlite3.connect(library.settings.home / "faceml.db")) as database, database:
        database.execute(
            "UPDATE image_assets SET width = ?, height = ?, size_bytes = ?, mtime_ns = ? WHERE id = ?",
            (upright.shape[1], upright.shape[0], path.stat().st_size, path.stat().st_mtime_ns, face.asset_id),
        )
    made = Thumbnails(library).of([face])[face.id]
    expected = face_thumbnail(upright, face.bbox, size_px=SIDE_PX)
    assert np.abs(pixels(made) - expected).mean() < 4


def test_pictures_are_made_once_and_anew_when_the_face_changes(library: Library, faces: list[Face]) -> None:
    first = Thumbnails(library).of(faces)
    photo_of(library, faces[0]).unlink()
    again = Thumbnails(library)
    assert again.of(faces) == first, "from the cache"
    assert again.at_hand(faces) == first
    moved = replace(faces[1], bbox=BBox(0, 0, 80, 80))
    assert again.of([moved])[moved.id] != first[moved.id]
    gone = replace(faces[0], bbox=BBox(0, 0, 80, 80))
    assert again.of([gone]) == {}, "its photo is not there any more"


def test_a_sheet_of_people_decodes_no_photo_twice(library: Library, faces: list[Face]) -> None:
    label_cluster(library, "clu_00000", "Ada", actor="ada")
    first = draw_people(library)
    for face in faces:
        photo_of(library, face).unlink(missing_ok=True)
    assert draw_people(library).tobytes() == first.tobytes()


def test_an_unwritable_cache_costs_no_picture(library: Library, faces: list[Face]) -> None:
    folder = library.settings.cache_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "thumbnails").write_text("in the way")
    assert len(Thumbnails(library).of(faces)) == len(faces)


def test_only_the_owner_may_read_the_pictures_that_are_kept(library: Library, faces: list[Face]) -> None:
    Thumbnails(library).of(faces)
    kept = list((library.settings.cache_folder / "thumbnails").rglob("*.jpg"))
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600] * len(faces)


def test_a_pixelated_face_is_nowhere_to_be_found(library: Library, faces: list[Face]) -> None:
    hidden = faces[0].id
    made = Thumbnails(library, pixelate=lambda face: face.id == hidden).of(faces)
    blocks = {tuple(colour) for colour in pixels(made[hidden])[::8, ::8].reshape(-1, 3) // 32}
    assert len(blocks) <= 36
    plain = Thumbnails(library).of(faces)
    assert plain[hidden] != made[hidden], "the cache keeps the real picture apart"
    assert plain[faces[1].id] == made[faces[1].id]


def test_erasing_a_person_erases_their_pictures(library: Library, faces: list[Face]) -> None:
    person = label_cluster(library, "clu_00000", "Ada", actor="ada").person_id
    Thumbnails(library).of(faces)
    kept = library.settings.cache_folder / "thumbnails"
    assert len(list(kept.rglob("*.jpg"))) == len(faces)
    erase_person(library, person, is_confirmed=True, actor="ada")
    assert not kept.exists()
