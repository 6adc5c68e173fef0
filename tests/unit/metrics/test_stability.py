"""Stability: groups that are there come again, groups made by chance do not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from faceml.errors import WrongUse
from faceml.identity.hdbscan.exact import fit
from faceml.metrics.agreement import stability, subsamples


def measured(rows: np.ndarray) -> float:
    parts = subsamples(len(rows), share=0.8, times=5)
    return stability(fit(rows).labels, [(part, fit(rows[part]).labels) for part in parts])


def test_people_who_are_there_are_found_again_and_chance_groups_are_not() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(rng.standard_normal((10, 16)), 12, axis=0)
    assert measured(people + 0.1 * rng.standard_normal(people.shape)) > 0.95
    assert measured(rng.standard_normal(people.shape)) < 0.6


def test_it_is_the_mean_of_adjusted_rand_with_noise_as_clusters_of_one() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 4, 60)
    again = [(rows, rng.integers(-1, 4, len(rows))) for rows in subsamples(60, share=0.5, times=3)]

    def singles(values: np.ndarray) -> np.ndarray:
        return np.where(values < 0, 100 + np.arange(len(values)), values)

    slow = np.mean([adjusted_rand_score(singles(labels[rows]), singles(part)) for rows, part in again])
    assert stability(labels, again) == pytest.approx(slow)


def test_leaving_everybody_out_is_not_stable() -> None:
    nobody = np.full(6, -1)
    assert stability(nobody, [(np.arange(4), nobody[:4])]) == 0.0
    assert stability(np.zeros(6, int), [(np.arange(4), nobody[:4])]) == 0.0


def test_subsamples_are_distinct_rows_and_come_again_for_a_seed() -> None:
    parts = subsamples(50, share=0.8, times=4, seed=3)
    assert [len(np.unique(part)) for part in parts] == [40] * 4
    assert np.array_equal(parts, subsamples(50, share=0.8, times=4, seed=3))
    assert not np.array_equal(parts[0], parts[1])


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(WrongUse, match="share=1"):
        subsamples(5, share=1.0, times=2)
    with pytest.raises(WrongUse, match="0 clusterings"):
        stability(np.zeros(3, int), [])
