"""How good a face picture is for recognition, by size and confidence alone."""

from __future__ import annotations

FULL_AREA_PX = 40_000  # 200×200 pixels count as large enough


def quality_score(width_px: int, height_px: int, detection_confidence: float) -> float:
    """Half size, half confidence: 0 to 1 (specification, "Quality Score Computation").

    Args:
        width_px: box width in pixels of the upright photo.
        height_px: box height in pixels of the upright photo.
        detection_confidence: 0 to 1.

    >>> quality_score(100, 200, 0.9)
    0.7
    """
    area_score = min(1.0, width_px * height_px / FULL_AREA_PX)
    return area_score * 0.5 + detection_confidence * 0.5
