"""Photos that were cut short, and long ones, with the real models: every face that is there, and nobody else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from faceml.cli.reports import detection
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.records import Asset, AssetStatus, BBox
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.identify import identify_photo
from faceml.vision.image import Photo, load_photo
from faceml.vision.model_packs import load_pack
from faceml.vision.stream import find_faces_in


def jpeg(image: Image.Image, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **settings)
    return file.getvalue()


@pytest.fixture(scope="module")
def portrait(photo_folder: Path) -> Image.Image:
    """One face, its box from row 77 to 228 of 606."""
    return Image.open(photo_folder / "hopper.jpg").convert("RGB")


@pytest.fixture(scope="module")
def pair(portrait: Image.Image) -> Image.Image:
    """The same face at the top and at the bottom."""
    both = Image.new("RGB", (portrait.width, 2 * portrait.height))
    both.paste(portrait, (0, 0))
    both.paste(portrait, (0, portrait.height))
    return both


def assets(library: Library) -> dict[str, Asset]:
    with library.repository.read() as unit:
        return {asset.path.name: asset for asset in unit.assets.by_ids(list(range(1, 50)))}


def test_a_photo_read_in_part_keeps_its_faces_and_what_is_missing_as_its_note(
    library: Library, tmp_path: Path, pair: Image.Image
) -> None:
    path = tmp_path / "in" / "cut.jpg"
    path.parent.mkdir()
    whole = jpeg(pair)
    path.write_bytes(whole[: int(len(whole) * 0.55)])
    ingest_folder(library.repository, path.parent)
    report = backfill_faces(library)
    [note] = report.read_in_part
    assert note.startswith(f"{path}: read in part: the last ")
    assert (report.errors, report.faces_added) == (0, 1)
    assert note in detection(report)
    asset = assets(library)["cut.jpg"]
    assert asset.status == AssetStatus.DETECTED
    assert (asset.error, asset.note) == (None, note.removeprefix(f"{path}: "))
    assert (asset.width, asset.height) == pair.size
    path.write_bytes(whole)
    ingest_folder(library.repository, path.parent)
    assert backfill_faces(library).read_in_part == ()
    asset = assets(library)["cut.jpg"]
    assert (asset.status, asset.note) == (AssetStatus.DETECTED, None)
    with library.repository.read() as unit:
        assert len(unit.faces.in_assets([asset.id])) == 2


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_face_in_rows_that_are_missing_is_not_made_up(pair: Image.Image, opencv_zoo: Any, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}[orientation]
    stored = pair.transpose(turn) if turn is not None else pair
    whole = jpeg(stored, exif=exif)
    expected = find_faces_in(load_photo(whole), opencv_zoo)
    assert len(expected) == 2
    photo = load_photo(whole[: int(len(whole) * 0.55)])
    assert photo.note is not None
    inside = list(find_faces_in(photo, opencv_zoo))
    known = photo.known
    for face in inside:
        box = face.bbox
        assert known.x <= box.x <= box.x + box.w <= known.x + known.w
        assert known.y <= box.y <= box.y + box.h <= known.y + known.h
        assert any(face.bbox.iou(whole_face.bbox) > 0.3 for whole_face in expected)
    if orientation != 6:  # there the cut goes down through both
        [face] = inside
        twin = max(expected, key=lambda other: other.bbox.iou(face.bbox))
        assert face.bbox.iou(twin.bbox) > 0.9
        assert float(face.embedding @ twin.embedding) > 0.95


def test_files_that_viewers_read_give_their_face(portrait: Image.Image, opencv_zoo: Any) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * 3_000_000, zip=True)
    png = io.BytesIO()
    portrait.save(png, "PNG", pnginfo=text)
    progressive = jpeg(portrait, progressive=True)
    grey = jpeg(portrait.convert("L"))
    [expected] = find_faces_in(load_photo(jpeg(portrait)), opencv_zoo)
    dots = io.BytesIO()
    portrait.convert("1").save(dots, "TIFF", compression="group4")
    variants = (
        png.getvalue(),
        dots.getvalue(),
        jpeg(portrait)[:-2],
        grey[:-2],
        progressive[: len(progressive) * 2 // 3],
    )
    for data in variants:
        [face] = find_faces_in(load_photo(data), opencv_zoo)
        assert face.bbox.iou(expected.bbox) > 0.8
        assert float(face.embedding @ expected.embedding) > 0.8


def test_whoever_asks_about_a_photo_that_was_cut_short_is_told(library: Library, pair: Image.Image) -> None:
    whole = jpeg(pair)
    found = identify_photo(library, whole[: int(len(whole) * 0.55)])
    assert len(found.faces) == 1
    assert found.notes[-1].startswith("read in part: ")


@pytest.fixture(scope="module", params=["opencv-zoo", "scrfd500m_edgeface_xs"])
def each_pack(request: pytest.FixtureRequest, model_cache: Path) -> Any:
    if request.param == "opencv-zoo":
        return request.getfixturevalue("opencv_zoo")
    root = request.getfixturevalue("shared") / "models" / "insightface"
    return load_pack(request.param, model_root=root, cache_dir=model_cache)


@pytest.mark.parametrize("size", [(5000, 500), (500, 5000), (3000, 1000), (7000, 5000)])
def test_a_long_or_large_photo_gives_every_face_once(
    portrait: Image.Image, each_pack: Any, size: tuple[int, int]
) -> None:
    """In the whole photo they are 10 to 17 pixels on the canvas."""
    side = 220 if min(size) == 5000 else 140
    small = portrait.crop((130, 20, 430, 320)).resize((side, side))
    picture = Image.new("RGB", size, (120, 140, 160))
    across, down = size[0] > size[1], size[1] > size[0]
    places = [
        (size[0] * at // 8 + 90 if across else 150, size[1] * at // 8 + 90 if down else size[1] // 2 - 100)
        for at in range(8)
    ]
    for place in places:
        picture.paste(small, place)
    found = each_pack.detect(np.asarray(picture), min_confidence=0.5, min_face_size=20)
    assert len(found) == len(places)
    [alone] = each_pack.detect(np.asarray(small), min_confidence=0.5, min_face_size=20).boxes
    for x, y in places:
        off = np.abs(found.boxes - (alone + np.array([x, y, x, y]))).max(axis=1)
        row = int(off.argmin())
        assert off[row] < 0.25 * small.width
        box = found.boxes[row]
        assert (found.kps[row] > box[:2]).all()
        assert (found.kps[row] < box[2:]).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photo_that_lies_gives_the_face_that_stands_in_it(portrait: Image.Image, each_pack: Any, turns: int) -> None:
    upright = np.asarray(portrait)
    height, width = upright.shape[:2]
    [face] = find_faces_in(whole_photo(upright), each_pack)
    [lying] = find_faces_in(whole_photo(np.ascontiguousarray(np.rot90(upright, turns))), each_pack)
    x, y, w, h = face.bbox.x, face.bbox.y, face.bbox.w, face.bbox.h
    expected = {
        1: BBox(y, width - x - w, h, w),
        2: BBox(width - x - w, height - y - h, w, h),
        3: BBox(height - y - h, x, h, w),
    }[turns]
    assert lying.bbox.iou(expected) > 0.9
    assert float(lying.embedding @ face.embedding) > 0.95


def test_a_larger_size_looks_again_and_finds_each_face_once(
    library: Library, tmp_path: Path, portrait: Image.Image
) -> None:
    (tmp_path / "in").mkdir()
    portrait.rotate(90, expand=True).save(tmp_path / "in" / "side.jpg")
    Image.new("RGB", (400, 300), "white").save(tmp_path / "in" / "white.png")
    ingest_folder(library.repository, tmp_path / "in")
    runs = [backfill_faces(library, DetectOptions(detection_size=size)) for size in ("auto", 640, 320, 1024, 1024)]
    assert [run.processed for run in runs] == [2, 0, 0, 2, 0]
    assert [run.faces_added for run in runs] == [1, 0, 0, 0, 0]


def test_faces_left_out_are_said_with_the_reason(library: Library, tmp_path: Path, portrait: Image.Image) -> None:
    (tmp_path / "in").mkdir()
    portrait.save(tmp_path / "in" / "face.jpg")
    ingest_folder(library.repository, tmp_path / "in")
    report = backfill_faces(library, DetectOptions(min_face_size=400))
    assert report.left_out == (("smaller than 400 pixels (--min-face-size)", 1),)
    assert "Left out: 1 smaller than 400 pixels (--min-face-size)" in detection(report)


def test_a_white_page_and_a_negative_hold_nobody_more_than_before(portrait: Image.Image, each_pack: Any) -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    assert len(each_pack.detect(white, min_confidence=0.5, min_face_size=20)) == 0
    negative = 255 - np.asarray(portrait)
    assert len(each_pack.detect(negative, min_confidence=0.5, min_face_size=20)) <= 1


def test_a_group_of_small_faces_is_found_by_a_larger_or_a_closer_look(portrait: Image.Image, each_pack: Any) -> None:
    """A face of 22 pixels in front, of 15 behind: 5 and 3 of the canvas' 640, and 11 and 7 of 1600."""
    head = portrait.crop((130, 20, 430, 320))
    picture = Image.new("RGB", (3000, 2000), (120, 140, 160))
    for row, side in enumerate((75, 110, 150)):
        for at in range(6):
            picture.paste(head.resize((side, side)), (200 + 450 * at, 300 + 500 * row))
    image = np.asarray(picture)
    found = [
        len(each_pack.detect(image, min_confidence=0.5, min_face_size=20, size_px=size_px))
        for size_px in (640, None, 1600)
    ]
    assert found[0] < found[1] <= 18
    assert found[0] < found[2] <= 18


def whole_photo(pixels: Any) -> Photo:
    return Photo(pixels, BBox(0, 0, pixels.shape[1], pixels.shape[0]))
