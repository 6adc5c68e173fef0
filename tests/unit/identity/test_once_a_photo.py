"""Each person once a photo: the best of all ways, labels first, and every face on its own where nothing is shared."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.identity.once_a_photo import Photos

PEOPLE = 4


def ranked(scores: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    order = np.argsort(-scores, axis=1, kind="stable")
    return order, np.take_along_axis(scores, order, axis=1)


def best_of_all_ways(scores: NDArray[np.float32], taken: set[int]) -> float:
    """The highest sum over every way to give faces different people, trying them all; a face may get nobody."""
    sums = []
    for way in product(range(-1, scores.shape[1]), repeat=len(scores)):
        given_ = [person for person in way if person >= 0]
        if len(given_) == len(set(given_)) and not taken & set(given_) and len(given_) == most(scores, taken):
            sums.append(sum(float(scores[face, person]) for face, person in enumerate(way) if person >= 0))
    return max(sums, default=0.0)


def most(scores: NDArray[np.float32], taken: set[int]) -> int:
    return min(len(scores), scores.shape[1] - len(taken))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sets(st.integers(0, PEOPLE - 1), max_size=3))
def test_a_photo_is_settled_the_best_of_all_ways(seed: int, faces: int, taken: set[int]) -> None:
    scores = np.random.default_rng(seed).uniform(-1, 1, (faces, PEOPLE)).astype(np.float32)
    photos = Photos.of(np.full(faces, 5), [(5, person) for person in taken] + [(6, 0)])
    found = photos.settle(*ranked(scores), -np.inf)
    given_ = found.candidate_rows[found.candidate_rows >= 0].tolist()
    assert len(set(given_)) == len(given_) == most(scores, taken)
    assert not taken & set(given_)
    total = float(found.similarities[found.candidate_rows >= 0].sum())
    assert abs(total - best_of_all_ways(scores, taken)) < 1e-5


def test_many_photos_are_settled_each_as_if_alone() -> None:
    rng = np.random.default_rng(1)
    numbers, taken = rng.integers(0, 40, 100), np.column_stack((np.arange(0, 40, 3), rng.integers(0, PEOPLE, 14)))
    people, scores = ranked(rng.uniform(-1, 1, (100, PEOPLE)).astype(np.float32))
    found = Photos.of(numbers, taken).settle(people, scores, 0.0)
    for number in range(40):
        rows = np.flatnonzero(numbers == number)
        alone = Photos.of(numbers[rows], taken[taken[:, 0] == number]).settle(people[rows], scores[rows], 0.0)
        assert found.candidate_rows[rows].tolist() == alone.candidate_rows.tolist()
        assert found.person_rows[rows].tolist() == alone.person_rows.tolist()


def test_faces_of_different_photos_do_not_mind_each_other() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.2]], np.float32)
    found = Photos.of([1, 2]).settle(*ranked(scores), 0.85)
    assert found.candidate_rows.tolist() == [0, 0]
    assert found.person_rows.tolist() == [0, -1]
    assert found.runner_up_rows.tolist() == [1, 1]


def test_who_loses_a_person_to_a_better_face_has_them_as_runner_up() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.2]], np.float32)
    found = Photos.of([1, 1]).settle(*ranked(scores), 0.5)
    assert found.person_rows.tolist() == [0, -1]
    assert found.candidate_rows.tolist() == [0, 1]
    assert found.runner_up_rows.tolist() == [1, 0]
    assert np.allclose(found.runner_up_similarities, [0.1, 0.8])


def test_a_person_labelled_on_the_photo_is_given_to_no_other_face() -> None:
    found = Photos.of([3], [(3, 0)]).settle(*ranked(np.array([[0.9, 0.1]], np.float32)), 0.0)
    assert found.candidate_rows.tolist() == [1]


def test_more_faces_than_people_leave_the_worst_without() -> None:
    found = Photos.of([1, 1, 1]).settle(*ranked(np.array([[0.9], [0.5], [0.7]], np.float32)), 0.0)
    assert found.candidate_rows.tolist() == [0, -1, -1]
    assert np.isneginf(found.similarities[1:]).all()
    assert found.runner_up_rows.tolist() == [-1, 0, 0]


def test_without_photos_the_best_counts() -> None:
    found = Photos.of(None).settle(*ranked(np.array([[0.2, 0.9]] * 3, np.float32)), 0.0)
    assert found.candidate_rows.tolist() == [1, 1, 1]
