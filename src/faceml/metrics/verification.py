"""Are these two faces one person: ROC, TAR@FAR and EER over pairs.

A pair is genuine when both faces have one label, impostor otherwise, and accepted when its similarity reaches the
threshold. A curve is exact of pairs that are all at hand (`roc`), or of pairs counted in bins (`roc_of_counts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.metrics.pair_counts import BINS


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
class EqualError:
    rate: float  # 0 to 1, lower is better
    threshold: float


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
    yes, no = np.sort(np.asarray(genuine, np.float64)), np.sort(np.asarray(impostor, np.float64))
    _need_pairs(yes.size, no.size)
    thresholds = np.append(np.inf, np.unique(np.concatenate((yes, no)))[::-1])
    return Roc(thresholds, _share_reaching(yes, thresholds), _share_reaching(no, thresholds))


def tar_at_far(curve: Roc, far: float) -> OperatingPoint:
    """The most genuine pairs accepted while at most the share `far` of impostor pairs is; the lowest such threshold.

    >>> tar_at_far(roc([0.9, 0.4], [0.5, 0.1]), 0.5)
    OperatingPoint(threshold=0.4, tar=1.0, far=0.5)
    """
    if not 0 <= far <= 1:
        raise WrongUse(f"far {far} is not a share: pass 0 to 1, such as 1e-3")
    step = int(np.searchsorted(curve.far, far, side="right")) - 1
    return OperatingPoint(float(curve.thresholds[step]), float(curve.tar[step]), float(curve.far[step]))


def eer(curve: Roc) -> EqualError:
    """Where as many impostor pairs are accepted as genuine ones refused, on straight lines between the steps.

    >>> eer(roc([0.9, 0.4], [0.5, 0.1])).rate
    0.5
    """
    gap = curve.far + curve.tar - 1  # far minus the share of genuine pairs refused: -1 to 1, rising
    after = int(np.argmax(gap >= 0))
    span = gap[after] - gap[after - 1]
    share = gap[after] / span
    rate = curve.far[after] - share * (curve.far[after] - curve.far[after - 1])
    return EqualError(float(rate), float(curve.thresholds[after]))


def pair_scores(embeddings: NDArray[np.floating], labels: ArrayLike) -> PairScores:
    """The similarity of every pair of faces, each pair once: N (N - 1) / 2 numbers, so for small N.

    Args:
        embeddings: (N, D) unit rows.
        labels: (N,) who each is.
    """
    codes = _codes(embeddings, labels)
    left, right = np.triu_indices(len(codes), 1)
    rows = np.asarray(embeddings, np.float32)
    scores = (rows @ rows.T)[left, right]
    same = codes[left] == codes[right]
    return PairScores(scores[same], scores[~same])


def roc_of_counts(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> Roc:
    """The curve of (BINS,) counts of pairs by similarity; each threshold is a bin's lower edge.

    Raises:
        NotEnoughData: no genuine or no impostor pair.
    """
    _need_pairs(float(genuine.sum()), float(impostor.sum()))
    edges = np.linspace(-1, 1, BINS + 1)[:-1]
    return Roc(np.append(np.inf, edges[::-1]), _share_from_above(genuine), _share_from_above(impostor))


def _share_reaching(ascending: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    # Counts first, then one division: 1 - 999/1000 would be just above 0.001 and miss FAR 1e-3.
    share: NDArray[np.float64] = (ascending.size - np.searchsorted(ascending, thresholds)) / ascending.size
    return share


def _share_from_above(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    # A resampled bin may count below zero (a + b - 1 where neither was drawn); its curve may not fall.
    rising = np.maximum.accumulate(np.append(0.0, np.cumsum(counts[::-1])))
    share: NDArray[np.float64] = rising / rising[-1]
    return share


def _codes(embeddings: NDArray[np.floating], labels: ArrayLike) -> NDArray[np.intp]:
    names = np.asarray(labels)
    if embeddings.ndim != 2 or names.shape != (len(embeddings),):
        raise WrongUse(f"embeddings {embeddings.shape} and labels {names.shape} do not fit: pass (N, D) and (N,)")
    if len(names) == 0:
        _need_pairs(0, 0)
    codes: NDArray[np.intp] = np.unique(names, return_inverse=True)[1]
    return codes


def _need_pairs(genuine: float, impostor: float) -> None:
    if genuine <= 0 or impostor <= 0:
        raise NotEnoughData(
            f"{genuine:.0f} genuine and {impostor:.0f} impostor pairs: label two people, one of them with two faces"
        )
