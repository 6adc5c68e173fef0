"""The exact minimum spanning tree of mutual reachability, from one more half of the products.

The mutual reachability of two rows is `max(core(i), core(j), distance(i, j))` (Campello, Moulavi and Sander 2013). Any
spanning tree tells which pairs can be left out: those no lighter than the heaviest edge on their path through the tree
(the cycle property). So take the tree of the k-NN graph, which is nearly right, line its leaves up (`dendrogram`), and
go through all pairs in blocks with one comparison each: is the closeness above that of the weight at which the two
join? Few pairs are. They are measured in float64 and sorted into the tree, which tightens the rest. After one pass no
pair is left that could improve it: the tree is exact.

Where that comparison lets too much through (far-off groups joined by a bad guess, or ties and near-duplicates that
float32 cannot tell apart), the block is computed again in float64 and its best pairs are sorted in first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.dendrogram import (
    Dendrogram,
    Edges,
    dendrogram,
    edges_between,
    highest,
    merged,
    spanning,
    spanning_forest,
)
from faceml.identity.hdbscan.distances import Floats, Points, RowNumbers, blocks, pairs_of_blocks, scratch
from faceml.identity.hdbscan.neighbours import Neighbours, Pairs, Seen, Tile
from faceml.progress import Progress, silent

Threshold = Callable[[Floats], NDArray[np.floating]]

_FLOOD = 0.01  # part of a block's pairs from which on float64 products cost less than measuring each pair
_FEW = 0.04  # part of a block's pairs up to which asking for each one's join costs less than for all joins
_SLICE = 1 << 14  # pairs of a flood that are sorted in before the rest is looked at again
_PENDING = 1 << 17  # pairs that wait before they are sorted in
_SAMPLES = (64, 16, 4)  # every 64th leaf, and so on: cheap passes that join far-off groups well before the full one
_SMALLEST_SAMPLE = 256


def reachability_tree(
    points: Points, core: Floats, known: Edges, kept: Sequence[Tile] = (), *, on_progress: Progress = silent
) -> Tree:
    """The minimum spanning tree over all pairs, whatever edges are known beforehand.

    `kept`: the products of all pairs, or an empty list. `on_progress` is told of tiles, the second half of `nearest`'s.
    """
    tree = Tree(points, core, known)
    lowest = points.threshold(tree.line.gaps.values.max(initial=0.0, keepdims=True))
    if kept and tree.improve_from(tile.above(lowest) for tile in kept):
        return tree
    everyone = len(points.rows)
    for every in _SAMPLES:
        if not tree.is_whole and everyone // every >= _SMALLEST_SAMPLE:
            tree.improve(tree.line.order[::every])
    tree.improve(tree.line.order, on_progress=on_progress)
    return tree


def extended_tree(points: Points, core: Floats, known: Edges, unproven: RowNumbers, seen: Seen | None) -> Tree:
    """The minimum spanning tree where `known` holds it but for edges at `unproven` rows.

    A row that was `seen` needs no second look but for pairs joined beyond the reach of the first.
    """
    tree = Tree(points, core, known)
    if seen is not None and tree.improve_from(seen.pairs):
        unproven = np.union1d(np.setdiff1d(unproven, seen.rows), tree.beyond(seen.reach))
    if len(unproven):
        tree.improve(tree.line.order, at=unproven)
    return tree


def graph_edges(found: Neighbours, core: Floats, *, depth: int) -> Edges:
    """The first `depth` neighbours of every row as edges of mutual reachability."""
    indices, distances = found.indices[:, :depth].ravel(), found.distances[:, :depth].ravel()
    rows = np.repeat(np.arange(len(core)), min(depth, found.indices.shape[1]))
    here = indices >= 0
    rows, indices, distances = rows[here], indices[here], distances[here]
    return edges_between(rows, indices, reachability(core, rows, indices, distances))


def reachability(core: Floats, left: NDArray[np.integer], right: NDArray[np.integer], distances: Floats) -> Floats:
    weights: Floats = np.maximum(distances, np.maximum(core[left], core[right]))
    return weights


class Tree:
    """A spanning tree that gets lighter.

    `edges` holds every edge met that is no heavier than the way around it: those of the tree, and those that could
    stand in for one at the same weight.
    """

    edges: Edges
    line: Dendrogram
    is_whole: bool  # all rows are joined by edges that were measured

    def __init__(self, points: Points, core: Floats, known: Edges) -> None:
        self._points = points
        self._core = core
        self._count = len(core)
        self._met = np.sort(self._keys(known.low, known.high))  # mostly the pairs that will be met again
        self._take(known)

    def improve(self, along: RowNumbers, *, at: RowNumbers | None = None, on_progress: Progress = silent) -> None:
        """Go through all pairs of the rows `along` a stretch of the line, or only those with one row `at`."""
        _Pass(self, self._points, self._core, along, at).run(on_progress)

    def improve_from(self, found: Iterable[Pairs | None]) -> bool:
        """Go through pairs that were met before; False where some are None: too many to look at one by one."""
        waiting = [(np.empty(0, np.intp), np.empty(0, np.intp))]
        for pairs in found:
            if pairs is None:
                return False
            near = pairs.closeness > self._points.threshold(self.line.joins(pairs.left, pairs.right))
            waiting.append((pairs.left[near], pairs.right[near]))
        self.add(*(np.concatenate(side) for side in zip(*waiting, strict=True)))
        return True

    def beyond(self, reach: float) -> RowNumbers:
        """The rows outside the largest part that edges up to this weight hold together."""
        held = np.split(self.line.order, np.flatnonzero(self.line.gaps.values > reach) + 1)
        largest = max(range(len(held)), key=lambda part: len(held[part]))
        return np.concatenate([np.empty(0, np.intp), *held[:largest], *held[largest + 1 :]])

    def add(self, left: RowNumbers, right: RowNumbers) -> bool:
        """Measure pairs and sort in what improves the tree or ties with it; True if it got lighter."""
        keys = self._keys(left, right)
        if len(self._met):
            keys_met = self._met[np.minimum(np.searchsorted(self._met, keys), len(self._met) - 1)]
            left, right = left[keys_met != keys], right[keys_met != keys]
        joined = self.line.joins(left, right)
        light = np.maximum(self._core[left], self._core[right]) <= joined
        left, right, joined = left[light], right[light], joined[light]
        weight = reachability(self._core, left, right, self._points.distances(left, right))
        light = weight <= joined
        if not light.any():
            return False
        found = edges_between(left[light], right[light], weight[light])
        if (weight < joined).any():
            self._take(found, self.edges)
            return True
        self.edges = merged(self._count, self.edges, found)
        return False

    def _keys(self, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.int64]:
        keys: NDArray[np.int64] = np.minimum(left, right).astype(np.int64) * self._count + np.maximum(left, right)
        return keys

    def _take(self, *parts: Edges) -> None:
        edges = merged(self._count, *parts)
        chosen = spanning_forest(self._count, edges)
        forest = edges[chosen]
        self.is_whole = len(forest) == self._count - 1 and bool(np.isfinite(forest.weight).all())
        if len(forest) < self._count - 1:
            forest = spanning(self._count, forest)
            edges = merged(self._count, edges, forest)
        self.line = dendrogram(self._count, forest)
        self.edges = edges[edges.weight <= self.line.joins(edges.low, edges.high)]


class _Pass:
    """One walk over the pairs of some rows, block by block."""

    def __init__(self, tree: Tree, points: Points, core: Floats, along: RowNumbers, at: RowNumbers | None) -> None:
        self._tree, self._points, self._core, self._along = tree, points, core, along
        self._lined_up = points.arranged(along)
        self._places = None if at is None else np.flatnonzero(np.isin(along, at))
        self._room = scratch(len(along))
        self._waiting: list[tuple[RowNumbers, RowNumbers]] = []
        self._read_gaps()

    def run(self, on_progress: Progress) -> None:
        tiles = list(self._tiles())
        for number, (left, right) in enumerate(tiles, 1):
            self._look(left, right)
            on_progress(len(tiles) + number, 2 * len(tiles))
        self._settle()

    def _tiles(self) -> Iterator[tuple[RowNumbers, slice]]:
        """Each pair of places once, or the places `at` with everyone."""
        if self._places is None:
            for left, right in pairs_of_blocks(0, len(self._along)):
                yield np.arange(left.start, left.stop), right
            return
        for right in blocks(len(self._along)):
            for part in blocks(len(self._places)):
                yield self._places[part], right

    def _look(self, left: RowNumbers, right: slice) -> None:
        rows = left if self._places is not None else slice(left[0], left[-1] + 1)
        closeness = self._lined_up.closeness(rows, right, into=self._room)
        hits = self._hits(closeness, left, right)
        if len(hits) > _FLOOD * closeness.size:
            self._drain(left, right)
        elif len(hits):
            here, there = np.divmod(hits, closeness.shape[1])
            self._waiting.append((self._along[left[here]], self._along[there + right.start]))
            if sum(len(pairs[0]) for pairs in self._waiting) > _PENDING:
                self._settle()

    def _hits(self, closeness: NDArray[np.float32], left: RowNumbers, right: slice) -> RowNumbers:
        """What is lighter than its join: by the heaviest join of all first, which is one comparison with one number."""
        ends = np.array([[min(left[0], right.start)], [max(left[-1], right.stop - 1)]])
        hits = np.flatnonzero(closeness > self._points.threshold(self._gaps.between(*ends)))
        if len(hits) > _FEW * closeness.size:
            return np.flatnonzero(closeness > self._limits(left, right, self._points.threshold))
        here, there = np.divmod(hits, closeness.shape[1])
        here, there = left[here], there + right.start
        joined = self._gaps.between(np.minimum(here, there), np.maximum(here, there))
        pairs = here < there if self._places is None else here != there
        lighter: RowNumbers = hits[pairs & (closeness.ravel()[hits] > self._points.threshold(joined))]
        return lighter

    def _settle(self) -> None:
        if self._waiting:
            left, right = (np.concatenate(side) for side in zip(*self._waiting, strict=True))
            self._waiting = []
            if self._tree.add(left, right):
                self._read_gaps()

    def _drain(self, left: RowNumbers, right: slice) -> None:
        """Sort in what improves the tree beyond the rounding of float64, the closest first."""
        self._settle()
        rows, columns = self._along[left], self._along[right]
        closeness, off = self._points.fine_closeness(rows, columns)

        def limit(joined: Floats) -> Floats:
            return off - self._points.deficit(joined)

        hits = np.flatnonzero(closeness > self._limits(left, right, limit))
        values = closeness.ravel()[hits]
        closest = np.argsort(-values, kind="stable")
        hits, values = hits[closest], values[closest]
        while len(hits):
            here, there = np.divmod(hits, closeness.shape[1])
            joined = self._tree.line.joins(rows[here], columns[there])
            better = (values > limit(joined)) & (
                np.maximum(self._core[rows[here]], self._core[columns[there]]) < joined
            )
            first = np.flatnonzero(better)[:_SLICE]
            if not len(first):
                break
            self._tree.add(rows[here[first]], columns[there[first]])
            better[first] = False
            hits, values = hits[better], values[better]
        self._read_gaps()

    def _read_gaps(self) -> None:
        self._gaps = highest(self._tree.line.joins(self._along[:-1], self._along[1:]))

    def _limits(self, left: RowNumbers, right: slice, threshold: Threshold) -> NDArray[np.floating]:
        """The (L, R) closeness that a pair has to exceed to be lighter than its join; infinite for a row and itself."""
        first, last = right.start, right.stop - 1
        inner = self._gaps.values[first:last]
        before, after = np.searchsorted(left, [first, right.stop])
        zero = np.zeros(1)
        from_first = threshold(np.concatenate([zero, np.maximum.accumulate(inner)]))
        from_last = threshold(np.concatenate([zero, np.maximum.accumulate(inner[::-1])]))[::-1]
        to_first = threshold(self._gaps.between(left[:before], np.full(before, first)))
        to_last = threshold(self._gaps.between(np.full(len(left) - after, last), left[after:]))
        limits = np.empty((len(left), len(from_first)), dtype=from_first.dtype)
        np.minimum(to_first[:, None], from_first, out=limits[:before])
        np.minimum(to_last[:, None], from_last, out=limits[after:])
        among = left[before:after] - first
        limits[before:after] = _inner_limits(among, threshold(inner), both_sides=self._places is not None)
        return limits


def _inner_limits(places: RowNumbers, keys: NDArray[np.floating], *, both_sides: bool) -> NDArray[np.floating]:
    """The smallest of `keys` between each place and those after it (and before it) in the same block."""
    limits = np.full((len(places), len(keys) + 1), np.inf, dtype=keys.dtype)
    for row, place in zip(limits, places.tolist(), strict=True):
        np.minimum.accumulate(keys[place:], out=row[place + 1 :])
        if both_sides:
            np.minimum.accumulate(keys[:place][::-1], out=row[:place][::-1])
    return limits
