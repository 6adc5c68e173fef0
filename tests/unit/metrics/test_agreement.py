"""Agreement of groupings, checked face by face and pair by pair against the definitions."""

from __future__ import annotations

import itertools
import tracemalloc
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from faceml.errors import NotEnoughData, WrongUse
from faceml.metrics.agreement import adjusted_rand, agreement, bcubed

people = st.integers(0, 5)
clusters = st.one_of(st.integers(0, 5), st.none(), st.just(-1))
groupings = st.lists(st.tuples(people, clusters), min_size=1, max_size=30)


def together(labels: list[object], i: int, j: int) -> bool:
    """Whether two faces are in one group, by the definition: a noise face is alone with itself."""
    return i == j or (labels[i] == labels[j] and labels[i] not in (None, -1))


def slow_bcubed(truth: list[object], predicted: list[object]) -> tuple[float, float]:
    precision, recall = [], []
    everyone = range(len(truth))
    for i in everyone:
        cluster = [j for j in everyone if together(predicted, i, j)]
        person = [j for j in everyone if together(truth, i, j)]
        both = len(set(cluster) & set(person))
        precision.append(both / len(cluster))
        recall.append(both / len(person))
    return float(np.mean(precision)), float(np.mean(recall))


def slow_pairwise(truth: list[object], predicted: list[object]) -> tuple[float, float]:
    pairs = list(itertools.combinations(range(len(truth)), 2))
    claimed = [pair for pair in pairs if together(predicted, *pair)]
    true = [pair for pair in pairs if together(truth, *pair)]
    both = len(set(claimed) & set(true))
    return both / len(claimed) if claimed else 1.0, both / len(true) if true else 1.0


@given(groupings)
def test_bcubed_equals_its_definition_face_by_face(faces: list[tuple[int, int | None]]) -> None:
    truth, predicted = (list(side) for side in zip(*faces, strict=True))
    found = bcubed(truth, predicted)
    assert (found.precision, found.recall) == pytest.approx(slow_bcubed(truth, predicted))


@given(groupings)
def test_pairwise_equals_its_definition_pair_by_pair(faces: list[tuple[int, int | None]]) -> None:
    truth, predicted = (list(side) for side in zip(*faces, strict=True))
    found = agreement(truth, predicted).pairwise
    assert (found.precision, found.recall) == pytest.approx(slow_pairwise(truth, predicted))


@given(st.lists(st.tuples(people, people), min_size=2, max_size=30))
def test_adjusted_rand_equals_scikit_learns(faces: list[tuple[int, int]]) -> None:
    truth, predicted = (list(side) for side in zip(*faces, strict=True))
    assert adjusted_rand(truth, predicted) == pytest.approx(adjusted_rand_score(truth, predicted))


@given(groupings, st.randoms())
def test_names_and_order_of_groups_do_not_matter(faces: list[tuple[int, int | None]], random: object) -> None:
    truth, predicted = zip(*faces, strict=True)
    ids = [uuid4() for _ in range(6)]
    renamed = [None if label in (None, -1) else ids[label] for label in predicted]
    plain = agreement(truth, predicted)
    again = agreement([f"person {label}" for label in truth][::-1], renamed[::-1])
    assert (plain.bcubed.f, plain.pairwise.f) == pytest.approx((again.bcubed.f, again.pairwise.f))
    assert (plain.clusters, plain.noise_share) == (again.clusters, again.noise_share)


def test_a_perfect_clustering_scores_one_everywhere() -> None:
    report = agreement(["a", "a", "b", "b"], [3, 3, 1, 1])
    assert report.bcubed.f == report.pairwise.f == report.purity == report.adjusted_rand == 1.0
    assert (report.people, report.clusters, report.noise_share) == (2, 2, 0.0)


def test_calling_hard_faces_noise_lowers_recall_and_does_not_raise_precision_of_the_rest() -> None:
    truth = [0] * 4
    assert bcubed(truth, [0, 0, 0, -1]).precision == 1.0
    assert bcubed(truth, [0, 0, 0, -1]).recall == pytest.approx((3 * 3 / 4 + 1 / 4) / 4)
    assert bcubed(truth, [0, 0, 0, -1]) == bcubed(truth, [0, 0, 0, None]) == bcubed(truth, np.array([0, 0, 0, -1]))
    assert bcubed(truth, np.array([0, 0, 0, np.nan])) == bcubed(truth, [0, 0, 0, -1])


def test_two_noise_faces_of_one_person_are_not_together() -> None:
    assert agreement([7, 7], [-1, -1]).pairwise.recall == 0.0
    assert agreement([7, 8], [-1, -1]).pairwise.precision == 1.0


def test_purity_leaves_noise_out_and_says_nan_where_all_is_noise() -> None:
    assert agreement([1, 1, 2, 3], [0, 0, 0, -1]).purity == pytest.approx(2 / 3)
    assert np.isnan(agreement([1, 2], [-1, -1]).purity)


def test_lengths_that_differ_and_no_faces_are_refused() -> None:
    with pytest.raises(WrongUse, match="2 true and 1 predicted"):
        bcubed([1, 2], [1])
    with pytest.raises(NotEnoughData):
        agreement([], [])


def test_fifty_thousand_faces_need_no_square_of_memory() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(2_000, size=50_000), rng.integers(-1, 3_000, size=50_000)
    tracemalloc.start()
    agreement(truth, predicted)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32e6
