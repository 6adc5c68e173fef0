"""Boxes: which survive, and where they end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceml.vision.detection import (
    Detections,
    keep_usable,
    letterbox,
    merge_passes,
    non_maximum_suppression,
    pixel_boxes,
)


def detections(boxes: list[list[float]], scores: list[float]) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.zeros((len(scores), 5, 2), np.float32),
    )


def slow_suppression(boxes: np.ndarray, scores: np.ndarray, max_iou: float, edge: float) -> list[int]:
    """Pair by pair, best first."""

    def area(box: list[float]) -> float:
        return (box[2] - box[0] + edge) * (box[3] - box[1] + edge)

    def iou(one: list[float], other: list[float]) -> float:
        width = min(one[2], other[2]) - max(one[0], other[0]) + edge
        height = min(one[3], other[3]) - max(one[1], other[1]) + edge
        shared = max(0.0, width) * max(0.0, height)
        union = area(one) + area(other) - shared
        return shared / union if union > 0 else 0.0

    kept: list[int] = []
    for row in sorted(range(len(scores)), key=lambda row: (-scores[row], row)):
        if all(iou(boxes[row].tolist(), boxes[better].tolist()) <= max_iou for better in kept):
            kept.append(row)
    return kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.booleans())
def test_suppression_is_that_of_the_slow_version(seed: int, count: int, inclusive: bool) -> None:
    chance = np.random.default_rng(seed)
    corners = chance.integers(0, 40, (count, 2))
    boxes = np.concatenate([corners, corners + chance.integers(1, 30, (count, 2))], axis=1).astype(np.float32)
    scores = chance.integers(0, 8, count).astype(np.float32)  # with ties
    kept = non_maximum_suppression(boxes, scores, max_iou=0.37, inclusive=inclusive)
    assert kept.tolist() == slow_suppression(boxes, scores, 0.37, float(inclusive))


def test_passes_are_joined_and_a_face_seen_twice_is_kept_once() -> None:
    coarse = detections([[0, 0, 100, 100]], [0.9])
    fine = detections([[2, 1, 99, 101], [200, 0, 240, 40]], [0.8, 0.95])
    joined = merge_passes([coarse, fine], max_iou=0.4)
    assert joined.boxes.tolist() == [[200, 0, 240, 40], [0, 0, 100, 100]]
    assert len(merge_passes([detections([], []), detections([], [])], max_iou=0.4)) == 0


@pytest.mark.parametrize(("min_confidence", "min_face_size", "kept"), [(0.5, 20, 2), (0.5, 21, 1), (0.81, 20, 1)])
def test_unsure_and_small_faces_are_dropped(min_confidence: float, min_face_size: int, kept: int) -> None:
    found = detections([[0, 0, 50, 50], [60, 60, 80, 80], [10, 10, 40, 40]], [0.9, 0.8, 0.4])
    usable = keep_usable(found, width=100, height=100, min_confidence=min_confidence, min_face_size=min_face_size)
    assert len(usable) == kept


def test_size_is_what_lies_inside_the_photo() -> None:
    found = detections([[-30, 0, 15, 45]], [0.9])
    assert len(keep_usable(found, width=100, height=100, min_confidence=0.5, min_face_size=16)) == 0
    assert len(keep_usable(found, width=100, height=100, min_confidence=0.5, min_face_size=15)) == 1


def test_what_is_no_number_is_dropped() -> None:
    found = detections([[0, 0, np.nan, 50], [0, 0, np.inf, 50], [0, 0, 50, 50]], [0.9, 0.9, 0.9])
    assert len(keep_usable(found, width=100, height=100, min_confidence=0.5, min_face_size=0)) == 1


@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-500, 500, width=32)),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 30),
)
def test_boxes_end_inside_the_photo_and_are_large_enough(
    boxes: np.ndarray, width: int, height: int, min_face_size: int
) -> None:
    found = detections(boxes.tolist(), [0.9, 0.9, 0.9])
    usable = keep_usable(found, width=width, height=height, min_confidence=0.5, min_face_size=min_face_size)
    for box in pixel_boxes(usable.boxes, width=width, height=height):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.w <= width
        assert box.y + box.h <= height
        assert min(box.w, box.h) >= max(1, min_face_size)


@pytest.mark.parametrize(("height", "width"), [(100, 200), (200, 100), (64, 64), (3, 3000), (3000, 3)])
def test_a_photo_fits_the_square_with_its_shape_kept(height: int, width: int) -> None:
    fitted = letterbox(np.full((height, width, 3), 200, np.uint8), 64)
    assert fitted.canvas.shape == (64, 64, 3)
    used = (fitted.canvas > 0).any(axis=2)
    assert used.any(axis=1).sum() == max(1, int(64 * min(1, height / width)))
    assert used.any(axis=0).sum() == max(1, int(64 * min(1, width / height)))
