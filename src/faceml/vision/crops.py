"""Small pictures of faces for people to look at; recognition uses aligned crops instead (`embedding.align_faces`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.records import BBox


def face_thumbnail(
    image: NDArray[np.uint8], bbox: BBox, *, size_px: int = 112, margin: float = 0.3
) -> NDArray[np.uint8]:
    """A square picture of a face with some of its surroundings, as for a contact sheet.

    Args:
        image: (H, W, 3) RGB, upright.
        bbox: inside the image.
        size_px: side of the result.
        margin: added on each side, as a share of the box's longer side; near the photo's edge the square is shifted
            inwards, and where the photo is smaller than the square, black is added.
    Returns:
        (size_px, size_px, 3) RGB.
    """
    import cv2

    side = max(1, round(max(bbox.w, bbox.h) * (1 + 2 * margin)))
    x = _start(bbox.x + bbox.w / 2, side, image.shape[1])
    y = _start(bbox.y + bbox.h / 2, side, image.shape[0])
    square = np.zeros((side, side, 3), np.uint8)
    part = image[max(0, y) : y + side, max(0, x) : x + side]
    top, left = max(0, -y), max(0, -x)
    square[top : top + part.shape[0], left : left + part.shape[1]] = part
    smooth = cv2.INTER_AREA if side > size_px else cv2.INTER_CUBIC
    return cast("NDArray[np.uint8]", cv2.resize(square, (size_px, size_px), interpolation=smooth))


def _start(centre: float, side: int, length: int) -> int:
    """Where a square of this side begins: around its centre, but inside the photo where it fits."""
    if side >= length:
        return (length - side) // 2
    return min(max(0, round(centre - side / 2)), length - side)
