"""What a clustering will take on this machine: said before it starts, and refused where it cannot be."""

from __future__ import annotations

import timeit
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import psutil

from faceml.errors import WrongUse
from faceml.identity.hdbscan.distances import BLOCK

Method = Literal["hdbscan", "dbscan", "agglomerative", "linkage"]
Linkage = Literal["average", "complete", "single"]
Neighbours = Literal["auto", "exact", "approximate"]

MOST_EXACT = 100_000  # faces that "auto" compares with all: of 512 numbers about a minute on two cores (m)
_AFTER_HDBSCAN = 2.0  # times what HDBSCAN takes, which linkage starts from (m)
_COMPARED = 24.0  # times the root of the faces that one is compared with, where it is not with all (m)
_SPARE = 0.9  # part of the free memory a run may plan with
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Cost:
    memory_bytes: int  # beyond the vectors themselves
    seconds: float


def compares_all(neighbours: Neighbours, count: int, *, method: Method = "hdbscan") -> bool:
    """Is each of `count` faces to be compared with all others? Only `hdbscan` and `linkage` know another way.

    >>> [compares_all("auto", count) for count in (MOST_EXACT, MOST_EXACT + 1)]
    [True, False]
    """
    if method not in ("hdbscan", "linkage"):
        return True
    return count <= MOST_EXACT if neighbours == "auto" else neighbours == "exact"


def expected_cost(
    n: int, width: int, *, method: Method = "hdbscan", is_exact: bool = True, operations_per_s: float | None = None
) -> Cost:
    """What clustering (n, width) vectors will take, agglomerative by average linkage.

    The time is right within a factor of two for vectors as faces have them; ties and near-duplicates cost more.

    Args:
        is_exact: every face is compared with all, see `compares_all`.
        operations_per_s: of a float32 product; None: as a small one on this machine shows, now.
    """
    operations_per_s = operations_per_s or _operations_per_s(width)
    products = 2.0 * n * n * width / operations_per_s
    overhead = 2e-9 * n * n + 1e-4 * n  # comparisons, and the tree's own work (m)
    if not is_exact:
        products = _COMPARED * 2.0 * n**1.5 * width / operations_per_s
        overhead = 4e-4 * n  # sorting in what was found (m)
    seconds = 3.0 * products + 3e-8 * n * n if method == "agglomerative" else 1.1 * products + overhead
    seconds *= _AFTER_HDBSCAN if method == "linkage" else 1.0
    return Cost(_memory_bytes(n, width, method, "average", is_exact), seconds)


def available_memory_bytes() -> int:
    """Memory free for use here, in a container that of the container, which psutil does not look at."""
    machine, container = int(psutil.virtual_memory().available), _free_of_container()
    return machine if container is None else min(machine, container)


def _free_of_container() -> int | None:
    try:
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        # Files that the container has in memory: the system takes them out when it needs room.
        files = sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
        return max(limit - used + files, 0)
    except (OSError, ValueError):  # no such files, or "max": no limit
        return None


def refuse_too_large(
    n: int,
    width: int,
    *,
    method: Method = "hdbscan",
    linkage: Linkage = "average",
    is_exact: bool = True,
    available: int | None = None,
) -> None:
    """Raise WrongUse rather than be killed where the memory free (None: as the machine tells) does not suffice."""
    available = available_memory_bytes() if available is None else available
    needed = _memory_bytes(n, width, method, linkage, is_exact)
    if needed <= _SPARE * available:
        return
    fix = "cluster fewer faces at a time (max_faces)"
    if method == "agglomerative":
        fix = "use linkage='single' or method='hdbscan'"
    raise WrongUse(
        f"{method} over {n:,} faces needs {needed / 1e9:.1f} GB and {available / 1e9:.1f} GB are free: {fix}, "
        "or close other programs"
    )


def _memory_bytes(n: int, width: int, method: Method, linkage: Linkage, is_exact: bool) -> int:
    """Two float32 copies (prepared and lined up) or the products kept, lists and edges, and the working blocks (m)."""
    if method == "agglomerative" and linkage != "single":
        return 8 * n * n + 4 * n * width
    each = 4500 if method == "linkage" else 1500  # of lists, and of what groups know of each other
    if not is_exact:
        each += 3000  # longer lists, and all their edges at once (m); but nothing is prepared or lined up
    return (8 * n * width if is_exact else 0) + each * n + 40 * min(n, BLOCK) ** 2


def _operations_per_s(width: int) -> float:
    """Floating-point operations of a float32 product, the better of two."""
    rows = np.ones((BLOCK, max(width, 1)), dtype=np.float32)
    room = np.empty((BLOCK, BLOCK), dtype=np.float32)
    seconds = min(timeit.repeat(lambda: np.matmul(rows, rows.T, out=room), number=1, repeat=2))
    return 2.0 * BLOCK * BLOCK * rows.shape[1] / seconds
