"""Boxes of one photo, seen twice: each is paired with one other at most, and the best overlaps win."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faceml.records import BBox
from faceml.vision.overlap import SAME_FACE_IOU, pair_boxes

boxes = st.lists(st.builds(BBox, *[st.integers(0, 12)] * 2, *[st.integers(1, 8)] * 2), max_size=7)


def slowly_paired(ones: list[BBox], others: list[BBox], least: float) -> dict[int, int]:
    """Look through all that are left for the best two, again and again."""
    pairs: dict[int, int] = {}
    while True:
        best, found = least, None
        for row, one in enumerate(ones):
            for number, other in enumerate(others):
                if row in pairs or number in pairs.values():
                    continue
                if one.iou(other) > best or (found is None and one.iou(other) == best):
                    best, found = one.iou(other), (row, number)
        if found is None:
            return pairs
        pairs[found[0]] = found[1]


@given(boxes, boxes, st.sampled_from([0.1, 0.3, 0.5, SAME_FACE_IOU]))
def test_the_best_of_what_is_left_is_always_the_next_pair(ones: list[BBox], others: list[BBox], least: float) -> None:
    pairs = pair_boxes(ones, others, min_iou=least)
    assert list(pairs.items()) == list(slowly_paired(ones, others, least).items())
    assert len(set(pairs.values())) == len(pairs)
    assert all(ones[row].iou(others[number]) >= least for row, number in pairs.items())


def test_half_is_not_yet_the_same_face() -> None:
    one, half, more = BBox(0, 0, 10, 10), BBox(0, 0, 5, 10), BBox(0, 0, 6, 10)
    assert one.iou(half) == 0.5
    assert pair_boxes([one], [half], min_iou=SAME_FACE_IOU) == {}
    assert pair_boxes([one], [more], min_iou=SAME_FACE_IOU) == {0: 0}


def test_a_sure_pair_is_not_given_up_for_two_doubtful_ones() -> None:
    seen = [BBox(0, 0, 100, 100), BBox(-40, 0, 100, 100)]
    stored = [BBox(0, 0, 100, 100), BBox(40, 0, 100, 100)]
    assert pair_boxes(seen, stored, min_iou=0.3) == {0: 0}


def test_two_found_faces_never_become_one_stored_face() -> None:
    stored = [BBox(0, 0, 30, 10)]
    assert pair_boxes([BBox(0, 0, 16, 10), BBox(13, 0, 17, 10)], stored, min_iou=SAME_FACE_IOU) == {1: 0}
