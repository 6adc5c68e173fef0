"""The matcher: equal to a slow and obvious one, in blocks as at once, and fair to people who are everywhere."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.identity import matcher as module
from faceml.identity.calibration import calibrate_scores
from faceml.identity.cohort import choose_cohort
from faceml.identity.matcher import Matcher, fit_matcher
from faceml.identity.projection import Head, project
from faceml.identity.smoothing import smoothed

WIDTH = 16
FLOOR = 0.6


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def library(seed: int, people: int = 6, labels: int = 2, others: int = 40) -> dict[str, NDArray[np.generic]]:
    """Labelled faces of `people`, more of theirs and strangers' in the library, and groups that are mostly right."""
    rng = np.random.default_rng(seed)
    who = np.concatenate((np.repeat(np.arange(people), labels), rng.integers(0, 2 * people, others)))
    directions = rng.standard_normal((2 * people, WIDTH)) + 0.8
    vectors = unit(directions[who] + 0.9 * rng.standard_normal((len(who), WIDTH)))
    groups = np.where(rng.random(len(who)) < 0.7, who, -1)
    first = people * labels
    return {
        "labelled": vectors[:first],
        "person_rows": who[:first],
        "labelled_groups": groups[:first],
        "library": vectors[first:],
        "library_groups": groups[first:],
    }


def fitted(seed: int, **sizes: int) -> tuple[Matcher, dict[str, NDArray[np.generic]]]:
    made = library(seed, **sizes)
    return fit_matcher(**made, floor=FLOOR), made  # type: ignore[arg-type]


def slow_likeness(made: dict[str, NDArray[np.generic]], face: NDArray[np.float32], person: int) -> float:
    own = made["labelled"][made["person_rows"] == person].astype(float)
    centre = own.mean(axis=0) / np.linalg.norm(own.mean(axis=0))
    return float((max(own @ face) + centre @ face) / 2)


def slow_scores(made: dict[str, NDArray[np.generic]], cohort: NDArray[np.intp]) -> NDArray[np.float64]:
    """s(x, p) of every face of the library, word for word as the module's docstring says it."""
    people = range(int(made["person_rows"].max()) + 1)
    faces, groups = made["library"].astype(float), made["library_groups"]

    def likeness(face: NDArray[np.float64]) -> list[float]:
        return [slow_likeness(made, face, person) for person in people]

    def mean_of_30(values: list[float]) -> float:
        return float(np.mean(sorted(values)[-30:])) if values else 0.0

    of_cohort = {row: likeness(faces[row]) for row in cohort}
    shown = {row: int(np.argmax(c)) if max(c) >= FLOOR else None for row, c in of_cohort.items()}
    person_nearness = [mean_of_30([of_cohort[u][p] for u in cohort if shown[u] != p]) for p in people]
    scores = np.empty((len(faces), len(people)))
    for x, face in enumerate(faces):
        c = likeness(face)
        everybody = [
            float(face @ faces[u])
            for u in cohort
            if u != x and not (groups[u] == groups[x] != -1) and shown[u] != int(np.argmax(c))
        ]
        scores[x] = [c[p] - 0.5 * mean_of_30(everybody) - 0.5 * person_nearness[p] for p in people]
    return scores


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_scores_equal_the_slow_and_obvious_ones(seed: int, labels: int) -> None:
    found, made = fitted(seed, labels=labels)
    expected = slow_scores(made, choose_cohort(made["library_groups"]))
    got = found.scores(made["library"], made["library_groups"])
    assert np.allclose(got.total, expected, atol=1e-5)
    parts = got.nearest + got.centre + got.face[:, None] + got.person
    assert np.array_equal(parts, got.total)  # what an explanation says adds up


