"""Suggestions on synthetic people whose truth is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity import suggestions
from faceml.identity.suggestions import (
    LEAST_RECOGNISED,
    distance_to_change,
    halve,
    likelihood,
    misfit,
    near_groups,
    nearest_faces,
)


def people(seed: int, count: int, faces: int, *, width: int = 128, spread: float = 0.7) -> NDArray[np.float32]:
    """Unit vectors of `count` synthetic people, `faces` each, person after person."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((count, width)), faces, axis=0)
    rows += spread * rng.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def means_of(rows: NDArray[np.float32], groups: NDArray[np.intp]) -> NDArray[np.float32]:
    return np.stack([rows[groups == number].mean(axis=0) for number in range(groups.max() + 1)])


def test_the_halves_of_one_person_are_near_and_nobody_else() -> None:
    rows = people(0, 20, 8)
    groups = np.repeat(np.arange(20), 8)
    groups[:4], groups[24:27] = 20, 21  # parts of persons 0 and 3 in groups of their own
    found = near_groups(means_of(rows, groups), min_similarity=0.5)
    assert {(pair.first, pair.second) for pair in found} == {(0, 20), (3, 21)}
    assert found[0].similarity >= found[1].similarity


@given(st.integers(0, 1_000), st.integers(1, 40))
def test_the_evidence_equals_forming_every_pair(seed: int, block: int) -> None:
    rows = people(seed, 6, 4, width=8)
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(6), 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "BLOCK_SCORES", block)
        found = near_groups(means_of(rows, groups), min_similarity=-1.0)
        assert {(pair.first, pair.second) for pair in found} == set(itertools.combinations(range(6), 2))
        for pair in found:
            one, two = rows[groups == pair.first], rows[groups == pair.second]
            middles = [x.mean(axis=0) / np.linalg.norm(x.mean(axis=0)) for x in (one, two)]
            assert pair.similarity == pytest.approx(middles[0] @ middles[1], abs=1e-5)
            assert pair.mean_linkage == pytest.approx((one @ two.T).mean(), abs=1e-5)
            nearest = nearest_faces(one, two)
            assert nearest.similarity == pytest.approx((one @ two.T).max(), abs=1e-5)
            assert one[nearest.first] @ two[nearest.second] == pytest.approx(nearest.similarity, abs=1e-5)
    ranks = [pair.similarity for pair in found]
    assert ranks == sorted(ranks, reverse=True)


@given(st.integers(0, 1_000), st.integers(1, 40), st.integers(1, 20))
def test_pairs_kept_apart_make_room_for_the_next(seed: int, block: int, limit: int) -> None:
    means = people(seed, 8, 1, width=4)
    rng = np.random.default_rng(seed)
    apart = [rng.permutation(8)[:2].tolist() for _ in range(5)]
    everything = near_groups(means, min_similarity=-1.0, limit=1_000)
    allowed = [pair for pair in everything if {pair.first, pair.second} not in [set(pair) for pair in apart]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suggestions, "BLOCK_SCORES", block)
        found = near_groups(means, min_similarity=-1.0, different=apart, limit=limit)
    assert [(p.first, p.second) for p in found] == [(p.first, p.second) for p in allowed[:limit]]


def test_a_group_of_two_people_is_halved_between_them() -> None:
    rows = people(2, 2, 8)[3:]
    found = halve(rows)
    assert found is not None
    assert found.smaller_rows.tolist() == list(range(5))
    assert found.larger_rows.tolist() == list(range(5, 13))
    assert found.gap > 0.4
    sides = (rows[:5].astype(np.float64), rows[5:].astype(np.float64))
    middles = [side.mean(axis=0) / np.linalg.norm(side.mean(axis=0)) for side in sides]
    assert found.similarity == pytest.approx(middles[0] @ middles[1])
    own = np.concatenate([side @ middle for side, middle in zip(sides, middles, strict=True)])
    assert found.cohesion == pytest.approx(own.mean())


def test_one_person_has_a_narrower_gap_than_two() -> None:
    one, two = halve(people(3, 1, 12)), halve(people(3, 2, 6))
    assert one is not None
    assert two is not None
    assert one.gap < 0.5 * two.gap


