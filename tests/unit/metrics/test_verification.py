"""Verification measures against the definitions, threshold by threshold, and the counted curve against the exact."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from faceml.errors import NotEnoughData, WrongUse
from faceml.metrics import verification
from faceml.metrics.verification import Roc, count_pairs, eer, pair_scores, roc, roc_of_counts, tar_at_far

similarities = st.lists(st.integers(-8, 8).map(lambda n: n / 8), min_size=1, max_size=40)


def people(
    seed: int, *, count: int, faces: int, spread: float, width: int = 32
) -> tuple[NDArray[np.float32], list[str]]:
    """`count` synthetic people with `faces` unit vectors each."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((count, width)), faces, axis=0)
    rows += spread * rng.standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), [f"person {n // faces}" for n in range(count * faces)]


def slow_tar_at_far(genuine: list[float], impostor: list[float], far: float) -> float:
    """The best share accepted over all thresholds that keep to `far`, tried one by one."""
    best = 0.0
    for threshold in {*genuine, *impostor}:
        if sum(score >= threshold for score in impostor) / len(impostor) <= far:
            best = max(best, sum(score >= threshold for score in genuine) / len(genuine))
    return best


def slow_eer(genuine: list[float], impostor: list[float]) -> float:
    """Walk down the thresholds until far meets the share refused; on the way there both change on a straight line."""
    before = (0.0, 1.0)
    for threshold in sorted({*genuine, *impostor}, reverse=True):
        far = sum(score >= threshold for score in impostor) / len(impostor)
        refused = sum(score < threshold for score in genuine) / len(genuine)
        if far >= refused:
            (far0, refused0), steps = before, np.linspace(0, 1, 100_001)
            nearest = np.argmin(abs((far0 + steps * (far - far0)) - (refused0 + steps * (refused - refused0))))
            return float(far0 + steps[nearest] * (far - far0))
        before = (far, refused)
    raise AssertionError("everything is accepted at the lowest threshold")


@given(similarities, similarities, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0]))
def test_tar_at_far_equals_trying_every_threshold(genuine: list[float], impostor: list[float], far: float) -> None:
    point = tar_at_far(roc(genuine, impostor), far)
    assert point.tar == pytest.approx(slow_tar_at_far(genuine, impostor, far))
    assert point.far <= far
    assert point.tar == pytest.approx(np.mean(np.array(genuine) >= point.threshold))


@given(similarities, similarities)
def test_eer_equals_walking_down_the_thresholds(genuine: list[float], impostor: list[float]) -> None:
    assert eer(roc(genuine, impostor)) == pytest.approx(slow_eer(genuine, impostor), abs=2e-5)


@given(similarities, similarities)
def test_roc_equals_scikit_learns(genuine: list[float], impostor: list[float]) -> None:
    curve = roc(genuine, impostor)
    truth = [1] * len(genuine) + [0] * len(impostor)
    far, tar, thresholds = roc_curve(truth, genuine + impostor, drop_intermediate=False)
    np.testing.assert_allclose(curve.far, far)
    np.testing.assert_allclose(curve.tar, tar)
    np.testing.assert_allclose(curve.thresholds, thresholds)


def test_a_thousandth_of_a_thousand_pairs_is_one_pair() -> None:
    """1 - 999/1000 in floating point is above 1e-3; the curve must not lose the pair over it."""
    point = tar_at_far(roc([0.5], np.linspace(0, 0.6, 1000)), 1e-3)
    assert point.far == 1e-3


def test_pair_scores_names_each_pair_once() -> None:
    rows, labels = people(0, count=5, faces=3, spread=0.5)
    scores = pair_scores(rows, labels)
    expected = [
        (labels[i] == labels[j], float(rows[i] @ rows[j])) for i in range(len(rows)) for j in range(i + 1, len(rows))
    ]
    np.testing.assert_allclose(np.sort(scores.genuine), sorted(s for same, s in expected if same), atol=1e-6)
    np.testing.assert_allclose(np.sort(scores.impostor), sorted(s for same, s in expected if not same), atol=1e-6)


def counted_curve(rows: NDArray[np.float32], labels: list[str]) -> Roc:
    codes = np.unique(labels, return_inverse=True)[1]
    ((genuine,), (impostor,)) = count_pairs(rows, codes, np.zeros(len(codes), np.intp)).drawn(np.ones((1, 1)))
    return roc_of_counts(genuine, impostor)


def test_counted_curve_lies_on_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = people(1, count=60, faces=5, spread=1.2)
    shuffled = np.random.default_rng(0).permutation(len(rows))
    rows, labels = rows[shuffled], [labels[row] for row in shuffled]
    scores = pair_scores(rows, labels)
    monkeypatch.setattr(verification, "BLOCK_SCORES", 1_000)
    counted = counted_curve(rows, labels)
    for far in (1e-1, 1e-2, 1e-3):
        point = tar_at_far(counted, far)
        # Scores within float32 rounding of the bin's edge may fall on either side: one pair of 600, one of 44,250.
        assert point.tar == pytest.approx(np.mean(scores.genuine >= point.threshold), abs=1.1 / len(scores.genuine))
        assert point.far == pytest.approx(np.mean(scores.impostor >= point.threshold), abs=1.1 / len(scores.impostor))
        assert point.tar == pytest.approx(tar_at_far(roc(scores.genuine, scores.impostor), far).tar, abs=0.01)
    assert eer(counted) == pytest.approx(eer(roc(scores.genuine, scores.impostor)), abs=1e-3)


def test_many_faces_need_no_square_of_memory() -> None:
    rows, labels = people(2, count=2_000, faces=4, spread=0.8, width=16)
    tracemalloc.start()
    counted_curve(rows, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6 < 4 * len(rows) ** 2


def test_a_side_without_pairs_is_refused_with_what_is_needed() -> None:
    rows, _ = people(6, count=3, faces=1, spread=1.0)
    for labels in (["a", "b", "c"], ["a", "a", "a"]):
        with pytest.raises(NotEnoughData, match="label two people, one of them with two faces"):
            counted_curve(rows, labels)
    with pytest.raises(NotEnoughData):
        pair_scores(np.empty((0, 4)), [])


def test_a_rate_that_is_no_share_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WrongUse, match=r"far 1\.5"):
        tar_at_far(roc([1.0], [0.0]), 1.5)
    with pytest.raises(WrongUse, match="do not fit"):
        pair_scores(np.eye(3), ["a"])
