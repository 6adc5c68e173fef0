"""How far two groupings of the same faces agree: BCubed, pairwise, purity, adjusted Rand.

Noise (-1, None or NaN) is counted honestly: each such face is a cluster of its own, on either side. So leaving the hard
faces out lowers recall instead of flattering precision. Faces without a true label are left out by the caller.

Everything is read off the sparse table of (true person, cluster) counts: O(N log N), no N² array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse

Labels = NDArray[np.generic] | Sequence[object]


@dataclass(frozen=True, slots=True)
class Agreement:
    """0 to 1, higher is better; `f` is the harmonic mean."""

    precision: float
    recall: float
    f: float


@dataclass(frozen=True, slots=True)
class Report:
    """All measures of a clustering against the truth."""

    bcubed: Agreement
    pairwise: Agreement
    purity: float  # over the faces that are in a cluster; NaN where all are noise
    adjusted_rand: float
    faces: int
    people: int
    clusters: int  # noise not counted
    noise_share: float


def bcubed(truth: Labels, predicted: Labels) -> Agreement:
    """Mean over faces: how much of its cluster is its person, how much of its person is in its cluster.

    Source: Bagga and Baldwin 1998, "Entity-based cross-document coreferencing using the vector space model".

    >>> round(bcubed(["a", "a", "b"], [0, 0, 0]).precision, 3)  # (2/3 + 2/3 + 1/3) / 3
    0.556
    """
    return _bcubed(_Table.of(truth, predicted))


def bcubed_by_face(truth: Labels, predicted: Labels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each face adds to `bcubed`, for means over some of the faces: (N,) precisions and (N,) recalls.

    >>> bcubed_by_face(["a", "a", "b"], [0, 0, 0])[1].tolist()
    [1.0, 1.0, 1.0]
    """
    table = _Table.of(truth, predicted)
    precision, recall = (
        table.counts / table.cluster_sizes[table.clusters],
        table.counts / table.person_sizes[table.people],
    )
    return precision[table.cell_of], recall[table.cell_of]


def adjusted_rand(truth: Labels, predicted: Labels) -> float:
    """Pairwise agreement corrected for chance: 1 the same grouping, about 0 a random one.

    Source: Hubert and Arabie 1985, "Comparing partitions", equation 5.

    >>> adjusted_rand([0, 0, 1, 1], [5, 5, 2, 2])
    1.0
    """
    return _adjusted_rand(_Table.of(truth, predicted))


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


def agreement(truth: Labels, predicted: Labels) -> Report:
    """All measures from one table.

    >>> found = agreement(["a", "a", "a", "b"], [0, 0, -1, 0])
    >>> found.pairwise, found.purity
    (Agreement(precision=0.3333333333333333, recall=0.3333333333333333, f=0.3333333333333333), 0.6666666666666666)

    Raises:
        WrongUse: the two differ in length.
        NotEnoughData: no face.
    """
    table = _Table.of(truth, predicted)
    clustered = table.faces - table.noise
    return Report(
        bcubed=_bcubed(table),
        pairwise=_pairwise(table),
        purity=_purity(table),
        adjusted_rand=_adjusted_rand(table),
        faces=table.faces,
        people=len(table.person_sizes),
        clusters=len(table.cluster_sizes) - table.noise,
        noise_share=1 - clustered / table.faces,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The non-empty cells of the contingency table: cell c holds counts[c] faces of people[c] in clusters[c]."""

    people: NDArray[np.intp]
    clusters: NDArray[np.intp]  # numbers of single noise faces come after those of the clusters
    counts: NDArray[np.int64]
    cell_of: NDArray[np.intp]  # (N,) the face's cell
    person_sizes: NDArray[np.int64]
    cluster_sizes: NDArray[np.int64]
    faces: int
    noise: int  # predicted

    @classmethod
    def of(cls, truth: Labels, predicted: Labels) -> _Table:
        if len(truth) != len(predicted):
            raise WrongUse(f"{len(truth)} true and {len(predicted)} predicted labels: pass one of each a face")
        if len(truth) == 0:
            raise NotEnoughData("0 faces to compare: pass at least one")
        (people, _), (clusters, noise) = _codes(truth), _codes(predicted)
        width = int(clusters.max()) + 1
        cells, cell_of, counts = np.unique(people * width + clusters, return_inverse=True, return_counts=True)
        sizes = np.bincount(people), np.bincount(clusters)
        return cls(cells // width, cells % width, counts, cell_of, *sizes, faces=len(people), noise=noise)


def _codes(labels: Labels) -> tuple[NDArray[np.intp], int]:
    """(N,) numbers from 0 on, each noise face under a number of its own at the end; and how many are noise."""
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    # Only NaN differs from itself.
    is_noise = np.array([label is None or label == -1 or label != label for label in values], bool)
    numbers: dict[object, int] = {}
    codes = np.full(len(values), -1)
    kept = (label for label, lost in zip(values, is_noise, strict=True) if not lost)
    codes[~is_noise] = [numbers.setdefault(label, len(numbers)) for label in kept]
    noise = int(is_noise.sum())
    codes[is_noise] = len(numbers) + np.arange(noise)
    return codes, noise


def _harmonic(precision: float, recall: float) -> Agreement:
    both = precision + recall
    return Agreement(precision, recall, 2 * precision * recall / both if both else 0.0)


def _bcubed(table: _Table) -> Agreement:
    squares = table.counts.astype(np.float64) ** 2
    precision = (squares / table.cluster_sizes[table.clusters]).sum() / table.faces
    recall = (squares / table.person_sizes[table.people]).sum() / table.faces
    return _harmonic(float(precision), float(recall))


def _pairwise(table: _Table) -> Agreement:
    """Over pairs of faces: share of pairs put together that belong together, and share of those that were put so.

    A side without any pair counts 1: nothing was claimed, or nothing was to be found.
    """
    both, claimed, true = (_pairs(sizes) for sizes in (table.counts, table.cluster_sizes, table.person_sizes))
    return _harmonic(both / claimed if claimed else 1.0, both / true if true else 1.0)


def _purity(table: _Table) -> float:
    """Share of the clustered faces that belong to the commonest person of their cluster; NaN where all is noise.

    Noise is left out here: as clusters of one it would only flatter. Read it beside the share of noise.
    """
    clusters = len(table.cluster_sizes) - table.noise
    if clusters == 0:
        return float("nan")
    commonest = np.zeros(len(table.cluster_sizes), np.int64)
    np.maximum.at(commonest, table.clusters, table.counts)
    return float(commonest[:clusters].sum() / (table.faces - table.noise))


def _adjusted_rand(table: _Table) -> float:
    both, claimed, true = (_pairs(sizes) for sizes in (table.counts, table.cluster_sizes, table.person_sizes))
    every = table.faces * (table.faces - 1) // 2
    expected = claimed * true / every if every else 0.0
    most = (claimed + true) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())
