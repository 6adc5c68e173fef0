"""Reading the assignment threshold off a library's own labels, in the open set (DESIGN D7).

Each labelled face is asked about twice. Without itself: how similar is it to its own person (genuine)? Without its
person: how similar is it to the nearest of all others (impostor), as a stranger's face would be? A false match is a
stranger's face given to anybody, so the rate is over faces, and grows with the number of people enrolled.

A rate of 1e-3 lies far beyond what 120 labelled faces show directly. But each of them was compared with every other
person, and a cosine ends at 1: by extreme-value theory the highest comparisons then fall off as a power of 1 - s
(Pareto tail with a known end, ((1 - s) / (1 - u))^a above u). So the tail is continued from the top k = n^(2/3) of n
comparisons (an intermediate order sequence), its exponent by maximum likelihood with the top twentieth censored at its
lowest, since those may be label errors: the same person under two names. The wanted share of comparisons is
fmr / people (Bonferroni: needs no independence).

Such a threshold is uncertain. Within its confidence interval the highest one is taken that costs at most 1 % of the
labelled faces: a stranger under a wrong name is worse than a face left to review, and there is mostly room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.hdbscan.distances import blocks
from faceml.identity.prototypes import centroids
from faceml.metrics.identification import Estimate, rate_interval

BLOCK_SCORES = 4_000_000
LEAST_PEOPLE = 10  # with two faces or more: fewer say nothing about people not seen yet
LEAST_EXPECTED = 0.05  # fmr x faces: the tail is continued at most 20-fold beyond the highest comparison
READ_OFF = 10  # false matches among the labelled faces at which the rate is read off, not extrapolated
LEAST_TAIL = 10
TAIL_KEPT = 4  # times k: a resample may reach deeper
CENSORED = 0.05  # share of the tail that may be label errors
AFFORDABLE = 0.01  # share of genuine faces given up for being sure
LEAST_GAP = 1e-6  # two names on one photo; ln(end - s) stays finite


@dataclass(frozen=True, slots=True)
class OpenSetScores:
    """What the labelled faces say, face by face, and the highest comparisons with other people."""

    genuine: NDArray[np.float32]  # (N,) own person's prototypes made without the face; -inf for a person's only face
    impostor: NDArray[np.float32]  # (N,) nearest of all other people's prototypes
    tail: NDArray[np.float32]  # (T,) highest comparisons of a face with another person, descending
    tail_faces: NDArray[np.intp]  # (T,) whose row
    tail_people: NDArray[np.intp]  # (T,) with whom
    comparisons: int  # n, of which these are the highest
    highest: float = 1.0  # where scores end: a face's with itself


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold for `match_people`, and what is known about it; intervals at `confidence`."""

    threshold: float  # cosine; assign at similarity >= threshold
    estimate: Estimate  # where the rate is expected to be just `fmr_asked`, <= threshold; bootstrap over people
    fmr_asked: float  # share of strangers' faces that may be given to somebody
    is_extrapolated: bool  # the labelled faces are too few to show this rate; it comes from their tail
    false_matches: Estimate  # share of the labelled faces that, as strangers, would be given to somebody
    own_matches: Estimate  # share of the faces of people with two or more that would be given to their own person
    people: int
    faces: int
    confidence: float


def calibrate(
    vectors: NDArray[np.floating],
    person_rows: ArrayLike,
    *,
    fmr: float = 1e-3,
    exemplar_rows: ArrayLike = (),
    confidence: float = 0.95,
    resamples: int = 200,
) -> Calibration:
    """The threshold at which at most the share `fmr` of strangers' faces is expected to be given to somebody.

    Args:
        vectors: (N, D) unit rows of the labelled faces.
        person_rows: (N,) who each is: every number from 0 to the highest at least once.
        fmr: false-match rate in (0, 0.5], per face of an unknown person.
        exemplar_rows: (M,) rows of `vectors` that are exemplars too; every person has a centroid anyway.
    Raises:
        NotEnoughData: too few people or faces to say anything at this rate; the message names what is needed.
    """
    owners = np.asarray(person_rows, np.intp)
    _check(vectors, owners, fmr)
    several = int((np.bincount(owners) > 1).sum()) if len(owners) else 0
    if several < LEAST_PEOPLE:
        raise _too_few(len(owners), f"{several} people with two or more", fmr, f"{LEAST_PEOPLE} such people")
    scores = score_open_set(vectors, owners, exemplar_rows=exemplar_rows)
    return calibrate_scores(scores, owners, fmr=fmr, confidence=confidence, resamples=resamples)


