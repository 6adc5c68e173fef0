"""What a clustering of rows is made from and what the next one can start from: neighbour lists and spanning edges.

Rows that come or go change little. For rows that came, with `min_samples` as before:

- a core distance can only shrink, and it shrinks for a row exactly where a newcomer is among its nearest;
- so a mutual reachability `max(core(i), core(j), d)` between former rows changes only where a core distance was above
  `d`: there one of the two is listed among the other's `min_samples` nearest;
- every other former pair was no lighter than its way through the former tree, whose edges only get lighter, so it can
  still be left out (cycle property).

Hence the new tree lies within: former edges, former lists to depth `min_samples`, new lists, and pairs with a newcomer.
Only the last are many, and they are products of newcomers with all.

Rows that went take edges of the former tree with them and let core distances grow, so other edges get heavier. What is
left holds together in parts; within a part every way through the tree is as good as it was, so what was left out still
can be. Only pairs between parts have to be looked at: rows outside the largest part, as if they were newcomers. Where
whole clusters went they are few. Where rows went all over the place, or `min_samples` changed, the tree is proven over
all pairs again: half of a full run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.dendrogram import Edges, edges_between, merged, parts, spanning_forest
from faceml.identity.hdbscan.distances import Floats, Points, RowNumbers, blocks
from faceml.identity.hdbscan.growth import carried, grown
from faceml.identity.hdbscan.neighbours import Neighbours, Tile, nearest
from faceml.identity.hdbscan.spanning_tree import extended_tree, graph_edges, reachability, reachability_tree
from faceml.progress import Progress, silent

_KEPT = 8192  # up to so many rows the first products are kept for the second look: 144 MB
_MOST = 0.4  # part of the rows from which on comparing them with all costs more than comparing all once
_FROM_THE_START = (  # fields of every graph that was ever kept
    "metric", "min_samples", "neighbours", "distances", "horizon", "edges", "weights", "fingerprints",
)  # fmt: skip
_SAME = 1e-9  # by so much fingerprints of equal rows differ at most


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Neighbour lists and minimum spanning edges of N rows.

    `np.savez(file, **graph.arrays())` keeps it, `Graph.from_arrays(np.load(file))` brings it back.
    """

    metric: NDArray[np.str_]  # () 'euclidean' or 'cosine'
    min_samples: NDArray[np.int64]  # () other rows that a core distance reaches, at most N - 1
    neighbours: NDArray[np.int32]  # (N, K) nearest first, the row itself left out; -1 where fewer are known
    distances: Floats  # (N, K) ascending; infinite where fewer are known
    horizon: Floats  # (N,) no row missing from the list is nearer than this
    edges: NDArray[np.int64]  # (E, 2) pairs of rows: all edges of all minimum spanning trees
    weights: Floats  # (E,) their mutual reachability
    fingerprints: Floats  # (N,) tell whether a row is still the same
    is_exact: NDArray[np.bool_] = field(default_factory=lambda: np.array(True))  # () else no list or edge is proven
    recall: Floats = field(default_factory=lambda: np.array(1.0))  # () share of the nearest that are listed

    def __len__(self) -> int:
        return len(self.neighbours)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Graph:
        """Raises ValueError or KeyError where these are not the arrays of a graph."""
        known = {item.name for item in fields(cls)}.intersection(arrays)
        graph = cls(**{name: arrays[name] for name in known | set(_FROM_THE_START)})
        count, width = graph.neighbours.shape
        shapes = {
            "distances": (count, width),
            "horizon": (count,),
            "fingerprints": (count,),
            "edges": (len(graph.weights), 2),
        }
        if any(getattr(graph, name).shape != shape for name, shape in shapes.items()):
            raise ValueError(f"arrays of a graph of {count} rows do not fit each other")
        for rows, least in ((graph.neighbours, -1), (graph.edges, 0)):
            if rows.size and not least <= rows.min() <= rows.max() < count:
                raise ValueError(f"a graph of {count} rows names a row that it lacks")
        return graph

    @property
    def lists(self) -> Neighbours:
        return Neighbours(self.neighbours, self.distances, self.horizon)

    @property
    def spanning_edges(self) -> Edges:
        return Edges(self.edges[:, 0], self.edges[:, 1], self.weights)


def graph_of(points: Points, *, min_samples: int, neighbours: int, on_progress: Progress = silent) -> Graph:
    """Build the graph of all rows: two halves of the full product, of whose tiles `on_progress` is told."""
    min_samples = most_neighbours(points, min_samples)
    kept: list[Tile] | None = [] if len(points.rows) <= _KEPT else None
    width = max(neighbours, min_samples)
    found = nearest(points, width, exact_to=min_samples, keep=kept, on_progress=on_progress)
    core = found.core_distances(min_samples)
    known = graph_edges(found, core, depth=found.indices.shape[1])
    edges = _edges_of_all(points, core, known, kept or [], on_progress)
    return graph_made(points, min_samples, found, edges, fingerprints(points.rows))


