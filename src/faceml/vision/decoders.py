"""Detectors' raw outputs → faces: YuNet's, and SCRFD's (which InsightFace's RetinaFace shares).

YuNet: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023. SCRFD: Guo et al., "Sample and Computation
Redistribution for Efficient Face Detection", 2021; its arithmetic is that of `insightface.model_zoo.scrfd`, but only
for the cells above the threshold: 0.13 ms at 640×640, where decoding all of them, as it does, takes 1.5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from faceml.vision.detection import Detections

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCRFD_MAX_IOU = 0.4  # InsightFace's default
YUNET_MAX_IOU = 0.3  # OpenCV's default
YUNET_STRIDES = (8, 16, 32)
YUNET_OUTPUTS = tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in YUNET_STRIDES)


def decode_scrfd(
    outputs: Sequence[NDArray[np.float32]],
    *,
    size_px: int,
    strides: Sequence[int],
    anchors: int,
    min_confidence: float,
) -> Detections:
    """Turn raw outputs into faces, in canvas pixels, before suppression.

    Args:
        outputs: scores, boxes and points of each stride, in this order, each (cells × anchors, values).
        size_px: side of the canvas.
        strides: one a feature map, canvas pixels a cell.
        anchors: a cell.
        min_confidence: 0 to 1.
    """
    count, levels = len(strides), []
    for at, stride in enumerate(strides):
        scores, distances, offsets = outputs[at].reshape(-1), outputs[at + count], outputs[at + 2 * count]
        rows = np.flatnonzero(scores >= min_confidence)
        centres = _cells(size_px // stride)[rows // anchors] * stride
        distance = distances[rows] * stride
        boxes = np.concatenate([centres - distance[:, :2], centres + distance[:, 2:]], axis=1)
        kps = centres[:, None] + (offsets[rows] * stride).reshape(-1, 5, 2)
        levels.append(Detections(boxes, scores[rows], kps))
    return Detections.joined(levels)


def decode_yunet(outputs: Mapping[str, NDArray[np.float32]], *, size_px: int, min_confidence: float) -> Detections:
    """Turn raw outputs into faces, in canvas pixels, before suppression.

    Args:
        outputs: by name (`YUNET_OUTPUTS`), each (1, cells, values).
        size_px: side of the canvas, a multiple of 32.
        min_confidence: 0 to 1.
    """
    levels = []
    for stride in YUNET_STRIDES:
        cls, obj = (np.clip(outputs[f"{kind}_{stride}"][0, :, 0], 0.0, 1.0) for kind in ("cls", "obj"))
        scores = np.sqrt(cls * obj)
        rows = np.flatnonzero(scores >= min_confidence)
        cells = _cells(size_px // stride)[rows]
        offsets = outputs[f"bbox_{stride}"][0][rows]
        centres = (cells + offsets[:, :2]) * stride
        halves = np.exp(offsets[:, 2:]) * (stride / 2)
        kps = (cells[:, None] + outputs[f"kps_{stride}"][0][rows].reshape(-1, 5, 2)) * stride
        levels.append(Detections(np.concatenate([centres - halves, centres + halves], axis=1), scores[rows], kps))
    return Detections.joined(levels)


@cache
def _cells(side: int) -> NDArray[np.float32]:
    """(side², 2) column and row of each cell, row by row."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(np.float32)
