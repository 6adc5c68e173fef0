"""Long and large photos: looked at in tiles, each face once, in the photo's own coordinates."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceml.vision.detection import Detections, letterbox
from faceml.vision.tiles import detect_everywhere, tiles

SIZE_PX = 64  # of the canvas here: as 640, with a tenth of the pixels
SMALLEST_PX = 2.5  # of a face on it
Face = tuple[int, int, int]  # x, y, side


def drawn(width: int, height: int, faces: list[Face]) -> np.ndarray:
    """Each face a white square."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y, side in faces:
        image[y : y + side, x : x + side] = 255
    return image


def squares_at(image: np.ndarray, size_px: int) -> Detections:
    """A detector of white squares; of one that the picture cuts it finds what is left, as real ones do."""
    fitted = letterbox(image, size_px)
    _, _, found, _ = cv2.connectedComponentsWithStats((fitted.canvas[..., 0] > 127).astype(np.uint8))
    rows = [box[:4] for box in found[1:] if min(box[2], box[3]) >= SMALLEST_PX]
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
    centres = (corners[:, None, :2] + corners[:, None, 2:]) / 2
    return fitted.in_photo(
        Detections(corners, np.full(len(rows), 0.5 + size_px / 200, np.float32), np.repeat(centres, 5, axis=1))
    )


def test_an_ordinary_photo_has_no_tiles() -> None:
    for width, height in ((250, 250), (4000, 3000), (6000, 4000), (1080, 2160), (3000, 1500)):
        assert tiles(width, height, size_px=640) == []


@pytest.mark.parametrize(("width", "height"), [(10_000, 1_000), (900, 8_000), (12_000, 9_000), (1, 3_000)])
def test_tiles_cover_the_photo_and_stay_in_it(width: int, height: int) -> None:
    found = tiles(width, height, size_px=640)
    assert 1 < len(found) < 60
    covered = np.zeros((height, width), bool)
    for tile in found:
        assert 0 <= tile.x <= tile.x + tile.w <= width
        assert 0 <= tile.y <= tile.y + tile.h <= height
        assert max(tile.w, tile.h) <= 6 * 640
        covered[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] = True
    assert covered.all()


def test_an_ordinary_photo_is_looked_at_as_before() -> None:
    looked_at = []

    def remember(image: np.ndarray, size_px: int) -> Detections:
        looked_at.append((image.shape, size_px))
        return squares_at(image, size_px)

    image = drawn(400, 300, [(100, 100, 60)])
    detect_everywhere(image, remember, (32, 64), max_iou=0.4)
    assert looked_at == [((300, 400, 3), 32), ((300, 400, 3), 64)]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[int, int, list[Face]]:
    """A long or large photo, and faces apart from each other: from small to as high as the photo."""
    width, height = draw(st.sampled_from([(1000, 100), (100, 1500), (600, 200), (1200, 900), (700, 500), (1203, 115)]))
    faces: list[Face] = []
    for _ in range(draw(st.integers(1, 12))):
        side = draw(st.integers(22, int(min(width, height) * 0.9)))
        x, y = draw(st.integers(0, width - side)), draw(st.integers(0, height - side))
        gap = 25  # at the smallest scale still a pixel apart
        if all(
            x + side + gap < left or left + size + gap < x or y + side + gap < top or top + size + gap < y
            for left, top, size in faces
        ):
            faces.append((x, y, side))
    return width, height, faces


@settings(max_examples=60)
@given(crowds())
def test_every_face_is_found_once_where_it_is(crowd: tuple[int, int, list[Face]]) -> None:
    width, height, faces = crowd
    found = detect_everywhere(drawn(width, height, faces), squares_at, (SIZE_PX // 2, SIZE_PX), max_iou=0.4)
    assert len(found) == len(faces)
    for x, y, side in faces:
        off = np.abs(found.boxes - [x, y, x + side, y + side]).max(axis=1)
        row = int(off.argmin())
        assert off[row] <= 1.5 * max(width, height) / SIZE_PX
        centre = found.boxes[row].reshape(2, 2).mean(axis=0)
        np.testing.assert_allclose(found.kps[row], np.tile(centre, (5, 1)), atol=0.1)
