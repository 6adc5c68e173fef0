"""Each face is projected by a head that has not seen its person."""

from __future__ import annotations

import numpy as np
import pytest

from faceml.errors import NotEnoughData
from faceml.identity.projection import Head, project
from faceml.training.splits import identity_folds
from faceml.training.whitening import lda
from faceml.trial.heads import cross_fit
from tests.unit.training.made_up import people


def test_no_head_is_trained_on_whom_it_is_asked_about() -> None:
    vectors, owners = people(11, 6)
    folds = identity_folds(owners, count=3, seed=0)
    asked: list[set[int]] = []

    def learn(rows: np.ndarray) -> Head:
        fold = len(asked)
        asked.append(set(owners[rows].tolist()))
        assert not asked[-1] & set(owners[folds == fold].tolist())
        return lda(vectors[rows], owners[rows])

    found = cross_fit(vectors, owners, folds, learn)
    assert set.union(*asked) == set(range(11))
    assert len({len(seen) for seen in asked}) > 1  # so the folds' discriminants differ in number
    for fold in range(3):
        rows = np.flatnonzero(folds != fold)
        expected = project(lda(vectors[rows], owners[rows]), vectors[folds == fold])
        given = found.vectors[folds == fold]
        np.testing.assert_allclose(given @ given.T, expected @ expected.T, atol=1e-5)


def test_thresholds_are_calibrated_where_the_others_are_many_enough() -> None:
    vectors, owners = people(24, 6)
    folds = identity_folds(owners, count=2, seed=0)
    thresholds = cross_fit(vectors, owners, folds, lambda rows: lda(vectors[rows], owners[rows])).thresholds
    assert all(threshold is not None and 0 < threshold < 1 for threshold in thresholds)
    few, whose = people(8, 4)
    folds = identity_folds(whose, count=2, seed=0)
    assert cross_fit(few, whose, folds, lambda rows: lda(few[rows], whose[rows])).thresholds == (None, None)


def test_nobody_held_out_is_nothing_to_measure() -> None:
    vectors, owners = people(3, 3)
    with pytest.raises(NotEnoughData, match="nobody is held out"):
        cross_fit(vectors, owners, np.full(9, -1), lambda rows: lda(vectors[rows], owners[rows]))
