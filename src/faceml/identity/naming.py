"""Cluster ids that stay with the same people from run to run (DESIGN D6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def keep_names(labels: Sequence[int], former: Sequence[str | None]) -> dict[int, str]:
    """Which former cluster each new one continues: the pairs that share most faces, each name once.

    A pair counts when it shares at least half the faces of either side; the rest of a split gets new names.

    Args:
        labels: (N,) cluster of each face now, -1 noise.
        former: (N,) name of the cluster each face was in before, None for none.
    Returns:
        Name by label, for the labels that continue a former cluster.

    >>> keep_names([0, 0, 0, 1, 1, -1], ["a", "a", None, "b", "b", "b"])
    {0: 'a', 1: 'b'}
    """
    shared = Counter((label, name) for label, name in zip(labels, former, strict=True) if label >= 0 and name)
    now, before = Counter(labels), Counter(name for name in former if name)
    kept: dict[int, str] = {}
    taken: set[str] = set()
    for (label, name), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        is_continued = 2 * count >= min(now[label], before[name])
        if is_continued and label not in kept and name not in taken:
            kept[label] = name
            taken.add(name)
    return kept


def name_clusters(labels: Sequence[int], kept: Mapping[int, str], fresh: Iterable[str]) -> list[str | None]:
    """A name for each face: kept or fresh by cluster, None for noise.

    >>> name_clusters([0, 1, -1], {0: "a"}, ["x", "y"])
    ['a', 'x', None]
    """
    names = dict(kept)
    supply = iter(fresh)
    for label in sorted({label for label in labels if label >= 0} - set(names)):
        names[label] = next(supply)
    return [names.get(label) for label in labels]
