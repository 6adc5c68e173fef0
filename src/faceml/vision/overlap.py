"""Which box is which: the boxes of one photo, seen twice, paired by how far they overlap (DESIGN D5)."""

from __future__ import annotations

from collections.abc import Sequence
from math import nextafter
from typing import Protocol, Self, TypeVar


class Box(Protocol):
    def iou(self, other: Self, /) -> float:
        """Intersection over union, 0 to 1."""


SAME_FACE_IOU = nextafter(0.5, 1)  # more than half: two finds of one face
SAME_PLACE_IOU = 0.3  # people draw boxes looser than detectors do
AnyBox = TypeVar("AnyBox", bound=Box)


def pair_boxes(ones: Sequence[AnyBox], others: Sequence[AnyBox], *, min_iou: float) -> dict[int, int]:
    """Pair boxes that overlap at least so far, each with one other at most.

    Greedy: the two that overlap most are a pair, then the two that do among the rest. The assignment of the largest sum
    (Hungarian) would part two boxes that are surely one face, wherever that saves two doubtful pairs.

    Returns:
        row of `ones` → row of `others`, best pair first; of equal overlaps the lower rows go first.

    >>> from faceml.records import BBox
    >>> seen = [BBox(0, 0, 10, 10), BBox(4, 0, 10, 10)]
    >>> pair_boxes(seen, [BBox(3, 0, 10, 10)], min_iou=0.5)  # IoU 0.54 and 0.82
    {1: 0}
    """
    overlaps = ((one.iou(other), row, number) for row, one in enumerate(ones) for number, other in enumerate(others))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, row, number in sorted(
        (found for found in overlaps if found[0] >= min_iou), key=lambda found: (-found[0], *found[1:])
    ):
        if row not in pairs and number not in taken:
            pairs[row] = number
            taken.add(number)
    return pairs
