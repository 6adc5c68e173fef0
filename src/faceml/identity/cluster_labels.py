"""What becomes of cluster labels once faces are grouped: cleaned, numbered, and named as in the run before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.distances import blocks

BLOCK_ROWS = 4_096


def drop_loose(vectors: NDArray[np.floating], labels: ArrayLike, *, min_cohesion: float) -> NDArray[np.int64]:
    """Turn faces into noise that are unlike the rest of their cluster; a cluster left with one face goes, too.

    HDBSCAN follows density, so in a sparse region a few faces of different people can pass for a small cluster. A
    person's faces lie around a centre; those of such a chain do not. Of the ways tried against singletons this one won
    on both packs (docs/results/clustering.md).

    Args:
        vectors: (N, D) unit rows.
        labels: (N,) cluster numbers >= 0; -1 is noise.
        min_cohesion: cosine of a face to the centroid of its cluster's *other* faces, in [-1, 1].
    Returns:
        (N,) labels with the same numbers; -1 where a face was dropped.
    Raises:
        WrongUse: one label a vector is not given, or the similarity is outside its range.

    >>> faces = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> drop_loose(faces, [0, 0, 0, 0], min_cohesion=0.5).tolist()
    [0, 0, 0, -1]
    """
    answer = np.array(labels, np.int64)
    if answer.shape != (len(vectors),):
        raise WrongUse(f"{len(vectors)} vectors and labels of shape {answer.shape}: pass one label a vector")
    if not -1 <= min_cohesion <= 1:
        raise WrongUse(f"min_cohesion={min_cohesion} is not a cosine: give a number from -1 to 1")
    rows = np.flatnonzero(answer >= 0)
    if not len(rows):
        return answer
    clusters, of_row, sizes = np.unique(answer[rows], return_inverse=True, return_counts=True)
    sums = np.zeros((len(clusters), vectors.shape[1]))
    with_sum, own = np.empty(len(rows)), np.empty(len(rows))
    parts = list(blocks(len(rows), BLOCK_ROWS))
    for part in parts:
        np.add.at(sums, of_row[part], vectors[rows[part]])
    # s · (S − s) without a second matrix: s · S − s · s; and |S − s|² likewise.
    for part in parts:
        faces = vectors[rows[part]].astype(np.float64)
        with_sum[part] = np.einsum("nd,nd->n", faces, sums[of_row[part]])
        own[part] = np.einsum("nd,nd->n", faces, faces)
    others = np.sqrt(np.maximum(np.einsum("cd,cd->c", sums, sums)[of_row] - 2 * with_sum + own, 0))
    cohesion = np.divide(with_sum - own, others, out=np.zeros(len(rows)), where=others > 0)
    answer[rows[(cohesion < min_cohesion) & (sizes[of_row] > 1)]] = -1
    left = np.bincount(answer[answer >= 0], minlength=int(clusters[-1]) + 1)
    answer[(answer >= 0) & (left[answer] < 2)] = -1
    return answer


def without_small(labels: NDArray[np.int64], min_cluster_size: int) -> NDArray[np.int64]:
    """Groups below a size become noise; the rest is numbered anew.

    >>> without_small(np.array([0, 1, 1, -1]), 2).tolist()
    [-1, 0, 0, -1]
    """
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    keep = (labels >= 0) & (sizes[labels] >= min_cluster_size)
    answer = np.full(len(labels), -1)
    answer[keep] = numbered(labels[keep])
    return answer


def numbered(groups: NDArray[np.integer]) -> NDArray[np.int64]:
    """Any group marks as 0, 1, 2 … in the order of their first rows.

    >>> numbered(np.array([7, 3, 7])).tolist()
    [0, 1, 0]
    """
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[place]


def mean_similarity(vectors: NDArray[np.floating]) -> float:
    """How tight a group is: the mean cosine of its faces to their centroid, 0 to 1.

    Args:
        vectors: (N, D) unit rows, N >= 1.

    >>> round(mean_similarity(np.array([[1.0, 0.0], [0.0, 1.0]])), 3)
    0.707
    """
    # Of unit rows x with mean m it is mean(x · m/|m|) = |m|.
    return float(np.linalg.norm(np.asarray(vectors, np.float64).mean(axis=0)))


def likeness_to_others(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) how well each face fits its group: its cosine to the centroid of the *other* faces, 1 for a face alone.

    Args:
        vectors: (N, D) unit rows of one group.

    >>> likeness_to_others(np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8]])).round(2).tolist()
    [0.89, 0.89, 0.6]
    """
    if len(vectors) < 2:
        return np.ones(len(vectors))
    rows = np.asarray(vectors, np.float64)
    others = rows.sum(axis=0) - rows
    lengths = np.linalg.norm(others, axis=1)
    likeness: NDArray[np.float64] = np.divide(
        np.vecdot(rows, others), lengths, out=np.zeros(len(rows)), where=lengths > 0
    )
    return likeness


def mean_pair_similarity(vectors: NDArray[np.floating]) -> float:
    """The mean cosine over all pairs of a group's (N, D) unit rows; 1 for a face alone.

    >>> round(mean_pair_similarity(np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8]])), 2)
    0.73
    """
    count, whole = len(vectors), np.asarray(vectors, np.float64).sum(axis=0)
    return float((whole @ whole - count) / (count * (count - 1))) if count > 1 else 1.0


def keep_names(labels: Sequence[int], former: Sequence[str | None]) -> dict[int, str]:
    """Which former cluster each new one continues (DESIGN D6): the pairs that share most faces, each name once.

    A pair counts when it shares at least half the faces of either side; the rest of a split gets new names.

    Args:
        labels: (N,) cluster of each face now, -1 noise.
        former: (N,) name of the cluster each face was in before, None where it was in no cluster.
    Returns:
        Name by label, for the labels that continue a former cluster.

    >>> keep_names([0, 0, 0, 1, 1, -1], ["a", "a", None, "b", "b", "b"])
    {0: 'a', 1: 'b'}
    """
    shared = Counter((label, name) for label, name in zip(labels, former, strict=True) if label >= 0 and name)
    now, before = Counter(labels), Counter(name for name in former if name)
    kept: dict[int, str] = {}
    taken: set[str] = set()
    for (label, name), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        is_continued = 2 * count >= min(now[label], before[name])
        if is_continued and label not in kept and name not in taken:
            kept[label] = name
            taken.add(name)
    return kept


def name_clusters(labels: Sequence[int], kept: Mapping[int, str], fresh: Iterable[str]) -> list[str | None]:
    """A name for each face: kept or fresh by cluster, None for noise.

    >>> name_clusters([0, 1, -1], {0: "a"}, ["x", "y"])
    ['a', 'x', None]
    """
    names = dict(kept)
    supply = iter(fresh)
    for label in sorted({label for label in labels if label >= 0} - set(names)):
        names[label] = next(supply)
    return [names.get(label) for label in labels]
