"""Five points → aligned crop → unit vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    norms = np.maximum(
        (spread**2).sum(axis=(1, 2)), np.finfo(np.float64).tiny
    )  # five equal points: no division by zero
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


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length 1; a row of zeros stays zero.

    >>> unit_rows(np.array([[3.0, 4.0]], np.float32)).round(6).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
