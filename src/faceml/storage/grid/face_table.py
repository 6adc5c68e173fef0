"""Every face of a library as columns in memory: 54 bytes a face, so that any question about all of them is arithmetic.

A table never changes: `renewed` makes the next one of it. Rows are in order of face id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.records import AssignedBy

NEVER = -(2**62)  # when a photo was taken of which nobody knows it
NO_SIMILARITY = -2.0  # of a face that no machine assigned
NOBODY = NO_CLUSTER = -1
BY_MACHINE, BY_PERSON = 1, 2  # who assigned a face; 0: nobody did
NOT_A_FACE, STRANGER, GONE = 1, 2, 3  # as what a face was dismissed, or that a drawn one is no more; 0: it was not


@dataclass(frozen=True, slots=True, eq=False)
class FaceColumns:
    """Rows as the database has them, in any order."""

    ids: NDArray[np.bytes_]  # (N,) of 16 bytes
    photos: NDArray[np.int64]
    sizes: NDArray[np.int32]  # px of the box's shorter side
    quality: NDArray[np.float32]
    confidence: NDArray[np.float32]  # of the detection, 0 to 1
    similarity: NDArray[np.float32]
    assigned: NDArray[np.uint8]
    dismissed: NDArray[np.uint8]
    people: Sequence[str]  # (N,) id as 32 hex digits, empty: nobody
    clusters: Sequence[str]  # (N,) empty: in no cluster


@dataclass(frozen=True, slots=True, eq=False)
class PhotoColumns:
    ids: NDArray[np.int64]
    is_missing: NDArray[np.bool_]
    taken: NDArray[np.int64]  # seconds since 1970 by the clock of where it was taken

    def updated(self, later: PhotoColumns) -> PhotoColumns:
        """In order of id, the later ones instead of those they replace."""
        ids = np.concatenate([later.ids, self.ids])
        _, rows = np.unique(ids, return_index=True)
        missing = np.concatenate([later.is_missing, self.is_missing])
        return PhotoColumns(ids[rows], missing[rows], np.concatenate([later.taken, self.taken])[rows])


@dataclass(frozen=True, slots=True)
class PersonEntry:
    id: UUID
    name: str
    folded: str  # the name as it is compared
    is_hidden: bool
    created_at: datetime
    cover_face_id: UUID | None = None  # chosen to be their picture


class Codes:
    """A number for each text, from 0 in the order in which they come; -1 is the empty one's."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {"": -1}

    def of(self, texts: Iterable[str], count: int) -> NDArray[np.int32]:
        return np.fromiter(map(self.one, texts), np.int32, count)

    def one(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return number

    def known(self, text: str) -> int:
        """-2 where nobody asked for its number: no face has that."""
        return self._numbers.get(text, -2)


@dataclass(frozen=True, slots=True, eq=False)
class FaceTable:
    """All faces at one moment."""

    ids: NDArray[np.bytes_]
    photos: NDArray[np.int64]
    sizes: NDArray[np.int32]
    quality: NDArray[np.float32]
    confidence: NDArray[np.float32]
    similarity: NDArray[np.float32]
    assigned: NDArray[np.uint8]
    dismissed: NDArray[np.uint8]
    person: NDArray[np.int32]  # code in `person_codes`
    cluster: NDArray[np.int32]  # code in `cluster_codes`
    changed: NDArray[np.int32]  # the tick at which its label or place was found to be another
    taken: NDArray[np.int64]
    is_missing: NDArray[np.bool_]
    tick: int
    revision: str
    person_codes: Codes
    cluster_codes: Codes
    all_photos: PhotoColumns
    people: dict[int, PersonEntry]  # by code

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def of(columns: FaceColumns, photos: PhotoColumns, people: Sequence[PersonEntry], revision: str) -> FaceTable:
        persons, clusters = Codes(), Codes()
        empty = FaceTable(**_rows(columns, persons, clusters, 0), **_nothing(persons, clusters))
        return empty._ordered().on(photos, people, revision)

    def renewed(
        self,
        changed: FaceColumns,
        photos: PhotoColumns,
        people: Sequence[PersonEntry],
        revision: str,
    ) -> FaceTable:
        """The next table: rows of `changed` in place of those they replace, and photos likewise."""
        tick = self.tick + 1
        fresh = _rows(changed, self.person_codes, self.cluster_codes, tick)
        at = np.searchsorted(self.ids, fresh["ids"])
        is_known = np.zeros(len(at), bool)
        inside = at < len(self)
        is_known[inside] = self.ids[at[inside]] == fresh["ids"][inside]
        rows = at[is_known]
        same = np.ones(len(rows), bool)
        for name in _VISIBLE:
            same &= getattr(self, name)[rows] == fresh[name][is_known]
        fresh["changed"][np.flatnonzero(is_known)[same]] = self.changed[rows[same]]
        columns: dict[str, Any] = {}
        for name, values in fresh.items():
            column = getattr(self, name).copy()
            column[rows] = values[is_known]
            columns[name] = np.concatenate([column, values[~is_known]])
        table = replace(self, **columns, tick=tick)
        return (table if is_known.all() else table._ordered()).on(self.all_photos.updated(photos), people, revision)

    def replaced_by(self, other: FaceTable) -> FaceTable:
        """Another table, read whole, whose faces count as changed where they are not as here."""
        at = np.minimum(np.searchsorted(self.ids, other.ids), max(0, len(self) - 1))
        same = self.ids[at] == other.ids if len(self) else np.zeros(len(other), bool)
        for name in ("assigned", "dismissed"):
            same &= getattr(self, name)[at] == getattr(other, name) if len(self) else False
        for codes, name in ((self.person_codes, "person"), (self.cluster_codes, "cluster")):
            theirs = other.person_codes if name == "person" else other.cluster_codes
            known = np.array([codes.known(text) for text in theirs.texts] + [-1], np.int64)
            same &= getattr(self, name)[at] == known[getattr(other, name)] if len(self) else False
        tick = self.tick + 1
        changed = np.where(same, self.changed[at], tick) if len(self) else np.full(len(other), tick)
        return replace(other, changed=changed.astype(np.int32), tick=tick)

    def on(self, photos: PhotoColumns, people: Sequence[PersonEntry], revision: str) -> FaceTable:
        """With what is known of the photos that its faces are on."""
        ordered = PhotoColumns(np.empty(0, np.int64), np.empty(0, bool), np.empty(0, np.int64)).updated(photos)
        at = np.minimum(np.searchsorted(ordered.ids, self.photos), max(0, len(ordered.ids) - 1))
        has = len(ordered.ids) > 0
        by_code = {self.person_codes.one(person.id.hex): person for person in people}
        return replace(
            self,
            taken=ordered.taken[at] if has else np.full(len(self), NEVER),
            is_missing=ordered.is_missing[at] if has else np.zeros(len(self), bool),
            all_photos=ordered,
            people=by_code,
            revision=revision,
        )

    def _ordered(self) -> FaceTable:
        order = np.argsort(self.ids, kind="stable")
        columns: dict[str, Any] = {name: getattr(self, name)[order] for name in _OF_FACES}
        return replace(self, **columns)

    # --- reading

    def rows_of(self, face_ids: Sequence[UUID]) -> NDArray[np.intp]:
        """(P,) row of each face; -1 where there is no such face."""
        wanted = np.frombuffer(b"".join(id_.bytes for id_ in face_ids), "S16")
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, np.intp)
        at = np.minimum(np.searchsorted(self.ids, wanted), len(self) - 1)
        return np.where(self.ids[at] == wanted, at, -1)

    def uuids(self, rows: NDArray[np.intp]) -> list[UUID]:
        joined = self.ids[rows].tobytes()
        return [UUID(bytes=joined[at : at + 16]) for at in range(0, len(joined), 16)]

    def hidden(self) -> NDArray[np.bool_]:
        """(K,) by a person's code, and False for nobody, whose code is the last one."""
        codes = [code for code, person in self.people.items() if person.is_hidden]
        flags = np.zeros(len(self.person_codes.texts) + 1, bool)
        flags[codes] = True
        return flags

    def person_id(self, code: int) -> UUID | None:
        return UUID(hex=self.person_codes.texts[code]) if code >= 0 else None

    def cluster_id(self, code: int) -> str | None:
        return self.cluster_codes.texts[code] if code >= 0 else None


