"""Look at what the library holds, a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import NotFound, WrongUse
from faceml.records import Face
from faceml.storage.clusters import ClusterSummary
from faceml.wiring import Library

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class ClusterPage:
    items: tuple[ClusterSummary, ...]
    total: int
    page: int
    page_size: int


def list_clusters(
    library: Library, *, page: int = 1, page_size: int = 20, include_labeled: bool = False
) -> ClusterPage:
    """Clusters largest first.

    Raises:
        WrongUse: a page below 1, or a page size outside 1 to 100.
    """
    if page < 1 or not 1 <= page_size <= LARGEST_PAGE:
        raise WrongUse(f"page={page}, page_size={page_size}: pages count from 1 and hold 1 to {LARGEST_PAGE} items")
    with library.repository.read() as unit:
        items = unit.clusters.page(limit=page_size, offset=(page - 1) * page_size, include_labeled=include_labeled)
        return ClusterPage(tuple(items), unit.clusters.count(include_labeled=include_labeled), page, page_size)


@dataclass(frozen=True, slots=True)
class ClusterDetails:
    cluster_id: str
    faces: tuple[Face, ...]  # best quality first
    names: Mapping[UUID, str]  # of the people that its faces are under
    person_id: UUID | None  # whom most of its faces are under


def show_cluster(library: Library, cluster_id: str) -> ClusterDetails:
    """One cluster with all its faces.

    Raises:
        NotFound: no face is in such a cluster.
    """
    with library.repository.read() as unit:
        faces = unit.faces.in_cluster(cluster_id)
        if not faces:
            raise NotFound(f"cluster {cluster_id!r} has no faces: `faceml faces clusters` lists the ones there are")
        people = Counter(face.person_id for face in faces if face.person_id is not None)
        names = unit.people.names(sorted(people))
    person_id = max(people, key=lambda id_: (people[id_], id_), default=None)
    return ClusterDetails(cluster_id, tuple(faces), names, person_id)
