"""Open-set identification against the definitions, probe by probe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta

from faceml.errors import NotEnoughData, WrongUse
from faceml.metrics import identification
from faceml.metrics.identification import (
    Answers,
    answer,
    dir_at_far,
    rank_one,
    rate_interval,
    split_open_set,
)


def people(seed: int, *, count: int, faces: int, spread: float) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((count, 32)), faces, axis=0)
    rows += spread * rng.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), np.arange(len(rows)) // faces


probes = st.lists(
    st.tuples(st.integers(-8, 8).map(lambda n: n / 8), st.booleans(), st.booleans()), min_size=2, max_size=40
).filter(lambda rows: {mated for _, _, mated in rows} == {True, False})


def slow_dir(rows: list[tuple[float, bool, bool]], far: float) -> float:
    best = 0.0
    unknown = [similarity for similarity, _, mated in rows if not mated]
    mated = [(similarity, right) for similarity, right, mated in rows if mated]
    for threshold in {similarity for similarity, _, _ in rows}:
        if sum(similarity >= threshold for similarity in unknown) / len(unknown) <= far:
            best = max(best, sum(right and similarity >= threshold for similarity, right in mated) / len(mated))
    return best


@given(probes, st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_dir_at_far_equals_trying_every_threshold(rows: list[tuple[float, bool, bool]], far: float) -> None:
    similarity, right, mated = (np.array(column) for column in zip(*rows, strict=True))
    answers = Answers(similarity.astype(np.float32), right & mated, mated)
    honest = [(s, bool(r and m), m) for s, r, m in rows]
    assert dir_at_far(answers, far) == pytest.approx(slow_dir(honest, far))


def test_answer_finds_the_nearest_gallery_face_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = people(0, count=30, faces=4, spread=1.0)
    gallery, asked = rows[::4], np.delete(rows, np.s_[::4], axis=0)
    who = np.delete(labels, np.s_[::4])
    monkeypatch.setattr(identification, "BLOCK_SCORES", 100)
    found = answer(asked, who, gallery[:20], labels[::4][:20])
    scores = asked @ gallery[:20].T
    np.testing.assert_allclose(found.similarities, scores.max(axis=1), atol=1e-6)
    assert found.is_right.tolist() == (scores.argmax(axis=1) == who).tolist()
    assert found.is_mated.tolist() == (who < 20).tolist()


def test_rank_one_asks_mated_probes_only() -> None:
    found = Answers(np.ones(3, np.float32), np.array([True, False, False]), np.array([True, True, False]))
    assert rank_one(found) == 0.5


def test_split_enrols_few_faces_of_some_people_and_leaves_probes_of_each() -> None:
    labels = np.repeat([f"p{n}" for n in range(20)], [5] * 10 + [3] * 10)
    trial = split_open_set(labels, gallery_faces=3, unknown_share=0.5)
    enrolled, sizes = np.unique(labels[trial.gallery], return_counts=True)
    assert len(enrolled) == 5
    assert set(sizes) == {3}
    assert set(enrolled) <= {f"p{n}" for n in range(10)}
    assert set(enrolled) <= set(labels[trial.probes])
    assert sorted([*trial.gallery, *trial.probes]) == list(range(len(labels)))
    with pytest.raises(NotEnoughData, match="6 labelled faces"):
        split_open_set(labels, gallery_faces=5)


def test_an_open_set_without_strangers_or_without_friends_is_refused() -> None:
    friends = Answers(np.ones(2, np.float32), np.ones(2, bool), np.ones(2, bool))
    strangers = Answers(np.ones(2, np.float32), np.zeros(2, bool), np.zeros(2, bool))
    with pytest.raises(NotEnoughData, match="leave some people out"):
        dir_at_far(friends, 0.1)
    with pytest.raises(NotEnoughData, match="enrol some"):
        rank_one(strangers)
    with pytest.raises(WrongUse, match="far 2"):
        dir_at_far(friends, 2)
    with pytest.raises(WrongUse, match="do not fit"):
        answer(np.eye(2), ["a"], np.eye(2), ["a", "b"])


def test_rate_interval_of_independent_faces_is_clopper_pearsons() -> None:
    hits = np.zeros(50, bool)
    hits[:10] = True
    found = rate_interval(hits, np.arange(50), confidence=0.95)
    assert found.value == 0.2
    assert found.low == pytest.approx(beta.ppf(0.025, 10, 41), abs=0.01)
    assert found.high == pytest.approx(beta.ppf(0.975, 11, 40), abs=0.01)


def test_rate_interval_widens_where_faces_of_one_person_go_together() -> None:
    hits = np.repeat(np.arange(10) < 2, 10)
    together = rate_interval(hits, np.repeat(np.arange(10), 10), confidence=0.95)
    apart = rate_interval(hits, np.arange(100), confidence=0.95)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_rate_interval_of_no_hit_counts_each_person_once() -> None:
    found = rate_interval(np.zeros(120, bool), np.arange(120) // 3, confidence=0.95)
    assert found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 40))
