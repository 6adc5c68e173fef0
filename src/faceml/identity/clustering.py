"""One door to the clusterers: HDBSCAN, DBSCAN, agglomerative and linkage, on the same blocked distances.

HDBSCAN, DBSCAN and single linkage are all read off a minimum spanning tree, so they are exact in memory that grows with
N. So is `linkage`, average linkage on similarities corrected for nearness to everybody. Average and complete linkage of
`agglomerative`, on any distance, need all N²; they are refused where these do not fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import numbered, without_small
from faceml.identity.cost import Linkage, Method, Neighbours, compares_all, refuse_too_large
from faceml.identity.hdbscan.dendrogram import parts
from faceml.identity.hdbscan.distances import Metric, blocks, points_of
from faceml.identity.hdbscan.exact import Clustering, fit
from faceml.identity.hdbscan.reachability_graph import graph_of
from faceml.identity.linkage import PAIR_MARGIN, average_linkage, surplus_nearness, without_weak_pairs

COHORT_CLUSTERS = 3, 2  # min_cluster_size and min_samples of the HDBSCAN groups that nearness leaves out
_NEIGHBOURS = 8


def cluster_embeddings(
    vectors: NDArray[np.floating],
    *,
    method: Method = "hdbscan",
    min_cluster_size: int = 5,
    min_samples: int = 3,
    cluster_selection_epsilon: float = 0.0,
    eps: float = 0.5,
    linkage: Linkage = "average",
    min_similarity: float = 0.5,
    metric: Metric = "euclidean",
    neighbours: Neighbours = "exact",
) -> NDArray[np.int64]:
    """Group faces by whom they show.

    Args:
        vectors: (N, D) rows.
        min_cluster_size: smaller groups are noise, whatever the method.
        min_samples: of `hdbscan` (other faces) and `dbscan` (the face itself counts, as scikit-learn has it).
        cluster_selection_epsilon: of `hdbscan`: clusters nearer than this distance are not split.
        eps: of `dbscan` (neighbours are at most so far) and `agglomerative` (groups are merged while nearer).
        linkage: of `agglomerative`.
        min_similarity: of `linkage`, which takes cosines whatever the metric: groups are merged from here on.
        neighbours: of `hdbscan` and `linkage`, see `fit`; "auto": approximate of more than `MOST_EXACT` faces.
    Returns:
        (N,) labels, 0 and up by the first face of each; -1 is noise. Those of `hdbscan` are numbered as by the library.
    Raises:
        WrongUse: an unknown method, parameters out of range, or more faces than the memory can hold.
    """
    vectors = np.asarray(vectors)
    is_exact = compares_all(neighbours, len(vectors), method=method)
    if vectors.ndim == 2:
        refuse_too_large(len(vectors), vectors.shape[1], method=method, linkage=linkage, is_exact=is_exact)
    if method == "hdbscan":
        return fit(
            vectors,
            min_cluster_size=min_cluster_size,
            min_samples=min_samples,
            cluster_selection_epsilon=cluster_selection_epsilon,
            metric=metric,
            is_exact=is_exact,
        ).labels
    if method == "dbscan":
        return without_small(dbscan(vectors, eps=eps, min_samples=min_samples, metric=metric), min_cluster_size)
    if method == "agglomerative":
        return without_small(agglomerative(vectors, eps=eps, linkage=linkage, metric=metric), min_cluster_size)
    if method == "linkage":
        rows = _unit_rows(vectors)
        size, samples = COHORT_CLUSTERS
        found = fit(rows, min_cluster_size=size, min_samples=samples, is_exact=is_exact)
        return without_small(linked(rows, found, min_similarity=min_similarity), min_cluster_size)
    raise WrongUse(f"clustering method {method!r} is not known: use 'hdbscan', 'dbscan', 'agglomerative' or 'linkage'")


def linked(vectors: NDArray[np.float32], found: Clustering, *, min_similarity: float) -> NDArray[np.int64]:
    """Groups of average linkage, see `linkage`, from HDBSCAN's of the same rows and its graph.

    Args:
        vectors: (N, D) unit rows.
        found: of `COHORT_CLUSTERS`, Euclidean.
    Returns:
        (N,) labels, 0 and up; -1 for both faces of a pair that is less alike than `PAIR_MARGIN` more.
    """
    surplus = surplus_nearness(vectors, found.labels)
    groups = average_linkage(vectors, found.graph, surplus=surplus, min_similarity=min_similarity)
    return without_weak_pairs(vectors, groups, surplus=surplus, min_similarity=min_similarity + PAIR_MARGIN)


def recluster_within(vectors: NDArray[np.floating], *, min_cluster_size: int = 3) -> NDArray[np.int64]:
    """Split one cluster into those it may be made of.

    Returns:
        (N,) 0 and up for the parts, -1 for faces that fit no part; all 0 where it does not fall apart.

    >>> two = np.repeat(np.eye(2), 4, axis=0) + np.linspace(0.0, 0.01, 8)[:, None]
    >>> recluster_within(two).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> recluster_within(two[:4]).tolist()
    [0, 0, 0, 0]
    """
    labels = cluster_embeddings(vectors, min_cluster_size=min_cluster_size, min_samples=2)
    return labels if labels.max(initial=-1) > 0 else np.zeros_like(labels)


def dbscan(
    vectors: NDArray[np.floating], *, eps: float, min_samples: int, metric: Metric = "euclidean"
) -> NDArray[np.int64]:
    """DBSCAN (Ester, Kriegel, Sander and Xu 1996) with scikit-learn's labels, border faces included.

    Core faces within `eps` are what mutual reachability joins up to `eps`; all neighbours of a face that is not core
    are in its list. Both are in the graph of `min_samples - 1` other faces.

    >>> dbscan(np.array([[0.0], [0.1], [0.2], [5.0]]), eps=0.15, min_samples=2).tolist()
    [0, 0, 0, -1]
    """
    if not eps > 0 or min_samples < 1:
        raise WrongUse(f"dbscan with eps={eps}, min_samples={min_samples}: give eps > 0 and min_samples >= 1")
    graph = graph_of(points_of(vectors, metric=metric), min_samples=min_samples - 1, neighbours=min_samples)
    if len(graph) < min_samples:
        return np.full(len(graph), -1)
    core = graph.lists.core_distances(min_samples - 1) <= eps
    groups = parts(len(graph), graph.spanning_edges[graph.weights <= eps])
    labels = np.full(len(graph), -1)
    labels[core] = numbered(groups[core])
    near = (graph.distances <= eps) & core[graph.neighbours] & ~core[:, None]
    nobody = np.iinfo(np.int64).max
    nearest_label = np.where(near, labels[graph.neighbours], nobody).min(axis=1, initial=nobody)
    return np.where(nearest_label < nobody, nearest_label, labels)


def agglomerative(
    vectors: NDArray[np.floating], *, eps: float, linkage: Linkage = "average", metric: Metric = "euclidean"
) -> NDArray[np.int64]:
    """Merge the nearest groups while they are nearer than `eps`; every face is in a group, if alone.

    Single linkage takes memory in proportion to N; average and complete linkage take 8 N² bytes.

    >>> agglomerative(np.array([[0.0], [0.1], [0.2], [5.0]]), eps=0.3).tolist()
    [0, 0, 0, 1]
    """
    if not eps > 0:
        raise WrongUse(f"agglomerative with eps={eps}: give a distance above 0")
    if linkage == "single":
        graph = graph_of(points_of(vectors, metric=metric), min_samples=0, neighbours=_NEIGHBOURS)
        return numbered(parts(len(graph), graph.spanning_edges[graph.weights < eps]))
    if linkage not in ("average", "complete"):
        raise WrongUse(f"linkage {linkage!r} is not known: use 'average', 'complete' or 'single'")
    from scipy.cluster.hierarchy import fcluster
    from scipy.cluster.hierarchy import linkage as merge

    if len(vectors) < 2:
        return np.zeros(len(points_of(vectors, metric=metric).rows), dtype=np.int64)
    merges = merge(_all_distances(vectors, metric), method=linkage)
    return numbered(fcluster(merges, np.nextafter(eps, 0), criterion="distance"))


def _unit_rows(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    points = points_of(vectors, metric="euclidean")
    return points.rough if points.half_norms is None else points_of(vectors, metric="cosine").rough


def _all_distances(vectors: NDArray[np.floating], metric: Metric) -> NDArray[np.float64]:
    """The upper triangle, row after row, as scipy wants it."""
    points = points_of(vectors, metric=metric)
    count = len(points.rows)
    condensed = np.empty(count * (count - 1) // 2)
    for part in blocks(count, 256):
        rows = np.arange(part.start, part.stop)
        closeness, _ = points.fine_closeness(rows, np.arange(count))
        distances = points.fine_horizon(closeness)
        for row in rows:
            start = row * count - row * (row + 1) // 2
            condensed[start : start + count - row - 1] = distances[row - part.start, row + 1 :]
    return condensed
