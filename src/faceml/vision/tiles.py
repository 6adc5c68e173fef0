"""A photo that is long or large, looked at a second time in pieces: in the whole of it a face is a few pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from faceml.records import BBox
from faceml.vision.detection import LONG, Detections, merge_passes, non_maximum_suppression

if TYPE_CHECKING:
    from numpy.typing import NDArray

# (H, W, 3) RGB and a canvas side → faces, before suppression.
DetectAt = Callable[["NDArray[np.uint8]", int], Detections]

MOST_SHRUNK = 10.0  # a camera's 24 megapixels (6000×4000) at 640 are shrunk 9.4 times, and looked at whole
TILE_SHRUNK = 6.0  # a face of 120 pixels is 20 then, which both detectors find; of 85 pixels 14
MAX_SHARED = 0.5  # of two faces the smaller: what shares more is one face, seen twice
LEAST_PART = 0.2  # what a tile cuts off a face leaves no less that still looks like one


def detect_everywhere(
    image: NDArray[np.uint8], detect_at: DetectAt, sizes_px: Sequence[int], *, max_iou: float, inclusive: bool = False
) -> Detections:
    """All faces, best first, each once, in pixels of `image`: of the whole photo, and of its tiles where it has some.

    Args:
        sizes_px: sides of the canvas that the whole photo is looked at with; the largest is used for tiles.
        max_iou: of two boxes that overlap more than this, the better one stays.
        inclusive: see `detection.non_maximum_suppression`.
    """
    whole = merge_passes([detect_at(image, size_px) for size_px in sizes_px], max_iou=max_iou, inclusive=inclusive)
    height, width = image.shape[:2]
    parts = tiles(width, height, size_px=max(sizes_px))
    if not parts:
        return whole
    near = [
        merge_passes([_detect_in(tile, image, detect_at, max(sizes_px), whole)], max_iou=max_iou, inclusive=inclusive)
        for tile in parts
    ]
    return merge_passes([_merged(whole, Detections.joined(near), parts[0])], max_iou=max_iou, inclusive=inclusive)


def _detect_in(
    tile: BBox, image: NDArray[np.uint8], detect_at: DetectAt, size_px: int, whole: Detections
) -> Detections:
    """The faces in the middle of a tile, which the next tile may cut, but for those that this one cuts."""
    found = detect_at(image[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w], size_px).shifted(tile.x, tile.y)
    height, width = image.shape[:2]
    first = np.array([tile.x, tile.y])
    size = np.array([tile.w, tile.h])
    last, margin = first + size, size / 4
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    is_mine = (first == 0) | (centres >= first + margin)
    is_mine &= (last == (width, height)) | (centres <= last - margin)
    is_cut = ((whole.boxes[:, :2] < first) | (whole.boxes[:, 2:] > last)).any(axis=1)
    cut = whole.boxes[is_cut]
    is_part = (_shared(found.boxes, cut) > MAX_SHARED) & (_areas(found.boxes)[:, None] >= LEAST_PART * _areas(cut))
    return found.take(is_mine.all(axis=1) & ~is_part.any(axis=1))


def _merged(whole: Detections, close: Detections, tile: BBox) -> Detections:
    """A face in the whole photo stands only where no tile shows one, unless it is too large for a tile."""
    both = Detections.joined([whole, close])
    sides = (whole.boxes[:, 2:] - whole.boxes[:, :2]).max(axis=1)
    is_large = sides > max(tile.w, tile.h) / 2
    trust = np.concatenate([np.where(is_large, whole.scores, whole.scores - 1), close.scores])
    return both.take(non_maximum_suppression(both.boxes, trust, max_iou=MAX_SHARED, of_smaller=True))


def _shared(ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) how much of the smaller of two boxes the other one covers, 0 to 1."""
    sides = np.minimum(ones[:, None, 2:], others[None, :, 2:]) - np.maximum(ones[:, None, :2], others[None, :, :2])
    smaller = np.minimum(_areas(ones)[:, None], _areas(others)[None])
    return np.asarray(np.maximum(sides, 0).prod(axis=2) / np.maximum(smaller, np.finfo(np.float32).tiny))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def tiles(width: int, height: int, *, size_px: int) -> list[BBox]:
    """Squares, or as much of one as the photo is wide, that cover it; each shares half with the next.

    A face of up to half a tile is whole in one of them, and a larger one is large enough in the whole photo. An
    ordinary photo has no tiles.

    >>> tiles(6000, 4000, size_px=640)
    []
    >>> [(tile.x, tile.w) for tile in tiles(3000, 1000, size_px=640)]
    [(0, 1000), (500, 1000), (1000, 1000), (1500, 1000), (2000, 1000)]
    """
    shorter, longer = sorted((width, height))
    if longer <= LONG * shorter and longer <= MOST_SHRUNK * size_px:
        return []
    side = min(max(shorter, size_px), int(TILE_SHRUNK * size_px))
    return [
        BBox(x, y, min(side, width), min(side, height))
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]  # fmt: skip


def _starts(length: int, side: int) -> list[int]:
    """Evenly, half a side apart at most, the first at 0 and the last at the end."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return [round(at) for at in np.linspace(0, length - side, count)]
