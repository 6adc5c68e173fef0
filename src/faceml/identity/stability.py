"""How much a clustering depends on which faces happened to be there: what can be measured where no truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.metrics.agreement import adjusted_rand


def subsamples(count: int, *, share: float, times: int, seed: int = 0) -> list[NDArray[np.intp]]:
    """Random rows to cluster again, ascending; the same for the same seed.

    >>> [rows.tolist() for rows in subsamples(4, share=0.5, times=2, seed=1)]
    [[0, 1], [0, 3]]
    """
    if not 0 < share < 1 or times < 1:
        raise WrongUse(f"subsamples with share={share}, times={times}: give 0 < share < 1 and one time or more")
    rng = np.random.default_rng(seed)
    size = max(1, round(share * count))
    return [np.sort(rng.permutation(count)[:size]) for _ in range(times)]


def stability(labels: NDArray[np.integer], again: Sequence[tuple[NDArray[np.intp], NDArray[np.integer]]]) -> float:
    """Mean adjusted Rand of a clustering and those of parts of its faces (Ben-Hur, Elisseeff and Guyon 2002).

    Noise counts as clusters of one, on either side. Where either side groups nothing at all there is nothing to agree
    on: 0, or leaving everybody out would be the most stable of all.

    Args:
        labels: (N,) of all faces, -1 is noise.
        again: for each part its rows, ascending or not, and their labels when clustered by themselves.
    Returns:
        1 for the same groups each time, about 0 for groups made by chance.

    >>> stability(np.array([0, 0, 1, 1]), [(np.array([0, 1, 2, 3]), np.array([4, 4, 2, 2]))])
    1.0
    """
    if not again:
        raise WrongUse("stability over 0 clusterings of parts: pass one at least")
    scores = [
        adjusted_rand(labels[rows], part) if (part >= 0).any() and (labels[rows] >= 0).any() else 0.0
        for rows, part in again
    ]
    return float(np.mean(scores))
