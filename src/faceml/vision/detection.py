"""What a detector finds on one photo, and which of it is worth keeping.

Detectors' raw outputs are YuNet's, and SCRFD's (which InsightFace's RetinaFace shares). YuNet: Wu et al., "YuNet: A
Tiny Millisecond-level Face Detector", 2023. SCRFD: Guo et al., "Sample and Computation Redistribution for Efficient
Face Detection", 2021; its arithmetic is that of `insightface.model_zoo.scrfd`, but only for the cells above the
threshold: 0.13 ms at 640×640, where decoding all of them, as it does, takes 1.5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from faceml.records import BBox

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG = 2.0  # longer side by shorter: phones' widest pictures are 2 and below
FULL_AREA_PX = 40_000  # 200×200 pixels count as large enough


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces of one photo, best first, in pixels of the upright photo."""

    boxes: NDArray[np.float32]  # (N, 4) x1, y1, x2, y2; may reach beyond the photo
    scores: NDArray[np.float32]  # (N,) 0 to 1
    kps: NDArray[np.float32]  # (N, 5, 2) left eye, right eye, nose, left and right mouth corner
    left_out: Mapping[str, int] = field(default_factory=dict)  # how many besides, by reason

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """All of them, part after part; at least one part."""
        columns = zip(*((part.boxes, part.scores, part.kps) for part in parts), strict=True)
        boxes, scores, kps = map(np.concatenate, columns)
        return cls(boxes, scores, kps)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        return Detections(self.boxes[rows], self.scores[rows], self.kps[rows])

    def shifted(self, x: float, y: float) -> Detections:
        """Found in a part of the photo whose corner is (x, y)."""
        by = np.array([x, y], np.float32)
        return replace(self, boxes=self.boxes + np.tile(by, 2), kps=self.kps + by)

    def clipped(self, *, width: int, height: int) -> Detections:
        """With boxes that end where the picture does."""
        return replace(self, boxes=np.clip(self.boxes, 0, np.array([width, height] * 2, np.float32)))


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A photo shrunk or enlarged into a square, at its top left; the rest is black."""

    canvas: NDArray[np.uint8]  # (S, S, 3)
    scales: NDArray[np.float32]  # (2,) canvas pixels a photo pixel, across and down

    def in_photo(self, found: Detections) -> Detections:
        """What was found on the canvas, in pixels of the photo."""
        boxes = np.divide(found.boxes, np.tile(self.scales, 2), dtype=np.float32)
        return Detections(boxes, found.scores, np.divide(found.kps, self.scales, dtype=np.float32))


def letterbox(image: NDArray[np.uint8], size_px: int) -> Letterbox:
    """Fit a photo into a square the way InsightFace does (same rounding, bilinear), so boxes are the same.

    Its one scale, of the height, is a few pixels off at the other side of a photo. On a long one, whose height is few
    pixels of the canvas, it would be off by whole faces: there each axis has its own.
    """
    import cv2

    height, width = image.shape[:2]
    ratio = height / width
    new_width, new_height = (int(size_px / ratio), size_px) if ratio > 1 else (size_px, int(size_px * ratio))
    new_width, new_height = max(1, new_width), max(1, new_height)
    canvas = np.zeros((size_px, size_px, 3), np.uint8)
    canvas[:new_height, :new_width] = cv2.resize(image, (new_width, new_height))
    down = new_height / height
    across = new_width / width if max(ratio, 1 / ratio) > LONG else down
    return Letterbox(canvas, np.array([across, down], np.float32))


def merge_passes(passes: Sequence[Detections], *, max_iou: float, inclusive: bool = False) -> Detections:
    """Join the detections of several passes over one photo, best first, each face once.

    Args:
        passes: at least one.
        max_iou: of two boxes that overlap more than this, the better one stays.
        inclusive: see `non_maximum_suppression`.
    """
    everything = Detections.joined(passes)
    return everything.take(
        non_maximum_suppression(everything.boxes, everything.scores, max_iou=max_iou, inclusive=inclusive)
    )


def non_maximum_suppression(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    *,
    max_iou: float,
    inclusive: bool = False,
    of_smaller: bool = False,
) -> NDArray[np.intp]:
    """Rows of the boxes that no better box overlaps, best first; ties keep their order.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        scores: (N,).
        max_iou: 0 to 1.
        inclusive: x2 and y2 are the last pixel inside (InsightFace's reading), not the first outside.
        of_smaller: `max_iou` is a share of the smaller box, so that a box inside another counts as the same.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], np.float32)
    >>> non_maximum_suppression(boxes, np.array([0.8, 0.9, 0.7], np.float32), max_iou=0.4).tolist()
    [1, 2]
    """
    x1, y1, x2, y2 = boxes.T
    edge = np.float32(1.0 if inclusive else 0.0)
    areas = (x2 - x1 + edge) * (y2 - y1 + edge)
    order = np.argsort(-scores, kind="stable")
    keep: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(int(best))
        width = np.maximum(0.0, np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]) + edge)
        height = np.maximum(0.0, np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]) + edge)
        shared = width * height
        whole = np.minimum(areas[best], areas[rest]) if of_smaller else areas[best] + areas[rest] - shared
        order = rest[shared / np.maximum(whole, np.finfo(np.float32).tiny) <= max_iou]
    return np.array(keep, dtype=np.intp)


def keep_usable(found: Detections, *, width: int, height: int, min_confidence: float, min_face_size: int) -> Detections:
    """Drop what is unsure, too small once clipped to the photo, or not a number, and count it in `left_out`.

    Args:
        width: of the photo, pixels.
        height: of the photo, pixels.
        min_confidence: 0 to 1, inclusive.
        min_face_size: pixels, for width and height of the box, inclusive.
    """
    corners = _pixel_corners(found.boxes, width=width, height=height)
    sides = corners[:, 2:] - corners[:, :2]
    finite = np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.kps).all(axis=(1, 2))
    large_enough = (sides >= max(1, min_face_size)).all(axis=1)
    sure = found.scores >= min_confidence
    reasons = {
        f"smaller than {min_face_size} pixels (--min-face-size)": int((finite & sure & ~large_enough).sum()),
        f"less sure than {min_confidence:g} (--min-confidence)": int((finite & large_enough & ~sure).sum()),
    }
    kept = found.take(finite & large_enough & sure)
    return replace(kept, left_out={reason: count for reason, count in reasons.items() if count})


def quality_score(width_px: int, height_px: int, detection_confidence: float) -> float:
    """How good a face picture is for recognition: half size, half confidence (specification).

    Args:
        width_px: box width in pixels of the upright photo.
        height_px: box height in pixels of the upright photo.
        detection_confidence: 0 to 1.

    >>> quality_score(100, 200, 0.9)
    0.7
    """
    area_score = min(1.0, width_px * height_px / FULL_AREA_PX)
    return area_score * 0.5 + detection_confidence * 0.5


def pixel_boxes(boxes: NDArray[np.float32], *, width: int, height: int) -> list[BBox]:
    """Round corners to whole pixels and clip them to the photo.

    >>> pixel_boxes(np.array([[-3.2, 4.4, 9.6, 20.0]], np.float32), width=9, height=16)
    [BBox(x=0, y=4, w=9, h=12)]
    """
    corners = _pixel_corners(boxes, width=width, height=height)
    return [BBox(x=x1, y=y1, w=x2 - x1, h=y2 - y1) for x1, y1, x2, y2 in corners.tolist()]


def _pixel_corners(boxes: NDArray[np.float32], *, width: int, height: int) -> NDArray[np.int64]:
    rounded = np.floor(np.nan_to_num(boxes) + 0.5)
    return np.asarray(np.clip(rounded, 0, [width, height, width, height]), np.int64)


# --- raw outputs

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
