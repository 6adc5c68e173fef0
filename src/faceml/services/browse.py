"""Look at what the library holds, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from faceml.errors import WrongUse
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
