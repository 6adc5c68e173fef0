"""Group faces, paying for what is new only: the neighbour graph of the last run is kept and brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from faceml.identity.cluster_labels import drop_loose, without_small
from faceml.identity.clustering import COHORT_CLUSTERS, cluster_embeddings, linked
from faceml.identity.cost import Linkage, Method, Neighbours, compares_all, expected_cost, refuse_too_large
from faceml.identity.hdbscan.approximate import WIDTH
from faceml.identity.hdbscan.dendrogram import BYTES_AN_EDGE
from faceml.identity.hdbscan.distances import Metric
from faceml.identity.hdbscan.exact import Clustering, fit
from faceml.identity.hdbscan.reachability_graph import Graph
from faceml.identity.linkage import usual_similarity
from faceml.library import Library
from faceml.machines.cuda import cards
from faceml.machines.here import HERE, Machines
from faceml.progress import Progress, silent
from faceml.records import Embeddings
from faceml.services.recognise.spaces import RAW, Space
from faceml.storage.cache_files import GraphKey, KeptGraph, packed

log = logging.getLogger(__name__)

Note = Callable[[str], None]  # told what a large run will take, before it starts
UNLABELLED, UNKNOWN = "unlabelled", "unknown"  # purposes: the faces of `faces cluster`, and of dual mode
WORTH_KEEPING = 1_000  # faces; below, a full run takes no longer than reading a file
WORTH_ANNOUNCING = 10_000  # faces


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    labels: NDArray[np.int64]  # (N,) -1 is noise
    recall: float | None = None  # estimated share of the nearest faces that were found; None: all were compared

    @property
    def notes(self) -> tuple[str, ...]:
        """What it means that neighbours are approximate."""
        if self.recall is None:
            return ()
        return (
            f"neighbours are approximate: an estimated {self.recall:.1%} of each face's nearest were found; a face "
            "whose nearest were missed may be noise, or its person in two groups (--neighbours exact misses nobody)",
        )


def group_faces(
    library: Library,
    faces: Embeddings,
    *,
    purpose: str,
    space: Space = Space(RAW),
    min_cluster_size: int,
    min_samples: int,
    method: Method = "hdbscan",
    cluster_selection_epsilon: float = 0.0,
    metric: Metric = "euclidean",
    eps: float = 0.5,
    linkage: Linkage = "average",
    min_similarity: float | None = None,
    begun_by: Sequence[str] = (),
    neighbours: Neighbours = "auto",
    on_note: Note = log.info,
    on_progress: Progress = silent,
) -> Grouping:
    """Labels of faces, see `cluster_embeddings`; where all are compared, they are the same as from a graph made anew.

    Args:
        purpose: which faces these are, so that runs over others do not take their graph.
        space: that the vectors are in.
        metric: of all but `linkage`.
        min_similarity: of `linkage`; None: the usual one of the pack among so many faces, as strict in this space.
        begun_by: purposes whose graph `hdbscan` starts from where this one kept none: most neighbours are known.
        neighbours: of `hdbscan` and `linkage`.
        on_progress: of these, where they start anew.
    Raises:
        WrongUse: parameters out of range, or more faces than the memory can hold.
    """
    announce(faces.vectors, method=method, linkage=linkage, neighbours=neighbours, on_note=on_note)
    is_exact = compares_all(neighbours, len(faces.face_ids), method=method)
    if library.machines is not HERE:
        on_note(where_words(len(faces.face_ids), library.machines, is_exact=is_exact))
    contract = library.repository.pack()
    if contract is None:  # of no face
        return Grouping(np.empty(0, np.int64))
    if method == "linkage":
        if min_similarity is None:
            min_similarity = usual_similarity(space.threshold(contract.match_threshold), len(faces.face_ids))
        on_note(f"Groups are merged from a mean similarity of {min_similarity:.3f} on")
        key = GraphKey(contract.fingerprint, space.name, purpose)
        found = _fit(library, faces, key, *COHORT_CLUSTERS, is_exact=is_exact, on_progress=on_progress)
        labels = linked(faces.vectors, found, min_similarity=min_similarity)
        return Grouping(without_small(labels, min_cluster_size), _recall(found))
    if method == "hdbscan":
        purpose = purpose if metric == "euclidean" else f"{purpose} {metric}"
        key = GraphKey(contract.fingerprint, space.name, purpose)
        found = _fit(
            library,
            faces,
            key,
            min_cluster_size,
            min_samples,
            epsilon=cluster_selection_epsilon,
            metric=metric,
            begun_by=begun_by,
            is_exact=is_exact,
            on_progress=on_progress,
        )
        return Grouping(found.labels, _recall(found))
    labels = cluster_embeddings(
        faces.vectors,
        method=method,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        eps=eps,
        linkage=linkage,
        metric=metric,
    )
    return Grouping(labels)


def _recall(found: Clustering) -> float | None:
    return None if found.graph.is_exact else float(found.graph.recall)


def _fit(
    library: Library,
    faces: Embeddings,
    key: GraphKey,
    min_cluster_size: int,
    min_samples: int,
    *,
    epsilon: float = 0.0,
    metric: Metric = "euclidean",
    begun_by: Sequence[str] = (),
    is_exact: bool = True,
    on_progress: Progress = silent,
) -> Clustering:
    """HDBSCAN, from the kept graph where that saves anything."""
    is_kept = len(faces.face_ids) >= WORTH_KEEPING
    keys = [key, *(replace(key, purpose=purpose) for purpose in begun_by)] if is_kept else []
    former = (_former(library.graphs.read(one), faces) for one in keys)
    graph, rows = next((found for found in former if found[0] is not None), (None, None))
    found = fit(
        faces.vectors,
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        cluster_selection_epsilon=epsilon,
        metric=metric,
        previous=graph,
        previous_rows=rows,
        is_exact=is_exact,
        machines=library.machines,
        cards=cards(library.settings.provider),
        on_progress=on_progress,
    )
    if not is_kept:
        return found
    with library.repository.read() as unit:
        newest = unit.erasure.newest()
        are_there = len(unit.faces.photo_of(faces.face_ids)) == len(faces.face_ids)
    if are_there:  # else somebody was erased meanwhile
        library.graphs.write(key, faces.face_ids, found.graph.arrays(), newest_erasure=newest)
    return found


def where_words(count: int, machines: Machines, *, is_exact: bool) -> str:
    """Which part of a grouping other machines do.

    >>> where_words(1_000_000, HERE, is_exact=False)
    'Neighbours are looked for on this machine; the tree is made here, of 16,000,000 edges at most: 384 MB'
    """
    if is_exact:
        return f"All faces are compared here: {machines.name} only looks for neighbours that are approximate"
    edges = WIDTH * count
    return (
        f"Neighbours are looked for on {machines.name}; the tree is made here, of {edges:,} edges at most: "
        f"{edges * BYTES_AN_EDGE / 1e6:,.0f} MB"
    )


def announce(
    vectors: NDArray[np.float32],
    *,
    method: Method,
    linkage: Linkage = "average",
    neighbours: Neighbours = "exact",
    on_note: Note = log.info,
) -> None:
    """Say what a large run will take; refuse what the memory cannot hold.

    Raises:
        WrongUse: it cannot.
    """
    count, width = len(vectors), vectors.shape[1]
    is_exact = compares_all(neighbours, count, method=method)
    refuse_too_large(count, width, method=method, linkage=linkage, is_exact=is_exact)
    if count >= WORTH_ANNOUNCING:
        cost = expected_cost(count, width, method=method, is_exact=is_exact)
        by = method if is_exact else f"{method}, with approximate neighbours"
        on_note(
            f"Grouping {count:,} faces by {by}: about {cost.seconds:.0f} s and {cost.memory_bytes / 1e6:,.0f} MB"
            + (", less where most of them were grouped before" if method in ("hdbscan", "linkage") else "")
        )


def without_loose(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], *, min_cohesion: float | None, min_cluster_size: int
) -> NDArray[np.int64]:
    """Labels without the faces that fit their cluster too little, and without the clusters left too small by that."""
    if min_cohesion is None:
        return labels
    return without_small(drop_loose(vectors, labels, min_cohesion=min_cohesion), min_cluster_size)


def note_of_noise(labels: Collection[int], tries: Mapping[str, bool]) -> tuple[str, ...]:
    """What to try where every face is noise.

    Args:
        tries: what might help, and whether it does with these options.

    >>> note_of_noise([-1, -1], {"a smaller min_cluster_size (it is 5)": True, "another method": False})
    ('all 2 faces are noise: try a smaller min_cluster_size (it is 5)',)
    >>> note_of_noise([-1, 0], {})
    ()
    """
    if not labels or max(labels) >= 0:
        return ()
    return (f"all {len(labels)} faces are noise: try {' or '.join(words for words, helps in tries.items() if helps)}",)


def _former(kept: KeptGraph | None, faces: Embeddings) -> tuple[Graph, NDArray[np.intp]] | tuple[None, None]:
    """The former graph, and where its rows are now, -1 for those that are gone."""
    if kept is None:
        return None, None
    try:
        graph = Graph.from_arrays(kept.arrays)
        if kept.face_ids.shape != (len(graph),):
            raise ValueError(f"{len(kept.face_ids)} faces for {len(graph)} rows")
    except (ValueError, KeyError) as error:
        log.warning("the kept neighbour graph is not usable (%s): clustering from the start", error)
        return None, None
    _, now, there = np.intersect1d(packed(faces.face_ids), kept.face_ids, assume_unique=True, return_indices=True)
    rows = np.full(len(graph), -1, dtype=np.intp)
    rows[there] = now
    return graph, rows


P = ParamSpec("P")
R = TypeVar("R")


def one_at_a_time(service: Callable[Concatenate[Library, P], R]) -> Callable[Concatenate[Library, P], R]:
    """Run `service` while no other of its kind runs on the library; raises LibraryBusy after ten minutes of waiting."""

    @wraps(service)
    def run(library: Library, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with library.repository.exclusive(service.__name__):
            return service(library, *args, **kwargs)

    return run
