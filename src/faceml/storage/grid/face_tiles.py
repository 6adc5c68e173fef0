"""What is shown of a `FaceTable`: faces as tiles, places with counts, and groups in an order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.records import Face
from faceml.storage.grid.face_query import Grouped, Place, in_place
from faceml.storage.grid.face_table import BY_MACHINE, BY_PERSON, NEVER, NO_SIMILARITY, FaceTable, assigned_code


class By(StrEnum):
    """What faces are put together by."""

    CLUSTER = "cluster"
    PERSON = "person"
    DAY = "day"


class GroupSort(StrEnum):
    SIZE = "size"
    NAME = "name"
    NEWEST = "newest"
    ATTENTION = "attention"  # most faces to confirm first


@dataclass(frozen=True, slots=True)
class PlaceCount:
    place: Place
    faces: int
    groups: int  # people in a place of people, else clusters


@dataclass(frozen=True, slots=True)
class Tile:
    face_id: UUID
    asset_id: int
    person_id: UUID | None
    person_name: str | None
    cluster_id: str | None
    similarity: float | None  # of the assignment; None where no machine assigned it
    quality: float
    size: int  # px of the box's shorter side
    taken_at: int | None  # seconds since 1970 by the clock of where the photo was taken
    state: str  # open, confirmed, recognised or dismissed
    is_odd: bool  # less like the others of its group than the pack recommends for one person


@dataclass(frozen=True, slots=True)
class GridPage:
    total: int
    offset: int
    revision: str
    faces: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class PersonName:
    person_id: UUID
    name: str
    faces: int


def tiles(table: FaceTable, rows: NDArray[np.intp], is_odd: Sequence[bool]) -> Iterator[Tile]:
    for row, face_id, odd in zip(rows.tolist(), table.uuids(rows), is_odd, strict=True):
        code, similarity, taken = int(table.person[row]), float(table.similarity[row]), int(table.taken[row])
        person = table.people.get(code)
        yield Tile(
            face_id=face_id,
            asset_id=int(table.photos[row]),
            person_id=table.person_id(code),
            person_name=person.name if person else None,
            cluster_id=table.cluster_id(int(table.cluster[row])),
            similarity=round(similarity, 4) if similarity > NO_SIMILARITY else None,
            quality=round(float(table.quality[row]), 4),
            size=int(table.sizes[row]),
            taken_at=taken if taken != NEVER else None,
            state=state_of(table, row),
            is_odd=odd,
        )


def state_of(table: FaceTable, row: int) -> str:
    if table.dismissed[row]:
        return "dismissed"
    if table.person[row] < 0:
        return "open"
    return "confirmed" if table.assigned[row] == BY_PERSON else "recognised"


PLACES_OF_PEOPLE = (Place.UNCONFIRMED, Place.PEOPLE, Place.HIDDEN)


def count_places(table: FaceTable) -> list[PlaceCount]:
    found = []
    for place in Place:
        mask = in_place(table, place)
        codes = table.person if place in PLACES_OF_PEOPLE else table.cluster
        present = np.unique(codes[mask])
        found.append(PlaceCount(place, int(mask.sum()), int((present >= 0).sum())))
    return found


def names_of(table: FaceTable, people: Grouped) -> list[PersonName]:
    """Everybody who is not hidden, in order of name, with how many faces are in their group."""
    faces = dict(zip(people.codes.tolist(), people.sizes.tolist(), strict=True))
    shown = [(code, person) for code, person in table.people.items() if not person.is_hidden]
    shown.sort(key=lambda item: item[1].folded)
    return [PersonName(person.id, person.name, faces.get(code, 0)) for code, person in shown]


def order_of_groups(table: FaceTable, found: Grouped, by: By, sort: GroupSort) -> NDArray[np.intp]:
    """Numbers of the groups as they are to be listed; a day's the latest first, whatever is asked."""
    if by is By.DAY:
        return np.argsort(-found.codes, kind="stable")
    keys: NDArray[np.int64]
    if sort is GroupSort.NAME and by is By.PERSON:
        names = [table.people[code].folded if code in table.people else "" for code in found.codes.tolist()]
        return np.array(sorted(range(len(names)), key=names.__getitem__), np.intp)
    if sort is GroupSort.NEWEST:
        keys = np.array([table.taken[found.of(number)].max() for number in range(len(found.codes))], np.int64)
    elif sort is GroupSort.ATTENTION:
        waiting = (table.assigned[found.rows] == BY_MACHINE).astype(np.int64)
        keys = np.add.reduceat(waiting, found.starts) if len(waiting) else np.empty(0, np.int64)
    else:
        keys = found.sizes
    return np.lexsort((found.codes, -found.sizes, -keys))


class StillAs:
    """Whether a face is as the table has it; notes which are not."""

    def __init__(self, table: FaceTable, face_ids: Sequence[UUID]) -> None:
        self._table = table
        self._rows = dict(zip(face_ids, table.rows_of(face_ids).tolist(), strict=True))
        self.changed: list[UUID] = []

    def __call__(self, face: Face) -> bool:
        table, row = self._table, self._rows[face.id]
        seen = (table.person_id(int(table.person[row])), table.cluster_id(int(table.cluster[row])))
        is_same = row >= 0 and seen == (face.person_id, face.cluster_id)
        is_same = is_same and int(table.assigned[row]) == assigned_code(face.assigned_by)
        if not is_same:
            self.changed.append(face.id)
        return is_same