def graph_from(
    points: Points,
    previous: Graph,
    previous_rows: RowNumbers | None,
    *,
    min_samples: int,
    neighbours: int,
    on_progress: Progress = silent,
) -> Graph:
    """Build the graph from a former one; see the module.

    Args:
        previous_rows: (len(previous),) where each former row is now, -1 where it is gone; None: the first rows are the
            former ones, in their order. One that has changed counts as gone, and as new.
    Raises:
        WrongUse: a graph of another metric, or rows that cannot be where they are said to be.
    """
    rows, prints = placed(points, previous, previous_rows)
    newcomers = np.setdiff1d(np.arange(len(points.rows)), rows)
    min_samples = most_neighbours(points, min_samples)
    is_of_use = max(min_samples, 1) <= previous.neighbours.shape[1] < len(points.rows)
    if not (is_of_use and previous.is_exact) or len(newcomers) > _MOST * len(points.rows):
        return graph_of(points, min_samples=min_samples, neighbours=neighbours, on_progress=on_progress)
    former = carried(previous.lists, rows, len(points.rows))
    reach = float(previous.weights.max(initial=0.0))
    found, seen = grown(points, former, newcomers, exact_to=min_samples, reach=reach)
    core = found.core_distances(min_samples)
    weights = weights_now(points, previous, rows, core)
    lists = graph_edges(found, core, depth=min_samples)
    crowded_out = graph_edges(former, core, depth=min_samples)
    low, high = rows[previous.edges].T
    kept = edges_between(low, high, weights)[np.isfinite(weights)]
    known = merged(len(core), lists, crowded_out, kept)
    unproven = newcomers
    if (rows < 0).any():
        short = np.flatnonzero(former.core_distances(min_samples) > former.horizon)  # may have lost what crowded them
        unproven = np.unique(np.concatenate([newcomers, short, _cut_off(previous, rows, weights)]))
    if min_samples != previous.min_samples or len(unproven) > _MOST * len(core):
        return graph_made(points, min_samples, found, _edges_of_all(points, core, known, [], on_progress), prints)
    return graph_made(points, min_samples, found, extended_tree(points, core, known, unproven, seen).edges, prints)


def fingerprints(rows: NDArray[np.floating]) -> Floats:
    """(N,) one number a row that two different rows hardly share: its product with a fixed random direction."""
    direction = np.random.default_rng(0).standard_normal(rows.shape[1])
    return np.concatenate([np.empty(0)] + [rows[part].astype(np.float64) @ direction for part in blocks(len(rows))])


def placed(points: Points, previous: Graph, previous_rows: RowNumbers | None) -> tuple[RowNumbers, Floats]:
    """Where each former row is now, -1 where it is gone or changed; and fingerprints of all rows, see `graph_from`."""
    rows = np.arange(len(previous)) if previous_rows is None else np.asarray(previous_rows)
    _check_rows(points, previous, rows)
    prints = fingerprints(points.rows)
    return np.where(_are_unchanged(previous, rows, prints), rows, -1), prints


def most_neighbours(points: Points, min_samples: int) -> int:
    """`min_samples`, or all others where they are fewer."""
    return min(min_samples, max(len(points.rows) - 1, 0))


def _edges_of_all(
    points: Points, core: Floats, known: Edges, kept: list[Tile], on_progress: Progress = silent
) -> Edges:
    return reachability_tree(points, core, known, kept, on_progress=on_progress).edges if len(core) > 1 else known


def weights_now(points: Points, previous: Graph, rows: RowNumbers, core: Floats) -> Floats:
    """The former edges weighed anew, infinite where an end is gone."""
    pairs = rows[previous.edges]
    stay = (pairs >= 0).all(axis=1)
    left, right = pairs[stay].T
    weights = np.full(len(pairs), np.inf)
    weights[stay] = reachability(core, left, right, points.distances(left, right))
    return weights


def _cut_off(previous: Graph, rows: RowNumbers, weights: Floats) -> RowNumbers:
    """Rows outside the largest part that the former tree still holds together without an edge that got heavier."""
    is_heavier = weights > previous.weights
    order = np.lexsort((is_heavier, previous.weights))  # of equal edges the tree takes those that are as they were
    tree = order[spanning_forest(len(rows), previous.spanning_edges[order])]
    part = parts(len(rows), previous.spanning_edges[tree[~is_heavier[tree]]])
    stay = rows >= 0
    outside: RowNumbers = rows[stay & (part != np.bincount(part[stay], minlength=1).argmax())]
    return outside


def graph_made(
    points: Points, min_samples: int, found: Neighbours, edges: Edges, prints: Floats, *, recall: float | None = None
) -> Graph:
    """The graph of these parts; `recall`: estimated, of one that is not exact."""
    return Graph(
        metric=np.array(points.metric),
        min_samples=np.array(min_samples),
        neighbours=found.indices,
        distances=found.distances,
        horizon=found.horizon,
        edges=np.column_stack([edges.low, edges.high]),
        weights=edges.weight,
        fingerprints=prints,
        is_exact=np.array(recall is None),
        recall=np.array(1.0 if recall is None else recall),
    )


def _are_unchanged(previous: Graph, rows: RowNumbers, prints: Floats) -> NDArray[np.bool_]:
    """Which former rows are where they are said to be, and still the same."""
    answer: NDArray[np.bool_] = rows >= 0
    answer[answer] = np.isclose(prints[rows[answer]], previous.fingerprints[answer], rtol=_SAME, atol=_SAME)
    return answer


def _check_rows(points: Points, previous: Graph, rows: RowNumbers) -> None:
    if str(previous.metric) != points.metric:
        raise WrongUse(f"the former graph is of metric {previous.metric}, not {points.metric}: leave `previous` out")
    if rows.shape != (len(previous),) or rows.max(initial=-1) >= len(points.rows):
        raise WrongUse(
            f"`previous_rows` must place each of {len(previous)} former rows in 0..{len(points.rows) - 1} or -1"
        )
    stay = rows >= 0
    if len(np.unique(rows[stay])) != stay.sum():
        raise WrongUse("`previous_rows` puts two former rows in one place: give each its own, or -1")
