"""Taking faces out of clusters that they only chained into.

HDBSCAN follows density, so in a sparse region a few faces of different people can pass for a small cluster. A person's
faces lie around a centre; a chain's do not. Of the ways tried against singletons this one won on both packs
(docs/results/clustering.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse


def mean_similarity(vectors: NDArray[np.floating]) -> float:
    """How tight a group is: the mean cosine of its faces to their centroid, 0 to 1.

    Args:
        vectors: (N, D) unit rows, N >= 1.

    >>> round(mean_similarity(np.array([[1.0, 0.0], [0.0, 1.0]])), 3)
    0.707
    """
    # Of unit rows x with mean m it is mean(x · m/|m|) = |m|.
    return float(np.linalg.norm(np.asarray(vectors, np.float64).mean(axis=0)))


def drop_loose(vectors: NDArray[np.floating], labels: ArrayLike, *, min_cohesion: float) -> NDArray[np.int64]:
    """Turn faces into noise that are unlike the rest of their cluster; a cluster left with one face goes, too.

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
        raise WrongUse(f"min_cohesion={min_cohesion} is no cosine: it lies between -1 and 1")
    rows = np.flatnonzero(answer >= 0)
    if not len(rows):
        return answer
    clusters, of_row, sizes = np.unique(answer[rows], return_inverse=True, return_counts=True)
    sums = np.zeros((len(clusters), vectors.shape[1]))
    np.add.at(sums, of_row, vectors[rows])
    # s · (S − s) without a second matrix: s · S − s · s; and |S − s|² likewise.
    with_sum = np.einsum("nd,nd->n", vectors[rows], sums[of_row], dtype=np.float64)
    own = np.einsum("nd,nd->n", vectors[rows], vectors[rows], dtype=np.float64)
    others = np.sqrt(np.maximum(np.einsum("cd,cd->c", sums, sums)[of_row] - 2 * with_sum + own, 0))
    cohesion = np.divide(with_sum - own, others, out=np.zeros(len(rows)), where=others > 0)
    answer[rows[(cohesion < min_cohesion) & (sizes[of_row] > 1)]] = -1
    left = np.bincount(answer[answer >= 0], minlength=int(clusters[-1]) + 1)
    answer[(answer >= 0) & (left[answer] < 2)] = -1
    return answer
