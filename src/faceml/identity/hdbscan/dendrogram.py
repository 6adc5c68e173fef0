"""Weighted edges, minimum spanning trees, and the line of leaves that answers how any two rows are joined.

Write the leaves of a single-linkage dendrogram in a row, so that every subtree is one stretch. Between neighbours
stands the weight at which they join; two leaves far apart join at the largest weight between them. That weight is also
the heaviest edge on their path through the minimum spanning tree, the one a shorter edge would replace.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import Floats, RowNumbers

BYTES_AN_EDGE = 24  # its two rows and its weight


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Undirected edges, low < high."""

    low: NDArray[np.int64]  # (E,)
    high: NDArray[np.int64]  # (E,)
    weight: Floats  # (E,)

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, which: RowNumbers | NDArray[np.bool_]) -> Edges:
        return Edges(self.low[which], self.high[which], self.weight[which])


def edges_between(left: NDArray[np.integer], right: NDArray[np.integer], weight: Floats) -> Edges:
    """Edges (left[i], right[i]) in either direction."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    return Edges(low.astype(np.int64), high.astype(np.int64), weight)


def merged(count: int, *several: Edges) -> Edges:
    """All edges once, lightest first, ties by row numbers; the weight of an edge met twice is that of the first."""
    low, high, weight = (np.concatenate([getattr(one, name) for one in several]) for name in ("low", "high", "weight"))
    key, first = np.unique(low * count + high, return_index=True)
    order = np.lexsort((key, weight[first]))
    return Edges(low, high, weight)[first[order]]


def spanning_forest(count: int, edges: Edges) -> RowNumbers:
    """Which of `merged` edges form their minimum spanning forest; of equal weights the first.

    scipy drops edges of weight 0 and breaks ties as it likes; ranks in place of weights prevent both.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    rank = np.arange(1, len(edges) + 1, dtype=np.float64)
    graph = csr_array((rank, (edges.low, edges.high)), shape=(count, count))
    return np.sort(minimum_spanning_tree(graph).data.astype(np.intp)) - 1


def spanning(count: int, forest: Edges) -> Edges:
    """A spanning tree: the forest, its parts strung together by edges of infinite weight."""
    _, first = np.unique(parts(count, forest), return_index=True)
    bridges = edges_between(first[:-1], first[1:], np.full(len(first) - 1, np.inf))
    return merged(count, forest, bridges)


def parts(count: int, edges: Edges) -> NDArray[np.int32]:
    """(N,) the connected part that each row is in, from 0."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graph = csr_array((np.ones(len(edges), np.int8), (edges.low, edges.high)), shape=(count, count))
    found: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def library_order(count: int, edges: Edges) -> Floats:
    """The tree as hdbscan's generic path finds it: (N - 1, 3) row reached from, row reached and weight, in its order.

    Mutual reachability is full of ties: a row joins at its core distance, and several neighbours may do. Which of them
    a minimum spanning tree takes decides on which side a border row ends. hdbscan walks from row 0, always to the
    nearest row not yet reached (Prim), of equals to the lowest, and comes from the row it reached first. The same walk
    over the few edges that are no heavier than the way around them meets every edge that the walk over all pairs would
    take: whatever Prim takes is the lightest across a cut, so it is in some minimum spanning tree.

    Args:
        edges: all edges of all minimum spanning trees, N >= 1 rows.

    >>> ties = Edges(np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([2.0, 1.0, 2.0]))
    >>> library_order(3, ties).tolist()
    [[0.0, 2.0, 1.0], [0.0, 1.0, 2.0]]
    """
    weights, rank = np.unique(edges.weight, return_inverse=True)
    keys, starts = _steps(count, edges, rank)
    unreached = len(weights) * count
    best, source = [unreached] * count, [0] * count
    left: list[int] = []
    taken: list[int] = []
    heap: list[int] = []
    row = 0
    for _ in range(count - 1):
        best[row] = -1
        for key in keys[starts[row] : starts[row + 1]]:
            if key < best[key % count]:  # only what is lighter: of equals, the row reached first stays the source
                best[key % count], source[key % count] = key, row
                heappush(heap, key)
        key = heappop(heap)
        while best[key % count] != key:
            key = heappop(heap)
        row = key % count
        left.append(source[row])
        taken.append(key)
    ranks, right = np.divmod(np.array(taken, dtype=np.int64), count)
    return np.column_stack([np.array(left, dtype=np.float64), right, weights[ranks]])


def _steps(count: int, edges: Edges, rank: RowNumbers) -> tuple[list[int], list[int]]:
    """Each row's edges as integers that sort by weight, then by the row they lead to."""
    origin = np.concatenate([edges.low, edges.high])
    keys = np.concatenate([rank * count + edges.high, rank * count + edges.low])
    order = np.argsort(origin, kind="stable")
    starts = np.searchsorted(origin[order], np.arange(count + 1))
    return keys[order].tolist(), starts.tolist()


