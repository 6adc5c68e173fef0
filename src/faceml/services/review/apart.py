"""Groups that a person said are different people: never suggested as one again.

It is said outright (`keep_apart`), or by a split, by "this face is not that person", or by taking a merge back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotFound, WrongUse
from faceml.identity.prototypes import centroid
from faceml.library import Library
from faceml.services.decisions.decide import as_uuid, decide, deciding, find_person
from faceml.services.decisions.replay import Word, survivor, taken_back
from faceml.storage.sql.face_states import SPLIT_MARK
from faceml.storage.sql.groups import GroupKey
from faceml.storage.sql.repository import UnitOfWork

KIND = "apart"
WITNESSES = 5  # faces of each side that the log names: they carry the word on when clusters change
MOSTLY = 0.5  # part of a cluster's faces that a person was ruled out for, from which on they are for all of it


@dataclass(frozen=True, slots=True)
class ApartReport:
    one: str  # cluster id or person's name
    other: str
    event_id: int


def keep_apart(library: Library, one: str | UUID, other: str | UUID, *, actor: str) -> ApartReport:
    """Say that two groups are different people, so that merging them is not suggested again.

    Clustering is not bound by it. The word stays with the most typical faces of both sides, whatever becomes of the
    clusters they are in.

    Args:
        one: a cluster id, or a person's id or name.
    Raises:
        NotFound: there is no such cluster or person.
        WrongUse: both are the same.
    """
    with deciding(library) as unit:
        keys = [_key(unit, group) for group in (one, other)]
        if keys[0] == keys[1]:
            raise WrongUse(f"{one!r} and {other!r} are the same: name two groups")
        sides = [_witnesses(unit, key) for key in keys]
        details = {"groups": [str(key) for key in keys], "sides": [[str(id_) for id_ in side] for side in sides]}
        event_id = decide(unit, Word(KIND), [*sides[0], *sides[1]], actor=actor, details=details)
        names = [_name(unit, key) for key in keys]
    return ApartReport(names[0], names[1], event_id)


def pairs_apart(unit: UnitOfWork, rows: Mapping[GroupKey, int]) -> NDArray[np.intp]:
    """(R, 2) rows of groups that are different people by a person's word."""
    said = {*_said_apart(unit), *_merges_taken_back(unit), *_ruled_out(unit), *_split_apart(unit)}
    pairs = [(rows[one], rows[other]) for one, other in said if one in rows and other in rows and one != other]
    return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)


def is_ruled_out(times: int, faces: int) -> bool:
    """Whether a person is ruled out for a cluster, being ruled out for so many of its faces."""
    return times >= MOSTLY * faces


def _said_apart(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    off = taken_back(unit.events.undos())
    standing = [event.details["sides"] for event in unit.events.of_kinds([KIND]) if event.id not in off]
    group = unit.groups.holding({UUID(text) for sides in standing for side in sides for text in side})
    for sides in standing:
        one, other = ({group[id_] for text in side if (id_ := UUID(text)) in group} for side in sides)
        yield from product(one, other)


def _merges_taken_back(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    off, merged = taken_back(unit.events.undos()), unit.people.merged()
    for event in unit.events.of_kinds(["merge"]):
        if event.id in off and event.person_id is not None:
            yield survivor(event.person_id, merged), survivor(UUID(event.details["into"]), merged)


def _ruled_out(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
    """A person's face that is not somebody else says so of the person; a cluster speaks by its majority."""
    times = Counter(unit.groups.ruled_out())
    sizes = unit.groups.sizes([key for key, _ in times])
    for (key, person_id), count in times.items():
        if isinstance(key, UUID) or is_ruled_out(count, sizes[key]):
            yield key, person_id


def _split_apart(unit: UnitOfWork) -> Iterator[tuple[GroupKey, GroupKey]]:
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


def _witnesses(unit: UnitOfWork, key: GroupKey) -> list[UUID]:
    faces = unit.groups.of(key)
    if not faces.face_ids:
        raise NotFound(f"{_name(unit, key)!r} has no faces: there is nothing to keep apart")
    typical = np.argsort(-(faces.vectors @ centroid(faces.vectors)), kind="stable")[:WITNESSES]
    return [faces.face_ids[row] for row in typical]


def _name(unit: UnitOfWork, key: GroupKey) -> str:
    return unit.people.get(key).name if isinstance(key, UUID) else key
