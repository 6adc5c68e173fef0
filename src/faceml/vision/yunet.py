"""YuNet's outputs → faces (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from faceml.vision.detection import Detections

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIDES = (8, 16, 32)
OUTPUTS = tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES)
MAX_IOU = 0.3  # OpenCV's default


def decode_yunet(outputs: Mapping[str, NDArray[np.float32]], *, size_px: int, min_confidence: float) -> Detections:
    """Turn raw outputs into faces, in canvas pixels, before suppression.

    Args:
        outputs: by name (`OUTPUTS`), each (1, cells, values).
        size_px: side of the canvas, a multiple of 32.
        min_confidence: 0 to 1.
    """
    return Detections.joined([_decode_level(outputs, stride, size_px, min_confidence) for stride in STRIDES])


def _decode_level(
    outputs: Mapping[str, NDArray[np.float32]], stride: int, size_px: int, min_confidence: float
) -> Detections:
    cls, obj = (np.clip(outputs[f"{kind}_{stride}"][0, :, 0], 0.0, 1.0) for kind in ("cls", "obj"))
    scores = np.sqrt(cls * obj)
    rows = np.flatnonzero(scores >= min_confidence)
    cells = _cells(size_px // stride)[rows]
    offsets = outputs[f"bbox_{stride}"][0][rows]
    centres = (cells + offsets[:, :2]) * stride
    halves = np.exp(offsets[:, 2:]) * (stride / 2)
    kps = (cells[:, None] + outputs[f"kps_{stride}"][0][rows].reshape(-1, 5, 2)) * stride
    return Detections(np.concatenate([centres - halves, centres + halves], axis=1), scores[rows], kps)


@cache
def _cells(side: int) -> NDArray[np.float32]:
    """(side², 2) column and row of each cell, row by row."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(np.float32)
