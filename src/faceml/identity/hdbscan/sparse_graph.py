"""The graph of too many rows to compare all with all: approximate neighbour lists, and the tree that they hold.

The tree is the minimum spanning forest of the lists' own edges; parts that no list joins are strung together at the
forest's longest edge, so that they part before anything else does. Rows that came or were changed are compared with all
while they are few, with those of cells near them where they are many; the tree then lies within the former tree and the
lists that changed, as in `reachability_graph`. Where rows went, it is made from all lists anew.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.approximate import Approximation, approximately_nearest
from faceml.identity.hdbscan.dendrogram import Edges, edges_between, merged, spanning, spanning_forest
from faceml.identity.hdbscan.distances import Floats, Points, RowNumbers
from faceml.identity.hdbscan.growth import carried, with_newcomers
from faceml.identity.hdbscan.neighbours import Neighbours
from faceml.identity.hdbscan.reachability_graph import (
    Graph,
    fingerprints,
    graph_from,
    graph_made,
    most_neighbours,
    placed,
    weights_now,
)
from faceml.identity.hdbscan.spanning_tree import graph_edges
from faceml.machines.here import HERE, Machines
from faceml.progress import Progress, silent

_FEW = 8  # times the root of the rows: comparing so many with all costs less than cells for them (m)
_MANY = 0.4  # part of the rows; beyond, a full run is cheaper


def sparse_graph_of(
    points: Points, *, min_samples: int, seed: int = 0, machines: Machines = HERE, on_progress: Progress = silent
) -> Graph:
    """Build the graph of all rows; the same seed gives the same graph.

    Args:
        machines: that look for neighbours; the tree is made here.
        on_progress: told of sets of cells, see `approximately_nearest`.
    """
    to = most_neighbours(points, min_samples)
    found = approximately_nearest(points, to=max(to, 1), seed=seed, machines=machines, on_progress=on_progress)
    core = found.lists.core_distances(to)
    edges = _tree(len(core), graph_edges(found.lists, core, depth=found.lists.indices.shape[1]))
    return graph_made(points, to, found.lists, edges, fingerprints(points.rows), recall=found.recall)


def sparse_graph_from(
    points: Points,
    previous: Graph,
    previous_rows: RowNumbers | None,
    *,
    min_samples: int,
    machines: Machines = HERE,
    on_progress: Progress = silent,
) -> Graph:
    """Build the graph from a former one, exact or not; arguments and errors as of `graph_from`."""
    rows, prints = placed(points, previous, previous_rows)
    if previous.is_exact and len(previous) == len(points.rows) and (rows >= 0).all():
        return graph_from(points, previous, rows, min_samples=min_samples, neighbours=previous.neighbours.shape[1])
    to = most_neighbours(points, min_samples)
    former = carried(previous.lists, rows, len(points.rows))
    if to > former.indices.shape[1] or former.indices.shape[1] >= len(points.rows):
        return sparse_graph_of(points, min_samples=min_samples, machines=machines, on_progress=on_progress)
    unknown = np.flatnonzero(former.indices[:, : max(to, 1)].min(axis=1) < 0)
    found = _grown(points, former, unknown, float(previous.recall), to=to, machines=machines, on_progress=on_progress)
    if found is None:
        return sparse_graph_of(points, min_samples=min_samples, machines=machines, on_progress=on_progress)
    core = found.lists.core_distances(to)
    is_touched = (found.lists.indices != former.indices).any(axis=1)
    if (rows < 0).any() or to != previous.min_samples:
        is_touched[:] = True
    low, high = rows[previous.edges].T
    weights = weights_now(points, previous, rows, core)
    kept = edges_between(low, high, weights)[np.isfinite(weights)]
    lists = (_listed(found.lists, is_touched, core), _listed(former, is_touched, core))
    return graph_made(points, to, found.lists, _tree(len(core), *lists, kept), prints, recall=found.recall)


def _grown(
    points: Points,
    former: Neighbours,
    unknown: RowNumbers,
    recall: float,
    *,
    to: int,
    machines: Machines,
    on_progress: Progress,
) -> Approximation | None:
    """Lists with the unknown rows' own and with these rows in others'; None where a full run is cheaper."""
    count = len(points.rows)
    if len(unknown) > _MANY * count:
        return None
    if len(unknown) > _FEW * isqrt(count):
        return approximately_nearest(
            points, to=max(to, 1), start=former, guests=unknown, machines=machines, on_progress=on_progress
        )
    known = np.where(np.isfinite(former.distances), former.distances, 0.0).max(axis=1)
    lists = with_newcomers(points, replace(former, horizon=known), unknown) if len(unknown) else former
    if lists is None:
        return None
    share = len(unknown) / count  # of these nothing is missing
    return Approximation(replace(lists, horizon=np.zeros(count)), recall=recall * (1 - share) + share)


def _listed(lists: Neighbours, which: NDArray[np.bool_], core: Floats) -> Edges:
    """The edges that some rows' lists hold."""
    shown = replace(lists, indices=np.where(which[:, None], lists.indices, -1))
    return graph_edges(shown, core, depth=lists.indices.shape[1])


def _tree(count: int, *known: Edges) -> Edges:
    edges = merged(count, *known)
    forest = edges[spanning_forest(count, edges)]
    longest = forest.weight.max(initial=0.0)
    tree = spanning(count, forest)
    return replace(tree, weight=np.where(np.isfinite(tree.weight), tree.weight, longest))