@dataclass(frozen=True, slots=True, eq=False)
class Dendrogram:
    """The leaves of a spanning tree in line."""

    order: RowNumbers  # (N,) rows along the line
    position: RowNumbers  # (N,) where each row stands
    gaps: Highest  # N - 1 joining weights, between one leaf and the next

    def joins(self, left: NDArray[np.integer], right: NDArray[np.integer]) -> Floats:
        """The weight at which rows left[i] and right[i] join; 0 for a row and itself."""
        here, there = self.position[left], self.position[right]
        return self.gaps.between(np.minimum(here, there), np.maximum(here, there))


def dendrogram(count: int, tree: Edges) -> Dendrogram:
    """Line the leaves of a spanning tree up; its edges come lightest first.

    >>> tree = Edges(np.array([0, 1]), np.array([2, 2]), np.array([1.0, 3.0]))
    >>> line = dendrogram(3, tree)
    >>> line.joins(np.array([0, 0]), np.array([2, 1])).tolist()
    [1.0, 3.0]
    """
    root, head, tail = list(range(count)), list(range(count)), list(range(count))
    after, gap = [0] * count, [0.0] * count
    for low, high, weight in zip(tree.low.tolist(), tree.high.tolist(), tree.weight.tolist(), strict=True):
        left, right = _find(root, low), _find(root, high)
        after[tail[left]], gap[tail[left]] = head[right], weight
        root[right], tail[left] = left, tail[right]
    order = np.empty(count, dtype=np.intp)
    row = head[_find(root, 0)]
    for place in range(count):
        order[place], row = row, after[row]
    position = np.empty(count, dtype=np.intp)
    position[order] = np.arange(count)
    return Dendrogram(order, position, highest(np.array(gap)[order[:-1]]))


def _find(root: list[int], row: int) -> int:
    while root[row] != row:
        root[row] = root[root[row]]
        row = root[row]
    return row


@dataclass(frozen=True, slots=True, eq=False)
class Highest:
    """The largest value of any stretch of a line in constant time (a sparse table)."""

    table: Floats  # (L, N): table[k, i] = max(values[i : i + 2**k]), as far as the line reaches

    @property
    def values(self) -> Floats:
        values: Floats = self.table[0]
        return values

    def between(self, start: NDArray[np.integer], stop: NDArray[np.integer]) -> Floats:
        """max(values[start[i] : stop[i]]); 0 for an empty stretch.

        >>> highest(np.array([3.0, 1.0, 2.0])).between(np.array([1, 0, 2]), np.array([3, 3, 2])).tolist()
        [2.0, 3.0, 0.0]
        """
        length = stop - start
        if not self.table.size:
            return np.zeros(len(length))
        some = np.maximum(length, 1)
        level = np.frexp(some.astype(np.float64))[1] - 1
        last = self.table.shape[1] - 1
        found: Floats = self.table[level, np.minimum(start, last)]
        np.maximum(found, self.table[level, np.minimum(start + some - (1 << level), last)], out=found)
        found[length == 0] = 0.0
        return found


def highest(values: Floats) -> Highest:
    """Prepare a line of values of 0 or more for questions about its stretches."""
    table = np.empty((len(values).bit_length(), len(values)))
    if len(values):
        table[0] = values
    for level in range(1, len(table)):
        half = 1 << (level - 1)
        table[level] = table[level - 1]
        np.maximum(table[level - 1, :-half], table[level - 1, half:], out=table[level, :-half])
    return Highest(table)
