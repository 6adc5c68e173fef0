"""Suggestions on synthetic people whose truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity import suggestions
from faceml.identity.suggestions import merge_suggestions, most_uncertain, split_suggestions


def people(seed: int, count: int, faces: int, *, width: int = 128, spread: float = 0.7) -> NDArray[np.float32]:
    """Unit vectors of `count` synthetic people, `faces` each, person after person."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((count, width)), faces, axis=0)
    rows += spread * rng.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_halves_of_one_person_are_suggested_for_merging_and_nobody_else() -> None:
    rows = people(0, 20, 8)
    clusters = np.repeat(np.arange(20), 8)
    clusters[:4], clusters[24:27] = 30, 31  # parts of persons 0 and 3 in clusters of their own
    found = merge_suggestions(rows, clusters, min_similarity=0.5)
    assert {(pair.first, pair.second) for pair in found} == {(0, 30), (3, 31)}
    assert found[0].centroid_similarity >= found[1].centroid_similarity
    assert {pair.faces for pair in found} == {8}


@settings(deadline=None)
@given(st.integers(0, 1_000), st.integers(1, 40))
def test_merge_evidence_equals_forming_every_pair(seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    rows = people(seed, 6, 4, width=8)
    clusters = rng.integers(-1, 6, len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "BLOCK_SCORES", block)
        found = merge_suggestions(rows, clusters, min_similarity=-1.0)
    numbers = sorted(set(clusters.tolist()) - {-1})
    assert {(pair.first, pair.second) for pair in found} == set(itertools.combinations(numbers, 2))
    for pair in found:
        one, two = rows[clusters == pair.first], rows[clusters == pair.second]
        middles = [x.mean(axis=0) / np.linalg.norm(x.mean(axis=0)) for x in (one, two)]
        assert pair.centroid_similarity == pytest.approx(middles[0] @ middles[1], abs=1e-5)
        assert pair.mean_linkage == pytest.approx((one @ two.T).mean(), abs=1e-5)
        assert pair.max_linkage == pytest.approx((one @ two.T).max(), abs=1e-5)
    ranks = [pair.centroid_similarity for pair in found]
    assert ranks == sorted(ranks, reverse=True)


def test_the_limit_keeps_the_nearest_pairs() -> None:
    rows = people(1, 12, 3, width=8)
    clusters = np.repeat(np.arange(12), 3)
    everything = merge_suggestions(rows, clusters, min_similarity=-1.0, limit=1_000)
    assert merge_suggestions(rows, clusters, min_similarity=-1.0, limit=5) == everything[:5]


def test_a_cluster_of_two_people_is_suggested_for_splitting_between_them() -> None:
    rows = people(2, 20, 8)
    clusters = np.repeat(np.arange(20), 8)
    clusters[5 * 8 : 5 * 8 + 5] = 9  # five faces of person 5 among the eight of person 9
    found = split_suggestions(rows, clusters, max_similarity=0.5)
    assert [split.cluster for split in found] == [9]
    assert found[0].smaller_rows.tolist() == list(range(40, 45))
    assert found[0].larger_rows.tolist() == list(range(72, 80))
    assert found[0].gap == pytest.approx(found[0].cohesion - found[0].centroid_similarity)
    assert found[0].gap > 0.4


def test_the_widest_gap_comes_first_and_the_limit_holds() -> None:
    rows = people(3, 6, 6)
    near = rows[0:6] + 0.8 * rows[6:12]  # resembles person 0: a narrower gap than two strangers
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    vectors = np.concatenate((rows[12:24], rows[0:6], near))
    clusters = np.repeat([4, 2], 12)
    found = split_suggestions(vectors, clusters, max_similarity=0.95)
    assert [split.cluster for split in found] == [4, 2]
    assert [split.cluster for split in split_suggestions(vectors, clusters, max_similarity=0.95, limit=1)] == [4]


def test_one_outlier_and_noise_are_no_split() -> None:
    rows = people(4, 3, 6)
    clusters = np.array([0] * 6 + [0] + [-1] * 11)
    assert split_suggestions(rows, clusters, max_similarity=0.5) == []
    assert split_suggestions(rows, np.full(18, -1), max_similarity=0.5) == []
    assert merge_suggestions(rows, np.full(18, -1), min_similarity=0.5) == []


def test_equal_faces_cannot_be_halved() -> None:
    assert split_suggestions(np.tile(np.eye(4)[:1], (8, 1)), np.zeros(8, int), max_similarity=1.0) == []


def test_the_most_uncertain_faces_are_those_whose_answer_changes_first() -> None:
    """Rows: sure; just below the threshold; just above; torn between two people; a sure stranger; nobody to compare."""
    similarities = [0.95, 0.39, 0.42, 0.80, 0.05, -np.inf]
    runner_ups = [0.10, 0.38, 0.10, 0.795, 0.04, -np.inf]
    assert most_uncertain(similarities, runner_ups, threshold=0.4).tolist() == [3, 1, 2, 4, 0, 5]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(WrongUse, match="do not fit"):
        merge_suggestions(np.eye(3), [0, 1], min_similarity=0.5)
    with pytest.raises(WrongUse, match="do not fit"):
        most_uncertain([0.1], [0.1, 0.2], threshold=0.5)
