"""Five points → crop: against skimage's Umeyama and InsightFace's crops."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from faceml.vision.crops import ARCFACE_POINTS, align_faces, similarity_transforms
from faceml.vision.sessions import unit_rows


def turned_points(seed: int, *, noise: float) -> np.ndarray:
    chance = np.random.default_rng(seed)
    turn = SimilarityTransform(
        scale=chance.uniform(0.1, 9), rotation=chance.uniform(-np.pi, np.pi), translation=chance.uniform(-300, 900, 2)
    )
    return (turn(ARCFACE_POINTS) + chance.normal(0, noise, (5, 2))).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 3.0, 40.0])
def test_transforms_are_those_of_umeyama(noise: float) -> None:
    kps = np.stack([turned_points(seed, noise=noise) for seed in range(50)])
    for points, ours in zip(kps, similarity_transforms(kps), strict=True):
        expected = SimilarityTransform.from_estimate(points.astype(np.float64), ARCFACE_POINTS)
        np.testing.assert_allclose(ours, expected.params[:2], rtol=1e-6, atol=1e-5)


def test_points_land_on_the_template() -> None:
    points = turned_points(7, noise=0.0)
    transform = similarity_transforms(points[None])[0]
    np.testing.assert_allclose(points @ transform[:, :2].T + transform[:, 2], ARCFACE_POINTS, atol=1e-3)


def test_crops_are_those_of_insightface() -> None:
    from insightface.utils.face_align import norm_crop

    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    points = (ARCFACE_POINTS * 2.3 + [60, 10]).astype(np.float32)
    theirs = norm_crop(image, points)
    ours = align_faces(image, points[None])[0]
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_five_equal_points_do_no_harm() -> None:
    crops = align_faces(np.zeros((50, 50, 3), np.uint8), np.full((1, 5, 2), 20, np.float32))
    assert crops.shape == (1, 112, 112, 3)


def test_no_face_gives_no_crop() -> None:
    assert align_faces(np.zeros((50, 50, 3), np.uint8), np.empty((0, 5, 2), np.float32)).shape == (0, 112, 112, 3)


def test_rows_get_length_one_and_zeros_stay() -> None:
    rows = unit_rows(np.array([[3, 4], [0, 0], [-1e-10, 0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-6)
