"""Groups that are different people, as a person decided: never suggested as one again.

It is decided outright (`mark_different`), by a split, by "this face is not that person", or by taking a merge back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.about_faces import DifferentPeople, GroupKey
from faceml.decisions.about_people import Merge
from faceml.decisions.replay import survivor
from faceml.decisions.states import SPLIT_MARK
from faceml.errors import NotFound, WrongUse
from faceml.identity.prototypes import centroid
from faceml.library import Library
from faceml.services.decisions.decide import as_uuid, decide, deciding, find_person
from faceml.storage.sql.repository import UnitOfWork

WITNESSES = 5  # faces of each side that the log names: the decision stays with them when clusters change
MAJORITY = 0.5  # share of a cluster's faces from which on a person ruled out for them is ruled out for all of it


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
