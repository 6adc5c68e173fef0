"""Prototypes: the specification's centroid, one that wrong faces do not pull, and exemplars worth keeping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity import prototypes
from faceml.identity.prototypes import (
    Columns,
    KnownFaces,
    centroid,
    centroids,
    choose_exemplars,
    sums_of_people,
    trimmed_centroid,
)


def faces_of(rng: np.random.Generator, count: int, *, width: int = 64, spread: float = 0.6) -> NDArray[np.float32]:
    """Unit vectors of one synthetic person."""
    rows = rng.standard_normal(width) + spread * rng.standard_normal((count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def specified_centroid(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """The specification's formula, chapter Person Recognition."""
    mean = np.mean(embeddings.astype(np.float64), axis=0)
    return mean / np.linalg.norm(mean)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 7), min_size=1, max_size=8))
def test_centroids_of_all_people_equal_the_specifications_formula_one_by_one(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = faces_of(rng, len(owners))
    together = centroids(rows, owners)
    for person in range(len(sizes)):
        np.testing.assert_allclose(together[person], specified_centroid(rows[owners == person]), atol=1e-6)
        np.testing.assert_allclose(centroid(rows[owners == person]), together[person], atol=1e-6)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 7), min_size=1, max_size=8), st.integers(1, 100))
def test_sums_of_people_are_the_same_in_parts(seed: int, sizes: list[int], at_once: int) -> None:
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = faces_of(rng, len(owners), width=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prototypes, "SUMMED", at_once)
        found = sums_of_people(rows, owners)
    expected = [rows[owners == person].astype(np.float64).sum(axis=0) for person in range(len(sizes))]
    assert np.array_equal(found, sums_of_people(rows, owners))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_columns_of_people_in_any_order_give_each_persons_highest(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    scores, columns = rng.standard_normal((3, len(people))).astype(np.float32), Columns.of(people)
    expected = [scores[:, people == person].max(axis=1) for person in range(len(sizes))]
    assert np.array_equal(columns.highest(scores[:, columns.order]), np.stack(expected, axis=1))


def test_faces_that_cancel_out_and_no_faces_have_no_centroid() -> None:
    with pytest.raises(NotEnoughData, match="cancel out"):
        centroid(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    with pytest.raises(NotEnoughData, match="0 faces"):
        centroid(np.empty((0, 4)))
    with pytest.raises(NotEnoughData, match="person row 1 has no face"):
        centroids(np.eye(2), [0, 2])
    with pytest.raises(NotEnoughData, match="person row 1 cancel out"):
        centroids(np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), [0, 1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_a_few_wrong_faces_pull_the_plain_centroid_but_not_the_trimmed_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    right, wrong = faces_of(rng, 16), faces_of(rng, 3)
    truth = centroid(right)
    mixed = np.concatenate((wrong, right))
    assert truth @ centroid(mixed) < 0.99
    assert truth @ trimmed_centroid(mixed) > 0.995


def test_the_trimmed_centroid_of_few_faces_or_without_trimming_is_the_plain_one() -> None:
    rows = faces_of(np.random.default_rng(0), 4)
    np.testing.assert_array_equal(trimmed_centroid(rows), centroid(rows))
    np.testing.assert_array_equal(
        trimmed_centroid(np.repeat(rows, 5, axis=0), trim=0.0), centroid(np.repeat(rows, 5, axis=0))
    )
    with pytest.raises(WrongUse, match=r"trim 0\.5"):
        trimmed_centroid(rows, trim=0.5)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 5))
def test_exemplars_start_with_the_best_face_and_never_repeat(seed: int, faces: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rows, quality = faces_of(rng, faces), rng.random(faces)
    chosen = choose_exemplars(rows, quality, count=count)
    assert chosen[0] == np.argmax(quality)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, faces)
    assert chosen.tolist() == choose_exemplars(rows, quality, count=count).tolist()


def test_exemplars_are_not_three_shots_of_one_moment() -> None:
    rng = np.random.default_rng(1)
    moments = faces_of(rng, 3)
    rows = np.repeat(moments, 4, axis=0) + 0.01 * rng.standard_normal((12, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    quality = np.array([0.9, 0.89, 0.88, 0.87, 0.8, 0.79, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    assert {row // 4 for row in choose_exemplars(rows, quality)} >= {0, 1}
    assert choose_exemplars(rows, quality, count=2).tolist()[0] == 0
    assert choose_exemplars(rows, quality, count=2).tolist()[1] in (4, 5)


def test_a_diverse_face_of_poor_quality_is_no_exemplar() -> None:
    rng = np.random.default_rng(2)
    rows = faces_of(rng, 20)
    quality = np.linspace(1.0, 0.0, 20)
    assert max(choose_exemplars(rows, quality)) < 10


@pytest.mark.parametrize("quality_of_wrong", [0.0, 1.0])
def test_a_wrongly_labelled_face_is_no_exemplar_however_sharp_it_is(quality_of_wrong: float) -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate((faces_of(rng, 6), faces_of(rng, 1)))
    chosen = choose_exemplars(rows, [0.5] * 6 + [quality_of_wrong])
    assert len(chosen) == 3
    assert 6 not in chosen


def test_exemplars_of_nobody_and_qualities_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NotEnoughData):
        choose_exemplars(np.empty((0, 4)), [])
    with pytest.raises(WrongUse, match="one quality a face"):
        choose_exemplars(np.eye(2), [0.5])


@given(st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_the_likeness_to_known_faces_is_half_the_nearest_and_half_the_centre(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    faces, asked = (faces_of(rng, count, width=8) for count in (sum(sizes), 7))
    known = KnownFaces.of(faces, np.repeat(np.arange(len(sizes)), sizes))
    nearest, centre = known.likeness(asked)
    stops = np.cumsum(sizes)
    for person, (stop, size) in enumerate(zip(stops.tolist(), sizes, strict=True)):
        own = faces[stop - size : stop]
        assert np.array_equal(known.vectors(known.rows_of(person)), own)
        assert np.allclose(nearest[:, person], (asked @ own.T).max(axis=1) / 2, atol=1e-6)
        assert np.allclose(centre[:, person], asked @ centroid(own) / 2, atol=1e-6)
