from __future__ import annotations

import pytest

from faceml.vision.detection import quality_score


@pytest.mark.parametrize(
    ("width_px", "height_px", "confidence", "expected"),
    [(200, 200, 1.0, 1.0), (400, 400, 1.0, 1.0), (0, 0, 0.5, 0.25), (100, 100, 0.8, 0.525), (20, 20, 0.5, 0.255)],
)
def test_quality_is_the_specifications(width_px: int, height_px: int, confidence: float, expected: float) -> None:
    assert quality_score(width_px, height_px, confidence) == pytest.approx(expected)
