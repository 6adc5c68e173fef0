"""What strangers score and how often they would be given a name: labelled people, asked about as if nobody knew them.

A face is never compared with a prototype made of itself. Where very many faces are labelled a sample of them is asked
about, but with everybody: how often a stranger passes depends on how many people are known.

Relatives of known people look like them, and in a family's photos they are most of the strangers. Nobody tells who is
a relative, but people who are on one photo often are; and two people who are each other's nearest look as alike as
relatives do, whether they are or not. Where the truth is known (albums of relatives, `benchmarks/expectations.py`) the
rates found this way are those of relatives and of others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.distances import blocks, rows_at_once
from faceml.identity.prototypes import Columns, centroids, sums_of_people
from faceml.metrics.identification import Estimate, rate_interval

USUAL_FMR = 1e-3
FEWEST_PROBES, SHOWN = 20_000, 20  # of more labelled faces as many are asked about, or as many as show 20 false matches
BLOCK_SCORES, BLOCK_PROBES = 4_000_000, 4_096
LEAST_TAIL = 10
TAIL_KEPT = 4  # times k: a resample may reach deeper
People = tuple[NDArray[np.intp], ...]  # rows of people, ascending, for each of several things
# Some of P faces, and their (faces, K) scores, -inf for the face's own person; perhaps more about them.
Parts = Iterable[tuple[slice, NDArray[np.float32]] | tuple[slice, NDArray[np.float32], NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class OpenSetScores:
    """What P labelled faces say, face by face, and the highest comparisons with other people."""

    probes: NDArray[np.intp]  # (P,) which of the labelled faces they are, ascending
    genuine: NDArray[np.float32]  # (P,) own person's prototypes made without the face; -inf for a person's only face
    impostor: NDArray[np.float32]  # (P,) nearest of all other people's prototypes
    tail: NDArray[np.float32]  # (T,) highest comparisons of a face with another person, descending
    tail_faces: NDArray[np.intp]  # (T,) whose row, 0 to P - 1
    tail_people: NDArray[np.intp]  # (T,) with whom
    comparisons: int  # n, of which these are the highest
    highest: float = 1.0  # where scores end: a face's with itself


@dataclass(frozen=True, slots=True)
class StrangerRates:
    """Shares of labelled faces that, without their person, would be given to somebody."""

    unrelated: Estimate  # to somebody who is not near their person
    relatives: Estimate | None  # of people with somebody near them, to anybody; None: nobody has
    people_with_relatives: int  # or look-alikes

    def __str__(self) -> str:
        relatives = f"{self.relatives.value:.2%} of relatives" if self.relatives else "of relatives it is not known"
        return f"{self.unrelated.value:.2%} of unrelated people, {relatives}"


def draw_probes(faces: int, fmr: float = USUAL_FMR) -> NDArray[np.intp]:
    """Rows of the labelled faces that are asked about, ascending: all, or a random sample where they are very many.

    Args:
        fmr: false-match rate in (0, 0.5], per face of an unknown person.

    >>> draw_probes(3).tolist(), len(draw_probes(10**6)), len(draw_probes(10**6, 1e-4))
    ([0, 1, 2], 20000, 200000)
    """
    if not 0 < fmr <= 0.5:
        raise WrongUse(f"fmr {fmr} is out of range: pass a rate above 0 and up to 0.5, such as 1e-3")
    count = max(FEWEST_PROBES, math.ceil(SHOWN / fmr))
    if faces <= count:
        return np.arange(faces)
    return np.sort(np.random.default_rng(0).choice(faces, count, replace=False))


def score_open_set(
    vectors: NDArray[np.floating],
    person_rows: ArrayLike,
    *,
    exemplar_rows: ArrayLike = (),
    probes: NDArray[np.intp] | None = None,
) -> OpenSetScores:
    """Genuine and impostor scores against prototypes, no face ever compared with a prototype made of itself.

    Args:
        vectors: (N, D) unit rows.
        person_rows: (N,) who each is: every number from 0 to the highest, at least two, at least once.
        exemplar_rows: (M,) rows of `vectors` that are exemplars beside the centroids.
        probes: (P,) rows that are asked about, ascending; None: as many as a rate of 1e-3 needs, see `draw_probes`.
    """
    owners = np.asarray(person_rows, np.intp)
    rows = draw_probes(len(owners)) if probes is None else probes
    genuine = _score_genuine(np.asarray(vectors, np.float32), owners, np.asarray(exemplar_rows, np.intp), rows)
    parts = against_others(vectors, owners, rows, exemplar_rows=exemplar_rows)
    return highest_comparisons(parts, rows, genuine, people=int(owners.max()) + 1)


def against_others(
    vectors: NDArray[np.floating],
    person_rows: ArrayLike,
    probes: NDArray[np.intp] | None = None,
    *,
    exemplar_rows: ArrayLike = (),
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Labelled faces as strangers, see `score_open_set`: which probes, and (probes, people) scores, -inf for their own.

    Without `probes` all are asked about.
    """
    owners, rows = np.asarray(person_rows, np.intp), np.asarray(vectors, np.float32)
    exemplars = np.asarray(exemplar_rows, np.intp)
    asked = np.arange(len(rows)) if probes is None else probes
    columns = Columns.of(np.concatenate((np.arange(owners.max() + 1), owners[exemplars])))
    gallery = np.concatenate((centroids(rows, owners), rows[exemplars]))[columns.order].T
    for part in blocks(len(asked), rows_at_once(gallery.shape[1], BLOCK_SCORES)):
        best = columns.highest(rows[asked[part]] @ gallery)
        best[np.arange(len(best)), owners[asked[part]]] = -np.inf
        yield part, best


