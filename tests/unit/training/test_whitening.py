"""Heads in closed form do what their equations say."""

from __future__ import annotations

import numpy as np
import pytest

from faceml.errors import NotEnoughData
from faceml.identity.projection import project
from faceml.training.whitening import centred_identity, lda, library_whitening, pca_whitening, within_whitening
from tests.unit.training.made_up import people, people_in_changing_light


def test_after_whitening_without_shrinkage_faces_of_a_person_vary_alike_in_all_directions() -> None:
    vectors, owners = people(60, 10, width=16)
    head = within_whitening(vectors, owners, shrinkage=0.0)
    moved = (vectors - head.mean) @ head.skip.T
    apart = moved - np.stack([moved[owners == person].mean(axis=0) for person in range(60)])[owners]
    scatter = apart.T @ apart / (len(owners) - 60)
    np.testing.assert_allclose(scatter, np.eye(16), atol=2e-3)


def test_whole_shrinkage_leaves_the_angles() -> None:
    vectors, owners = people(10, 5)
    np.testing.assert_allclose(
        project(within_whitening(vectors, owners, shrinkage=1.0), vectors),
        project(centred_identity(vectors), vectors),
        atol=1e-5,
    )


def test_common_nuisance_is_shrunk() -> None:
    vectors, owners = people_in_changing_light(40, 8)
    strangers, whose = people_in_changing_light(20, 8, seed=1)

    def gap(rows: np.ndarray) -> float:
        same = whose[:, None] == whose
        similar = rows @ rows.T
        return float(similar[same].mean() - similar[~same].mean())

    raw = gap(strangers)
    for head in (within_whitening(vectors, owners, shrinkage=0.1), lda(vectors, owners, shrinkage=0.1)):
        assert gap(project(head, strangers)) > 1.5 * raw


def test_lda_keeps_as_many_directions_as_people_can_span() -> None:
    vectors, owners = people(6, 5)
    assert lda(vectors, owners).width_out == 5


def test_pca_needs_no_labels() -> None:
    vectors, _ = people(30, 10, width=16)
    head = pca_whitening(vectors, shrinkage=0.0)
    np.testing.assert_allclose(np.cov(((vectors - head.mean) @ head.skip.T).T), np.eye(16), atol=2e-3)


def test_nothing_follows_from_one_face_each() -> None:
    vectors, _ = people(5, 1)
    with pytest.raises(NotEnoughData, match="not one of 5 people has two faces"):
        within_whitening(vectors, range(5))
    with pytest.raises(NotEnoughData, match="discriminants need two"):
        lda(vectors, [0] * 5)


def test_a_library_is_whitened_by_a_few_faces_of_each_group() -> None:
    """One person's thousand photos say no more about how faces vary than three do."""
    rng = np.random.default_rng(0)
    others = rng.standard_normal((300, 16))
    crowd = np.repeat(rng.standard_normal((1, 16)), 1_000, axis=0) + 0.01 * rng.standard_normal((1_000, 16))
    nobody, group = np.full(300, -1), np.zeros(1_000, int)
    head = library_whitening(np.concatenate((others, crowd)), np.concatenate((nobody, group)))
    without = pca_whitening(np.concatenate((others, crowd[:3])), shrinkage=0.8)
    with_all = pca_whitening(np.concatenate((others, crowd)), shrinkage=0.8)
    assert np.abs(head.mean - without.mean).max() < 0.01 < np.abs(with_all.mean - without.mean).max()
    assert head.width_in == head.width_out == 16
