"""Which faces somebody wants to see, in which order, and what can be counted of them: arithmetic on a `FaceTable`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.names import folded
from faceml.records import AssignedBy
from faceml.storage.grid.face_table import BY_MACHINE, BY_PERSON, GONE, NEVER, NO_SIMILARITY, NOBODY, FaceTable

SMALLEST_GROUP = 3  # faces of a cluster from which on it is a group to name; smaller ones are with the unknown
DAY_S = 86_400


class Place(StrEnum):
    """Where a face is to be found; each is in one of these but `ALL`, which holds them all, and those missing not."""

    TO_NAME = "to_name"  # clusters that nobody named
    UNCONFIRMED = "unconfirmed"  # named by the machine alone
    UNKNOWN = "unknown"  # noise and small groups, and whom a person left without a name
    PEOPLE = "people"  # under somebody, by whose word ever
    IGNORED = "ignored"  # dismissed: strangers, and what is no face
    HIDDEN = "hidden"  # under somebody hidden
    MISSING = "missing"  # on photos whose files are gone
    ALL = "all"


class Sort(StrEnum):
    FIT = "fit"
    SIMILARITY = "similarity"
    QUALITY = "quality"
    NEWEST = "newest"
    OLDEST = "oldest"
    SIZE = "size"
    PERSON = "person"


class Quantity(StrEnum):
    SIMILARITY = "similarity"
    QUALITY = "quality"
    SIZE = "size"
    CONFIDENCE = "confidence"  # of the detection


@dataclass(frozen=True, slots=True)
class FaceQuery:
    """Every part that is given has to hold."""

    place: Place = Place.ALL
    cluster_id: str | None = None
    person_id: UUID | None = None
    since: date | None = None  # by the clock of where a photo was taken
    until: date | None = None  # that day included
    day: date | None = None
    folder: str | None = None
    min_quality: float | None = None
    max_quality: float | None = None
    min_size: int | None = None  # px of the box's shorter side
    min_confidence: float | None = None  # of detection
    min_sharpness: float | None = None  # see `vision.quality`; a face that was not measured fits none of these
    max_yaw: float | None = None  # degrees to either side
    max_pitch: float | None = None  # degrees up or down
    max_roll: float | None = None  # degrees to either side
    min_exposure: float | None = None
    max_exposure: float | None = None
    max_occlusion: float | None = None
    min_rating: float | None = None  # by the user's own model, see `vision.quality.QualityModel`
    min_similarity: float | None = None  # of the assignment
    max_similarity: float | None = None
    assigned_by: AssignedBy | None = None
    text: str | None = None  # part of a person's name
    sort: Sort = Sort.FIT
    descending: bool = False  # the order turned round


MEASURED = (
    *("min_confidence", "min_sharpness", "max_yaw", "max_pitch", "max_roll"),
    *("min_exposure", "max_exposure", "max_occlusion", "min_rating"),
)


def measured(query: FaceQuery) -> dict[str, float]:
    """What a query asks of measures, which are not among a table's columns."""
    return {name: value for name in MEASURED if (value := getattr(query, name)) is not None}


def in_place(table: FaceTable, place: Place) -> NDArray[np.bool_]:
    """(N,) whether each face is there."""
    if place in (Place.ALL, Place.MISSING):
        is_missing = table.is_missing if place is Place.MISSING else ~table.is_missing
        return np.asarray(is_missing & (table.dismissed != GONE))
    if place is Place.IGNORED:
        return np.asarray(~table.is_missing & (table.dismissed > 0) & (table.dismissed != GONE))
    there = np.asarray(~table.is_missing & (table.dismissed == 0))
    if place in (Place.TO_NAME, Place.UNKNOWN):
        is_open = there & (table.person == NOBODY)
        grouped = _in_a_group(table, is_open)
        return np.asarray(is_open) & (grouped if place is Place.TO_NAME else ~grouped)
    is_hidden: NDArray[np.bool_] = table.hidden()[table.person]
    if place is Place.HIDDEN:
        return np.asarray(there & is_hidden)
    named = np.asarray(there & ~is_hidden & (table.person != NOBODY))
    return np.asarray(named & (table.assigned == BY_MACHINE)) if place is Place.UNCONFIRMED else named


