"""Split a cluster that shows several people (specification, `POST /clusters/{cluster_id}/split`), and say that two
groups are different people: then they are never suggested as one again.

The latter is decided outright (`mark_different`), by a split, by "this face is not that person", or by taking a merge
back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.about_faces import DifferentPeople, GroupKey, Split
from faceml.decisions.about_people import Merge
from faceml.decisions.replay import survivor
from faceml.decisions.states import SPLIT_MARK
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.identity.prototypes import centroid
from faceml.library import Library
from faceml.progress import told
from faceml.records import Embeddings
from faceml.services.decisions.decide import as_uuid, decide, deciding, faces_of_cluster, find_person
from faceml.services.recognise.spaces import Space, space_in_use
from faceml.storage.sql.repository import Repository, UnitOfWork

LONGEST_ID = 100  # characters of the column
WITNESSES = 5  # faces of each side that the log names: the decision stays with them when clusters change
MAJORITY = 0.5  # share of a cluster's faces from which on a person ruled out for them is ruled out for all of it


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


@dataclass(frozen=True, slots=True)
class DifferentReport:
    one: str  # cluster id or person's name
    other: str
    event_id: int


def mark_different(library: Library, one: str | UUID, other: str | UUID, *, actor: str) -> DifferentReport:
    """Say that two groups are different people, so that merging them is not suggested again.

    Clustering is not bound by it. The decision stays with the most typical faces of both sides, whatever becomes of the
    clusters they are in.

    Args:
        one: a cluster id, or a person's id or name.
    Raises:
        NotFound: there is no such cluster or person.
        WrongUse: both are the same.
    """
    with deciding(library) as unit:
        keys = _key(unit, one), _key(unit, other)
        if keys[0] == keys[1]:
            raise WrongUse(f"{one!r} and {other!r} are the same: name two groups")
        sides = _witnesses(unit, keys[0]), _witnesses(unit, keys[1])
        event_id = decide(unit, DifferentPeople(keys, sides), [*sides[0], *sides[1]], actor=actor)
        return DifferentReport(_name(unit, keys[0]), _name(unit, keys[1]), event_id)


def different_pairs(unit: UnitOfWork, rows: Mapping[GroupKey, int]) -> NDArray[np.intp]:
    """(R, 2) rows of groups that are different people, as a person decided."""
    decided = {*_marked(unit), *_merges_taken_back(unit), *_ruled_out(unit), *_parts_of_splits(unit)}
    pairs = [(rows[one], rows[other]) for one, other in decided if one in rows and other in rows and one != other]
    return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)


def is_ruled_out(times: int, faces: int) -> bool:
    """Whether a person is ruled out for a cluster, being ruled out for so many of its faces."""
    return times >= MAJORITY * faces


def _marked(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    undos = unit.events.undos()
    standing = [event.decision.sides for event in unit.events.of(DifferentPeople) if undos.stands(event.id)]
    group = unit.groups.holding({id_ for sides in standing for side in sides for id_ in side})
    for sides in standing:
        one, other = ({group[id_] for id_ in side if id_ in group} for side in sides)
        yield from product(one, other)


def _merges_taken_back(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    undos, merged = unit.events.undos(), unit.people.merged()
    for event in unit.events.of(Merge):
        if not undos.stands(event.id):
            yield survivor(event.decision.person_id, merged), survivor(event.decision.into, merged)


def _ruled_out(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    """A face ruled out for somebody rules out its person, too; a cluster is ruled out by the majority of its faces."""
    times = Counter(unit.groups.ruled_out())
    sizes = unit.groups.sizes([key for key, _ in times])
    for (key, person_id), count in times.items():
        if isinstance(key, UUID) or is_ruled_out(count, sizes[key]):
            yield key, person_id


def _parts_of_splits(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    """Different parts of what was one cluster before a person split it."""
    parts: dict[str, dict[str, set[GroupKey]]] = defaultdict(lambda: defaultdict(set))
    for key, part in unit.groups.split_parts():
        parts[part.partition(SPLIT_MARK)[0]][part].add(key)
    for of_root in parts.values():
        for one, other in combinations(of_root.values(), 2):
            yield from product(one, other)


def _key(unit: UnitOfWork, group: str | UUID) -> GroupKey:
    if as_uuid(group) is None and unit.groups.of(str(group)).face_ids:
        return str(group)
    try:
        return find_person(unit, group).id
    except NotFound as error:
        raise NotFound(
            f"{group!r} is neither a cluster with unnamed faces nor a person: "
            "`faceml faces clusters` and `faceml people list` show what there is"
        ) from error


def _witnesses(unit: UnitOfWork, key: GroupKey) -> tuple[UUID, ...]:
    faces = unit.groups.of(key)
    if not faces.face_ids:
        raise NotFound(f"{_name(unit, key)!r} has no faces: assign some to them first")
    typical = np.argsort(-(faces.vectors @ centroid(faces.vectors)), kind="stable")[:WITNESSES]
    return tuple(faces.face_ids[row] for row in typical)


def _name(unit: UnitOfWork, key: GroupKey) -> str:
    return unit.people.get(key).name if isinstance(key, UUID) else key
