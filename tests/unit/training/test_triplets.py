"""Triplets and batches are what they claim to be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from faceml.training.data import TRIPLETS_A_FACE, Blocks, draw_triplets, epoch_batches, epoch_triplets

SIZES = [5, 1, 2, 9, 3]


@pytest.fixture
def blocks() -> Blocks:
    return Blocks.of(torch.repeat_interleave(torch.arange(len(SIZES)), torch.tensor(SIZES)))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_triplet_has_two_faces_of_one_person_and_one_of_another(blocks: Blocks) -> None:
    anchor, positive, negative = epoch_triplets(blocks, seeded()).t()
    owner = blocks.owner
    assert (owner[anchor] == owner[positive]).all()
    assert (anchor != positive).all()
    assert (owner[anchor] != owner[negative]).all()


def test_each_face_with_a_mate_is_anchor_thirty_times(blocks: Blocks) -> None:
    found = Counter(epoch_triplets(blocks, seeded())[:, 0].tolist())
    expected = {face: TRIPLETS_A_FACE for face in range(20) if face != 5}  # face 5 is its person's only one
    assert found == expected


def test_positives_and_negatives_are_drawn_evenly(blocks: Blocks) -> None:
    anchors = torch.full((40_000,), 1)  # of person 0, who has faces 0 to 4
    _, positive, negative = draw_triplets(blocks, anchors, seeded()).t()
    for drawn, among in ((positive, [0, 2, 3, 4]), (negative, list(range(5, 20)))):
        counts = np.bincount(drawn.numpy(), minlength=20)
        assert np.flatnonzero(counts).tolist() == among
        expected = len(anchors) / len(among)
        np.testing.assert_allclose(counts[among], expected, atol=5 * expected**0.5)


def test_an_epoch_is_drawn_anew_and_the_same_for_the_same_seed(blocks: Blocks) -> None:
    first, again, other = (epoch_triplets(blocks, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_batches_for_mining_hold_several_faces_of_each_person_once() -> None:
    owner = torch.repeat_interleave(torch.arange(12), torch.tensor([4, 5, 6] * 4))
    batches = epoch_batches(Blocks.of(owner), 32, seeded())
    assert batches.shape == (round(60 * TRIPLETS_A_FACE / 32), 32)
    for batch in batches:
        assert len(batch.unique()) == 32
        assert (torch.bincount(owner[batch], minlength=12).unique() == torch.tensor([0, 4])).all()
    assert len(batches.unique()) == len(owner)  # everybody's turn comes


def test_batches_shrink_where_people_are_few(blocks: Blocks) -> None:
    batches = epoch_batches(blocks, 32, seeded())
    for batch in batches:  # the person with one face stays out; the one with two allows no more than two each
        assert sorted(torch.bincount(blocks.owner[batch], minlength=5).tolist()) == [0, 2, 2, 2, 2]
