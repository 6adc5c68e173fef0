"""Assignment against a slow obvious matcher, and what it promises at the edges."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity import assignment
from faceml.identity.assignment import match_people


def unit_rows(rng: np.random.Generator, count: int, width: int) -> NDArray[np.float32]:
    rows = rng.standard_normal((count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slow_match(
    probe: NDArray[np.float32], prototypes: NDArray[np.float32], people: list[int], banned: set[int]
) -> list[tuple[float, int]]:
    """(similarity, person) of every person who may be proposed, best first."""
    best: dict[int, float] = {}
    for prototype, person in zip(prototypes, people, strict=True):
        if person not in banned:
            best[person] = max(best.get(person, -np.inf), float(probe @ prototype))
    return sorted(((similarity, person) for person, similarity in best.items()), reverse=True)


@given(
    seed=st.integers(0, 10_000),
    probes=st.integers(0, 12),
    people=st.lists(st.sampled_from([0, 1, 2, 5, 9]), max_size=12),
    bans=st.lists(st.tuples(st.integers(0, 11), st.sampled_from([0, 1, 2, 5, 7, 9])), max_size=15),
    block=st.integers(1, 60),
)
def test_match_people_equals_looking_at_every_prototype(
    seed: int, probes: int, people: list[int], bans: list[tuple[int, int]], block: int
) -> None:
    rng = np.random.default_rng(seed)
    asked, prototypes = unit_rows(rng, probes, 6), unit_rows(rng, len(people), 6)
    bans = [(probe, person) for probe, person in bans if probe < probes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "BLOCK_SCORES", block)
        found = match_people(asked, prototypes, people, min_similarity=0.3, rejected=bans)
    for row, probe in enumerate(asked):
        ranked = slow_match(probe, prototypes, people, {person for banned, person in bans if banned == row})
        first, second = [*ranked, (-np.inf, -1), (-np.inf, -1)][:2]
        assert found.candidate_rows[row] == first[1]
        assert found.runner_up_rows[row] == second[1]
        assert found.similarities[row] == pytest.approx(first[0], abs=1e-6)
        assert found.runner_up_similarities[row] == pytest.approx(second[0], abs=1e-6)
        assert found.person_rows[row] == (first[1] if first[0] >= 0.3 else -1)
        assert found.margins[row] == pytest.approx(first[0] - second[0] if second[1] >= 0 else np.inf, abs=1e-6)
        if first[1] >= 0:
            assert people[found.prototype_rows[row]] == first[1]
            assert probe @ prototypes[found.prototype_rows[row]] == pytest.approx(first[0], abs=1e-6)


def test_a_stranger_stays_unknown() -> None:
    rows = unit_rows(np.random.default_rng(0), 50, 64)
    probes = np.concatenate((rows[:5], -rows[:1]))
    assert match_people(probes, rows, np.arange(50), min_similarity=0.9).person_rows.tolist() == [0, 1, 2, 3, 4, -1]


def test_a_similarity_that_just_reaches_the_threshold_is_enough() -> None:
    probe = np.array([[0.5, 0.0]], np.float32)
    assert match_people(probe, np.eye(2), [0, 1], min_similarity=0.5).person_rows.tolist() == [0]


def test_a_rejected_person_is_neither_proposed_nor_runner_up_through_any_of_their_prototypes() -> None:
    probe = np.array([[1.0, 0.0]])
    prototypes = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.6], [0.0, 1.0]])
    found = match_people(probe, prototypes, [3, 3, 4, 5], min_similarity=0.5, rejected=[(0, 3)])
    assert (found.person_rows[0], found.runner_up_rows[0]) == (4, 5)


def test_where_everybody_is_rejected_there_is_no_candidate() -> None:
    found = match_people(np.eye(2), np.eye(2), [0, 1], min_similarity=-1, rejected=[(0, 0), (0, 1)])
    assert (found.candidate_rows[0], found.prototype_rows[0], found.similarities[0]) == (-1, -1, -np.inf)
    assert found.margins[0] == np.inf
    assert found.person_rows[1] == 1


def test_without_people_every_face_is_unknown() -> None:
    found = match_people(np.eye(3), np.empty((0, 3)), [], min_similarity=0.5)
    assert found.person_rows.tolist() == [-1, -1, -1]


def test_a_library_of_one_person_has_no_runner_up() -> None:
    found = match_people(np.eye(2), np.eye(2), [6, 6], min_similarity=0.5)
    assert found.person_rows.tolist() == [6, 6]
    assert found.runner_up_rows.tolist() == [-1, -1]
    assert found.margins.tolist() == [np.inf, np.inf]


def test_memory_does_not_grow_with_the_probes_beyond_their_answers() -> None:
    rng = np.random.default_rng(0)
    probes, prototypes = unit_rows(rng, 200_000, 8), unit_rows(rng, 400, 8)
    tracemalloc.start()
    match_people(probes, prototypes, np.arange(400) // 4, min_similarity=0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * len(probes) + 4 * 3 * assignment.BLOCK_SCORES < 4 * len(probes) * 400


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(WrongUse, match="do not fit"):
        match_people(np.eye(2), np.eye(3), [0, 1, 2], min_similarity=0.5)
    with pytest.raises(WrongUse, match="one person a prototype"):
        match_people(np.eye(2), np.eye(2), [0], min_similarity=0.5)
    with pytest.raises(WrongUse, match="person row -1"):
        match_people(np.eye(2), np.eye(2), [0, -1], min_similarity=0.5)
    with pytest.raises(WrongUse, match="names probe 2"):
        match_people(np.eye(2), np.eye(2), [0, 1], min_similarity=0.5, rejected=[(2, 0)])
    with pytest.raises(WrongUse, match="NaN"):
        match_people(np.full((1, 2), np.nan), np.eye(2), [0, 1], min_similarity=0.5)
