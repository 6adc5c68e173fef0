"""A gallery answers as looking at every prototype of everybody would, and never with who was ruled out."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceml.identity.gallery import Gallery
from faceml.records import PrototypeRole, Prototypes

FACES = [UUID(int=100 + number) for number in range(8)]
PEOPLE = [UUID(int=number) for number in (5, 1, 9, 3)]


def unit_rows(rng: np.random.Generator, count: int) -> np.ndarray:
    rows = rng.standard_normal((count, 6)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def prototypes_of(owners: list[UUID], vectors: np.ndarray) -> Prototypes:
    count = len(owners)
    return Prototypes(tuple(owners), vectors, (PrototypeRole.EXEMPLAR,) * count, (None,) * count)


def slow_ranking(vector: np.ndarray, prototypes: Prototypes, ruled_out: set[UUID]) -> list[tuple[float, UUID]]:
    best: dict[UUID, float] = {}
    for person, row in zip(prototypes.person_ids, prototypes.vectors, strict=True):
        if person not in ruled_out:
            best[person] = max(best.get(person, -2.0), float(row @ vector))
    return sorted(((similarity, person) for person, similarity in best.items()), reverse=True)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    owners=st.lists(st.sampled_from(PEOPLE[:3]), max_size=9),
    rejections=st.lists(st.tuples(st.sampled_from([*FACES, UUID(int=999)]), st.sampled_from(PEOPLE)), max_size=12),
    gone=st.sampled_from([None, *PEOPLE]),
)
def test_it_answers_as_looking_at_everybody_does(
    seed: int, owners: list[UUID], rejections: list[tuple[UUID, UUID]], gone: UUID | None
) -> None:
    rng = np.random.default_rng(seed)
    prototypes, faces = prototypes_of(owners, unit_rows(rng, len(owners))), unit_rows(rng, len(FACES))
    gallery = Gallery.of(prototypes, rejections)
    gallery = gallery if gone is None else gallery.without(gone)
    found = gallery.match(faces, FACES, min_similarity=0.2)
    for row, face in enumerate(FACES):
        ruled_out = {person for one, person in rejections if one == face} | {gone or UUID(int=0)}
        ranked = slow_ranking(faces[row], prototypes, ruled_out)
        told = [
            (float(similarity), gallery.people[number])
            for number, similarity in (
                (found.candidate_rows[row], found.similarities[row]),
                (found.runner_up_rows[row], found.runner_up_similarities[row]),
            )
            if number >= 0
        ]
        assert [person for _, person in told] == [person for _, person in ranked[:2]]
        assert [similarity for similarity, _ in told] == pytest.approx([one for one, _ in ranked[:2]], abs=1e-6)
        assert (found.person_rows[row] >= 0) == (bool(ranked) and ranked[0][0] >= 0.2)


@given(seed=st.integers(0, 10_000), owners=st.lists(st.sampled_from(PEOPLE), max_size=9))
def test_everybody_is_ranked_by_their_nearest_prototype(seed: int, owners: list[UUID]) -> None:
    rng = np.random.default_rng(seed)
    prototypes, probes = prototypes_of(owners, unit_rows(rng, len(owners))), unit_rows(rng, 3)
    for probe, lazily in zip(probes, Gallery.of(prototypes).ranked(probes), strict=True):
        ranked, slowly = list(lazily), slow_ranking(probe, prototypes, set())
        assert [person for person, _ in ranked] == [person for _, person in slowly]
        assert [similarity for _, similarity in ranked] == pytest.approx([one for one, _ in slowly], abs=1e-6)


def test_of_equals_the_lower_id_comes_first() -> None:
    same = np.tile(np.eye(6, dtype=np.float32)[:1], (4, 1))
    (ranked,) = Gallery.of(prototypes_of(PEOPLE, same)).ranked(same[:1])
    assert [person for person, _ in ranked] == sorted(PEOPLE)


def test_a_library_without_people_has_an_empty_gallery() -> None:
    nobody = Gallery.of(Prototypes((), np.empty((0, 0), np.float32), (), ()), [(FACES[0], PEOPLE[0])])
    assert nobody.people == ()
    assert nobody.match(np.eye(6, dtype=np.float32), FACES[:6]).candidate_rows.tolist() == [-1] * 6
    assert [list(ranked) for ranked in nobody.ranked(np.ones((2, 6), np.float32))] == [[], []]
    assert nobody.without(PEOPLE[0]).match(np.eye(6, dtype=np.float32)).person_rows.tolist() == [-1] * 6
