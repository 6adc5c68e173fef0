"""The tree's edges as hdbscan's generic path would find them, so that even ties fall as they do in the library.

Mutual reachability is full of ties: a row joins at its core distance, and several neighbours may do. Which of them a
minimum spanning tree takes decides on which side a border row ends. hdbscan walks from row 0, always to the nearest row
not yet reached (Prim), of equals to the lowest, and comes from the row it reached first. The same walk over the few
edges that are no heavier than the way around them meets every edge that the walk over all pairs would take: whatever
Prim takes is the lightest across a cut, so it is in some minimum spanning tree.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.identity.hdbscan.dendrogram import Edges


def library_order(count: int, edges: Edges) -> NDArray[np.float64]:
    """The (N - 1, 3) rows reached from, rows reached and weights, in the order of the walk.

    Args:
        edges: all edges of all minimum spanning trees, N >= 1 rows.

    >>> from faceml.identity.hdbscan.dendrogram import Edges
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


def _steps(count: int, edges: Edges, rank: NDArray[np.intp]) -> tuple[list[int], list[int]]:
    """Each row's edges as integers that sort by weight, then by the row they lead to."""
    origin = np.concatenate([edges.low, edges.high])
    keys = np.concatenate([rank * count + edges.high, rank * count + edges.low])
    order = np.argsort(origin, kind="stable")
    starts = np.searchsorted(origin[order], np.arange(count + 1))
    return keys[order].tolist(), starts.tolist()
