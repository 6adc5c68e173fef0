"""A face cut out of its photo: aligned by its five points for recognition, or small, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.records import BBox


CROP_PX = 112
# Where ArcFace's training crops hold the five points (Deng et al. 2019; SFace was trained on the same crops).
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def similarity_transforms(kps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rotation, uniform scale and shift that bring each face's points closest to ArcFace's (least squares).

    In the plane such a transform is [[a, -b], [b, a]] and a shift: linear in a and b, so the optimum of
    Umeyama (1991) has a closed form and needs no SVD.

    Args:
        kps: (N, 5, 2) photo pixels.
    Returns:
        (N, 2, 3) photo → crop.
    """
    points = kps.astype(np.float64)
    centres = points.mean(axis=1)
    spread = points - centres[:, None]
    target_centre = ARCFACE_POINTS.mean(axis=0)
    target = ARCFACE_POINTS - target_centre
    norms = np.maximum((spread**2).sum(axis=(1, 2)), np.finfo(np.float64).tiny)  # five equal points: no division by 0
    a = (spread * target).sum(axis=(1, 2)) / norms
    b = (spread[..., 0] * target[:, 1] - spread[..., 1] * target[:, 0]).sum(axis=1) / norms
    linear = np.stack([np.stack([a, -b], axis=1), np.stack([b, a], axis=1)], axis=1)
    shift = target_centre - np.einsum("nij,nj->ni", linear, centres)
    return np.concatenate([linear, shift[..., None]], axis=2)


def align_faces(image: NDArray[np.uint8], kps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut each face out, upright and of one size; what lies outside the photo is black.

    Args:
        image: (H, W, 3) RGB.
        kps: (N, 5, 2) photo pixels.
    Returns:
        (N, 112, 112, 3) RGB.
    """
    import cv2

    crops = np.empty((len(kps), CROP_PX, CROP_PX, 3), np.uint8)
    for crop, transform in zip(crops, similarity_transforms(kps), strict=True):
        cv2.warpAffine(image, transform, (CROP_PX, CROP_PX), dst=crop)
    return crops


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
