"""Pairs of faces counted in bins of similarity while the blocked product runs: memory does not grow with N²."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 8_192  # over [-1, 1]: a threshold is right to 0.00025
BLOCK_SCORES = 2_000_000


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs by bin of similarity, each pair counted once for either side's group."""

    genuine: NDArray[np.float64]  # (groups, BINS)
    impostor: NDArray[np.float64]  # (groups, BINS)

    def drawn(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(R, BINS) genuine and impostor counts where draw r has group g `times[r, g]` times.

        A pair of groups drawn a and b times counts a + b - 1 times, the linear part of a·b (Hájek projection).
        """
        return times @ self.genuine / 2, times @ self.impostor - self.impostor.sum(axis=0) / 2


def count_pairs(embeddings: NDArray[np.floating], codes: NDArray[np.intp], group_of: NDArray[np.intp]) -> PairCounts:
    """Compare every face with every other, in blocks.

    Args:
        embeddings: (N, D) unit rows.
        codes: (N,) who each is.
        group_of: (people,) the group that each code belongs to, from 0.
    """
    groups = int(group_of.max()) + 1
    order = np.argsort(codes, kind="stable")
    rows, codes = np.asarray(embeddings, np.float32)[order], codes[order]
    counts = PairCounts(np.zeros((groups, BINS)), np.zeros((groups, BINS)))
    step = max(1, BLOCK_SCORES // len(rows))
    for start in range(0, len(rows), step):
        cells = _bins(rows[start : start + step] @ rows.T)
        here = codes[start : start + step]
        # A face beside itself is no pair: it goes to a cell that is counted as neither.
        cells[np.arange(len(here)), np.arange(start, start + len(here))] = BINS
        for person in np.unique(here):
            own = cells[np.searchsorted(here, person) : np.searchsorted(here, person, side="right")]
            mates = own[:, np.searchsorted(codes, person) : np.searchsorted(codes, person, side="right")]
            genuine = np.bincount(mates.ravel(), minlength=BINS + 1)[:BINS]
            counts.genuine[group_of[person]] += genuine
            counts.impostor[group_of[person]] += np.bincount(own.ravel(), minlength=BINS + 1)[:BINS] - genuine
    return counts


def _bins(similarities: NDArray[np.float32]) -> NDArray[np.intp]:
    similarities += 1
    similarities *= BINS / 2
    return np.clip(similarities, 0, BINS - 1, out=similarities).astype(np.intp)
