"""Average linkage on similarities that nobody's nearness to everybody inflates, exact and without N² memory.

The similarity of two faces is their cosine less what both are near to everybody, beyond what is usual:

    s(x, y) = cos(x, y) - e(x) - e(y),    e(x) = ½ (r(x) - median r)

with r as in `matcher`: the mean of a face's 30 highest cosines to one face of each group and every face in no group,
its own group left out. Two groups are as alike as all their pairs on average, and the most alike are merged while they
are at least `min_similarity` alike. Babies, blur and profiles, which are near everybody, join no crowd that way, and a
childhood photo joins its person though no other is close (docs/results/clustering.md).

That mean is a product of two means, so groups need their sums only. Which groups to compare is told by bounds: a merged
group is to no other more alike than one of its parts was (average linkage is reducible, Murtagh 1983). So the neighbour
lists that HDBSCAN keeps hold the pairs to begin with, each worth at most what it was when it was last looked at, and
each list's horizon bounds what is in no list. Only where that bound exceeds the best pair known, the groups in question
are compared with each other.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from math import log10

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import numbered
from faceml.identity.cohort import IN_NO_GROUP, Cohort, choose_cohort
from faceml.identity.hdbscan.distances import Floats, Points, RowNumbers, blocks, points_of
from faceml.identity.hdbscan.neighbours import closest
from faceml.identity.hdbscan.reachability_graph import Graph

NEARNESS_WEIGHT = 0.5  # flat from 0.35 to 0.7
PAIR_MARGIN = 0.05  # a pair rests on one number, and has to be this much more alike than larger groups
USUAL_COUNT = 1_000  # faces among which the pack's threshold is right
TENFOLD = 0.05  # ten times the faces hold ten times the strangers as near: the threshold rises by this (m)
_WINDOW = 0.03  # below the best pair known: what a search looks for in advance (m)
_WIDTH = 64  # of the lists that a search fills (m)
_TIE = 1e-6  # similarities that float32 rows do not tell apart
_ROWS_AT_ONCE = 2048


def usual_similarity(match_threshold: float, count: int) -> float:
    """From which mean similarity groups are one person, among `count` faces: the pack's threshold at 1,000 faces.

    >>> [round(usual_similarity(0.36, count), 3) for count in (0, 1_000, 10_000)]
    [0.31, 0.36, 0.41]
    """
    return min(1.0, match_threshold + TENFOLD * log10(max(count, USUAL_COUNT / 10) / USUAL_COUNT))


def surplus_nearness(vectors: NDArray[np.float32], groups: NDArray[np.int64]) -> Floats:
    """(N,) e(x): by how much a face's similarities are lowered because it is nearer to everybody than most.

    Args:
        vectors: (N, D) unit rows.
        groups: (N,) group each face is in, -1: in no group.
    """
    rows = choose_cohort(groups)
    cohort = Cohort(vectors[rows], groups[rows], np.full(len(rows), IN_NO_GROUP))
    pieces = [cohort.nearness(vectors[part], groups[part]) for part in blocks(len(vectors), _ROWS_AT_ONCE)]
    nearness = np.concatenate([np.empty(0), *pieces])
    return NEARNESS_WEIGHT * (nearness - np.median(nearness)) if len(nearness) else nearness


def average_linkage(
    vectors: NDArray[np.float32], graph: Graph, *, surplus: Floats, min_similarity: float
) -> NDArray[np.int64]:
    """Merge the most alike groups while they are at least so alike; every face is in a group, if alone.

    The groups are those of the full matrix cut at `min_similarity`, but that groups more alike than float32 products
    tell apart (0.00006 at 512 numbers) may be merged in either order.

    Args:
        vectors: (N, D) unit rows.
        graph: of the same rows, Euclidean.
        surplus: (N,) see `surplus_nearness`.
        min_similarity: mean of s over all pairs of two groups.
    Returns:
        (N,) labels, 0 and up by the first row of each.
    Raises:
        WrongUse: `min_similarity` is outside -1 to 1.

    >>> from faceml.identity.hdbscan.exact import fit
    >>> faces = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    >>> average_linkage(faces, fit(faces).graph, surplus=np.zeros(4), min_similarity=0.5).tolist()
    [0, 1, 0, 1]
    """
    if not -1 <= min_similarity <= 1:
        raise WrongUse(f"min_similarity={min_similarity} is no cosine: it lies between -1 and 1")
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    points = points_of(vectors, metric="euclidean")
    groups = _Groups(points, surplus, min_similarity)
    groups.know_lists(graph)
    while (pair := groups.most_alike()) is not None:
        groups.merge(*pair)
    return numbered(groups.of_faces())


def without_weak_pairs(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], *, surplus: Floats, min_similarity: float
) -> NDArray[np.int64]:
    """Groups of two faces that are less than `min_similarity` alike fall apart: both become noise, -1.

    >>> faces = np.array([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0], [0.6, 0.8]], np.float32)
    >>> without_weak_pairs(faces, np.array([0, 0, 1, 2]), surplus=np.zeros(4), min_similarity=0.7).tolist()
    [-1, -1, 1, 2]
    """
    order = np.argsort(labels, kind="stable")
    _, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    here, there = order[starts[sizes == 2]], order[starts[sizes == 2] + 1]
    is_weak = _similarities(vectors, surplus, here, there) < min_similarity
    answer = labels.copy()
    answer[here[is_weak]] = answer[there[is_weak]] = -1
    return answer


def _similarities(
    rows: NDArray[np.float32], surplus: Floats, left: NDArray[np.integer], right: NDArray[np.integer]
) -> Floats:
    found = np.empty(len(left))
    for part in blocks(len(left), _ROWS_AT_ONCE):
        found[part] = np.einsum("nd,nd->n", rows[left[part]], rows[right[part]], dtype=np.float64)
    found -= surplus[left]
    found -= surplus[right]
    return found


def _listed(lists: NDArray[np.int32], which: NDArray[np.bool_]) -> tuple[RowNumbers, RowNumbers]:
    """The pairs of a row and an entry of its list, each once."""
    here, place = np.nonzero(which)
    there = lists[here, place].astype(np.int64)
    once = np.unique(np.minimum(here, there) * len(lists) + np.maximum(here, there))
    left, right = np.divmod(once, len(lists))
    return left, right


class _Groups:
    """Groups as they are merged: numbers 0 to N - 1 are the faces, each merging gives the next.

    `known[a][b]` is an upper bound of how alike groups a and b are, for both alike. Pairs that are not known are at
    most `least` alike, or at most the lower `horizon` of the two.
    """

    def __init__(self, points: Points, surplus: Floats, least: float) -> None:
        count = len(points.rows)
        self._points = points
        self._least = least
        self._sums = points.rough.copy()  # (N, D) of the vectors in a group, in the row of one of its faces
        self._row = list(range(count))  # of a group in `_sums`
        self._sizes = [1] * count
        self._surplus: list[float] = surplus.tolist()  # mean of each group
        self._parents = list(range(count))
        self._known: list[dict[int, float]] = [{} for _ in range(count)]
        self._best: list[tuple[float, int, int]] = []  # a heap: minus a bound, and two numbers
        self._horizon = np.full(2 * count, -np.inf)  # of groups that are no more, too
        self._bound = np.inf  # no two groups that are not known are more alike

    def know_lists(self, graph: Graph) -> None:
        """Begin with what the graph's neighbour lists tell."""
        surplus = np.array(self._surplus)
        # Lists that are not exact prove nothing: what they miss is taken to be farther than what they hold.
        reach = graph.horizon if graph.is_exact else np.where(np.isfinite(graph.distances), graph.distances, 0).max(1)
        horizon = 1 - 0.5 * reach**2 + self._points.slack - surplus - surplus.min()
        self._horizon[: len(surplus)] = np.maximum(horizon, self._least)
        here, there = _listed(graph.neighbours, graph.neighbours >= 0)
        self._know(here, there, _similarities(self._sums, surplus, here, there))

    def most_alike(self) -> tuple[int, int] | None:
        """The most alike groups, None where none are alike enough."""
        while True:
            best = -self._best[0][0] if self._best else -np.inf
            if self._may_miss(max(best, self._least)):
                self._look_around(max(best, self._least))
                continue
            if not self._best:
                return None
            _, one, other = heappop(self._best)
            known = self._known[one]
            if known.get(other) != best:
                self._offer(one)
                continue
            similarity = self._similarity(one, other)
            if similarity >= best - _TIE:
                return one, other
            self._set(one, other, similarity)
            self._offer(one)

    def merge(self, one: int, other: int) -> None:
        number, size = len(self._sizes), self._sizes[one] + self._sizes[other]
        share = self._sizes[one] / size
        self._join_known(number, one, other, share)
        self._sums[self._row[one]] += self._sums[self._row[other]]
        self._row.append(self._row[one])
        self._surplus.append(share * self._surplus[one] + (1 - share) * self._surplus[other])
        self._sizes.append(size)
        self._parents.append(number)
        self._parents[one] = self._parents[other] = number
        self._horizon[number] = share * self._horizon[one] + (1 - share) * self._horizon[other]
        self._horizon[one] = self._horizon[other] = -np.inf
        self._offer(number)

    def _join_known(self, number: int, one: int, other: int, share: float) -> None:
        """What is known of both parts, as a mean; where one does not know a third group, their horizons bound it."""
        mine, theirs = self._known[one], self._known[other]
        near, far = float(self._horizon[one]), float(self._horizon[other])
        joined: dict[int, float] = {}
        del mine[other], theirs[one]
        for third in mine.keys() | theirs.keys():
            known, horizon = self._known[third], float(self._horizon[third])
            left, right = known.pop(one, None), known.pop(other, None)
            left = min(near, horizon) if left is None else left
            right = min(far, horizon) if right is None else right
            similarity = share * left + (1 - share) * right
            if similarity >= self._least:
                joined[third] = known[number] = similarity
        self._known[one] = self._known[other] = {}
        self._known.append(joined)

    def of_faces(self) -> NDArray[np.int64]:
        """(N,) number of the group that each face is in."""
        groups = np.array(self._parents)
        while not np.array_equal(further := groups[groups], groups):
            groups = further
        return groups[: len(self._sums)]

    def _offer(self, one: int) -> None:
        known = self._known[one]
        if known:
            other = max(known, key=known.__getitem__)
            heappush(self._best, (-known[other], one, other))

    def _set(self, one: int, other: int, similarity: float) -> None:
        if similarity >= self._least:
            self._known[one][other] = self._known[other][one] = similarity
        else:
            del self._known[one][other], self._known[other][one]

    def _similarity(self, one: int, other: int) -> float:
        rows = self._sums[[self._row[one], self._row[other]]].astype(np.float64)
        product = float(rows[0] @ rows[1]) / (self._sizes[one] * self._sizes[other])
        return product - self._surplus[one] - self._surplus[other]

    def _may_miss(self, similarity: float) -> bool:
        """Could two groups be more alike than this, and not known?"""
        allowed = similarity + 2 * self._points.slack
        if self._bound > allowed:
            self._bound = float(np.partition(self._horizon, -2)[-2])
        return self._bound > allowed

    def _look_around(self, similarity: float) -> None:
        """Compare all groups with each other whose lists end too early."""
        until = max(self._least, similarity - _WINDOW)
        numbers = np.flatnonzero(self._horizon > until)
        means = self._sums[np.array(self._row)[numbers]] / np.array(self._sizes)[numbers, None].astype(np.float32)
        surplus = np.array(self._surplus)[numbers]
        points = replace(self._points, rows=means, rough=means, half_norms=surplus.astype(np.float32))
        width = min(_WIDTH, len(numbers) - 1)
        found = closest(points, width)
        all_listed = width == len(numbers) - 1
        self._horizon[numbers] = until if all_listed else np.maximum(found.floor + self._points.slack, until)
        self._bound = np.inf
        here, there = _listed(found.indices, found.closeness > until - self._points.slack)
        self._know(numbers[here], numbers[there], _similarities(means, surplus, here, there))

    def _know(self, ones: NDArray[np.integer], others: NDArray[np.integer], similarities: Floats) -> None:
        is_alike = similarities >= self._least
        columns = ones[is_alike].tolist(), others[is_alike].tolist(), similarities[is_alike].tolist()
        for one, other, similarity in zip(*columns, strict=True):
            self._known[one][other] = self._known[other][one] = similarity
        for one in {*columns[0], *columns[1]}:
            self._offer(one)
