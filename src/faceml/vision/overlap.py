"""Which box is which: boxes of one photo, seen twice, paired by how far they overlap (DESIGN D5)."""

from __future__ import annotations

from collections.abc import Sequence

from faceml.records import Face, FoundFace

SAME_FACE_IOU = 0.5


def match_by_overlap(known: Sequence[Face], found: Sequence[FoundFace]) -> list[Face | None]:
    """For each found face the stored one that it is (IoU > 0.5, the largest first), or None where it is new."""
    best: list[Face | None] = []
    for face in found:
        rival = max(known, key=lambda stored: stored.bbox.iou(face.bbox), default=None)
        best.append(rival if rival is not None and rival.bbox.iou(face.bbox) > SAME_FACE_IOU else None)
    return best
