"""The supervised half of dual mode: who is assigned, who is left to cluster, who goes to review."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.errors import WrongUse
from faceml.identity.assignment import Matches, match_people
from faceml.identity.dual_mode import dual_mode

ALICE, BOB = 3, 8
PROTOTYPES = np.eye(3, dtype=np.float32)[:2]
PEOPLE = [ALICE, BOB]
LIKE_ALICE = [[1.0, 0.0, 0.0], [0.9, 0.0, np.sqrt(0.19)], [0.8, 0.0, 0.6]]
STRANGER = [0.0, 0.0, 1.0]


def matches(faces: list[list[float]], *, least: float = 0.7, **more: Any) -> Matches:
    return match_people(np.array(faces), PROTOTYPES, PEOPLE, min_similarity=least, **more)


def test_known_faces_are_assigned_and_strangers_left_to_cluster() -> None:
    found = dual_mode(matches([*LIKE_ALICE, STRANGER], least=0.85))
    assert found.person_rows.tolist() == [ALICE, ALICE, -1, -1]
    assert found.unknown_rows.tolist() == [2, 3]
    assert found.review_rows.tolist() == []


def test_of_two_alices_on_one_photo_the_weaker_goes_to_review() -> None:
    like_alice = matches(LIKE_ALICE[::-1])
    found = dual_mode(like_alice, photo_rows=[5, 5, 6])
    assert found.person_rows.tolist() == [-1, ALICE, ALICE]
    assert found.review_rows.tolist() == [0]
    assert found.unknown_rows.tolist() == []
    assert like_alice.candidate_rows[0] == ALICE


def test_a_face_on_a_photo_where_a_person_labelled_alice_already_goes_to_review() -> None:
    found = dual_mode(matches(LIKE_ALICE), photo_rows=[5, 6, 7], taken=[(5, ALICE), (6, BOB)])
    assert found.person_rows.tolist() == [-1, ALICE, ALICE]
    assert found.review_rows.tolist() == [0]


def test_without_photos_alice_may_be_anywhere() -> None:
    found = dual_mode(matches(LIKE_ALICE))
    assert found.person_rows.tolist() == [ALICE] * 3


def test_not_alice_said_once_is_never_proposed_again() -> None:
    found = dual_mode(matches(LIKE_ALICE, rejected=[(0, ALICE)]))
    assert found.person_rows.tolist() == [-1, ALICE, ALICE]
    assert found.unknown_rows.tolist() == [0]


def test_a_library_without_people_leaves_all_to_cluster() -> None:
    found = dual_mode(
        match_people(np.array(LIKE_ALICE), np.empty((0, 3)), [], min_similarity=0.7), photo_rows=[1, 1, 1]
    )
    assert found.unknown_rows.tolist() == [0, 1, 2]


@given(
    seed=st.integers(0, 10_000),
    photos=st.lists(st.integers(0, 4), max_size=25),
    taken=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=5),
    bans=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 3)), max_size=20),
)
def test_every_face_has_one_fate_and_no_rule_is_broken(
    seed: int, photos: list[int], taken: list[tuple[int, int]], bans: list[tuple[int, int]]
) -> None:
    rng = np.random.default_rng(seed)
    rows, prototypes = (rng.standard_normal((n, 4)) for n in (len(photos), 6))
    rows, prototypes = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, prototypes))
    bans = [(face, person) for face, person in bans if face < len(photos)]
    matched = match_people(rows, prototypes, [0, 1, 2, 3, 0, 1], min_similarity=0.4, rejected=bans)
    found = dual_mode(matched, photo_rows=photos, taken=taken)
    assigned = np.flatnonzero(found.person_rows >= 0)
    assert sorted([*assigned, *found.unknown_rows, *found.review_rows]) == list(range(len(photos)))
    shown = [(photos[face], int(found.person_rows[face])) for face in assigned]
    assert len(set(shown)) == len(shown)
    assert not set(shown) & set(taken)
    assert not {(int(face), int(found.person_rows[face])) for face in assigned} & set(bans)
    for face in found.review_rows:
        place = photos[face], int(matched.person_rows[face])
        nearer = [
            other
            for other in assigned
            if (photos[other], int(found.person_rows[other])) == place
            and matched.similarities[other] >= matched.similarities[face]
        ]
        assert place in taken or nearer


def test_photos_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WrongUse, match="one photo a face"):
        dual_mode(matches(LIKE_ALICE), photo_rows=[1])


def test_a_face_whose_person_a_matcher_found_elsewhere_on_the_photo_goes_to_review() -> None:
    """Named; lost its person and left with nobody; lost it and left with the next, who would do; a stranger."""
    found = Matches(
        person_rows=np.array([ALICE, -1, BOB, -1]),
        candidate_rows=np.array([ALICE, -1, BOB, BOB]),
        similarities=np.array([0.8, -np.inf, 0.5, 0.2], np.float32),
        runner_up_rows=np.array([BOB, ALICE, ALICE, ALICE]),
        runner_up_similarities=np.array([0.1, 0.7, 0.6, 0.3], np.float32),
    )
    fates = dual_mode(found, min_similarity=0.4)
    assert fates.person_rows.tolist() == [ALICE, -1, -1, -1]
    assert (fates.review_rows.tolist(), fates.unknown_rows.tolist()) == ([1, 2], [3])
