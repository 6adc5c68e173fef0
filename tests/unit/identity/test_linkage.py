"""Average linkage from neighbour lists against scipy's on all distances, and what nearness to everybody does to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as merge
from scipy.spatial.distance import squareform

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import numbered
from faceml.identity.clustering import cluster_embeddings
from faceml.identity.cohort import mean_of_highest
from faceml.identity.hdbscan.exact import fit
from faceml.identity.linkage import average_linkage, surplus_nearness, usual_similarity, without_weak_pairs
from tests.conftest import examples

Vectors = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def people(sizes: list[int], width: int, *, spread: float, seed: int) -> Vectors:
    """So many faces of each person, some blurred; in random order."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(len(sizes)), sizes)
    noise = rng.standard_normal((len(who), width)) * rng.uniform(0.3, 1.5, (len(who), 1)) * spread
    return unit(rng.permutation(rng.standard_normal((len(sizes), width))[who] + noise))


def of_all_pairs(vectors: Vectors, surplus: NDArray[np.float64], min_similarity: float) -> NDArray[np.int64]:
    """The slow obvious version."""
    rows = vectors.astype(np.float64)
    distances = 10 - (rows @ rows.T - surplus[:, None] - surplus)
    np.fill_diagonal(distances, 0)
    merges = merge(squareform(distances, checks=False), method="average")
    return numbered(fcluster(merges, 10 - min_similarity, criterion="distance"))


def linked(vectors: Vectors, surplus: NDArray[np.float64], min_similarity: float) -> NDArray[np.int64]:
    return average_linkage(vectors, fit(vectors).graph, surplus=surplus, min_similarity=min_similarity)


@pytest.mark.parametrize("min_similarity", [-0.2, 0.1, 0.3, 0.6])
@pytest.mark.parametrize(
    "sizes", [[3] * 40 + [1] * 60, [150, 60, 20] + [1] * 40, [300], [1] * 200], ids=["few", "many", "one", "strangers"]
)
def test_the_groups_are_those_of_all_pairs(sizes: list[int], min_similarity: float) -> None:
    vectors = people(sizes, 24, spread=0.8, seed=1)
    surplus = 0.1 * np.random.default_rng(2).standard_normal(len(vectors))

    found = linked(vectors, surplus, min_similarity)

    np.testing.assert_array_equal(found, of_all_pairs(vectors, surplus, min_similarity))


@settings(max_examples=examples(60))
@given(
    count=st.integers(2, 80),
    width=st.integers(2, 6),
    seed=st.integers(0, 10**6),
    weight=st.sampled_from([0.0, 0.05, 0.3]),
    min_similarity=st.floats(-0.5, 0.9),
)
def test_the_groups_of_any_rows_are_those_of_all_pairs(
    count: int, width: int, seed: int, weight: float, min_similarity: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.standard_normal((count, width)))
    surplus = weight * rng.standard_normal(count)

    found = linked(vectors, surplus, min_similarity)

    np.testing.assert_array_equal(found, of_all_pairs(vectors, surplus, min_similarity))


def test_more_copies_of_a_face_than_a_list_holds_are_one_group() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), [90, 2, 1], axis=0)

    assert linked(vectors, np.zeros(93), 0.5).tolist() == [0] * 90 + [1] * 2 + [2]


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_is_a_group_of_its_own(count: int) -> None:
    assert linked(np.eye(2, dtype=np.float32)[:count], np.zeros(count), 0.5).tolist() == [0] * count


def test_faces_near_everybody_are_less_alike_than_their_cosine_says() -> None:
    """Forty strangers, and two of them blurred: both near to everybody, and so to each other."""
    rng = np.random.default_rng(0)
    everybody = np.zeros(64)
    everybody[0] = 1
    vectors = unit(rng.standard_normal((42, 64)) / 8 + 0.6 * everybody)
    vectors[-2:] = unit(everybody + 0.5 * rng.standard_normal((2, 64)) / 8)
    groups = np.full(42, -1)
    surplus = surplus_nearness(vectors, groups)

    apart = linked(vectors, surplus, 0.65)
    together = linked(vectors, np.zeros(42), 0.65)

    assert together[-2] == together[-1]
    assert apart[-2] != apart[-1]
    assert surplus[-2:].min() > surplus[:-2].max()


def test_surplus_is_half_of_what_a_face_is_nearer_than_most_its_own_group_left_out() -> None:
    vectors = people([1] * 60, 24, spread=0.3, seed=3)
    groups = np.full(60, -1)
    groups[:2] = 0  # one of the two is in the cohort
    surplus = surplus_nearness(vectors, groups)

    cosines = vectors @ vectors.T
    cosines[np.arange(60), np.arange(60)] = cosines[:2, :2] = -np.inf
    nearness = [[mean_of_highest(np.delete(row, absent)[None])[0] for row in cosines] for absent in (0, 1)]
    expected = [0.5 * (np.array(each) - np.median(each)) for each in nearness]
    assert min(np.abs(surplus - each).max() for each in expected) < 1e-6


def test_ten_times_the_faces_ask_for_more_likeness() -> None:
    assert usual_similarity(0.25, 1_000) == 0.25
    assert usual_similarity(0.25, 100_000) == pytest.approx(0.35)
    assert usual_similarity(0.99, 100_000) == 1
    assert usual_similarity(0.25, 1) == usual_similarity(0.25, 100) == pytest.approx(0.20)


def test_a_pair_has_to_be_more_alike_than_a_group() -> None:
    vectors = unit(np.array([[1, 0], [0.7, 0.7], [1, 0.1], [-1, 0.0], [-0.7, 0.7]]))
    labels = np.array([0, 0, 0, 1, 1])

    kept = without_weak_pairs(vectors, labels, surplus=np.zeros(5), min_similarity=0.7)
    dropped = without_weak_pairs(vectors, labels, surplus=np.zeros(5), min_similarity=0.72)

    assert kept.tolist() == labels.tolist()
    assert dropped.tolist() == [0, 0, 0, -1, -1]


def test_rows_of_any_length_are_grouped_by_their_direction() -> None:
    vectors = people([6] * 8, 24, spread=0.2, seed=5)
    lengths = np.random.default_rng(0).uniform(0.5, 4, (len(vectors), 1))

    found = cluster_embeddings(vectors * lengths, method="linkage", min_cluster_size=2)

    np.testing.assert_array_equal(found, cluster_embeddings(vectors, method="linkage", min_cluster_size=2))
    assert found.max() == 7


def test_a_similarity_that_is_no_cosine_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"min_similarity=1\.5"):
        cluster_embeddings(np.eye(4), method="linkage", min_similarity=1.5)
