"""Thresholds carried from raw vectors into a projected space."""

from __future__ import annotations

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.identity.threshold_map import ThresholdMap, equal_rates, stranger_scores
from tests.conftest import people_vectors

SCORES = np.random.default_rng(0).normal(0.1, 0.12, 20_000).clip(-1, 0.999)


def test_a_space_that_changes_nothing_keeps_every_threshold() -> None:
    same = equal_rates(SCORES, np.random.default_rng(1).permutation(SCORES))
    assert same is not None
    for threshold in (0.2, 0.4, 0.6, 0.7, 0.95):
        assert same.of(threshold) == pytest.approx(threshold, abs=1e-9)


def test_as_many_strangers_pass_here_as_there() -> None:
    here = 1 - (1 - SCORES) ** 2 / 2  # another scale, the same order
    found = equal_rates(SCORES, here)
    assert found is not None
    for threshold in (0.2, 0.3, 0.4, 0.45):
        asked = (threshold <= SCORES).mean()
        assert (here >= found.of(threshold)).mean() == pytest.approx(asked, rel=0.15, abs=2e-4)


def test_beyond_the_highest_comparison_it_rises_on_and_ends_below_one() -> None:
    found = equal_rates(SCORES, np.random.default_rng(2).normal(0.5, 0.15, len(SCORES)).clip(-1, 0.999))
    assert found is not None
    mapped = [found.of(threshold) for threshold in np.linspace(0, 1, 101)]
    assert (np.diff(mapped) >= 0).all()
    assert mapped[60] < mapped[80] < 1


def test_few_comparisons_make_no_map() -> None:
    assert equal_rates(SCORES[:499], SCORES[:499]) is None
    assert equal_rates(SCORES, SCORES[:-1]) is None


def test_it_survives_its_file() -> None:
    found = equal_rates(SCORES, SCORES / 2)
    assert found is not None
    assert ThresholdMap.from_json(found.to_json()) == found
    for text in ("", "[]", '{"raw": [1]}'):
        with pytest.raises(WrongUse, match="not a map of thresholds"):
            ThresholdMap.from_json(text)


def test_strangers_are_compared_with_every_other_person_and_never_with_their_own() -> None:
    vectors, people = people_vectors(4, 3), np.repeat([5, 9, 2, 7], 3)
    slow = []
    for row, person in enumerate(people):
        for other in sorted(set(people.tolist()) - {person}):
            mean = vectors[people == other].mean(axis=0)
            slow.append(float(vectors[row] @ mean / np.linalg.norm(mean)))
    np.testing.assert_allclose(np.sort(stranger_scores(vectors, people)), np.sort(slow), atol=1e-6)
