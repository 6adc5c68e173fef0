"""Candidates on held-out people: figures as a slow count gives them, gains that are paired, ties that are ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.metrics.agreement import bcubed
from faceml.metrics.identification import answer, dir_at_far, split_open_set
from faceml.training.splits import identity_folds
from faceml.training.whitening import identity_head, within_whitening
from faceml.trial.comparison import verdict
from faceml.trial.heads import cross_fit
from faceml.trial.held_out import compare
from faceml.trial.measures import DIR, OPEN_SET_FAR, Draws, Projected, Trial, assignment, identification, verification
from tests.unit.training.made_up import people, people_in_changing_light

Array = np.ndarray[Any, Any]
FOLDS = 3


def trial_of(owners: Array) -> Trial:
    return Trial(owners, identity_folds(owners, count=FOLDS, seed=0))


def as_is(vectors: Array, threshold: float | None = 0.5) -> Projected:
    return Projected(vectors.astype(np.float32), (threshold,) * FOLDS)


def slow_rates(vectors: Array, trial: Trial, far: float) -> tuple[float, int, int]:
    """TAR at a FAR over the pairs within folds, pair by pair."""
    genuine, impostor = [], []
    for i in range(len(vectors)):
        for j in range(i):
            if trial.folds[i] == trial.folds[j]:
                same = trial.labels[i] == trial.labels[j]
                (genuine if same else impostor).append(float(vectors[i] @ vectors[j]))
    allowed = int(far * len(impostor))
    threshold = sorted(impostor, reverse=True)[allowed]
    return float(np.mean([score > threshold for score in genuine])), len(genuine), len(impostor)


def test_tar_is_what_counting_pair_by_pair_gives() -> None:
    vectors, owners = people(30, 6, spread=2.0)
    trial = trial_of(owners)
    found = compare(trial, {"raw": as_is(vectors)}, resamples=10)
    expected, genuine, impostor = slow_rates(vectors, trial, 1e-2)
    # Scores are counted in bins, so a pair or two at the threshold may fall on either side.
    assert found.measured["raw"]["tar@far=1e-2"].value == pytest.approx(expected, abs=2.1 / genuine)
    assert found.primary == "tar@far=1e-2"
    assert found.missing["tar@far=1e-3"] == f"{impostor} pairs of two people; 10000 are needed for 1e-3"
    assert (found.people, found.faces, found.folds) == (30, 180, FOLDS)


def test_clusters_are_judged_fold_by_fold() -> None:
    vectors, owners = people(12, 6, spread=0.3)
    trial = trial_of(owners)
    found = compare(trial, {"raw": as_is(vectors)}, resamples=10)
    assert bcubed(owners, owners).f == found.measured["raw"]["bcubed_f"].value == 1.0


def test_identification_is_what_the_open_set_trial_gives_and_weighs_people_as_drawn() -> None:
    vectors, owners = people(24, 6, spread=1.6)
    trial = Trial(owners, np.zeros(len(owners), np.intp))  # one fold, so that one open set is one call
    draws = Draws.of(trial, 20, seed=1)
    values, _ = identification(trial, Projected(vectors, (None,)), draws, 0)[DIR]
    similarities, is_right, is_mated, who = [], [], [], []
    for seed in range(5):
        divided = split_open_set(owners, seed=seed)
        found = answer(
            vectors[divided.probes], owners[divided.probes], vectors[divided.gallery], owners[divided.gallery]
        )
        similarities.append(found.similarities)
        is_right.append(found.is_right)
        is_mated.append(found.is_mated)
        who.append(owners[divided.probes])
    for draw, times in enumerate(draws.times):
        # Each face as often as its person was drawn, then the plain measure.
        repeated = np.repeat(np.arange(len(np.concatenate(who))), times[np.concatenate(who)].astype(int))
        plain = type(found)(*(np.concatenate(part)[repeated] for part in (similarities, is_right, is_mated)))
        assert values[draw] == pytest.approx(dir_at_far(plain, OPEN_SET_FAR))


def test_assignment_counts_strangers_against_precision_and_the_unnamed_against_recall() -> None:
    vectors, owners = people(12, 6, spread=0.3)
    trial = Trial(owners, np.zeros(len(owners), np.intp))
    draws = Draws.of(trial, 0, seed=0)

    def at(threshold: float) -> tuple[float, float]:
        found = assignment(trial, Projected(vectors, (threshold,)), draws, 0)
        return float(found["assignment_precision"][0][0]), float(found["assignment_recall"][0][0])

    assert at(0.6) == (1.0, 1.0)
    assert at(0.999)[1] == 0.0
    precision, recall = at(-1.0)  # everybody gets a name: 6 people with 3 faces left are known, 36 faces are strangers'
    assert (precision, recall) == (18 / 54, 1.0)


def test_what_one_candidate_lacks_is_compared_for_none() -> None:
    vectors, owners = people(12, 6)
    found = compare(trial_of(owners), {"raw": as_is(vectors), "head": as_is(vectors, None)}, resamples=10)
    assert "assignment_recall" not in found.measured["raw"]
    assert "10 with two faces or more" in found.missing["assignment_recall"]


def test_a_tie_is_exactly_zero_and_refused() -> None:
    vectors, owners = people(40, 6, spread=2.0)
    turned = vectors @ np.linalg.qr(np.random.default_rng(0).normal(size=(32, 32)))[0]
    found = compare(trial_of(owners), {"raw": as_is(vectors), "same": as_is(vectors), "turned": as_is(turned)})
    assert {
        (gain.value, gain.low, gain.high) for gain in found.gains if "turned" not in (gain.challenger, gain.rival)
    } == {(0.0, 0.0, 0.0)}
    assert not verdict(found, challenger="same", rivals=["raw"]).promotes
    assert not verdict(found, challenger="turned", rivals=["raw"]).promotes


def test_a_gain_that_holds_for_people_never_seen_is_found_and_a_loss_too() -> None:
    vectors, owners = people_in_changing_light(40, 8)
    trial = trial_of(owners)
    shuffled = np.random.default_rng(0).permutation(owners)
    candidates = {
        "raw": cross_fit(vectors, owners, trial.folds, lambda _: identity_head(32)),
        "learnt": cross_fit(
            vectors, owners, trial.folds, lambda rows: within_whitening(vectors[rows], owners[rows], shrinkage=0.1)
        ),
        "poisoned": cross_fit(
            vectors, owners, trial.folds, lambda rows: within_whitening(vectors[rows], shuffled[rows], shrinkage=0.1)
        ),
    }
    found = compare(trial, candidates)
    assert verdict(found, challenger="learnt", rivals=["raw", "poisoned"]).promotes
    assert not verdict(found, challenger="poisoned", rivals=["learnt"]).promotes
    forward, backward = found.gain("learnt", "poisoned", "eer"), found.gain("poisoned", "learnt", "eer")
    assert forward is not None
    assert backward is not None
    assert (backward.value, backward.low, backward.high) == pytest.approx((-forward.value, -forward.high, -forward.low))


def test_people_never_held_out_are_not_measured() -> None:
    vectors, owners = people(30, 6, spread=2.0)
    folds = identity_folds(owners, count=FOLDS, seed=0, most_faces=120)
    spoilt = vectors.copy()
    spoilt[folds < 0] = 0
    trial = Trial(owners, folds)
    some, all_of_them = (compare(trial, {"raw": as_is(rows)}, resamples=20) for rows in (spoilt, vectors))
    assert some == all_of_them
    assert (some.people, some.faces) == (20, 120)


def test_intervals_hold_the_figure_and_narrow_with_people() -> None:
    def width(count: int) -> float:
        vectors, owners = people(count, 6, spread=2.0)
        figure = compare(trial_of(owners), {"raw": as_is(vectors)}).measured["raw"]["tar@far=1e-2"]
        assert figure.low <= figure.value <= figure.high
        return figure.high - figure.low

    assert width(240) < 0.7 * width(30)


def test_intervals_cover_the_truth_about_as_often_as_they_claim() -> None:
    """Samples of people from one world: its own rate must lie in most of the 95 % intervals, and in no trivial way."""

    def tar(vectors: Array, owners: Array, resamples: int) -> Array:
        trial = Trial(owners, np.zeros(len(owners), np.intp))
        figures = verification(trial, as_is(vectors), Draws.of(trial, resamples, seed=0), seed=0)
        return figures["tar@far=1e-2"][0]

    world, owners = people(500, 4, spread=1.3, seed=4)
    truth, rng, intervals = float(tar(world, owners, 0)[0]), np.random.default_rng(0), []
    for _ in range(20):
        chosen = np.flatnonzero(np.isin(owners, rng.choice(500, 60, replace=False)))
        codes = np.unique(owners[chosen], return_inverse=True)[1]
        intervals.append(np.nanquantile(tar(world[chosen], codes, 60), (0.025, 0.975)))
    assert 0.2 < truth < 0.9
    assert sum(low <= truth <= high for low, high in intervals) >= 16
    assert max(high - low for low, high in intervals) < 0.4


def test_a_comparison_needs_raw() -> None:
    with pytest.raises(WrongUse, match="lacks 'raw'"):
        compare(trial_of(np.arange(4)), {"head": as_is(np.eye(4))})
