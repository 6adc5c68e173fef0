from __future__ import annotations

import numpy as np
import pytest

from faceml.records import BBox
from faceml.vision.crops import face_thumbnail


def photo_with_a_red_box(bbox: BBox, *, height: int = 200, width: int = 300) -> np.ndarray:
    image = np.full((height, width, 3), 100, np.uint8)
    image[bbox.y : bbox.y + bbox.h, bbox.x : bbox.x + bbox.w] = (255, 0, 0)
    return image


def test_the_face_is_in_the_middle_with_a_margin() -> None:
    bbox = BBox(100, 60, 50, 50)
    thumbnail = face_thumbnail(photo_with_a_red_box(bbox), bbox, size_px=80, margin=0.3)
    assert thumbnail.shape == (80, 80, 3)
    assert thumbnail[40, 40].tolist() == [255, 0, 0]
    red = (thumbnail[:, :, 0] > 200).mean()
    assert red == pytest.approx(1 / 1.6**2, rel=0.1)


def test_at_the_edge_the_square_moves_inwards() -> None:
    bbox = BBox(0, 0, 50, 50)
    thumbnail = face_thumbnail(photo_with_a_red_box(bbox), bbox)
    assert thumbnail[:, :, 0].min() > 60  # no black frame; cubic interpolation undershoots a little
    assert thumbnail[0, 0].tolist() == [255, 0, 0]


def test_a_photo_smaller_than_the_square_is_framed_in_black() -> None:
    bbox = BBox(0, 0, 40, 60)
    thumbnail = face_thumbnail(photo_with_a_red_box(bbox, height=60, width=40), bbox, size_px=96)
    assert thumbnail.shape == (96, 96, 3)
    assert thumbnail[0].max() == 0
    assert thumbnail[48, 48].tolist() == [255, 0, 0]


@pytest.mark.parametrize("bbox", [BBox(299, 199, 1, 1), BBox(0, 0, 300, 1), BBox(0, 0, 300, 200)])
def test_odd_boxes_still_give_a_picture(bbox: BBox) -> None:
    assert face_thumbnail(photo_with_a_red_box(bbox), bbox, size_px=32).shape == (32, 32, 3)
