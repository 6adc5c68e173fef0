"""Who a face is: every face against every prototype in one blocked matrix product (DESIGN D7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.distances import rows_at_once
from faceml.identity.lifetimes import Vetoes

NOBODY = -1
# Similarities held at once: 8 MB stay near the cores, so the passes over them cost little beside the product. Measured
# flat from 2 M to 8 M on two cores; below 1 M many small products lose to a busy machine (benchmarks/assignment.py).
BLOCK_SCORES = 2_000_000


@dataclass(frozen=True, slots=True)
class Matches:
    """The best and the second-best person of P probes, row for row; people are the caller's row numbers."""

    person_rows: NDArray[np.intp]  # (P,) the candidate where it reaches min_similarity, else -1: unknown
    candidate_rows: NDArray[np.intp]  # (P,) nearest person not rejected, however far; -1 where there is none
    similarities: NDArray[np.float32]  # (P,) cosine to the candidate's nearest prototype; -inf without a candidate
    runner_up_rows: NDArray[np.intp]  # (P,) nearest OTHER person not rejected; -1 where there is none
    runner_up_similarities: NDArray[np.float32]  # (P,); -inf without a runner-up


def match_people(
    probes: NDArray[np.floating],
    prototypes: NDArray[np.floating],
    person_rows: ArrayLike,
    *,
    min_similarity: float,
    rejected: ArrayLike | None = None,
    vetoes: Vetoes | None = None,
) -> Matches:
    """Match each probe to its nearest person and to the nearest other person (open set).

    Memory beyond the inputs is 8 MB of similarities (60 with 30,000 prototypes) and about 100 bytes a probe, whatever P
    is.

    Args:
        probes: (P, D) unit rows.
        prototypes: (K, D) unit rows of the same model; K may be 0, then nobody matches.
        person_rows: (K,) whose prototype each is, row numbers >= 0; several prototypes a person, in any order.
        min_similarity: cosine in [-1, 1]; below it a probe is unknown.
        rejected: (R, 2) pairs (probe row, person row) that a person has ruled out; never proposed, not even as
            runner-up. A person row without a prototype is ignored.
        vetoes: who cannot be on a face's photo; they are not proposed either.
    Raises:
        WrongUse: shapes that do not fit each other, or a vector that is not finite.

    >>> people = match_people(np.eye(2), np.eye(2), [7, 9], min_similarity=0.5, rejected=[(1, 9)])
    >>> people.person_rows.tolist(), people.candidate_rows.tolist()
    ([7, -1], [7, 7])
    """
    owners = _check_people(probes, prototypes, np.asarray(person_rows, np.intp))
    segments = _Segments.of(owners)
    gallery = np.ascontiguousarray(prototypes[segments.order], np.float32)
    bans = _sorted_bans(rejected, len(probes), segments)
    found, similarities = _nearest_two(np.asarray(probes), gallery, segments, bans, vetoes)
    candidates, runners_up = np.append(segments.people, NOBODY)[found]  # the last stands for -1: nobody
    return Matches(
        person_rows=np.where(similarities[0] >= min_similarity, candidates, NOBODY),
        candidate_rows=candidates,
        similarities=similarities[0],
        runner_up_rows=runners_up,
        runner_up_similarities=similarities[1],
    )


@dataclass(frozen=True, slots=True)
class _Segments:
    """Prototypes sorted by person: person s owns the sorted rows starts[s] to starts[s] + sizes[s]."""

    order: NDArray[np.intp]  # (K,) sorted row -> the caller's row
    people: NDArray[np.intp]  # (S,) the caller's person row of each segment, ascending
    starts: NDArray[np.intp]  # (S,)
    sizes: NDArray[np.intp]  # (S,)
    of_row: NDArray[np.intp]  # (K,) segment of each sorted row

    @classmethod
    def of(cls, owners: NDArray[np.intp]) -> _Segments:
        people, segment, sizes = np.unique(owners, return_inverse=True, return_counts=True)
        order = np.argsort(segment, kind="stable")
        return cls(order, people, np.cumsum(sizes) - sizes, sizes, segment[order])


