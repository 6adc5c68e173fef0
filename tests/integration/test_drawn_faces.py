"""A face that a person draws: recognised, kept through detection and edits, exported, undone, erased, backed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from faceml.config import Settings
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.exchange.export import export_xmp
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.services.photos.detect import backfill_faces, detect_in_photo
from faceml.services.photos.drawn import PhotoSheet, Share, correct_box, draw_face, look_at_asset, take_away
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.grid import FaceGrid
from faceml.storage.grid.face_query import FaceQuery, Place
from faceml.wiring import open_library

FACE = Share(0.38, 0.12, 0.14, 0.16)  # around the astronaut's, looser than a detector's box
ME = "ada"


@pytest.fixture
def photo(photos: Path) -> Path:
    for other in ("group.jpg", "hopper.jpg", "nobody.png"):
        (photos / other).unlink()
    return photos / "astronaut.jpg"


@pytest.fixture
def asset(library: Library, photo: Path) -> int:
    """A photo whose one face was not found: it is smaller than what was asked for."""
    ingest_folder(library.repository, photo.parent)
    backfill_faces(library, DetectOptions(min_face_size=400))
    with library.repository.read() as unit:
        asset_id = unit.assets.at_paths([photo])[photo].asset_id
        assert unit.faces.in_assets([asset_id]) == []
    return asset_id


def shown(library: Library, asset_id: int) -> list[tuple[UUID, str | None]]:
    return [(face.face_id, face.person_name) for face in look_at_asset(library.repository, asset_id).faces]


def in_grid(library: Library, place: Place = Place.ALL) -> list[UUID]:
    return FaceGrid(library).ids(FaceQuery(place))


def vector(library: Library, face_id: UUID) -> Any:
    with library.repository.read() as unit:
        return unit.vectors.of([face_id]).vectors[0]


def test_a_drawn_face_is_named_exported_and_found_by_detection_as_the_same(
    library: Library, asset: int, photo: Path
) -> None:
    drawn = draw_face(library, asset, FACE, "Eileen", actor=ME)
    assert shown(library, asset) == [(drawn.face_id, "Eileen")]
    assert in_grid(library, Place.PEOPLE) == [drawn.face_id]
    export_xmp(library.repository, photo.parent)
    (sidecar,) = photo.parent.glob("*.xmp")
    assert "Eileen" in sidecar.read_text(encoding="utf-8")
    assert [face.id for face in detect_in_photo(library, asset, DetectOptions())] == [drawn.face_id]
    likeness = float(vector(library, drawn.face_id) @ embedding_by_detection(library, photo))
    assert likeness > 0.9, "the detector's points in the drawn box"


def embedding_by_detection(library: Library, photo: Path) -> Any:
    from faceml.vision.image import load_photo
    from faceml.vision.stream import find_faces_in

    return find_faces_in(load_photo(photo), library.packs.load())[0].embedding


def test_drawing_is_undone_and_made_again(library: Library, asset: int) -> None:
    drawn = draw_face(library, asset, FACE, "Eileen", actor=ME)
    undo(library, drawn.event_id, actor=ME)
    assert (shown(library, asset), in_grid(library), in_grid(library, Place.IGNORED)) == ([], [], [])
    with library.repository.read() as unit:
        assert unit.people.names() == {}
    redo(library, actor=ME)
    assert shown(library, asset) == [(drawn.face_id, "Eileen")]
    take_away(library, drawn.face_id, actor=ME)
    assert (shown(library, asset), in_grid(library, Place.IGNORED)) == ([], [])
    again = draw_face(library, asset, FACE, actor=ME)
    assert again.face_id == drawn.face_id
    assert history(library.repository, limit=1)[0].text == "drew 1 face"
    with pytest.raises(Conflict, match="just this box"):
        draw_face(library, asset, FACE, actor=ME)


def test_a_corrected_box_keeps_the_name_and_undoing_it_needs_no_photo(
    library: Library, asset: int, photo: Path
) -> None:
    (found,) = detect_in_photo(library, asset, DetectOptions())
    assign_faces_to(library, [found.id], "Eileen", actor=ME)
    corrected = correct_box(library, found.id, FACE, actor=ME)
    assert shown(library, asset) == [(corrected.face_id, "Eileen")]
    detect_in_photo(library, asset, DetectOptions(min_confidence=0.4))
    assert in_grid(library) == [corrected.face_id]
    photo.unlink()
    undo(library, corrected.event_id, actor=ME)
    assert shown(library, asset) == [(found.id, "Eileen")]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda image: ImageEnhance.Brightness(image).enhance(1.15), id="brighter"),
        pytest.param(lambda image: image.resize((384, 384)), id="smaller"),
        pytest.param(lambda image: image.transpose(Image.Transpose.ROTATE_90), id="turned"),
    ],
)
def test_it_comes_along_to_an_edited_photo(
    library: Library, asset: int, photo: Path, edit: Callable[[Image.Image], Image.Image]
) -> None:
    drawn = draw_face(library, asset, FACE, "Eileen", actor=ME)
    edit(Image.open(photo)).save(photo, quality=95)
    ingest_folder(library.repository, photo.parent)
    backfill_faces(library, DetectOptions(min_face_size=400))
    assert shown(library, asset) == [(drawn.face_id, "Eileen")]
    assert look_at_asset(library.repository, asset).faces[0].is_drawn


def test_it_is_backed_up_and_erased_with_its_person(library: Library, asset: int, tmp_path: Path) -> None:
    drawn = draw_face(library, asset, FACE, "Eileen", actor=ME)
    back_up(library, tmp_path / "faces.zip")
    elsewhere = Settings(home=tmp_path / "elsewhere", model_pack="opencv-zoo")
    restore(elsewhere, tmp_path / "faces.zip")
    restored = open_library(elsewhere)
    assert sheet(restored, asset).faces == sheet(library, asset).faces
    assert sheet(restored, asset).faces[0].is_drawn
    restored.close()
    erase_person(library, "Eileen", is_confirmed=True, actor=ME)
    assert shown(library, asset) == []
    assert detect_in_photo(library, asset, DetectOptions()) == (), "where they were stays known"
    with pytest.raises(NotFound):
        correct_box(library, drawn.face_id, FACE, actor=ME)


def sheet(library: Library, asset_id: int) -> PhotoSheet:
    return look_at_asset(library.repository, asset_id)


@pytest.mark.parametrize("box", [Share(0.5, 0.5, 0.0, 0.1), Share(0.999, 0.2, 0.2, 0.2)])
def test_a_box_without_a_face_s_room_is_refused(library: Library, asset: int, box: Share) -> None:
    with pytest.raises(WrongUse, match="pixels"):
        draw_face(library, asset, box, "Eileen", actor=ME)
    assert in_grid(library) == []


def test_where_the_detector_sees_nothing_the_points_are_where_faces_have_them(library: Library) -> None:
    from faceml.records import BBox
    from faceml.services.photos.drawn import UNSEEN, face_in_box

    found = face_in_box(np.full((200, 200, 3), 90, np.uint8), BBox(50, 40, 80, 100), library.packs.load())
    assert (found.detection_confidence, found.bbox) == (UNSEEN, BBox(50, 40, 80, 100))
    assert np.linalg.norm(found.embedding) == pytest.approx(1.0, abs=1e-5)
    assert found.kps[0].tolist() == pytest.approx([50 + 0.31 * 80, 40 + 0.40 * 100])
