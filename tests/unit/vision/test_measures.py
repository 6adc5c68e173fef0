"""What a face's picture is worth: pose against turned heads, sharpness against a slow other, light and cover."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import blur_effect

from faceml.vision.crops import ARCFACE_POINTS
from faceml.vision.quality import (
    BLUR_PX,
    DEPTHS,
    EYES,
    FRONTAL,
    MOUTH,
    exposure,
    head_pose,
    measure_faces,
    occlusion,
    sharpness,
)


def turned_head(yaw: float, pitch: float, roll: float, *, size: float = 1.0) -> np.ndarray:
    """The five points of a mean head, turned by degrees about its neck, nose and spine in the order of an aircraft."""
    right, up, tilt = (np.radians(angle) for angle in (-yaw, -pitch, roll))
    about_y = np.array([[np.cos(right), 0, np.sin(right)], [0, 1, 0], [-np.sin(right), 0, np.cos(right)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(up), -np.sin(up)], [0, np.sin(up), np.cos(up)]])
    about_z = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    model = np.column_stack([FRONTAL, -DEPTHS])
    return (size * model @ (about_z @ about_x @ about_y).T)[:, :2].astype(np.float32)


@given(st.floats(-80, 80), st.floats(-60, 60), st.floats(-175, 175), st.floats(0.2, 20))
def test_a_turned_head_says_by_how_much(yaw: float, pitch: float, roll: float, size: float) -> None:
    pose = head_pose(turned_head(yaw, pitch, roll, size=size)[None])
    assert [pose.yaw[0], pose.pitch[0], pose.roll[0]] == pytest.approx([yaw, pitch, roll], abs=0.2)


def test_directions_are_as_people_say_them() -> None:
    """The nose of who looks to the photo's right is nearer to the eye there, and of who looks up nearer to both."""
    frontal = ARCFACE_POINTS.astype(np.float32)
    right, up = frontal.copy(), frontal.copy()
    right[2, 0] += 8
    up[2, 1] -= 8
    pose = head_pose(np.stack([frontal, right, up]))
    assert abs(pose.yaw[0]) < 10
    assert abs(pose.pitch[0]) < 10
    assert pose.yaw[1] > 20
    assert pose.pitch[2] > pose.pitch[0] + 15


def noise(seed: int, blur: float = 0.0) -> np.ndarray:
    crop = np.random.default_rng(seed).uniform(0, 255, (112, 112)).astype(np.float32)
    return cv2.GaussianBlur(crop, (0, 0), blur) if blur else crop


@pytest.mark.parametrize("blur", [0.0, 1.0, 3.0])
def test_sharpness_is_the_blur_effect_of_scikit_image(blur: float) -> None:
    grey = noise(0, blur)
    slow = 1 - blur_effect(grey[EYES].astype(np.float64) / 255, h_size=BLUR_PX)
    assert sharpness(grey[None])[0] == pytest.approx(slow, abs=0.03)


def test_the_more_blurred_the_less_sharp_whatever_the_light() -> None:
    found = sharpness(np.stack([noise(1, blur) for blur in (0.0, 0.7, 1.5, 3.0, 6.0)]))
    assert (np.diff(found) < 0).all()
    assert sharpness(noise(1)[None] / 8)[0] == pytest.approx(found[0], abs=1e-6)
    assert sharpness(np.full((1, 112, 112), 90, np.float32))[0] == 0


def test_light_and_cover_are_told() -> None:
    face = noise(2, 2.0)
    dark, glasses, mask = face / 10, face.copy(), face.copy()
    glasses[EYES], mask[MOUTH] = 0, 200
    stack = np.stack([face, dark, glasses, mask])
    assert exposure(stack)[1] < 0.15 < exposure(stack)[0]
    hidden = occlusion(stack)
    assert (hidden[2:] > 0.9).all()
    assert (hidden[:2] < 0.5).all()


def test_nobody_is_measured_where_there_is_no_face() -> None:
    assert measure_faces(np.empty((0, 112, 112, 3), np.uint8), np.empty((0, 5, 2), np.float32)) == ()


def test_points_that_lie_on_each_other_measure_as_numbers() -> None:
    (found,) = measure_faces(np.zeros((1, 112, 112, 3), np.uint8), np.zeros((1, 5, 2), np.float32))
    assert all(np.isfinite([found.sharpness, found.yaw, found.pitch, found.roll, found.exposure, found.occlusion]))
