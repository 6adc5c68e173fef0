"""Exact HDBSCAN at the speed of matrix products, in memory that grows with N and not with N squared (DESIGN D6).

One half of all products finds the nearest neighbours (`neighbours`), the other proves the minimum spanning tree
(`spanning_tree`); the `hdbscan` library's own functions turn the tree into clusters, so the labels are the library's.
Neighbours and tree are kept in a `Graph` (`reachability_graph`): a later fit of more rows pays for the new rows only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity.hdbscan.dendrogram import Edges, library_order
from faceml.identity.hdbscan.distances import Cards, Floats, Metric, RowNumbers, points_of
from faceml.identity.hdbscan.reachability_graph import Graph, graph_from, graph_of
from faceml.identity.hdbscan.sparse_graph import sparse_graph_from, sparse_graph_of
from faceml.machines.here import HERE, Machines
from faceml.progress import Progress, silent

Selection = Literal["eom", "leaf"]
COMPARED_WITH_ALL = 8192  # rows; so few are one cell, and what is approximate is exact


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """A clustering of N rows and what it was cut from."""

    labels: NDArray[np.int64]  # (N,) -1 is noise
    spanning_tree: Floats  # (N - 1, 3) row, row, mutual reachability; as hdbscan's generic path finds it
    single_linkage: Floats  # (N - 1, 4) as scipy.cluster.hierarchy writes it
    graph: Graph  # give it to the next `fit` as `previous`


def fit(
    embeddings: NDArray[np.floating],
    *,
    min_cluster_size: int = 5,
    min_samples: int = 3,
    cluster_selection_epsilon: float = 0.0,
    cluster_selection_method: Selection = "eom",
    metric: Metric = "euclidean",
    neighbours: int = 8,
    previous: Graph | None = None,
    previous_rows: RowNumbers | None = None,
    is_exact: bool = True,
    machines: Machines = HERE,
    cards: Cards | None = None,
    on_progress: Progress = silent,
) -> Clustering:
    """Cluster rows with the labels of `hdbscan.HDBSCAN(algorithm="generic")` (Campello, Moulavi and Sander 2013).

    Args:
        embeddings: (N, D) rows, best unit and float32, which are used without a copy.
        min_cluster_size: smallest cluster, 2 at least; fewer rows are all noise.
        min_samples: how many *other* rows a core distance reaches, as hdbscan counts; N - 1 at most.
        cluster_selection_epsilon: clusters nearer than this distance are not split.
        neighbours: K, the neighbours listed in the graph, `min_samples` at least. More cost little, and help a later
            fit with a larger `min_samples` or with fewer rows.
        previous: graph of a former fit of the same metric.
        previous_rows: where its rows are now, -1 for those that are gone; None: they are the first, in their order. A
            row that is another by now costs what a new one costs, and is never taken for the former.
        is_exact: False: of more than `COMPARED_WITH_ALL` rows not all are compared with all, so that labels may differ;
            `graph.recall` says by how much. A former graph of either kind may be given to both.
        machines: that look for neighbours where not all are compared; labels are the same.
        cards: what puts rows on a graphics card for the products of all with all; labels are the same.
        on_progress: where the graph is made anew.
    Raises:
        WrongUse: parameters out of range, rows that are not finite numbers, or `previous` of another metric.

    >>> faces = np.repeat(np.eye(2), 5, axis=0) + np.linspace(0.0, 0.01, 10)[:, None]
    >>> fit(faces, min_cluster_size=3).labels.tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    _check(min_cluster_size, min_samples, cluster_selection_epsilon, cluster_selection_method)
    points = points_of(embeddings, metric=metric, cards=cards)
    if not is_exact and len(points.rows) > COMPARED_WITH_ALL:
        if previous is None:
            graph = sparse_graph_of(points, min_samples=min_samples, machines=machines, on_progress=on_progress)
        else:
            graph = sparse_graph_from(
                points, previous, previous_rows, min_samples=min_samples, machines=machines, on_progress=on_progress
            )
    elif previous is None:
        graph = graph_of(points, min_samples=min_samples, neighbours=neighbours, on_progress=on_progress)
    else:
        graph = graph_from(
            points,
            previous,
            previous_rows,
            min_samples=min_samples,
            neighbours=neighbours,
            on_progress=on_progress,
        )
    return cut(
        graph,
        min_cluster_size=min_cluster_size,
        cluster_selection_epsilon=cluster_selection_epsilon,
        cluster_selection_method=cluster_selection_method,
    )


def cut(
    graph: Graph,
    *,
    min_cluster_size: int = 5,
    cluster_selection_epsilon: float = 0.0,
    cluster_selection_method: Selection = "eom",
) -> Clustering:
    """Clusters of a graph; no products, so a sweep over these three parameters costs next to nothing."""
    from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters
    from sklearn.cluster._hierarchical_fast import single_linkage_label

    if len(graph) < 2:
        return Clustering(np.full(len(graph), -1), np.empty((0, 3)), np.empty((0, 4)), graph)
    tree = library_order(len(graph), graph.spanning_edges) if graph.is_exact else _as_it_is(graph.spanning_edges)
    # The library sorts with numpy's default, which is not stable: the same call keeps ties in the same order.
    merges = single_linkage_label(tree[np.argsort(tree.T[2])])
    condensed = condense_tree(merges, min_cluster_size)
    with np.errstate(divide="ignore", invalid="ignore"):  # equal rows have infinite density
        stability = compute_stability(condensed)
        labels, *_ = get_clusters(
            condensed, stability, cluster_selection_method, False, False, cluster_selection_epsilon
        )
    return Clustering(labels.astype(np.int64), tree, merges, graph)


def _as_it_is(edges: Edges) -> Floats:
    return np.column_stack([edges.low.astype(np.float64), edges.high, edges.weight])


def _check(min_cluster_size: int, min_samples: int, epsilon: float, method: str) -> None:
    if min_cluster_size < 2:
        raise WrongUse(f"min_cluster_size is {min_cluster_size}: a cluster has 2 faces at least")
    if min_samples < 1:
        raise WrongUse(f"min_samples is {min_samples}: give 1 or more")
    if not epsilon >= 0:
        raise WrongUse(f"cluster_selection_epsilon is {epsilon}: give a distance, 0 or more")
    if method not in ("eom", "leaf"):
        raise WrongUse(f"cluster_selection_method {method!r} is not known: use 'eom' or 'leaf'")