def _nearest_two(
    probes: NDArray[np.floating],
    gallery: NDArray[np.float32],
    segments: _Segments,
    bans: NDArray[np.intp],
    vetoes: Vetoes | None,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(2, P) segments of the nearest and the next person, -1 where there is nobody, and how near they are.

    The nearest prototype names the person; blanking that person's prototypes leaves the runner-up on top. So no
    segmented maximum and no sort is needed: two argmax passes over a block that is still in the cache.
    """
    found = np.full((2, len(probes)), NOBODY)
    similarities = np.full((2, len(probes)), -np.inf, np.float32)
    step = max(1, min(len(probes), rows_at_once(len(gallery), BLOCK_SCORES)))
    buffer = np.empty((step, len(gallery)), np.float32)
    for start in range(0, len(probes) if len(gallery) else 0, step):
        stop = min(start + step, len(probes))
        scores = np.matmul(probes[start:stop].astype(np.float32, copy=False), gallery.T, out=buffer[: stop - start])
        if vetoes is not None:
            vetoes.blank(scores, slice(start, stop), segments.people[segments.of_row])
        low, high = np.searchsorted(bans[:, 0], (start, stop))
        rows, owners = bans[low:high, 0] - start, bans[low:high, 1]
        for place in (0, 1):
            _blank(scores, rows, owners, segments)
            winner = scores.argmax(axis=1)
            rows, owners = np.arange(stop - start), segments.of_row[winner]
            similarities[place, start:stop] = nearness = scores[rows, winner]
            if np.isnan(nearness).any():
                raise WrongUse("a vector holds NaN or infinity: embed that face again")
            found[place, start:stop] = np.where(nearness == -np.inf, NOBODY, owners)
    return found, similarities


def _blank(scores: NDArray[np.float32], rows: NDArray[np.intp], owners: NDArray[np.intp], segments: _Segments) -> None:
    sizes, starts = segments.sizes[owners], segments.starts[owners]
    for nth in range(sizes.max(initial=0)):
        has = sizes > nth
        scores[rows[has], starts[has] + nth] = -np.inf


def _check_people(
    probes: NDArray[np.floating], prototypes: NDArray[np.floating], owners: NDArray[np.intp]
) -> NDArray[np.intp]:
    is_empty = not len(probes) or not len(prototypes)  # nothing has no width
    if probes.ndim != 2 or prototypes.ndim != 2 or not (is_empty or probes.shape[1] == prototypes.shape[1]):
        raise WrongUse(
            f"probes {probes.shape} and prototypes {prototypes.shape} do not fit: pass (P, D) and (K, D) of one model"
        )
    if owners.shape != (len(prototypes),):
        raise WrongUse(
            f"{len(prototypes)} prototypes but person rows of shape {owners.shape}: pass one person a prototype"
        )
    if len(owners) and owners.min() < 0:
        raise WrongUse(f"person row {owners.min()} is negative: leave prototypes of nobody out")
    return owners


def _sorted_bans(rejected: ArrayLike | None, count: int, segments: _Segments) -> NDArray[np.intp]:
    """(R, 2) pairs (probe row, segment), sorted by probe; people without prototypes are dropped."""
    pairs = np.asarray([] if rejected is None else rejected, np.intp).reshape(-1, 2)
    if len(pairs) and not (pairs[:, 0].min() >= 0 and pairs[:, 0].max() < count):
        raise WrongUse(
            f"a rejected pair names probe {pairs[:, 0].max()}, but there are {count}: pass row numbers of `probes`"
        )
    segment = np.searchsorted(segments.people, pairs[:, 1])
    known = np.append(segments.people, NOBODY)[segment] == pairs[:, 1]
    pairs = np.column_stack((pairs[:, 0], segment))[known]
    in_order: NDArray[np.intp] = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return in_order
