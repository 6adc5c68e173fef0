"""Suggest what to do with groups, read one at a time: whom a cluster shows, which are one person, which are two."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.about_faces import GroupKey
from faceml.errors import NotEnoughData, NotFound, WrongUse
from faceml.identity.hdbscan.distances import blocks
from faceml.identity.prototypes import centroid
from faceml.identity.suggestions import (
    GROUP_MARGIN,
    Halves,
    NearGroups,
    halve,
    in_rounds,
    near_groups,
    nearest_faces,
)
from faceml.library import Library
from faceml.records import Embeddings
from faceml.services.decisions.split import different_pairs, faces_in, is_ruled_out, parts_of
from faceml.services.recognise.gallery import Resemblance, matcher_in_use, read_gallery
from faceml.services.recognise.matching import Matching
from faceml.services.recognise.spaces import Space, space_in_use
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import UnitOfWork

SAMPLES = 4  # faces shown of a group, the most typical first
FACES_AT_ONCE = 256  # scored with everybody
FACES_A_ROUND = 10_000  # read before it is asked whether enough is suggested: half a second's work
SAMPLED = 40  # faces of a group that tell its centre …
HALVED = 200  # … and whether it is two

Note = Callable[[str], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Group:
    cluster_id: str | None  # a cluster that nobody named …
    person_id: UUID | None  # … or a person
    name: str  # of the person, or the cluster's id
    faces: int
    sample_face_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class MergeSuggestion:
    """Two groups that look like one person; all similarities are cosines."""

    one: Group  # the person where there is one, then the larger
    other: Group
    similarity: float  # of the centroids
    mean_similarity: float  # over all pairs of one face of each
    nearest_similarity: float
    nearest_face_ids: tuple[UUID, UUID]  # the most similar pair


@dataclass(frozen=True, slots=True)
class SplitSuggestion:
    """A cluster that looks like two people, and the parts that `split_cluster` would make of it."""

    cluster_id: str
    faces: int
    similarity: float  # of the centroids of its two halves
    gap: float  # by how much its faces are nearer to their own half
    purity: float  # the largest part's share of the faces
    parts: tuple[tuple[UUID, ...], ...]  # face ids, largest part first
    left_out: tuple[UUID, ...]  # that fit no part
    min_cluster_size: int  # to split with


def suggest_names(
    library: Library, cluster_id: str, *, limit: int = 3, matcher: str | int = CHAMPION
) -> list[Resemblance]:
    """People whom a cluster resembles, the nearest first; nobody whom a person ruled out for it.

    With a matcher a cluster's score is the mean of its faces'; else it is the cosine of its centroid.

    Args:
        matcher: see `matcher_in_use`.
    Raises:
        NotFound: no face without a name is in such a cluster, or there is no such matcher.
    """
    check_limit(limit)
    with library.repository.read() as unit:
        faces = unit.groups.of(cluster_id)
    if not faces.face_ids:
        raise NotFound(
            f"cluster {cluster_id!r} has no faces without a name: `faceml faces clusters` lists the ones there are"
        )
    return resemble(library, [faces], limit=limit, matcher=matcher)[0]


def _ranked_by_score(matching: Matching, faces: Embeddings) -> Iterator[tuple[UUID, float]]:
    """Everybody with the mean score of these faces, the nearest first."""
    groups = matching.groups(faces.face_ids)
    sums = np.zeros(len(matching.people))
    for part in blocks(len(groups), FACES_AT_ONCE):
        sums += matching.matcher.scores(faces.vectors[part], groups[part]).total.sum(axis=0)
    means = sums / len(groups)
    return ((matching.people[row], float(means[row])) for row in np.argsort(-means, kind="stable"))


def suggest_merges(
    library: Library,
    *,
    limit: int = 20,
    min_similarity: float | None = None,
    thorough: bool = False,
    on_note: Note = log.info,
) -> list[MergeSuggestion]:
    """Pairs of unnamed clusters and people that look like one person, the most alike first.

    Never two that a person said are different. In a large library the largest groups are looked through first.

    Args:
        limit: how many at most.
        min_similarity: of their centroids; None is the pack's recommended threshold and a margin measured for groups,
            as strict in the champion's space.
        thorough: whether to look through further groups while fewer than `limit` are found, and not just until any is.
        on_note: told of groups that were not looked through.
    """
    check_limit(limit)
    space = space_in_use(library)
    with library.repository.read() as unit:
        minimum = _group_threshold(unit, space) if min_similarity is None else min_similarity
        means: dict[GroupKey, NDArray[np.floating]] = {}
        pairs, largest = list[NearGroups](), unit.groups.largest()
        for part in _rounds(largest, SAMPLED):
            groups = unit.groups.sampled([key for key, _ in largest[part]], most=SAMPLED)
            means |= {key: space.project(faces.vectors).mean(axis=0) for key, faces in groups}
            different = different_pairs(unit, {key: row for row, key in enumerate(means)})
            if means:
                together = np.stack([*means.values()])
                pairs = near_groups(together, min_similarity=minimum, different=different, limit=limit)
            if len(pairs) >= (limit if thorough else 1):
                _tell_of_others(on_note, len(pairs) < limit, part.stop, len(largest))
                break
        keys = list(means)
        shown = {keys[row] for pair in pairs for row in (pair.first, pair.second)}
        names = unit.people.names(sorted(key for key in shown if isinstance(key, UUID)))
        return [_with_evidence(unit, space, keys, pair, names) for pair in pairs]


def suggest_splits(
    library: Library,
    *,
    limit: int = 20,
    max_similarity: float | None = None,
    thorough: bool = False,
    on_note: Note = log.info,
) -> list[SplitSuggestion]:
    """Unnamed clusters that look like two people, the clearest first; what is not said here is as for `suggest_merges`.

    Args:
        max_similarity: of the centroids of a cluster's two halves.
    """
    check_limit(limit)
    space = space_in_use(library)
    with library.repository.read() as unit:
        maximum = _group_threshold(unit, space) if max_similarity is None else max_similarity
        divided: list[tuple[str, Halves]] = []
        largest = [group for group in unit.groups.largest() if isinstance(group[0], str)]
        for part in _rounds(largest, HALVED):
            groups = unit.groups.sampled([key for key, _ in largest[part]], most=HALVED)
            halved = ((str(key), halve(space.project(faces.vectors))) for key, faces in groups)
            divided += [(key, halves) for key, halves in halved if halves and halves.similarity <= maximum]
            if len(divided) >= (limit if thorough else 1):
                _tell_of_others(on_note, len(divided) < limit, part.stop, len(largest))
                break
        chosen = nsmallest(limit, divided, key=lambda item: (-item[1].gap, item[0]))
        previews = [_split_preview(key, faces_in(unit, space, key), halves) for key, halves in chosen]
    return [preview for preview in previews if preview is not None]


def _rounds(groups: Sequence[tuple[GroupKey, int]], most: int) -> Iterator[slice]:
    return in_rounds([min(count, most) for _, count in groups], FACES_A_ROUND)


def _tell_of_others(on_note: Note, is_short: bool, looked_at: int, groups: int) -> None:
    if is_short and looked_at < groups:
        on_note(f"found among the {looked_at:,} largest of {groups:,} groups; a thorough look takes longer")


def _group_threshold(unit: UnitOfWork, space: Space) -> float:
    pinned = unit.contract.pinned()
    if pinned is None:
        raise NotEnoughData("no face was detected yet, so there is nothing to suggest: `faceml faces backfill` first")
    return space.threshold(pinned.match_threshold + GROUP_MARGIN)


def _with_evidence(
    unit: UnitOfWork, space: Space, keys: Sequence[GroupKey], pair: NearGroups, names: dict[UUID, str]
) -> MergeSuggestion:
    sides = [(keys[row], space.embeddings(unit.groups.of(keys[row]))) for row in (pair.first, pair.second)]
    (one, of_one), (other, of_other) = sorted(
        sides, key=lambda side: (not isinstance(side[0], UUID), -len(side[1].face_ids))
    )
    nearest = nearest_faces(of_one.vectors, of_other.vectors)
    centres = np.stack([of_one.vectors.mean(axis=0), of_other.vectors.mean(axis=0)])  # now of all their faces
    (near,) = near_groups(centres, min_similarity=-2.0)
    return MergeSuggestion(
        _described(one, of_one, names),
        _described(other, of_other, names),
        near.similarity,
        near.mean_linkage,
        nearest.similarity,
        (of_one.face_ids[nearest.first], of_other.face_ids[nearest.second]),
    )


def _described(key: GroupKey, faces: Embeddings, names: dict[UUID, str]) -> Group:
    typical = np.argsort(-(faces.vectors @ faces.vectors.mean(axis=0)), kind="stable")[:SAMPLES]
    samples = tuple(faces.face_ids[row] for row in typical)
    cluster_id, person_id, name = (None, key, names[key]) if isinstance(key, UUID) else (key, None, key)
    return Group(cluster_id, person_id, name, len(faces.face_ids), samples)


def _split_preview(cluster_id: str, faces: Embeddings, halves: Halves) -> SplitSuggestion | None:
    """None where the tree finds no two parts either, so that a split would change nothing."""
    for min_cluster_size in (3, 2):
        parts, left_out = parts_of(faces, min_cluster_size=min_cluster_size)
        if len(parts) > 1:
            count = len(faces.face_ids)
            purity = len(parts[0]) / count
            return SplitSuggestion(
                cluster_id, count, halves.similarity, halves.gap, purity, parts, left_out, min_cluster_size
            )
    return None


def check_limit(limit: int) -> None:
    if limit < 1:
        raise WrongUse(f"limit={limit} is below 1: ask for one suggestion or more")


def resemble(
    library: Library, groups: Sequence[Embeddings], *, limit: int = 5, matcher: str | int = CHAMPION
) -> list[list[Resemblance]]:
    """Whom each of some groups of faces resembles, the nearest first, as `suggest_names`: all are asked at once.

    A person ruled out for the majority of a group's faces is left out; of a group without faces nobody is told.
    """
    if not any(group.face_ids for group in groups):
        return [[] for _ in groups]
    matching, space = matcher_in_use(library, matcher), space_in_use(library)
    with library.repository.read() as unit:
        names = unit.people.names()
        ruled_out = _times_ruled_out(unit, groups)
        gallery = None if matching else read_gallery(library, unit, space)
    asked = [group for group in groups if group.face_ids]
    ranked: Iterator[Iterator[tuple[UUID, float]]] = iter(())
    if matching is not None:
        ranked = (_ranked_by_score(matching, group) for group in asked)
    elif gallery is not None:
        ranked = iter(gallery.ranked(np.stack([centroid(space.project(group.vectors)) for group in asked])))
    found = []
    for group, times in zip(groups, ruled_out, strict=True):
        likely = (
            Resemblance(person, names[person], similarity)
            for person, similarity in (next(ranked) if group.face_ids else ())
            if person in names and not is_ruled_out(times[person], len(group.face_ids))
        )
        found.append(list(islice(likely, limit)))
    return found


def _times_ruled_out(unit: UnitOfWork, groups: Sequence[Embeddings]) -> list[Counter[UUID]]:
    """For each group, of how many of its faces each person was ruled out: by a person, or by the day of the photo."""
    ids = [id_ for group in groups for id_ in group.face_ids]
    said, lives = unit.faces.rejections(ids), unit.lives.times(ids)
    counted = lives.impossible(said)  # by their days already
    of_face: dict[UUID, list[UUID]] = defaultdict(list)
    for face_id, person_id in said:
        if (face_id, person_id) not in counted:
            of_face[face_id].append(person_id)
    return [
        lives.ruled_out(group.face_ids)
        + Counter(person_id for face_id in group.face_ids for person_id in of_face[face_id])
        for group in groups
    ]
