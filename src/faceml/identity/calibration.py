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

Where very many faces are labelled a sample of them is asked about, with everybody: the rate depends on how many people
there are, and a sample that shows 20 false matches tells it as well as anybody needs. The interval is that of a sample.

Such a threshold is uncertain. Within its confidence interval the highest one is taken that costs at most 1 % of the
labelled faces: a stranger under a wrong name is worse than a face left to review, and there is mostly room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.strangers import (
    USUAL_FMR,
    OpenSetScores,
    Parts,
    StrangerRates,
    draw_probes,
    near_people,
    people_beside,
    score_open_set,
    stranger_rates,
    tail_size,
)
from faceml.metrics.identification import Estimate, rate_interval

LEAST_PEOPLE = 10  # with two faces or more: fewer say nothing about people not seen yet
LEAST_EXPECTED = 0.05  # fmr x faces: the tail is continued at most 20-fold beyond the highest comparison
READ_OFF = 10  # false matches among the labelled faces at which the rate is read off, not extrapolated
CENSORED = 0.05  # share of the tail that may be label errors
AFFORDABLE = 0.01  # share of genuine faces given up for being sure
LEAST_GAP = 1e-6  # two names on one photo; ln(end - s) stays finite


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold for `match_people`, and what is known about it; intervals at `confidence`."""

    threshold: float  # cosine; assign at similarity >= threshold
    estimate: Estimate  # where the rate is expected to be just `fmr_asked`, <= threshold; bootstrap over people
    fmr_asked: float  # share of strangers' faces that may be given to somebody
    is_extrapolated: bool  # the labelled faces are too few to show this rate; it comes from their tail
    false_matches: Estimate  # share of the probes that, as strangers, would be given to somebody
    own_matches: Estimate  # share of those of people with two or more that would be given to their own person
    people: int
    faces: int  # labelled
    probes: int  # of them, asked about
    confidence: float


def calibrate(
    vectors: NDArray[np.floating],
    person_rows: ArrayLike,
    *,
    fmr: float = USUAL_FMR,
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
    scores = score_labels(vectors, person_rows, fmr=fmr, exemplar_rows=exemplar_rows)
    return calibrate_scores(scores, person_rows, fmr=fmr, confidence=confidence, resamples=resamples)


def score_labels(
    vectors: NDArray[np.floating], person_rows: ArrayLike, *, fmr: float = USUAL_FMR, exemplar_rows: ArrayLike = ()
) -> OpenSetScores:
    """The first half of `calibrate`: what as many of the faces score as this rate needs. Raises as it does."""
    owners = np.asarray(person_rows, np.intp)
    if vectors.ndim != 2 or owners.shape != (len(vectors),):
        raise WrongUse(f"vectors {vectors.shape} and person rows {owners.shape} do not fit: pass (N, D) and (N,)")
    probes = draw_probes(len(owners), fmr)
    several = int((np.bincount(owners) > 1).sum()) if len(owners) else 0
    if several < LEAST_PEOPLE:
        raise _too_few(len(owners), f"{several} people with two or more", fmr, f"{LEAST_PEOPLE} such people")
    return score_open_set(vectors, owners, exemplar_rows=exemplar_rows, probes=probes)


def calibrate_scores(
    scores: OpenSetScores,
    person_rows: ArrayLike,
    *,
    fmr: float = USUAL_FMR,
    confidence: float = 0.95,
    resamples: int = 200,
) -> Calibration:
    """As `calibrate`, of what labelled faces scored; no person needs a second face.

    Args:
        scores: of some of N labelled faces.
        person_rows: (N,) who each is: every number from 0 to the highest at least once.
    Raises:
        NotEnoughData: too few people or faces to say anything at this rate; the message names what is needed.
    """
    everybody = np.asarray(person_rows, np.intp)
    people, owners = int(everybody.max(initial=-1)) + 1, everybody[scores.probes]
    if not is_enough(people, len(owners), fmr):
        raise _too_few(len(owners), f"{people} people", fmr, f"{LEAST_PEOPLE} people")
    is_extrapolated = len(owners) * fmr < READ_OFF
    threshold_of = _continue_tail if is_extrapolated else _read_off
    at = list(threshold_of(scores, owners, fmr, _draw_people(people, resamples)))
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
        faces=len(everybody),
        probes=len(owners),
        confidence=confidence,
    )


def is_enough(people: int, faces: int, fmr: float) -> bool:
    """Whether so many faces of so many people say anything at this rate."""
    return people >= LEAST_PEOPLE and faces * fmr >= LEAST_EXPECTED


def rate_strangers(
    scores: OpenSetScores,
    parts_of: Callable[[NDArray[np.intp]], Parts],
    person_rows: NDArray[np.intp],
    photos: ArrayLike,
    centroids: NDArray[np.floating],
    *,
    threshold: float,
    is_once_a_photo: bool = False,
) -> StrangerRates:
    """How often the faces that were asked about would be given to somebody, by who they are.

    Args:
        scores: with others, of some of N labelled faces; only those that reach the threshold are compared again.
        parts_of: compares labelled faces with others, see `stranger_rates`.
        person_rows: (N,) who each is.
        photos: (N,) which photo each is on.
        centroids: (K, D) of the people.
        is_once_a_photo: a face is not given to who is on its photo.
    """
    passing = np.flatnonzero(scores.impostor >= threshold)
    beside = people_beside(person_rows, photos)
    return stranger_rates(
        parts_of(scores.probes[passing]),
        person_rows[scores.probes],
        near_people(person_rows, beside, centroids),
        threshold=threshold,
        rows=passing,
        barred=tuple(beside[row] for row in scores.probes.tolist()) if is_once_a_photo else (),
    )


def advice(rates: StrangerRates, found: Calibration, *, is_plain: bool) -> str | None:
    """What a person can do where relatives get through more often than was asked for; None: they do not."""
    asked = found.fmr_asked
    if rates.relatives is None or rates.relatives.value <= asked:
        return None
    ways = ["label more of each person", "label the relatives, too"]
    if found.faces * asked / 10 >= LEAST_EXPECTED:
        ways.append(f"ask for less (`--fmr {asked / 10:g}`)")
    if is_plain:
        ways.append("fit a matcher, which names fewer for as many known ones (`faceml faces fit-matcher`)")
    return f"{'; '.join(ways)}; and look at what was recognised, under *Review*"


def tail_heights(scores: ArrayLike, end: float = 1.0) -> NDArray[np.float64]:
    """-ln(end - s): of a tail that falls off as a power of end - s it is exponential."""
    heights: NDArray[np.float64] = -np.log(np.maximum(end - np.asarray(scores, np.float64), LEAST_GAP))
    return heights


def _continue_tail(
    scores: OpenSetScores, owners: NDArray[np.intp], fmr: float, draws: NDArray[np.float64]
) -> Iterator[float]:
    """The threshold of each draw, in which person p counts `draws[:, p]` times: the similarity that the wanted share
    of comparisons reaches.

    With z = -ln(1 - s) the tail is exponential; its scale is the censored maximum-likelihood one: sum of excesses over
    the number not censored.
    """
    end = max(scores.highest, float(scores.tail[0]) + LEAST_GAP)
    heights = tail_heights(scores.tail, end)
    whose, with_ = owners[scores.tail_faces], scores.tail_people
    for times in draws:
        weights = times[whose] * times[with_]
        faces, people = float(times[owners].sum()), times.sum()
        comparisons = faces * people - float((times[owners] ** 2).sum())
        size, wanted = tail_size(scores.comparisons) / scores.comparisons * comparisons, fmr / people * comparisons
        above = np.cumsum(weights)
        last = min(int(np.searchsorted(above, size)), len(above) - 2)
        censored = min(int(np.searchsorted(above, CENSORED * size)), last)
        start = heights[last + 1]
        excess = np.minimum(heights[: last + 1], heights[censored]) - start
        scale = float(weights[: last + 1] @ excess) / max(1.0, above[last] - above[censored])
        yield float(end - np.exp(-(start + scale * np.log(above[last] / wanted))))


def _read_off(
    scores: OpenSetScores, owners: NDArray[np.intp], fmr: float, draws: NDArray[np.float64]
) -> Iterator[float]:
    """Likewise, where the share of faces is met among the scores themselves."""
    order = np.argsort(-scores.impostor, kind="stable")
    impostor, whose = scores.impostor[order], owners[order]
    for times in draws:
        above = np.cumsum(times[whose])
        # The first that must not be assigned any more, with all that equal it.
        refused = impostor[int(np.searchsorted(above, fmr * above[-1] * (1 + 1e-9), side="right"))]
        yield float(np.nextafter(refused, np.float32(np.inf)))


def _draw_people(people: int, resamples: int) -> NDArray[np.float64]:
    """(1 + resamples, people) how often each person counts: once each, then as each bootstrap draw has them."""
    drawn = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), size=resamples)
    return np.concatenate((np.ones((1, people)), drawn))


def _too_few(faces: int, people: str, fmr: float, needed_people: str) -> NotEnoughData:
    needed = int(np.ceil(LEAST_EXPECTED / fmr))
    return NotEnoughData(
        f"{faces} labelled faces, {people}: a false-match rate of {fmr:g} needs {needed} faces and {needed_people}; "
        "label more, or ask for a higher rate"
    )
