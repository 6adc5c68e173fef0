"""Where a person's minute is worth most: clusters to merge, clusters to split, faces to decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.prototypes import ZERO_NORM

BLOCK_SCORES = 4_000_000
TWO_MEANS_ROUNDS = 20
POWER_ROUNDS = 15  # only a start for 2-means: no need to converge


@dataclass(frozen=True, slots=True)
class MergeSuggestion:
    """Two clusters that may be one person, with the evidence; all similarities are cosines."""

    first: int  # cluster numbers, first < second
    second: int
    centroid_similarity: float
    mean_linkage: float  # mean over all pairs of one face of each
    max_linkage: float  # the most similar such pair
    faces: int  # of both


@dataclass(frozen=True, slots=True)
class SplitSuggestion:
    """A cluster that may be two people: its best division, and how unlike the halves are."""

    cluster: int
    smaller_rows: NDArray[np.intp]  # rows of `vectors` in the smaller half, ascending
    larger_rows: NDArray[np.intp]
    centroid_similarity: float  # of the halves; low means two people
    cohesion: float  # mean similarity of a face to its own half's centroid
    gap: float  # cohesion minus centroid_similarity; high means two people


def merge_suggestions(
    vectors: NDArray[np.floating], cluster_rows: ArrayLike, *, min_similarity: float, limit: int = 50
) -> list[MergeSuggestion]:
    """Pairs of clusters whose centroids are at least so similar, the most similar first.

    Memory is bounded: centroids are compared in blocks, faces only for the pairs returned.

    Args:
        vectors: (N, D) unit rows.
        cluster_rows: (N,) cluster numbers >= 0; -1 is noise and is left out.
        min_similarity: of the centroids. Centroids are nearer than faces are: take the calibrated threshold or higher.
        limit: how many at most.
    """
    clusters = _Clusters.of(vectors, cluster_rows)
    first, second, similarity = _near_pairs(clusters.centroids, min_similarity, limit)
    return [
        _merge_evidence(clusters, int(a), int(b), float(s)) for a, b, s in zip(first, second, similarity, strict=True)
    ]


def split_suggestions(
    vectors: NDArray[np.floating],
    cluster_rows: ArrayLike,
    *,
    max_similarity: float,
    min_faces: int = 2,
    limit: int = 50,
) -> list[SplitSuggestion]:
    """Clusters that fall into two halves with centroids at most so similar, the widest gap first.

    Each cluster is divided by spherical 2-means started along its direction of greatest spread. The evidence is
    the same as for a merge: if the halves were clusters, would they be suggested as one?

    Args:
        vectors: (N, D) unit rows.
        cluster_rows: (N,) cluster numbers >= 0; -1 is noise and is left out.
        max_similarity: of the halves' centroids; halves of one person's faces are mostly above 0.7.
        min_faces: the smaller half has at least so many; 1 would suggest every outlier.
        limit: how many at most.
    """
    clusters = _Clusters.of(vectors, cluster_rows)
    found = [
        split
        for position in np.flatnonzero(clusters.sizes >= 2 * min_faces)
        if (split := _halve(clusters, int(position), min_faces)) and split.centroid_similarity <= max_similarity
    ]
    return sorted(found, key=lambda split: (-split.gap, split.cluster))[:limit]


def most_uncertain(similarities: ArrayLike, runner_ups: ArrayLike, *, threshold: float) -> NDArray[np.intp]:
    """Faces in the order in which asking a person teaches most: those nearest to another answer first.

    A face below the threshold changes its answer by reaching it; a face above, by falling below it or behind its
    runner-up (margin sampling; Scheffer, Decomain, Wrobel 2001, with "unknown" as one more class).

    Args:
        similarities: (N,) to the best person; -inf where there is none (they come last).
        runner_ups: (N,) to the best other person; -inf where there is none.
        threshold: that assignment uses.
    Returns:
        (N,) row numbers; ties go to the lower row.

    >>> most_uncertain([0.9, 0.45, 0.8, 0.1], [0.2, 0.1, 0.78, 0.09], threshold=0.4).tolist()
    [2, 1, 3, 0]
    """
    best, other = np.asarray(similarities, np.float64), np.asarray(runner_ups, np.float64)
    if best.shape != other.shape or best.ndim != 1:
        raise WrongUse(f"similarities {best.shape} and runner-ups {other.shape} do not fit: pass (N,) and (N,)")
    to_change = np.where(best < threshold, threshold - best, best - np.maximum(other, threshold))
    return np.argsort(to_change, kind="stable")


@dataclass(frozen=True, slots=True)
class _Clusters:
    """Faces sorted by cluster: the one at position c owns `order[starts[c] : starts[c] + sizes[c]]`."""

    vectors: NDArray[np.float32]
    order: NDArray[np.intp]
    numbers: NDArray[np.intp]  # (C,) the caller's cluster numbers, ascending
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    means: NDArray[np.float64]  # (C, D)
    centroids: NDArray[np.float32]  # (C, D) unit rows; zero where the faces cancel out

    @classmethod
    def of(cls, vectors: NDArray[np.floating], cluster_rows: ArrayLike) -> _Clusters:
        labels = np.asarray(cluster_rows, np.intp)
        if vectors.ndim != 2 or labels.shape != (len(vectors),):
            raise WrongUse(f"vectors {vectors.shape} and cluster rows {labels.shape} do not fit: pass (N, D) and (N,)")
        rows = np.asarray(vectors, np.float32)
        order = np.argsort(labels, kind="stable")
        order = order[np.searchsorted(labels[order], 0) :]
        numbers, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
        means = np.zeros((0, rows.shape[1]))
        if len(numbers):
            means = np.add.reduceat(rows[order], starts, axis=0, dtype=np.float64) / sizes[:, None]
        norms = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), ZERO_NORM)
        return cls(rows, order, numbers, starts, sizes, means, (means / norms).astype(np.float32))

    def rows_at(self, position: int) -> NDArray[np.intp]:
        start = self.starts[position]
        return self.order[start : start + self.sizes[position]]


def _near_pairs(
    centroids: NDArray[np.float32], min_similarity: float, limit: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Positions and similarity of the `limit` nearest pairs, nearest first."""
    count = len(centroids)
    cells, similarities = np.empty(0, np.intp), np.empty(0, np.float32)
    step = max(1, BLOCK_SCORES // max(1, count))
    for start in range(0, count, step):
        block = centroids[start : start + step] @ centroids.T
        block[np.tri(len(block), count, start, dtype=bool)] = -np.inf  # each pair once, none with itself
        found = np.flatnonzero(block.ravel() >= min_similarity)
        cells = np.concatenate((cells, found + start * count))
        similarities = np.concatenate((similarities, block.ravel()[found]))
        top = np.argsort(-similarities, kind="stable")[:limit]
        cells, similarities = cells[top], similarities[top]
    return cells // count if count else cells, cells % count if count else cells, similarities


def _merge_evidence(clusters: _Clusters, first: int, second: int, similarity: float) -> MergeSuggestion:
    one, two = clusters.vectors[clusters.rows_at(first)], clusters.vectors[clusters.rows_at(second)]
    step = max(1, BLOCK_SCORES // len(two))
    nearest = max(float((one[start : start + step] @ two.T).max()) for start in range(0, len(one), step))
    return MergeSuggestion(
        first=int(clusters.numbers[first]),
        second=int(clusters.numbers[second]),
        centroid_similarity=similarity,
        # The mean over all pairs is the product of the means: no pair needs to be formed.
        mean_linkage=float(clusters.means[first] @ clusters.means[second]),
        max_linkage=nearest,
        faces=len(one) + len(two),
    )


def _halve(clusters: _Clusters, position: int, min_faces: int) -> SplitSuggestion | None:
    rows = clusters.rows_at(position)
    faces = clusters.vectors[rows].astype(np.float64)
    is_second = _two_means(faces)
    sizes = int((~is_second).sum()), int(is_second.sum())
    if min(sizes) < min_faces:
        return None
    middles = np.stack([faces[~is_second].mean(axis=0), faces[is_second].mean(axis=0)])
    middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), ZERO_NORM)
    similarity = float(middles[0] @ middles[1])
    cohesion = float(np.einsum("nd,nd->n", faces, middles[is_second.astype(np.intp)]).mean())
    smaller, larger = (
        (rows[~is_second], rows[is_second]) if sizes[0] < sizes[1] else (rows[is_second], rows[~is_second])
    )
    return SplitSuggestion(
        int(clusters.numbers[position]), smaller, larger, similarity, cohesion, gap=cohesion - similarity
    )


def _two_means(faces: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which half each face is in, by spherical 2-means."""
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