def _in_a_group(table: FaceTable, is_open: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a face is in a cluster with so many others that nobody decided about."""
    waiting = is_open & (table.assigned == 0)
    sizes = _counts(table.cluster[waiting], len(table.cluster_codes.texts))
    is_large = np.append(sizes >= SMALLEST_GROUP, False)  # the last one is of no cluster, whose code is -1
    return np.asarray(waiting & is_large[table.cluster])


def chosen(
    table: FaceTable,
    query: FaceQuery,
    below: Sequence[int] | None = None,
    good: NDArray[np.bytes_] | None = None,
) -> NDArray[np.intp]:
    """Rows of the faces that a query means, in order of id.

    Args:
        below: photos in its folder, where it names one.
        good: ids of the faces that fit what it asks of measures, where it asks something.
    """
    mask = in_place(table, query.place)
    if query.cluster_id is not None:
        mask = mask & (table.cluster == table.cluster_codes.known(query.cluster_id))
    if query.person_id is not None:
        mask = mask & (table.person == table.person_codes.known(query.person_id.hex))
    if query.text is not None:
        part = folded(query.text)
        codes = [code for code, person in table.people.items() if part in person.folded]
        mask = mask & np.isin(table.person, codes)
    if query.assigned_by is not None:
        mask = mask & (table.assigned == (BY_PERSON if query.assigned_by is AssignedBy.MANUAL else BY_MACHINE))
    if below is not None:
        mask = mask & np.isin(table.photos, np.asarray(below, np.int64))
    if good is not None:
        mask = mask & np.isin(table.ids, good)
    return np.flatnonzero(mask & _in_range(table, query) & _in_time(table, query))


def _in_range(table: FaceTable, query: FaceQuery) -> NDArray[np.bool_]:
    mask = np.ones(len(table), bool)
    for column, least, most in (
        (table.quality, query.min_quality, query.max_quality),
        (table.sizes, query.min_size, None),
        (table.similarity, query.min_similarity, query.max_similarity),
    ):
        mask &= column >= np.float32(least) if least is not None else True
        mask &= column < np.float32(most) if most is not None else True
    if query.min_similarity is not None or query.max_similarity is not None:
        mask &= table.similarity > NO_SIMILARITY
    return mask


def _in_time(table: FaceTable, query: FaceQuery) -> NDArray[np.bool_]:
    since = max((moment for moment in (query.since, query.day) if moment), default=None)
    until = min((moment for moment in (query.until, query.day) if moment), default=None)
    mask = np.ones(len(table), bool)
    if since is not None:
        mask &= table.taken >= _second(since)
    if until is not None:
        mask &= (table.taken < _second(until) + DAY_S) & (table.taken != NEVER)
    return mask


def _second(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def ordered(table: FaceTable, rows: NDArray[np.intp], query: FaceQuery) -> NDArray[np.intp]:
    """The rows as a query sorts them, ties by id; `Sort.FIT` as far as no vectors are needed for it."""
    keys: list[NDArray[Any]]
    similarity, quality = -table.similarity[rows], -table.quality[rows]
    match query.sort:
        case Sort.SIMILARITY:
            keys = [similarity, quality]
        case Sort.QUALITY:
            keys = [quality]
        case Sort.NEWEST:
            keys = [-table.taken[rows]]
        case Sort.OLDEST:
            taken = table.taken[rows]
            keys = [np.where(taken == NEVER, -NEVER, taken)]
        case Sort.SIZE:
            keys = [-table.sizes[rows]]
        case Sort.PERSON:
            keys = [_alphabet(table)[table.person[rows]], similarity, quality]
        case _:
            groups = _counts(table.cluster[rows], len(table.cluster_codes.texts))
            sizes = np.append(groups, 0)[table.cluster[rows]]
            keys = [-sizes, table.cluster[rows], similarity, quality]
    order = np.lexsort((rows, *reversed(keys)))
    return rows[order[::-1] if query.descending else order]


def _alphabet(table: FaceTable) -> NDArray[np.int64]:
    """(K + 1,) place of each person's name in the alphabet, by code; who has no name comes last."""
    places = np.full(len(table.person_codes.texts) + 1, len(table.people), np.int64)
    for place, (code, _) in enumerate(sorted(table.people.items(), key=lambda item: item[1].folded)):
        places[code] = place
    return places


def _counts(codes: NDArray[np.int32], many: int) -> NDArray[np.int64]:
    return np.bincount(codes[codes >= 0], minlength=many)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Rows put together by a code, in ascending order of code."""

    codes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: NDArray[np.intp]  # those of the first code, then those of the next, in the order given

    def of(self, number: int) -> NDArray[np.intp]:
        """The rows of one group."""
        return self.rows[self.starts[number] : self.starts[number] + self.sizes[number]]


def grouped(rows: NDArray[np.intp], codes: NDArray[Any]) -> Grouped:
    """
    Args:
        codes: (R,) of each row; what is below 0 is left out.
    """
    has = codes >= 0
    rows, codes = rows[has], codes[has]
    order = np.argsort(codes, kind="stable")
    found, starts, sizes = np.unique(codes[order], return_index=True, return_counts=True)
    return Grouped(found.astype(np.int64), sizes.astype(np.int64), starts.astype(np.int64), rows[order])


def days(table: FaceTable, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """(R,) day since 1970 on which each face's photo was taken, at least 0; -1: nobody knows."""
    taken = table.taken[rows]
    return np.where(taken == NEVER, -1, np.maximum(0, taken // DAY_S))


def day_of(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


def values_of(table: FaceTable, rows: NDArray[np.intp], of: Quantity) -> NDArray[Any]:
    """What a histogram counts, without faces that have none."""
    values = {
        Quantity.SIMILARITY: table.similarity,
        Quantity.QUALITY: table.quality,
        Quantity.SIZE: table.sizes,
        Quantity.CONFIDENCE: table.confidence,
    }[of]
    return values[rows][table.similarity[rows] > NO_SIMILARITY] if of is Quantity.SIMILARITY else values[rows]