_OF_PHOTOS = ("taken", "is_missing")
_OF_FACES = tuple(
    field.name for field in fields(FaceTable) if str(field.type).startswith("NDArray") and field.name not in _OF_PHOTOS
)
_VISIBLE = ("person", "assigned", "dismissed", "cluster")  # what somebody sees of a face when they decide


def _rows(columns: FaceColumns, persons: Codes, clusters: Codes, tick: int) -> dict[str, Any]:
    count = len(columns.ids)
    given = {name: getattr(columns, name) for name in _OF_FACES if name not in ("person", "cluster", "changed")}
    return {
        **given,
        "person": persons.of(columns.people, count),
        "cluster": clusters.of(columns.clusters, count),
        "changed": np.full(count, tick, np.int32),
    }


def _nothing(persons: Codes, clusters: Codes) -> dict[str, Any]:
    """What a table has before its photos are known."""
    none = PhotoColumns(np.empty(0, np.int64), np.empty(0, bool), np.empty(0, np.int64))
    known = {"person_codes": persons, "cluster_codes": clusters, "all_photos": none, "people": {}}
    return {"taken": np.empty(0, np.int64), "is_missing": np.empty(0, bool), "tick": 0, "revision": "", **known}


def assigned_code(assigned_by: AssignedBy | None) -> int:
    """As `FaceTable.assigned` has it."""
    return 0 if assigned_by is None else BY_PERSON if assigned_by is AssignedBy.MANUAL else BY_MACHINE
