"""Where a person's minute is worth most: groups to merge, clusters to split, faces to decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.distances import rows_at_once
from faceml.identity.prototypes import LEAST_FIT, ZERO_NORM

BLOCK_SCORES = 4_000_000
TWO_MEANS_ROUNDS = 20
POWER_ROUNDS = 15  # only a start for 2-means: no need to converge
# Centroids are nearer than faces are. On LFW with two packs the pack's threshold plus this lay between the centroids of
# all different people (threshold + 0.12 at most) and of all one person's halves (+ 0.36 at least).
GROUP_MARGIN = 0.15
LEAST_RECOGNISED = 10  # labelled faces that are found without their own label: fewer say nothing of others


@dataclass(frozen=True, slots=True)
class NearGroups:
    """Two groups of faces that may be one person; both similarities are cosines."""

    first: int  # rows of `means`, first < second
    second: int
    similarity: float  # of the centroids
    mean_linkage: float  # mean over all pairs of one face of each


@dataclass(frozen=True, slots=True)
class NearestFaces:
    first: int  # row of the first group
    second: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Halves:
    """The best division of a group in two, and how unlike the halves are."""

    smaller_rows: NDArray[np.intp]  # ascending
    larger_rows: NDArray[np.intp]
    similarity: float  # of the halves' centroids; low means two people
    cohesion: float  # mean similarity of a face to its own half's centroid

    @property
    def gap(self) -> float:
        """High means two people."""
        return self.cohesion - self.similarity


def near_groups(
    means: NDArray[np.floating], *, min_similarity: float, different: ArrayLike = (), limit: int = 50
) -> list[NearGroups]:
    """Pairs of groups whose centroids are at least so similar, the most similar first.

    Memory is bounded: centroids are compared in blocks.

    Args:
        means: (G, D) mean of each group's unit rows.
        min_similarity: of the centroids, see `GROUP_MARGIN`.
        different: (R, 2) pairs of groups that are known to be different.
        limit: how many at most.

    >>> pairs = near_groups(np.array([[0.9, 0.0], [0.8, 0.1], [0.0, 0.7]]), min_similarity=0.5)
    >>> [(pair.first, pair.second, round(pair.mean_linkage, 2)) for pair in pairs]
    [(0, 1, 0.72)]
    """
    known = np.asarray(different, np.intp).reshape(-1, 2)
    norms = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), ZERO_NORM)
    first, second, similarity = _near_pairs((means / norms).astype(np.float32), min_similarity, known, limit)
    linkage = np.einsum("nd,nd->n", means[first], means[second])  # the mean over all pairs: no pair needs to be formed
    return [NearGroups(*pair) for pair in zip(*(x.tolist() for x in (first, second, similarity, linkage)), strict=True)]


def in_rounds(sizes: Sequence[int], first: int) -> Iterator[slice]:
    """Items in order, in parts of about as much as may be looked at before it is asked whether that is enough.

    Args:
        sizes: of the items.
        first: what the first part comes to; each comes to twice the one before.

    >>> [(part.start, part.stop) for part in in_rounds([5, 1, 1, 1, 1, 9, 9], 4)]
    [(0, 1), (1, 6), (6, 7)]
    """
    start, size = 0, 0
    for row, item in enumerate(sizes, start=1):
        size += item
        if size >= first or row == len(sizes):
            yield slice(start, row)
            start, size, first = row, 0, 2 * first


def nearest_faces(one: NDArray[np.floating], two: NDArray[np.floating]) -> NearestFaces:
    """The most similar pair of a row of each group.

    >>> nearest_faces(np.eye(2), np.array([[0.0, 1.0]]))
    NearestFaces(first=1, second=0, similarity=1.0)
    """
    best = NearestFaces(0, 0, -np.inf)
    step = rows_at_once(len(two), BLOCK_SCORES)
    for start in range(0, len(one), step):
        scores = one[start : start + step] @ two.T
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        if scores[row, column] > best.similarity:
            best = NearestFaces(start + int(row), int(column), float(scores[row, column]))
    return best


def halve(vectors: NDArray[np.floating]) -> Halves | None:
    """Divide a group by spherical 2-means, started along its direction of greatest spread.

    The evidence is the same as for a merge: if the halves were groups, would they be suggested as one?

    Args:
        vectors: (N, D) unit rows.
    Returns:
        None where there is no division that leaves each half two faces: one would take every outlier for a person.
    """
    if len(vectors) < 4:
        return None
    faces = vectors.astype(np.float64)
    is_second = _two_means(faces)
    sides = sorted((np.flatnonzero(~is_second), np.flatnonzero(is_second)), key=len)
    if len(sides[0]) < 2:
        return None
    middles = np.stack([faces[side].mean(axis=0) for side in sides])
    middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), ZERO_NORM)
    cohesion = sum(float((faces[side] @ middle).sum()) for side, middle in zip(sides, middles, strict=True))
    return Halves(sides[0], sides[1], float(middles[0] @ middles[1]), cohesion / len(faces))


def distance_to_change(similarities: ArrayLike, runner_ups: ArrayLike, *, threshold: float) -> NDArray[np.float64]:
    """By how much a similarity has to change for the answer to become another: asking about the least teaches most.

    A face below the threshold changes its answer by reaching it; a face above, by falling below it or behind its
    runner-up (margin sampling; Scheffer, Decomain, Wrobel 2001, with "unknown" as one more class).

    Args:
        similarities: (N,) to the best person; -inf where there is none.
        runner_ups: (N,) to the best other person; -inf where there is none.
        threshold: that assignment uses.
    Returns:
        (N,) 0 and up; infinite where there is nobody to compare with.

    >>> distance_to_change([0.9, 0.45, 0.8, 0.1], [0.2, 0.1, 0.78, 0.09], threshold=0.4).round(2).tolist()
    [0.5, 0.05, 0.02, 0.3]
    """
    best, other = np.asarray(similarities, np.float64), np.asarray(runner_ups, np.float64)
    if best.shape != other.shape or best.ndim != 1:
        raise WrongUse(f"similarities {best.shape} and runner-ups {other.shape} do not fit: pass (N,) and (N,)")
    return np.where(best < threshold, threshold - best, best - np.maximum(other, threshold))


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """How likely the best person of a face is right, by its score: (B,) points on a line that never falls."""

    scores: NDArray[np.float64]  # ascending
    shares: NDArray[np.float64]  # of labelled faces among all at this score
    library_faces: float  # for which one labelled face stands

    def of(self, scores: ArrayLike) -> NDArray[np.float64]:
        """(N,) 0 to 1."""
        share = np.interp(np.asarray(scores, np.float64), self.scores, self.shares)
        with np.errstate(divide="ignore"):
            found: NDArray[np.float64] = np.minimum(self.library_faces * share / (1 - share), 1.0)
        return found


def likelihood(known: ArrayLike, is_right: ArrayLike, library: ArrayLike, *, threshold: float) -> Likelihood | None:
    """How likely the best person of a face that nobody labelled is right, told by the faces that somebody did.

    Each labelled face, asked about without its own label, stands for faces of known people that nobody labelled: for
    as many as reach `threshold` in the library for each that does there, since strangers hardly ever reach it. So it
    is known how many right answers a score has, and the library itself shows how many answers there are. The ratio
    of both is made to rise with the score (isotonic regression; Barlow, Bartholomew, Bremner, Brunk 1972).

    Args:
        known: (N,) labelled faces' scores with their best person, without their own label.
        is_right: (N,) whether that is who they are.
        library: (M,) scores of faces that nobody labelled with their best person, found in the same way.
        threshold: score that strangers hardly ever reach.
    Returns:
        None where fewer than `LEAST_RECOGNISED` labelled faces, or no face of the library, reach the threshold.
    """
    from scipy.optimize import isotonic_regression

    right = np.asarray(known, np.float64)[np.asarray(is_right, bool)]
    others = np.asarray(library, np.float64)
    others = others[np.isfinite(others)]
    recognised, found = int((right >= threshold).sum()), int((others >= threshold).sum())
    if recognised < LEAST_RECOGNISED or not found:
        return None
    scores = np.concatenate((right, others))
    order = np.argsort(scores, kind="stable")
    fitted = isotonic_regression(np.repeat((1.0, 0.0), (len(right), len(others)))[order])
    starts = fitted.blocks[:-1]
    middles = np.add.reduceat(scores[order], starts) / np.diff(fitted.blocks)
    return Likelihood(middles, fitted.x[starts], found / recognised)


def misfit(fit: ArrayLike, to_others: ArrayLike) -> NDArray[np.float64]:
    """How much a person's faces look as if they were not theirs; above 0 they do.

    A face has to fit better than half as well as the median face does (`LEAST_FIT`), and better than it fits anybody
    else.

    Args:
        fit: (N,) similarity to the person's trimmed centroid, which a few wrong faces do not pull; N >= 1.
        to_others: (N,) similarity to the nearest prototype of anybody else; -inf where there is nobody.

    >>> misfit([0.9, 0.8, 0.2, 0.7], [0.1, 0.1, 0.1, 0.8]).round(3).tolist()
    [-0.525, -0.425, 0.175, 0.1]
    """
    own = np.asarray(fit, np.float64)
    needed = np.maximum(np.asarray(to_others, np.float64), LEAST_FIT * np.median(own))
    return np.asarray(needed - own, np.float64)


def _near_pairs(
    centroids: NDArray[np.float32], min_similarity: float, different: NDArray[np.intp], limit: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Rows and similarity of the `limit` nearest pairs, nearest first."""
    count = len(centroids)
    cells, similarities = np.empty(0, np.intp), np.empty(0, np.float32)
    low, high = different.min(axis=1), different.max(axis=1)
    step = rows_at_once(count, BLOCK_SCORES)
    for start in range(0, count, step):
        block = centroids[start : start + step] @ centroids[start:].T  # each pair once: what is before was compared
        block[np.tri(len(block), dtype=bool, M=block.shape[1])] = -np.inf  # and none with itself
        here = (low >= start) & (low < start + len(block))
        block[low[here] - start, high[here] - start] = -np.inf
        rows, columns = np.nonzero(block >= min_similarity)
        cells = np.concatenate((cells, (rows + start) * count + columns + start))
        similarities = np.concatenate((similarities, block[rows, columns]))
        top = np.argsort(-similarities, kind="stable")[:limit]
        cells, similarities = cells[top], similarities[top]
        if len(top) == limit:
            min_similarity = max(min_similarity, float(similarities[-1]))  # what is less similar comes no more
    return cells // max(1, count), cells % max(1, count), similarities


def _two_means(faces: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which half each face is in."""
    is_second = _widest_spread(faces) > 0
    for _ in range(TWO_MEANS_ROUNDS):
        if is_second.all() or not is_second.any():
            break
        middles = np.stack([faces[~is_second].mean(axis=0), faces[is_second].mean(axis=0)])
        middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), ZERO_NORM)
        likeness = faces @ middles.T
        now = likeness[:, 1] > likeness[:, 0]
        if np.array_equal(now, is_second):
            break
        is_second = now
    return is_second


def _widest_spread(faces: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) coordinates along the first principal axis, by power iteration from the face farthest from the mean."""
    spread = faces - faces.mean(axis=0)
    axis = spread[int(np.argmax(np.einsum("nd,nd->n", spread, spread)))]
    for _ in range(POWER_ROUNDS):
        axis = (spread @ axis) @ spread
        axis = axis / max(float(np.linalg.norm(axis)), ZERO_NORM)
    along: NDArray[np.float64] = spread @ axis
    return along