def highest_comparisons(
    parts: Parts,
    probes: NDArray[np.intp],
    genuine: NDArray[np.float32],
    *,
    people: int,
) -> OpenSetScores:
    """Gather the scores of P labelled faces with other people, block by block.

    Args:
        parts: of the P, in order.
        probes: (P,) rows of the labelled faces.
        genuine: (P,) scores with the own person.
    """
    comparisons = len(probes) * (people - 1)
    size = TAIL_KEPT * tail_size(comparisons)
    impostor = np.empty(len(probes), np.float32)
    tail, cells, least = [np.empty(0, np.float32)], [np.empty(0, np.intp)], -np.inf
    for part, scores, *_ in parts:
        impostor[part] = scores.max(axis=1)
        values = scores.ravel()
        places = np.flatnonzero(values > least)
        tail.append(values[places])
        cells.append(places + part.start * people)
        if sum(map(len, tail)) > 2 * size:  # sorting at each block takes longer than the product
            found = np.concatenate(tail)
            least = np.partition(found, -size)[-size]  # of equals the first are kept: who comes later has to be higher
            tail, cells = [found[found >= least]], [np.concatenate(cells)[found >= least]]
    top = np.argsort(-np.concatenate(tail), kind="stable")[:size]
    highest, faces_people = np.concatenate(tail)[top], np.divmod(np.concatenate(cells)[top], people)
    return OpenSetScores(probes, genuine, impostor, highest, *faces_people, comparisons)


def tail_size(comparisons: int) -> int:
    """How many of the highest comparisons the tail is read off: k = n^(2/3)."""
    return min(comparisons, max(LEAST_TAIL, int(comparisons ** (2 / 3))))


def people_beside(owners: ArrayLike, photos: ArrayLike) -> People:
    """For each of N labelled faces, everybody who is labelled on its photo, its own person among them.

    Args:
        owners: (N,) who each is.
        photos: (N,) which photo each is on, any numbers.

    >>> [found.tolist() for found in people_beside([0, 1, 2], [7, 7, 8])]
    [[0, 1], [0, 1], [2]]
    """
    people = np.asarray(owners, np.intp)
    photo_of = np.unique(np.asarray(photos), return_inverse=True)[1]
    on_photo = _grouped(photo_of, people, int(photo_of.max(initial=-1)) + 1)
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
    there = [len(others) for others in beside]
    pairs = np.column_stack((np.repeat(np.asarray(owners), there), np.concatenate([*beside, np.empty(0, np.intp)])))
    pairs = np.concatenate((pairs, _mutual_nearest(centroids))).astype(np.intp)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return _grouped(pairs[:, 0], pairs[:, 1], len(centroids))


