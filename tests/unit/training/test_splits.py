"""Folds and splits keep apart what must be apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.training.splits import identity_folds, split_faces

labels = st.lists(st.integers(0, 12), min_size=1, max_size=120)


@given(labels, st.integers(0, 5))
def test_a_split_is_disjoint_complete_and_has_each_person_on_both_sides(people: list[int], seed: int) -> None:
    split = split_faces(people, seed=seed)
    assert sorted([*split.training, *split.validation]) == list(range(len(people)))
    sizes = np.unique(people, return_counts=True)
    for person, size in zip(*sizes, strict=True):
        kept = sum(people[row] == person for row in split.validation)
        assert kept == (0 if size == 1 else max(1, round(0.2 * size)))


@given(labels, st.integers(2, 5), st.integers(0, 5))
def test_no_person_is_in_two_folds(people: list[int], count: int, seed: int) -> None:
    folds = identity_folds(people, count=count, seed=seed)
    for person in set(people):
        assert len({int(fold) for fold, who in zip(folds, people, strict=True) if who == person}) == 1
    assert folds.min() >= 0
    assert folds.max() < count


def test_folds_hold_about_as_many_people_and_faces() -> None:
    people = np.repeat(np.arange(200), [*range(5, 13)] * 10 + [1] * 120)
    folds = identity_folds(people, count=5, seed=3)
    assert [len(np.unique(people[folds == fold])) for fold in range(5)] == [40] * 5
    faces = np.bincount(folds)
    assert faces.max() - faces.min() < 12


def test_only_so_many_faces_are_held_out_and_the_others_never() -> None:
    people = np.repeat(np.arange(100), 10)
    folds = identity_folds(people, count=5, seed=0, most_faces=200)
    assert (folds >= 0).sum() == 200
    assert len(np.unique(folds[folds >= 0])) == 5


@pytest.mark.parametrize("what", ["split", "folds"])
def test_the_same_seed_deals_alike_and_another_does_not(what: str) -> None:
    people = np.repeat(np.arange(30), 6)

    def deal(seed: int) -> list[int]:
        if what == "split":
            return split_faces(people, seed=seed).validation.tolist()
        return identity_folds(people, count=5, seed=seed).tolist()

    assert deal(1) == deal(1)
    assert deal(1) != deal(2)
