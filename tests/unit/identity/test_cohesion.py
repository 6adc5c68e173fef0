"""Faces that only chained into a cluster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import drop_loose
from tests.conftest import people_vectors, unit_rows


def slow(vectors: np.ndarray, labels: list[int], min_cohesion: float) -> list[int]:
    answer = list(labels)
    for row, label in enumerate(labels):
        others = [other for other, same in enumerate(labels) if same == label and other != row]
        if label < 0 or not others:
            continue
        centre = vectors[others].astype(float).sum(axis=0)
        norm = np.linalg.norm(centre)
        if (vectors[row] @ centre / norm if norm else 0.0) < min_cohesion:
            answer[row] = -1
    return [label if label >= 0 and answer.count(label) > 1 else -1 for label in answer]


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 3), min_size=0, max_size=30), st.integers(0, 10_000), st.floats(-0.9, 0.9))
def test_it_agrees_with_the_slow_obvious_version(labels: list[int], seed: int, threshold: float) -> None:
    vectors = unit_rows(len(labels), seed=seed, width=6)
    assert drop_loose(vectors, labels, min_cohesion=threshold).tolist() == slow(vectors, labels, threshold)


def test_a_stranger_in_a_cluster_is_dropped_and_the_people_stay() -> None:
    vectors = np.vstack([people_vectors(2, 6), unit_rows(1, seed=99)])
    labels = [0] * 6 + [1] * 6 + [1]
    assert drop_loose(vectors, labels, min_cohesion=0.5).tolist() == [0] * 6 + [1] * 6 + [-1]


def test_a_chain_of_strangers_is_no_cluster() -> None:
    assert set(drop_loose(unit_rows(4, seed=3), [0, 0, 0, 0], min_cohesion=0.5)) == {-1}


def test_a_similarity_that_is_none_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"min_cohesion=1\.5"):
        drop_loose(unit_rows(2, seed=0), [0, 0], min_cohesion=1.5)
