"""Are these two faces one person: ROC, TAR@FAR and EER over pairs.

A pair is genuine when both faces have one label, impostor otherwise, and accepted when its similarity reaches the
threshold. A curve is exact of pairs that are all at hand (`roc`), or of pairs counted in bins of similarity while the
blocked product runs (`roc_of_counts`): then memory does not grow with N².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse

BINS = 8_192  # over [-1, 1]: a threshold is right to 0.00025
BLOCK_SCORES = 2_000_000


@dataclass(frozen=True, slots=True)
class Roc:
    """What each threshold accepts, from nothing (threshold inf) to everything; both rates rise."""

    thresholds: NDArray[np.float64]  # (T,) descending; a pair is accepted at similarity >= threshold
    tar: NDArray[np.float64]  # (T,) share of genuine pairs accepted
    far: NDArray[np.float64]  # (T,) share of impostor pairs accepted


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    threshold: float
    tar: float
    far: float


@dataclass(frozen=True, slots=True)
class PairScores:
    genuine: NDArray[np.float32]  # (G,)
    impostor: NDArray[np.float32]  # (I,)


def roc(genuine: ArrayLike, impostor: ArrayLike) -> Roc:
    """The exact curve of two sets of similarities, one step a distinct value.

    Raises:
        NotEnoughData: one of the sets is empty.

    >>> curve = roc([0.9, 0.4], [0.5, 0.1])
    >>> curve.tar.tolist(), curve.far.tolist()
    ([0.0, 0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5, 1.0])
    """
    yes, no = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
    values, place = np.unique(np.concatenate((yes, no)), return_inverse=True)
    counts = (np.bincount(part, minlength=len(values)) for part in (place[: yes.size], place[yes.size :]))
    return _curve(values, *counts)


def roc_of_counts(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> Roc:
    """The curve of (BINS,) counts of pairs by similarity; each threshold is a bin's lower edge.

    Raises:
        NotEnoughData: no genuine or no impostor pair.
    """
    return _curve(np.linspace(-1, 1, BINS + 1)[:-1], genuine, impostor)


def _curve(values: NDArray[np.float64], genuine: NDArray[np.number], impostor: NDArray[np.number]) -> Roc:
    yes, no = genuine.sum(), impostor.sum()
    if yes <= 0 or no <= 0:
        raise NotEnoughData(
            f"{yes:.0f} genuine and {no:.0f} impostor pairs: label two people, one of them with two faces"
        )
    return Roc(np.append(np.inf, values[::-1]), _share_from_above(genuine), _share_from_above(impostor))


def _share_from_above(counts: NDArray[np.number]) -> NDArray[np.float64]:
    # Counts first, then one division: 1 - 999/1000 would be just above 0.001 and miss FAR 1e-3.
    # A resampled bin may count below zero (a + b - 1 where neither was drawn); its curve may not fall.
    rising = np.maximum.accumulate(np.append(0.0, np.cumsum(counts[::-1])))
    share: NDArray[np.float64] = rising / rising[-1]
    return share


def tar_at_far(curve: Roc, far: float) -> OperatingPoint:
    """The most genuine pairs accepted while at most the share `far` of impostor pairs is; the lowest such threshold.

    >>> tar_at_far(roc([0.9, 0.4], [0.5, 0.1]), 0.5)
    OperatingPoint(threshold=0.4, tar=1.0, far=0.5)
    """
    if not 0 <= far <= 1:
        raise WrongUse(f"far {far} is not a share: pass 0 to 1, such as 1e-3")
    step = int(np.searchsorted(curve.far, far, side="right")) - 1
    return OperatingPoint(float(curve.thresholds[step]), float(curve.tar[step]), float(curve.far[step]))


def eer(curve: Roc) -> float:
    """The rate, 0 to 1, at which as many impostor pairs are accepted as genuine ones refused, between the steps too.

    >>> eer(roc([0.9, 0.4], [0.5, 0.1]))
    0.5
    """
    gap = curve.far + curve.tar - 1  # far minus the share of genuine pairs refused: -1 to 1, rising
    after = int(np.argmax(gap >= 0))
    span = gap[after] - gap[after - 1]
    share = gap[after] / span
    return float(curve.far[after] - share * (curve.far[after] - curve.far[after - 1]))


def share_rows(name: str, genuine: ArrayLike, impostor: ArrayLike, *, steps: int = 50) -> list[dict[str, str | float]]:
    """What each threshold from 0 to 1 accepts, one row a threshold, for a table; empty where one set is.

    Args:
        name: of whose similarities these are, for the column `model`.

    >>> share_rows("raw", [0.9, 0.4], [0.5, 0.1], steps=2)[1]
    {'model': 'raw', 'threshold': 0.5, 'tar': 0.5, 'far': 0.5}
    """
    yes, no = np.asarray(genuine), np.asarray(impostor)
    if not (yes.size and no.size):
        return []
    thresholds = np.linspace(0, 1, steps + 1)
    return [
        {"model": name, "threshold": round(at, 4), "tar": float((yes >= at).mean()), "far": float((no >= at).mean())}
        for at in thresholds.tolist()
    ]


def pair_scores(embeddings: NDArray[np.floating], labels: ArrayLike) -> PairScores:
    """The similarity of every pair of faces, each pair once: N (N - 1) / 2 numbers, so for small N.

    Args:
        embeddings: (N, D) unit rows.
        labels: (N,) who each is.
    """
    names = np.asarray(labels)
    if embeddings.ndim != 2 or names.shape != (len(embeddings),):
        raise WrongUse(f"embeddings {embeddings.shape} and labels {names.shape} do not fit: pass (N, D) and (N,)")
    if not len(names):
        raise NotEnoughData("0 faces: label two people, one of them with two faces")
    codes = np.unique(names, return_inverse=True)[1]
    left, right = np.triu_indices(len(codes), 1)
    rows = np.asarray(embeddings, np.float32)
    scores = (rows @ rows.T)[left, right]
    same = codes[left] == codes[right]
    return PairScores(scores[same], scores[~same])


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
        # A face beside itself is not a pair: it goes to a cell that is counted as neither.
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
