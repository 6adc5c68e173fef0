"""How often strangers would be given a name, by who they are: labelled people are asked about as if nobody knew them.

Relatives of known people look like them, and in a family's photos they are most of the strangers. Nobody tells who is
a relative, but people who are on one photo often are; and two people who are each other's nearest look as alike as
relatives do, whether they are or not. Where the truth is known (albums of relatives, `benchmarks/expectations.py`) the
rates found this way are those of relatives and of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.identity.hdbscan.distances import blocks
from faceml.metrics.identification import Estimate, rate_interval

BLOCK_SCORES = 4_000_000
People = tuple[NDArray[np.intp], ...]  # rows of people, ascending, for each of several things


@dataclass(frozen=True, slots=True)
class StrangerRates:
    """Shares of labelled faces that, without their person, would be given to somebody."""

    unrelated: Estimate  # to somebody who is not near their person
    relatives: Estimate | None  # of people with somebody near them, to anybody; None: nobody has
    people_with_relatives: int  # or look-alikes

    def __str__(self) -> str:
        relatives = f"{self.relatives.value:.2%} of relatives" if self.relatives else "of relatives it is not known"
        return f"{self.unrelated.value:.2%} of unrelated people, {relatives}"


def people_beside(owners: ArrayLike, photos: ArrayLike) -> People:
    """For each of N labelled faces, everybody who is labelled on its photo, its own person among them.

    Args:
        owners: (N,) who each is.
        photos: (N,) which photo each is on, any numbers.

    >>> [found.tolist() for found in people_beside([0, 1, 2], [7, 7, 8])]
    [[0, 1], [0, 1], [2]]
    """
    people = np.asarray(owners, np.intp)
    photo_of, sizes = np.unique(np.asarray(photos), return_inverse=True, return_counts=True)[1:]
    faces = np.split(np.argsort(photo_of, kind="stable"), np.cumsum(sizes)[:-1])
    on_photo = [np.unique(people[rows]) for rows in faces]
    return tuple(on_photo[photo] for photo in photo_of.tolist())


def near_people(owners: ArrayLike, beside: People, centroids: NDArray[np.floating]) -> People:
    """For each of K people, those who share a photo with them, or whose centroid and theirs are each other's nearest.

    Args:
        owners: (N,) who each labelled face is, 0 to K - 1.
        beside: (N,) see `people_beside`.
        centroids: (K, D) unit rows.

    >>> [found.tolist() for found in near_people([0, 1, 2], ([0, 2], [1], [0, 2]), np.eye(3)[[0, 0, 1]])]
    [[1, 2], [0], [0]]
    """
    near: list[set[int]] = [set() for _ in centroids]
    for person, others in zip(np.asarray(owners).tolist(), beside, strict=True):
        near[person].update(np.asarray(others).tolist())
    for person, other in _mutual_nearest(centroids):
        near[person].add(other)
    return tuple(np.array(sorted(found - {person}), np.intp) for person, found in enumerate(near))


def stranger_rates(
    parts: Iterable[tuple[slice, NDArray[np.float32]]],
    owners: ArrayLike,
    near: People,
    *,
    threshold: float,
    barred: People = (),
    confidence: float = 0.95,
) -> StrangerRates:
    """How often N labelled faces would be given to somebody else.

    Args:
        parts: which rows, and their (rows, K) scores, -inf for the face's own person.
        owners: (N,) who each is, 0 to K - 1.
        near: (K,) see `near_people`.
        threshold: score from which a face is given to somebody.
        barred: (N,) people whom a face is not given to, such as those on its photo; empty: nobody.
        confidence: of the intervals, which are over people.
    """
    people = np.asarray(owners, np.intp)
    is_given, is_given_afar = np.zeros(len(people), bool), np.zeros(len(people), bool)
    for part, scores in parts:
        if barred:
            _blank(scores, barred[part])
        is_given[part] = scores.max(axis=1) >= threshold
        _blank(scores, [near[person] for person in people[part].tolist()])
        is_given_afar[part] = scores.max(axis=1) >= threshold
    has_near = np.array([len(others) > 0 for others in near])
    rows = has_near[people]
    return StrangerRates(
        unrelated=rate_interval(is_given_afar, people, confidence=confidence),
        relatives=rate_interval(is_given[rows], people[rows], confidence=confidence) if rows.any() else None,
        people_with_relatives=int(has_near.sum()),
    )


def _blank(scores: NDArray[np.float32], columns: Sequence[NDArray[np.intp]]) -> None:
    rows = np.repeat(np.arange(len(columns)), [len(found) for found in columns])
    scores[rows, np.concatenate(columns)] = -np.inf


def _mutual_nearest(centroids: NDArray[np.floating]) -> list[tuple[int, int]]:
    """Both orders of each pair of rows of which either is the other's nearest."""
    nearest = np.empty(len(centroids), np.intp)
    for part in blocks(len(centroids), max(1, BLOCK_SCORES // max(1, len(centroids)))):
        cosines = centroids[part] @ centroids.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + part.start] = -np.inf
        nearest[part] = cosines.argmax(axis=1)
    is_mutual = (nearest[nearest] == np.arange(len(nearest))) & (len(nearest) > 1)
    return [(row, int(nearest[row])) for row in np.flatnonzero(is_mutual).tolist()]