def calibrate_scores(
    scores: OpenSetScores,
    person_rows: ArrayLike,
    *,
    fmr: float = 1e-3,
    confidence: float = 0.95,
    resamples: int = 200,
) -> Calibration:
    """As `calibrate`, of what labelled faces scored; no person needs a second face.

    Args:
        scores: of N labelled faces.
        person_rows: (N,) who each is: every number from 0 to the highest at least once.
    Raises:
        NotEnoughData: too few people or faces to say anything at this rate; the message names what is needed.
    """
    owners = np.asarray(person_rows, np.intp)
    people = int(owners.max(initial=-1)) + 1
    if people < LEAST_PEOPLE or len(owners) * fmr < LEAST_EXPECTED:
        raise _too_few(len(owners), f"{people} people", fmr, f"{LEAST_PEOPLE} people")
    is_extrapolated = len(owners) * fmr < READ_OFF
    at = [_threshold(scores, owners, fmr, is_extrapolated, times) for times in _draw_people(people, resamples)]
    estimate = at[0]
    low, high = np.quantile(at, ((1 - confidence) / 2, (1 + confidence) / 2)).tolist()
    has_mate = np.isfinite(scores.genuine)
    threshold = estimate
    if has_mate.any():
        threshold = max(estimate, min(high, float(np.quantile(scores.genuine[has_mate], AFFORDABLE))))
    is_own = (scores.genuine >= threshold) & (scores.genuine > scores.impostor)
    nobody = Estimate(0.0, 0.0, 1.0)
    return Calibration(
        threshold=threshold,
        estimate=Estimate(estimate, low, high),
        fmr_asked=fmr,
        is_extrapolated=is_extrapolated,
        false_matches=rate_interval(scores.impostor >= threshold, owners, confidence=confidence),
        own_matches=rate_interval(is_own[has_mate], owners[has_mate], confidence=confidence)
        if has_mate.any()
        else nobody,
        people=people,
        faces=len(owners),
        confidence=confidence,
    )


def score_open_set(
    vectors: NDArray[np.floating], person_rows: ArrayLike, *, exemplar_rows: ArrayLike = ()
) -> OpenSetScores:
    """Genuine and impostor scores against prototypes, no face ever compared with a prototype made of itself.

    Args:
        vectors: (N, D) unit rows.
        person_rows: (N,) who each is: every number from 0 to the highest, at least two, at least once.
        exemplar_rows: (M,) rows of `vectors` that are exemplars beside the centroids.
    """
    owners = np.asarray(person_rows, np.intp)
    exemplars = np.asarray(exemplar_rows, np.intp).reshape(-1)
    genuine = _score_genuine(np.asarray(vectors, np.float32), owners, exemplars)
    parts = against_others(vectors, owners, exemplar_rows=exemplars)
    return highest_comparisons(parts, genuine, people=int(owners.max()) + 1)