@pytest.fixture
def theirs(shared: Path) -> ModuleType:
    path = shared / "reference" / "matcher.py"
    spec = importlib.util.spec_from_file_location("reference_matcher", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found  # dataclasses look their module up
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_results_equal_the_reference_s(seed: int, theirs: ModuleType) -> None:
    found, made = fitted(seed, people=12, labels=5, others=200)
    other = theirs.Matcher.fit(
        made["labelled"], made["person_rows"], made["library"], made["library_groups"], made["labelled_groups"],
        floor=FLOOR,
    )  # fmt: skip
    scores = other.scores(made["library"], made["library_groups"])
    assert np.allclose(found.scores(made["library"], made["library_groups"]).total, scores, atol=1e-5)
    alone = made["library_groups"].max() + 1 + np.arange(len(scores))
    groups = np.where(made["library_groups"] < 0, alone, made["library_groups"])
    photos = np.arange(len(scores)) // 4
    people, best = theirs.once_a_photo(theirs.smooth(scores, groups), photos, [(0, 3), (2, 5)])
    matches = found.match(
        made["library"],
        groups=made["library_groups"],
        tight=made["library_groups"],
        photos=photos,
        taken=[(0, 3), (2, 5)],
    )
    assert matches.candidate_rows.tolist() == people.tolist()
    assert np.allclose(matches.similarities, best, atol=1e-5)
    threshold = calibrate_scores(found.as_strangers(), found.person_rows, fmr=1e-2, resamples=2_000).threshold
    assert threshold == pytest.approx(theirs.careful_threshold(other, 1e-2, resamples=500), abs=0.02)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found, made = fitted(1, people=12, labels=4, others=120)
    whole, whole_threshold = _answers(found, made)
    monkeypatch.setattr(module, "BLOCK_SCORES", 40 * 60)
    small, small_threshold = _answers(found, made)
    again = fit_matcher(**made, floor=FLOOR)  # type: ignore[arg-type]
    assert np.array_equal(whole.candidate_rows, small.candidate_rows)
    assert np.array_equal(whole.runner_up_rows, small.runner_up_rows)
    assert np.allclose(whole.similarities, small.similarities, atol=1e-6)
    assert small_threshold == pytest.approx(whole_threshold, abs=1e-6)
    assert np.allclose(again.person_nearness, found.person_nearness, atol=1e-6)


def _answers(found: Matcher, made: dict[str, NDArray[np.generic]]) -> tuple[module.Matches, float]:
    matches = found.match(made["library"], groups=made["library_groups"], tight=made["library_groups"])
    return matches, calibrate_scores(found.as_strangers(), found.person_rows, fmr=1e-2, resamples=20).threshold


def test_who_is_ruled_out_is_not_proposed_even_by_the_group() -> None:
    found, made = fitted(2)
    before = found.match(made["library"], groups=made["library_groups"], tight=made["library_groups"])
    bans = [(row, person) for row, person in enumerate(before.candidate_rows.tolist())]
    after = found.match(made["library"], groups=made["library_groups"], tight=made["library_groups"], ruled_out=bans)
    assert not (after.candidate_rows == before.candidate_rows).any()
    assert np.array_equal(after.candidate_rows, before.runner_up_rows)
    assert np.allclose(after.similarities, before.runner_up_similarities)


def test_a_face_below_the_threshold_is_unknown_but_keeps_its_candidate() -> None:
    found, made = fitted(3)
    middle = float(np.median(found.match(made["library"]).similarities))
    matches = found.match(made["library"], min_score=middle)
    assert np.array_equal(matches.person_rows != -1, matches.similarities >= middle)
    assert (matches.candidate_rows != -1).all()


def test_six_people_with_most_of_the_photos_are_not_punished_for_it() -> None:
    """Without leaving a person's own faces out of the cohort, who is everywhere would be near everybody."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((60, WIDTH * 4))
    who = np.concatenate((np.repeat(np.arange(6), 60), rng.integers(6, 60, 300)))
    vectors = unit(directions[who] + 0.8 * rng.standard_normal((len(who), WIDTH * 4)))
    labelled = np.concatenate([np.flatnonzero(who == person)[:2] for person in range(30)])
    others = np.setdiff1d(np.arange(len(who)), labelled)
    nobody = np.full(len(who), -1)  # as in no group: each of their faces is in the cohort
    made = fit_matcher(vectors[labelled], who[labelled], nobody[labelled], vectors[others], nobody[others], floor=0.4)
    unfair = replace(made, cohort=replace(made.cohort, person_rows=np.full(len(made.cohort.vectors), -1)))
    asked = others[who[others] < 6]
    fair_scores = made.match(vectors[asked]).similarities
    unfair_scores = unfair.match(vectors[asked]).similarities
    assert np.median(fair_scores) > np.median(unfair_scores) + 0.1
    assert (made.match(vectors[asked]).candidate_rows == who[asked]).mean() > 0.95


def test_one_label_a_person_is_enough_for_a_threshold() -> None:
    found, _ = fitted(4, people=60, labels=1, others=200)
    calibration = calibrate_scores(found.as_strangers(), found.person_rows, fmr=1e-3)
    assert (calibration.people, calibration.faces) == (60, 60)
    assert calibration.is_extrapolated
    assert calibration.threshold > float(found.as_strangers().impostor.max()) - 0.3
    assert (calibration.own_matches.low, calibration.own_matches.high) == (0.0, 1.0)  # nothing is known of it


def test_a_labelled_face_is_never_compared_with_itself() -> None:
    found, _ = fitted(5, people=12, labels=1)
    scores = found.as_strangers()
    assert np.isneginf(scores.genuine).all()


@pytest.mark.parametrize("block", [200, 4_000_000])
def test_a_sample_of_labelled_faces_scores_what_it_scores_among_all(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = fitted(8, people=12, labels=5, others=100)
    probes = np.sort(np.random.default_rng(0).choice(60, 25, replace=False))
    everybody = found.as_strangers()
    monkeypatch.setattr(module, "BLOCK_SCORES", block)
    sample = found.as_strangers(probes)
    np.testing.assert_allclose(sample.genuine, everybody.genuine[probes], atol=1e-6)
    np.testing.assert_allclose(sample.impostor, everybody.impostor[probes], atol=1e-6)
    assert sample.comparisons == 25 * 11
    assert np.array_equal(everybody.probes, np.arange(60))
    calibration = calibrate_scores(sample, found.person_rows, fmr=1e-2)
    assert (calibration.faces, calibration.probes, calibration.people) == (60, 25, 12)


def test_a_head_is_applied_to_the_people_the_cohort_and_the_faces() -> None:
    made = library(6)
    rng = np.random.default_rng(6)
    head = Head(
        rng.standard_normal(WIDTH).astype(np.float32) / 10, rng.standard_normal((WIDTH, WIDTH)).astype(np.float32), ()
    )
    through = {key: (value if value.ndim == 1 else project(head, value)) for key, value in made.items()}
    inside = fit_matcher(**made, floor=FLOOR, head=head)  # type: ignore[arg-type]
    outside = fit_matcher(**through, floor=FLOOR)  # type: ignore[arg-type]
    assert np.array_equal(inside.match(made["library"]).similarities, outside.match(through["library"]).similarities)


def test_groups_of_one_face_keep_their_scores_and_a_group_shares_its_mean() -> None:
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.2, 0.4]], np.float32)
    mixed = smoothed(scores, [7, 7, 3, -1], weight=0.4)
    assert np.allclose(mixed, [[0.8, 0.2], [0.2, 0.8], [0.5, 0.5], [0.2, 0.4]])


def test_the_cohort_has_one_face_of_each_group_and_every_face_in_none() -> None:
    groups = np.array([0, 0, -1, 1, -1, 1, 1])
    rows = choose_cohort(groups)
    assert sorted(groups[rows].tolist()) == [-1, -1, 0, 1]
    assert len(choose_cohort(groups, most=2)) == 2
    assert choose_cohort([]).tolist() == []


def test_nobody_labelled_is_said() -> None:
    made = library(0)
    nobody = {key: value[:0] if key.startswith(("labelled", "person")) else value for key, value in made.items()}
    with pytest.raises(NotEnoughData, match="label some clusters first"):
        fit_matcher(**nobody, floor=FLOOR)  # type: ignore[arg-type]


def test_a_library_without_other_faces_compares_plainly() -> None:
    made = library(7)
    alone = fit_matcher(
        **{**made, "library": made["library"][:0], "library_groups": made["library_groups"][:0]}, floor=1
    )  # type: ignore[arg-type]
    scores = alone.scores(made["library"], made["library_groups"])
    assert not scores.face.any()
    assert not scores.person.any()
