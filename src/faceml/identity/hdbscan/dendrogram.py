"""Weighted edges, minimum spanning forests, and the line of leaves that answers how any two rows are joined.

Write the leaves of a single-linkage dendrogram in a row, so that every subtree is one stretch. Between neighbours
stands the weight at which they join; two leaves far apart join at the largest weight between them. That weight is also
the heaviest edge on their path through the minimum spanning tree, the one a shorter edge would replace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Undirected edges, low < high."""

    low: NDArray[np.int64]  # (E,)
    high: NDArray[np.int64]  # (E,)
    weight: NDArray[np.float64]  # (E,)

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Edges:
        return Edges(self.low[which], self.high[which], self.weight[which])


def edges_between(left: NDArray[np.integer], right: NDArray[np.integer], weight: NDArray[np.float64]) -> Edges:
    """Edges (left[i], right[i]) in either direction."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    return Edges(low.astype(np.int64), high.astype(np.int64), weight)


def merged(count: int, *parts: Edges) -> Edges:
    """All edges once, lightest first, ties by row numbers; the weight of an edge met twice is that of the first."""
    low, high, weight = (np.concatenate([getattr(part, name) for part in parts]) for name in ("low", "high", "weight"))
    key, first = np.unique(low * count + high, return_index=True)
    order = np.lexsort((key, weight[first]))
    return Edges(low, high, weight)[first[order]]


def spanning_forest(count: int, edges: Edges) -> NDArray[np.intp]:
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
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graph = csr_array((np.ones(len(forest), np.int8), (forest.low, forest.high)), shape=(count, count))
    _, part = connected_components(graph, directed=False)
    _, first = np.unique(part, return_index=True)
    bridges = edges_between(first[:-1], first[1:], np.full(len(first) - 1, np.inf))
    return merged(count, forest, bridges)


@dataclass(frozen=True, slots=True, eq=False)
class Dendrogram:
    """The leaves of a spanning tree in line."""

    order: NDArray[np.intp]  # (N,) rows along the line
    position: NDArray[np.intp]  # (N,) where each row stands
    gaps: Highest  # N - 1 joining weights, between one leaf and the next

    def joins(self, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.float64]:
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


def single_linkage(tree: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (N - 1, 4) merges of a spanning tree, as `hdbscan._hdbscan_linkage.label` and scipy write them.

    Args:
        tree: (N - 1, 3) row, row, weight; lightest first.

    The library's own function goes through a numpy call for every step, which takes 20 times as long (m).

    >>> single_linkage(np.array([[0.0, 2.0, 1.0], [2.0, 1.0, 3.0]])).tolist()
    [[0.0, 2.0, 1.0, 2.0], [3.0, 1.0, 3.0, 3.0]]
    """
    count = len(tree) + 1
    root, name, size = list(range(count)), list(range(count)), [1] * count
    children = []
    pairs = zip(tree[:, 0].astype(np.int64).tolist(), tree[:, 1].astype(np.int64).tolist(), strict=True)
    for merge, (low, high) in enumerate(pairs):
        left, right = _find(root, low), _find(root, high)
        children.append((name[left], name[right], size[left] + size[right]))
        large, small = (left, right) if size[left] >= size[right] else (right, left)
        root[small], name[large], size[large] = large, count + merge, children[-1][2]
    merges = np.empty((count - 1, 4))
    merges[:, [0, 1, 3]] = np.array(children, dtype=np.float64).reshape(-1, 3)
    merges[:, 2] = tree[:, 2]
    return merges


@dataclass(frozen=True, slots=True, eq=False)
class Highest:
    """The largest value of any stretch of a line in constant time (a sparse table)."""

    table: NDArray[np.float64]  # (L, N): table[k, i] = max(values[i : i + 2**k]), as far as the line reaches

    @property
    def values(self) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self.table[0]
        return values

    @property
    def of_all(self) -> float:
        return float(self.values.max(initial=0.0))

    def between(self, start: NDArray[np.integer], stop: NDArray[np.integer]) -> NDArray[np.float64]:
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
        found: NDArray[np.float64] = self.table[level, np.minimum(start, last)]
        np.maximum(found, self.table[level, np.minimum(start + some - (1 << level), last)], out=found)
        found[length == 0] = 0.0
        return found


def highest(values: NDArray[np.float64]) -> Highest:
    """Prepare a line of values, none below 0, for questions about its stretches."""
    table = np.empty((len(values).bit_length(), len(values)))
    if len(values):
        table[0] = values
    for level in range(1, len(table)):
        half = 1 << (level - 1)
        table[level] = table[level - 1]
        np.maximum(table[level - 1, :-half], table[level - 1, half:], out=table[level, :-half])
    return Highest(table)