def stranger_rates(
    parts: Parts,
    owners: ArrayLike,
    near: People,
    *,
    threshold: float,
    rows: NDArray[np.intp] | None = None,
    barred: People = (),
    confidence: float = 0.95,
) -> StrangerRates:
    """How often P labelled faces would be given to somebody else.

    Args:
        parts: of `rows`.
        owners: (P,) who each is, 0 to K - 1.
        near: (K,) see `near_people`.
        threshold: score from which a face is given to somebody.
        rows: of the faces that reach it; None: all may.
        barred: (P,) people whom a face is not given to, such as those on its photo; empty: nobody.
        confidence: of the intervals, which are over people.
    """
    people = np.asarray(owners, np.intp)
    asked = np.arange(len(people)) if rows is None else rows
    is_given, is_given_afar = np.zeros(len(people), bool), np.zeros(len(people), bool)
    for part, scores, *_ in parts:
        faces = asked[part]
        if barred:
            _blank(scores, [barred[row] for row in faces.tolist()])
        is_given[faces] = scores.max(axis=1) >= threshold
        _blank(scores, [near[person] for person in people[faces].tolist()])
        is_given_afar[faces] = scores.max(axis=1) >= threshold
    has_near = np.array([len(others) > 0 for others in near])
    kin = has_near[people]
    return StrangerRates(
        unrelated=rate_interval(is_given_afar, people, confidence=confidence),
        relatives=rate_interval(is_given[kin], people[kin], confidence=confidence) if kin.any() else None,
        people_with_relatives=int(has_near.sum()),
    )


def _blank(scores: NDArray[np.float32], columns: Sequence[NDArray[np.intp]]) -> None:
    rows = np.repeat(np.arange(len(columns)), [len(found) for found in columns])
    scores[rows, np.concatenate(columns)] = -np.inf


def _grouped(groups: NDArray[np.intp], people: NDArray[np.intp], count: int) -> People:
    """For each of `count` groups its different people, ascending."""
    width = int(people.max(initial=0)) + 1
    cells = np.unique(groups * width + people)
    return tuple(np.split(cells % width, np.searchsorted(cells // width, np.arange(1, count))))[:count]


def _mutual_nearest(centroids: NDArray[np.floating]) -> NDArray[np.intp]:
    """(M, 2) both orders of each pair of rows of which either is the other's nearest."""
    nearest = np.empty(len(centroids), np.intp)
    for part in blocks(len(centroids), rows_at_once(len(centroids), BLOCK_SCORES)):
        cosines = centroids[part] @ centroids.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + part.start] = -np.inf
        nearest[part] = cosines.argmax(axis=1)
    is_mutual = (nearest[nearest] == np.arange(len(nearest))) & (len(nearest) > 1)
    return np.column_stack((np.flatnonzero(is_mutual), nearest[is_mutual]))


def _score_genuine(
    rows: NDArray[np.float32], owners: NDArray[np.intp], exemplars: NDArray[np.intp], probes: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Best of the own person's centroid made of the other faces, and of the own person's other exemplars."""
    sizes, sums = np.bincount(owners), sums_of_people(rows, owners)
    table = _exemplar_table(owners, exemplars, len(sizes))
    genuine = np.full(len(probes), -np.inf)
    for part in blocks(len(probes), BLOCK_PROBES):
        faces, own, found = rows[probes[part]], owners[probes[part]], genuine[part]
        others = sums[own] - faces
        norms = np.linalg.norm(others, axis=1)
        has_mate = (sizes[own] > 1) & (norms > 0)
        found[has_mate] = np.einsum("nd,nd->n", faces[has_mate], others[has_mate]) / norms[has_mate]
        for row in table[own].T:
            usable = (row >= 0) & (row != probes[part])
            likeness = np.einsum("nd,nd->n", faces[usable], rows[row[usable]])
            found[usable] = np.maximum(found[usable], likeness)
    return genuine.astype(np.float32)


def _exemplar_table(owners: NDArray[np.intp], exemplars: NDArray[np.intp], people: int) -> NDArray[np.intp]:
    """(people, most exemplars of one person) rows of exemplars, filled up with -1."""
    of_whom = owners[exemplars]
    counts = np.bincount(of_whom, minlength=people)
    table = np.full((people, int(counts.max(initial=0))), -1)
    order = np.argsort(of_whom, kind="stable")
    nth = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[of_whom[order], nth] = exemplars[order]
    return table