def test_one_outlier_is_no_half_and_equal_or_few_faces_cannot_be_halved() -> None:
    rows = people(4, 2, 6)
    assert halve(rows[:7]) is None
    assert halve(rows[:3]) is None
    assert halve(np.tile(np.eye(4)[:1], (8, 1))) is None


def test_the_answer_that_changes_first_is_the_most_uncertain() -> None:
    """Rows: sure; just below the threshold; just above; torn between two people; a sure stranger; nobody to compare."""
    similarities = [0.95, 0.39, 0.42, 0.80, 0.05, -np.inf]
    runner_ups = [0.10, 0.38, 0.10, 0.795, 0.04, -np.inf]
    distances = distance_to_change(similarities, runner_ups, threshold=0.4)
    assert distances.round(3).tolist() == [0.55, 0.01, 0.02, 0.005, 0.35, np.inf]


def test_a_face_of_somebody_else_is_a_misfit_and_an_odd_one_is_not() -> None:
    rows = people(5, 2, 9)
    own, centre = np.concatenate((rows[:8], rows[9:10])), rows[:8].mean(axis=0)
    scores = misfit(own @ (centre / np.linalg.norm(centre)), np.full(9, -np.inf))
    assert (scores[:8] < 0).all()
    assert scores[8] > 0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(WrongUse, match="do not fit"):
        distance_to_change([0.1], [0.1, 0.2], threshold=0.5)


# --- how likely a best person is right


def scores_of(rng: np.random.Generator, known: int, strangers: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores with the best person, and whether it is right: one in ten known people has somebody nearer."""
    is_right = np.concatenate((rng.random(known) < 0.9, np.zeros(strangers, bool)))
    scores = np.where(is_right, rng.normal(0.45, 0.12, len(is_right)), rng.normal(0.12, 0.06, len(is_right)))
    return scores, is_right


@pytest.mark.parametrize("strangers", [100, 1_000, 8_000])
@pytest.mark.parametrize("known", [300, 2_000])
def test_as_many_are_right_as_were_expected_however_many_strangers_there_are(strangers: int, known: int) -> None:
    rng = np.random.default_rng(strangers + known)
    labelled, is_right = scores_of(rng, 400, 0)
    library, truth = scores_of(rng, known, strangers)
    found = likelihood(labelled, is_right, library, threshold=0.35)
    assert found is not None
    chance = found.of(library)
    for low, high in ((0.05, 0.5), (0.5, 1.01)):
        here = (chance >= low) & (chance < high) & (library < 0.35)
        assert chance[here].sum() == pytest.approx(truth[here].sum(), rel=0.25, abs=3 * np.sqrt(here.sum() / 4) + 5)
    order = np.argsort(library)
    assert (np.diff(chance[order]) >= 0).all()
    assert (chance.min() >= 0, chance.max() <= 1) == (True, True)


def test_labelled_faces_alone_would_expect_too_much() -> None:
    """Where most faces are strangers', a score at which nearly all labelled ones were right is mostly theirs."""
    rng = np.random.default_rng(0)
    labelled, is_right = scores_of(rng, 400, 0)
    library, truth = scores_of(rng, 300, 8_000)
    found = likelihood(labelled, is_right, library, threshold=0.35)
    assert found is not None
    here = (library > 0.2) & (library < 0.3)
    of_labelled = is_right[(labelled > 0.2) & (labelled < 0.3)].mean()
    assert of_labelled > 0.9 > 0.5 > truth[here].mean()
    assert found.of(library[here]).mean() == pytest.approx(truth[here].mean(), abs=0.1)


def test_likelihood_is_unknown_where_labels_or_matches_are_too_few() -> None:
    few = np.full(LEAST_RECOGNISED - 1, 0.9)
    enough = np.full(LEAST_RECOGNISED, 0.9)
    assert likelihood(few, np.ones(len(few), bool), [0.9, 0.1], threshold=0.5) is None
    assert likelihood(enough, np.zeros(len(enough), bool), [0.9, 0.1], threshold=0.5) is None
    assert likelihood(enough, np.ones(len(enough), bool), [0.1, -np.inf], threshold=0.5) is None
    assert likelihood(enough, np.ones(len(enough), bool), [0.9, -np.inf], threshold=0.5) is not None
