"""Long and large photos: looked at in tiles, each face once, in the photo's own coordinates."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceml.vision.detection import Detections, keep_usable, letterbox
from faceml.vision.tiles import Looks, closer_tiles, detect_everywhere, rolls, tiles, turned_back

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
    detect_everywhere(image, remember, Looks((32, 64), 0.4))
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
    found = detect_everywhere(drawn(width, height, faces), squares_at, Looks((SIZE_PX // 2, SIZE_PX), 0.4))
    assert len(found) == len(faces)
    for x, y, side in faces:
        off = np.abs(found.boxes - [x, y, x + side, y + side]).max(axis=1)
        row = int(off.argmin())
        assert off[row] <= 1.5 * max(width, height) / SIZE_PX
        centre = found.boxes[row].reshape(2, 2).mean(axis=0)
        np.testing.assert_allclose(found.kps[row], np.tile(centre, (5, 1)), atol=0.1)


# --- turned looks


def lying_square(image: np.ndarray, _size_px: int) -> Detections:
    """A detector of one white square whose face is upright only where a grey mark is the photo's first pixel."""
    rows, columns = np.nonzero(image[..., 0] == 255)
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    is_upright = image[0, 0, 0] == 100
    x1, y1, x2, y2 = box[0]
    kps = np.array([[x1, y1], [x2 - 1, y1], [(x1 + x2) / 2, (y1 + y2) / 2], [x1, y2 - 1], [x2 - 1, y2 - 1]], np.float32)
    return Detections(box, np.array([0.95 if is_upright else 0.55], np.float32), kps[None])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_that_lies_is_found_where_it_is_with_points_of_its_own(turns: int) -> None:
    upright = np.zeros((60, 100, 3), np.uint8)
    upright[0, 0], upright[10:30, 20:45] = 100, 255
    image = np.ascontiguousarray(np.rot90(upright, turns))
    found = detect_everywhere(image, lying_square, Looks((64,), 0.4, sure=0.9))
    assert len(found) == 1
    assert found.scores[0] == np.float32(0.95)
    rows, columns = np.nonzero(image[..., 0] == 255)
    assert found.boxes[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    left_eye = image[int(found.kps[0, 0, 1]), int(found.kps[0, 0, 0])]
    assert left_eye.tolist() == [255, 255, 255]
    assert abs(rolls(found.kps)[0]) == pytest.approx({1: 90, 2: 180, 3: 90}[turns], abs=0.1)


def test_who_stands_for_sure_spares_the_turned_looks() -> None:
    looked_at = []

    def remember(image: np.ndarray, size_px: int) -> Detections:
        looked_at.append(image.shape[:2])
        return lying_square(image, size_px)

    image = np.zeros((60, 100, 3), np.uint8)
    image[0, 0], image[10:30, 20:45] = 100, 255
    detect_everywhere(image, remember, Looks((64,), 0.4, sure=0.9))
    assert looked_at == [(60, 100)]
    detect_everywhere(image, remember, Looks((64,), 0.4, sure=0.99))
    assert len(looked_at) > 4


@given(st.integers(1, 3), st.integers(5, 60), st.integers(5, 60), st.data())
def test_a_turned_pixel_comes_back_to_where_it_was(turns: int, width: int, height: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    image = np.zeros((height, width), np.uint8)
    image[y, x] = 255
    row, column = np.argwhere(np.rot90(image, turns))[0]
    box = np.array([[column, row, column + 1, row + 1]], np.float32)
    found = Detections(box, np.ones(1, np.float32), np.full((1, 5, 2), (column, row), np.float32))
    back = turned_back(found, turns, width=width, height=height)
    assert back.boxes.tolist() == [[x, y, x + 1, y + 1]]
    assert back.kps[0, 0].tolist() == [x, y]


# --- closer looks


def test_a_group_of_small_faces_is_looked_at_closely() -> None:
    """Those behind are a pixel and a half of the canvas' 64: the larger ones in front tell that there is a group."""
    front = [(54 + 136 * at, 270, 36) for at in range(4)]
    back = [(54 + 65 * at, 110, 14) for at in range(8)]
    image = drawn(600, 400, front + back)  # looked at whole
    first = detect_everywhere(image, squares_at, Looks((SIZE_PX,), 0.4, is_closer=False))
    assert len(first) < 12
    assert len(detect_everywhere(image, squares_at, Looks((SIZE_PX,), 0.4))) == 12


@pytest.mark.parametrize(("width", "height"), [(6000, 4000), (3000, 4000), (1281, 1280), (2000, 1001)])
def test_closer_tiles_cover_the_photo_and_stay_in_it(width: int, height: int) -> None:
    group = np.tile(np.array([0, 0, 20, 20], np.float32), (3, 1))
    covered = np.zeros((height, width), bool)
    for tile in closer_tiles(width, height, group, size_px=640):
        assert tile.x + tile.w <= width
        assert tile.y + tile.h <= height
        covered[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w] = True
    assert covered.all()
    assert closer_tiles(width, height, group[:2], size_px=640) == []


def test_of_whom_the_first_look_is_unsure_is_counted_not_taken() -> None:
    image = drawn(400, 300, [(100, 100, 60)])
    looks = Looks((32,), 0.4, min_confidence=0.9)
    found = keep_usable(
        detect_everywhere(image, squares_at, looks), width=400, height=300, min_confidence=0.9, min_face_size=20
    )
    assert len(found) == 0
    assert dict(found.left_out) == {"less sure than 0.9 (--min-confidence)": 1}
