"""What a threshold for raw vectors is worth in a projected space: the one that strangers reach equally often.

A threshold cannot be calibrated on the labels a projection learned from: it pushes exactly those people apart, so
strangers come closer than the labels say (measured on LFW with the documented head: 8.3 % of strangers got a name where
1 % was asked for). Raw vectors learned from nobody here, so their threshold is calibrated, and carried over at equal
rates of false matches among people held out of training, each compared by a head that never saw them.

Beyond the comparisons that were made both tails are continued as powers of 1 - s, see `faceml.identity.calibration`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.calibration import tail_heights
from faceml.identity.prototypes import centroids
from faceml.identity.strangers import tail_size

LEAST_COMPARISONS = 500
LEVELS = 64


@dataclass(frozen=True, slots=True)
class ThresholdMap:
    """Similarities that the same share of comparisons with strangers reaches, ascending."""

    raw: tuple[float, ...]
    here: tuple[float, ...]
    raw_scale: float  # of -ln(1 - s) above the last pair
    here_scale: float

    def of(self, threshold: float) -> float:
        """The similarity here that strangers reach as often as `threshold` in raw vectors."""
        if threshold <= self.raw[-1]:
            return float(np.interp(threshold, self.raw, self.here))
        asked, raw, here = tail_heights((threshold, self.raw[-1], self.here[-1]))
        return float(1 - np.exp(-(here + (asked - raw) / self.raw_scale * self.here_scale)))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ThresholdMap:
        """Raises WrongUse where the text is something else."""
        try:
            found = json.loads(text)
            return cls(tuple(found["raw"]), tuple(found["here"]), found["raw_scale"], found["here_scale"])
        except (ValueError, TypeError, KeyError) as error:
            raise WrongUse(f"this is not a map of thresholds ({type(error).__name__}: {error})") from error


def equal_rates(raw: ArrayLike, here: ArrayLike) -> ThresholdMap | None:
    """The map from comparisons of faces with other people's centroids, the same ones in both spaces; None: too few.

    >>> scores = np.linspace(-0.5, 0.5, 1001)
    >>> round(equal_rates(scores, scores / 2).of(0.2), 3)
    0.1
    """
    before, after = np.sort(np.asarray(raw, np.float64)), np.sort(np.asarray(here, np.float64))
    if before.shape != after.shape or len(before) < LEAST_COMPARISONS:
        return None
    ranks = np.unique(len(before) - np.geomspace(len(before) - 1, tail_size(len(before)) + 1, LEVELS).astype(int) - 1)
    return ThresholdMap(
        raw=tuple(before[ranks].tolist()),
        here=tuple(after[ranks].tolist()),
        raw_scale=_tail_scale(before[ranks[-1] :]),
        here_scale=_tail_scale(after[ranks[-1] :]),
    )


def stranger_scores(vectors: NDArray[np.floating], people: ArrayLike) -> NDArray[np.float32]:
    """Every face with the centroid of every other person.

    Args:
        vectors: (N, D) unit rows.
        people: (N,) who each is.
    Returns:
        (N * (people - 1),) similarities.
    """
    rows = np.unique(np.asarray(people), return_inverse=True)[1]
    scores = np.asarray(vectors @ centroids(vectors, rows).T, np.float32)
    is_other = np.ones(scores.shape, bool)
    is_other[np.arange(len(rows)), rows] = False
    return scores[is_other]


def _tail_scale(scores: NDArray[np.float64]) -> float:
    """Mean excess of -ln(1 - s) over the lowest of them: the exponential's scale by maximum likelihood."""
    heights = tail_heights(scores)
    return max(float((heights[1:] - heights[0]).mean()), 1e-9)
