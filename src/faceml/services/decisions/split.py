"""Split a cluster that shows several people (specification, `POST /clusters/{cluster_id}/split`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID, uuid4

from faceml.decisions.about_faces import Split
from faceml.decisions.states import SPLIT_MARK
from faceml.errors import Conflict, WrongUse
from faceml.library import Library
from faceml.progress import told
from faceml.records import Embeddings
from faceml.services.decisions.decide import decide, deciding, faces_of_cluster
from faceml.services.recognise.spaces import Space, space_in_use
from faceml.storage.sql.repository import Repository, UnitOfWork

LONGEST_ID = 100  # characters of the column


@dataclass(frozen=True, slots=True)
class SplitPreview:
    cluster_id: str
    parts: tuple[tuple[UUID, ...], ...]  # face ids, largest part first; one part where it does not fall apart
    left_out: tuple[UUID, ...]  # faces that fit no part


@dataclass(frozen=True, slots=True)
class SplitReport:
    original_cluster_id: str
    new_clusters: tuple[str, ...]  # largest first
    status: str  # "split", or "unchanged" where it does not fall apart
    faces_left_out: int  # that fit no part: in no cluster now
    event_id: int | None  # None where nothing changed


def preview_split(library: Library, cluster_id: str, *, min_cluster_size: int = 3) -> SplitPreview:
    """The parts that a split would make, in the champion's space; nothing is written.

    Raises:
        NotFound: no face is in such a cluster.
        WrongUse: min_cluster_size is below 2.
    """
    if min_cluster_size < 2:
        raise WrongUse(f"min_cluster_size={min_cluster_size}: a part has at least 2 faces")
    space = space_in_use(library)
    with library.repository.read() as unit:
        faces = faces_in(unit, space, cluster_id)
    return SplitPreview(cluster_id, *parts_of(faces, min_cluster_size=min_cluster_size))


def prepare_split() -> None:
    """Load what a split computes with: a second of imports, best spent before somebody waits for it."""
    import faceml.identity.clustering  # noqa: F401


def faces_in(unit: UnitOfWork, space: Space, cluster_id: str) -> Embeddings:
    """All faces of a cluster, named or not: what a split is about. Raises NotFound."""
    return space.embeddings(unit.vectors.of(sorted(face.id for face in faces_of_cluster(unit, cluster_id))))


def parts_of(faces: Embeddings, *, min_cluster_size: int) -> tuple[tuple[tuple[UUID, ...], ...], tuple[UUID, ...]]:
    """The parts that faces of one cluster fall into, largest first, and the faces that fit none."""
    from faceml.identity.clustering import recluster_within

    labels = recluster_within(faces.vectors, min_cluster_size=min_cluster_size).tolist()
    parts: dict[int, list[UUID]] = {}
    for face_id, label in zip(faces.face_ids, labels, strict=True):
        parts.setdefault(label, []).append(face_id)
    left_out = parts.pop(-1, [])
    largest_first = sorted(parts.values(), key=lambda part: (-len(part), part))
    return tuple(map(tuple, largest_first)), tuple(left_out)


@told
def split_cluster(library: Library, cluster_id: str, *, min_cluster_size: int = 3, actor: str) -> SplitReport:
    """Split a cluster into the parts of `preview_split`, with ids `{id}_sub_{6 hex}`; names of its faces stay.

    Faces that fit no part get no cluster, as noise everywhere. Clustering anew leaves the parts as they are, until they
    are split again or this is undone: a split is a person's decision.

    Raises:
        NotFound, WrongUse: as `preview_split`.
        Conflict: all of its faces were moved since.
    """
    preview = preview_split(library, cluster_id, min_cluster_size=min_cluster_size)
    if len(preview.parts) < 2:
        return SplitReport(cluster_id, (), "unchanged", 0, None)
    with deciding(library) as unit:
        # Who left the cluster while we computed stays where they went.
        present = {face.id for face in unit.faces.in_cluster(cluster_id)}
        names = _part_names(unit, cluster_id, len(preview.parts))
        part_of = {face_id: name for part, name in zip(preview.parts, names, strict=True) for face_id in part}
        parts = {id_: part_of.get(id_) for id_ in (*part_of, *preview.left_out) if id_ in present}
        if not parts:
            raise Conflict(f"the faces of {cluster_id} were moved meanwhile: look again, nothing was changed")
        event_id = decide(unit, Split(cluster_id, len(names)), list(parts), actor=actor, parts=parts)
    left_out = sum(name is None for name in parts.values())
    return SplitReport(cluster_id, tuple(names), "split", left_out, event_id)


def former_split(repository: Repository, cluster_id: str) -> SplitReport | None:
    """What the split that stands made of a cluster; None where its faces are there, or nobody split it."""
    with repository.read() as unit:
        undos = unit.events.undos()
        splits = [event for event in unit.events.of(Split) if undos.stands(event.id)]
        found = next((event for event in reversed(splits) if event.decision.cluster_id == cluster_id), None)
        if found is None or unit.faces.in_cluster(cluster_id):
            return None
        parts = [change.after.cluster_id for change in unit.events.changes(found.id)]
    largest_first = Counter(part for part in parts if part is not None).most_common()
    return SplitReport(cluster_id, tuple(name for name, _ in largest_first), "split", parts.count(None), found.id)


def part_id(cluster_id: str, suffix: str) -> str:
    """The id of a part; one that would grow too long for the column starts from the cluster of the first split.

    >>> part_id("clu_abc123", "a1b2c3")
    'clu_abc123_sub_a1b2c3'
    >>> part_id("clu_abc123" + "_sub_a1b2c3" * 8, "d4e5f6")
    'clu_abc123_sub_d4e5f6'
    """
    longest = LONGEST_ID - len(SPLIT_MARK) - len(suffix)
    root = cluster_id if len(cluster_id) <= longest else cluster_id.partition(SPLIT_MARK)[0][:longest]
    return f"{root}{SPLIT_MARK}{suffix}"


def _part_names(unit: UnitOfWork, cluster_id: str, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        name = part_id(cluster_id, uuid4().hex[:6])
        if name not in names and not unit.faces.in_cluster(name):
            names.append(name)
    return names