def against_others(
    vectors: NDArray[np.floating], person_rows: ArrayLike, *, exemplar_rows: ArrayLike = ()
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Labelled faces as strangers, see `score_open_set`: which rows, and (rows, people) scores, -inf for their own."""
    owners, rows = np.asarray(person_rows, np.intp), np.asarray(vectors, np.float32)
    exemplars = np.asarray(exemplar_rows, np.intp).reshape(-1)
    people = int(owners.max()) + 1
    gallery = np.concatenate((centroids(rows, owners), rows[exemplars]))
    of_whom = np.concatenate((np.arange(people), owners[exemplars]))
    order = np.argsort(of_whom, kind="stable")
    starts = np.searchsorted(of_whom[order], np.arange(people))
    for part in blocks(len(rows), max(1, BLOCK_SCORES // len(gallery))):
        best = np.maximum.reduceat(rows[part] @ gallery[order].T, starts, axis=1)
        best[np.arange(len(best)), owners[part]] = -np.inf
        yield part, best


def highest_comparisons(
    parts: Iterable[tuple[slice, NDArray[np.float32]]], genuine: NDArray[np.float32], *, people: int
) -> OpenSetScores:
    """Gather the scores of N labelled faces with other people, block by block.

    Args:
        parts: which rows, and their (rows, people) scores, -inf for the face's own person.
        genuine: (N,) scores with the own person.
    """
    comparisons = len(genuine) * (people - 1)
    size = TAIL_KEPT * tail_size(comparisons)
    tail, cells = np.empty(0, np.float32), np.empty(0, np.intp)
    impostor = np.empty(len(genuine), np.float32)
    for part, scores in parts:
        impostor[part] = scores.max(axis=1)
        found = np.flatnonzero(scores.ravel() > (tail[-1] if len(tail) >= size else -np.inf))
        tail, cells = np.append(tail, scores.ravel()[found]), np.append(cells, found + part.start * people)
        top = np.argsort(-tail, kind="stable")[:size]
        tail, cells = tail[top], cells[top]
    return OpenSetScores(genuine, impostor, tail, cells // people, cells % people, comparisons)


def tail_size(comparisons: int) -> int:
    """How many of the highest comparisons the tail is read off: k = n^(2/3)."""
    return min(comparisons, max(LEAST_TAIL, int(comparisons ** (2 / 3))))


def tail_heights(scores: ArrayLike, end: float = 1.0) -> NDArray[np.float64]:
    """-ln(end - s): of a tail that falls off as a power of end - s it is exponential."""
    heights: NDArray[np.float64] = -np.log(np.maximum(end - np.asarray(scores, np.float64), LEAST_GAP))
    return heights


def _score_genuine(
    rows: NDArray[np.float32], owners: NDArray[np.intp], exemplars: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Best of the own person's centroid made of the other faces, and of the own person's other exemplars."""
    sizes = np.bincount(owners)
    order = np.argsort(owners, kind="stable")
    sums = np.add.reduceat(rows[order], np.cumsum(sizes) - sizes, axis=0, dtype=np.float64)
    others = sums[owners] - rows
    norms = np.linalg.norm(others, axis=1)
    has_mate = (sizes[owners] > 1) & (norms > 0)
    genuine = np.full(len(rows), -np.inf)
    genuine[has_mate] = np.einsum("nd,nd->n", rows[has_mate], others[has_mate]) / norms[has_mate]
    table = _exemplar_table(owners, exemplars, len(sizes))
    for column in table.T:
        row = column[owners]
        usable = (row >= 0) & (row != np.arange(len(rows)))
        likeness = np.einsum("nd,nd->n", rows[usable], rows[row[usable]])
        genuine[usable] = np.maximum(genuine[usable], likeness)
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


def _threshold(
    scores: OpenSetScores, owners: NDArray[np.intp], fmr: float, is_extrapolated: bool, times: NDArray[np.float64]
) -> float:
    """The threshold where person p counts `times[p]`: once each, or as often as a resample drew them."""
    if not is_extrapolated:
        return _read_off(scores.impostor, times[owners], fmr)
    weights = times[owners[scores.tail_faces]] * times[scores.tail_people]
    faces = float(times[owners].sum())
    comparisons = faces * times.sum() - float((times[owners] ** 2).sum())
    size = tail_size(scores.comparisons) / scores.comparisons * comparisons
    return _continue_tail(scores, weights, size, fmr / times.sum() * comparisons)


def _continue_tail(scores: OpenSetScores, weights: NDArray[np.float64], size: float, wanted: float) -> float:
    """The similarity that `wanted` comparisons reach, from the `size` highest; both are sums of `weights`.

    With z = -ln(1 - s) the tail is exponential; its scale is the censored maximum-likelihood one: sum of excesses over
    the number not censored.
    """
    end = max(scores.highest, float(scores.tail[0]) + LEAST_GAP)
    heights = tail_heights(scores.tail, end)
    above = np.cumsum(weights)
    last = min(int(np.searchsorted(above, size)), len(above) - 2)
    censored = min(int(np.searchsorted(above, CENSORED * size)), last)
    start = heights[last + 1]
    excess = np.minimum(heights[: last + 1], heights[censored]) - start
    scale = float(weights[: last + 1] @ excess) / max(1.0, above[last] - above[censored])
    return float(end - np.exp(-(start + scale * np.log(above[last] / wanted))))


def _read_off(impostor: NDArray[np.float32], weights: NDArray[np.float64], fmr: float) -> float:
    order = np.argsort(-impostor, kind="stable")
    above = np.cumsum(weights[order])
    # The first that must not be assigned any more, with all that equal it.
    refused = impostor[order[int(np.searchsorted(above, fmr * above[-1] * (1 + 1e-9), side="right"))]]
    return float(np.nextafter(refused, np.float32(np.inf)))


def _draw_people(people: int, resamples: int) -> NDArray[np.float64]:
    """(1 + resamples, people) how often each person counts: once each, then as each bootstrap draw has them."""
    drawn = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), size=resamples)
    return np.concatenate((np.ones((1, people)), drawn))


def _check(vectors: NDArray[np.floating], owners: NDArray[np.intp], fmr: float) -> None:
    if vectors.ndim != 2 or owners.shape != (len(vectors),):
        raise WrongUse(f"vectors {vectors.shape} and person rows {owners.shape} do not fit: pass (N, D) and (N,)")
    if not 0 < fmr <= 0.5:
        raise WrongUse(f"fmr {fmr} is out of range: pass a rate above 0 and up to 0.5, such as 1e-3")


def _too_few(faces: int, people: str, fmr: float, needed_people: str) -> NotEnoughData:
    needed = int(np.ceil(LEAST_EXPECTED / fmr))
    return NotEnoughData(
        f"{faces} labelled faces, {people}: a false-match rate of {fmr:g} needs {needed} faces and {needed_people}; "
        "label more, or ask for a higher rate"
    )
