"""Boxes of turned photos, checked against the pixels themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceml.records import BBox
from faceml.vision.image import read_orientation, read_photo
from faceml.xmp.areas import Area, Size, area_of, bbox_of, stored, upright

ORIENTATIONS = range(1, 9)


def stored_pixels(upright_pixels: Image.Image, orientation: int) -> Image.Image:
    """What a camera stores of a scene when it writes this orientation (EXIF 2.32, tag 0x0112)."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return upright_pixels.transpose(turns[orientation]) if orientation in turns else upright_pixels


def save_turned(scene: Image.Image, orientation: int, file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored_pixels(scene, orientation).save(file, exif=exif, quality=95)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_stored_area_holds_the_pixels_of_the_upright_box(orientation: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    file = tmp_path / "photo.png"
    save_turned(Image.fromarray(noise), orientation, file)
    assert read_orientation(file) == orientation
    np.testing.assert_array_equal(read_photo(file), noise)

    bbox = BBox(12, 7, 21, 16)
    with Image.open(file) as image:
        raw = np.asarray(image.convert("RGB"))
        height, width = raw.shape[:2]
    area = stored(area_of(bbox, Size(80, 48)), orientation)
    box = bbox_of(area, Size(width, height))
    cut = raw[box.y : box.y + box.h, box.x : box.x + box.w]
    wanted = Image.fromarray(noise[bbox.y : bbox.y + bbox.h, bbox.x : bbox.x + bbox.w])
    np.testing.assert_array_equal(cut, np.asarray(stored_pixels(wanted, orientation)))


@given(
    st.integers(1, 32_766),
    st.integers(1, 32_766),
    st.sampled_from(list(ORIENTATIONS)),
    st.data(),
)
def test_a_box_survives_nine_written_digits_to_the_pixel(
    width: int, height: int, orientation: int, data: st.DataObject
) -> None:
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    bbox = BBox(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    photo = Size(width, height)
    area = stored(area_of(bbox, photo), orientation)
    written = Area(*(float(f"{share:.9f}") for share in (area.x, area.y, area.w, area.h)))
    assert bbox_of(upright(written, orientation), photo) == bbox


def test_overlap_of_areas_is_that_of_their_boxes() -> None:
    one, other, photo = BBox(10, 20, 30, 40), BBox(25, 30, 30, 40), Size(200, 100)
    assert area_of(one, photo).iou(area_of(other, photo)) == pytest.approx(one.iou(other))
    assert Area(0.2, 0.2, 0.1, 0.1).iou(Area(0.8, 0.8, 0.1, 0.1)) == 0
