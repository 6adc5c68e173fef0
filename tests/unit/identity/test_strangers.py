"""Labelled people taken for strangers, by how near they are to the people who are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from faceml.identity.calibration import rate_strangers
from faceml.identity.prototypes import centroids
from faceml.identity.strangers import against_others, near_people, people_beside, score_open_set, stranger_rates

WIDTH = 64


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def families(
    count: int, members: int, faces: int, *, kinship: float, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Unit rows of faces, who each is, and a photo for the n-th faces of each family."""
    rng = np.random.default_rng(seed)
    parents = np.repeat(unit(rng.standard_normal((count, WIDTH))), members, axis=0)
    people = unit(kinship * parents + (1 - kinship) * unit(rng.standard_normal((count * members, WIDTH))))
    owners = np.repeat(np.arange(count * members), faces)
    rows = unit(people[owners] + 0.6 * unit(rng.standard_normal((len(owners), WIDTH))))
    photos = owners // members * faces + np.tile(np.arange(faces), count * members)
    return rows, owners, photos


@pytest.mark.parametrize("threshold", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("is_barred", [False, True])
def test_rates_are_those_of_a_slow_count(threshold: float, is_barred: bool) -> None:
    rows, owners, photos = families(6, 3, 3, kinship=0.5)
    people = int(owners.max()) + 1
    middles = centroids(rows, owners)
    beside = people_beside(owners, photos)
    near = near_people(owners, beside, middles)
    found = stranger_rates(
        against_others(rows, owners), owners, near, threshold=threshold, barred=beside if is_barred else ()
    )
    cosines = middles @ middles.T - 9 * np.eye(people)
    given, given_afar = [], []
    for row, own in enumerate(owners.tolist()):
        mates = {int(owners[other]) for other in range(len(owners)) if photos[other] == photos[row]}
        kin = {
            other
            for other in range(people)
            if (set(photos[owners == own]) & set(photos[owners == other]))
            or (cosines[own].argmax() == other and cosines[other].argmax() == own)
        } - {own}
        assert set(near[own].tolist()) == kin
        assert set(beside[row].tolist()) == mates
        allowed = [other for other in range(people) if other != own and not (is_barred and other in mates)]
        passing = [other for other in allowed if float(rows[row] @ middles[other]) >= threshold]
        given.append(bool(passing))
        given_afar.append(bool(set(passing) - kin))
    assert found.unrelated.value == pytest.approx(np.mean(given_afar))
    assert found.relatives is not None
    assert found.relatives.value == pytest.approx(np.mean(given))
    assert found.people_with_relatives == people
    assert found.unrelated.low <= found.unrelated.value <= found.unrelated.high


def test_relatives_pass_where_others_do_not() -> None:
    rows, owners, photos = families(20, 3, 4, kinship=0.7)
    near = near_people(owners, people_beside(owners, photos), centroids(rows, owners))
    found = stranger_rates(against_others(rows, owners), owners, near, threshold=0.6)
    assert found.relatives is not None
    assert found.relatives.low > found.unrelated.high
    told = f"{found.unrelated.value:.2%} of unrelated people, {found.relatives.value:.2%} of relatives"
    assert str(found) == told


def test_people_who_look_alike_count_as_relatives_without_a_photo_of_both() -> None:
    rows, owners, _ = families(8, 2, 3, kinship=0.8)
    near = near_people(owners, people_beside(owners, np.arange(len(owners))), centroids(rows, owners))
    assert [found.tolist() for found in near] == [[person ^ 1] for person in range(16)]


def test_relatives_are_unknown_of_one_person_alone() -> None:
    owners = np.array([0, 0])
    near = near_people(owners, people_beside(owners, [1, 2]), np.eye(1, 4))
    assert [found.tolist() for found in near] == [[]]
    scores = [(slice(0, 2), np.full((2, 1), -np.inf, np.float32))]
    found = stranger_rates(scores, owners, near, threshold=0.5)
    assert (found.unrelated.value, found.relatives, found.people_with_relatives) == (0.0, None, 0)
    assert str(found) == "0.00% of unrelated people, of relatives it is not known"


@pytest.mark.parametrize("is_once_a_photo", [False, True])
def test_only_faces_that_reach_the_threshold_are_compared_again_and_rates_are_those_of_all(
    is_once_a_photo: bool,
) -> None:
    rows, owners, photos = families(12, 3, 6, kinship=0.5)
    middles, beside = centroids(rows, owners), people_beside(owners, photos)
    probes = np.sort(np.random.default_rng(0).choice(len(owners), 90, replace=False))
    asked: list[int] = []

    def parts_of(again: NDArray[np.intp]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        asked.extend(again.tolist())
        return against_others(rows, owners, again)

    scores = score_open_set(rows, owners, probes=probes)
    found = rate_strangers(scores, parts_of, owners, photos, middles, threshold=0.4, is_once_a_photo=is_once_a_photo)
    all_again = stranger_rates(
        against_others(rows, owners, probes),
        owners[probes],
        near_people(owners, beside, middles),
        threshold=0.4,
        barred=tuple(beside[row] for row in probes) if is_once_a_photo else (),
    )
    assert found == all_again
    assert 0 < found.unrelated.value < 1
    assert asked == probes[scores.impostor >= 0.4].tolist() != probes.tolist()
