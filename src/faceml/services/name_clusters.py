"""Name clusters the way a person looking at them would, from labels that are known already."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceml.services.known_labels import KnownFace, match_known_labels, read_known_labels
from faceml.services.label import label_cluster
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class NamedCluster:
    cluster_id: str
    person: str
    faces: int
    agreeing: int  # faces of it that are known to be this person


@dataclass(frozen=True, slots=True)
class NamingReport:
    clusters_named: int
    people: int
    faces_labeled: int
    clusters_skipped: int  # no name has most of their faces
    named: tuple[NamedCluster, ...]


def name_clusters(library: Library, labels: Path, *, actor: str) -> NamingReport:
    """Label every unlabelled cluster with the name that more than half of its faces are known to have.

    Args:
        labels: CSV, see `read_known_labels`.
    Raises:
        FileNotReadable, NotEnoughData.
    """
    known_labels = read_known_labels(labels)
    with library.repository.read() as unit:
        known = match_known_labels(unit, known_labels)
        sizes = {cluster_id: len(unit.faces.in_cluster(cluster_id)) for cluster_id in _open_clusters(known)}
    chosen = [choice for name, size in sizes.items() if (choice := _majority(name, size, known))]
    labelled = sum(
        label_cluster(library, choice.cluster_id, choice.person, actor=actor).faces_labeled for choice in chosen
    )
    return NamingReport(
        clusters_named=len(chosen),
        people=len({choice.person for choice in chosen}),
        faces_labeled=labelled,
        clusters_skipped=len(sizes) - len(chosen),
        named=tuple(chosen),
    )


def _open_clusters(known: Sequence[KnownFace]) -> list[str]:
    people: dict[str, bool] = defaultdict(bool)
    for item in known:
        if item.face.cluster_id:
            people[item.face.cluster_id] |= item.face.person_id is not None
    return sorted(name for name, is_named in people.items() if not is_named)


def _majority(cluster_id: str, size: int, known: Sequence[KnownFace]) -> NamedCluster | None:
    votes = Counter(item.person for item in known if item.face.cluster_id == cluster_id)
    person, agreeing = votes.most_common(1)[0]
    return NamedCluster(cluster_id, person, size, agreeing) if 2 * agreeing > size else None
