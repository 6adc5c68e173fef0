"""The table of all faces as the library has them now: read whole once, then only what changed since."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.identity.cluster_labels import likeness_to_others
from faceml.storage.grid.face_query import FaceQuery, Grouped, Sort, chosen, days, measured, ordered
from faceml.storage.grid.face_query import grouped as put_together
from faceml.storage.grid.face_table import FaceTable
from faceml.storage.grid.face_tiles import By, PlaceCount, Tile, count_places, tiles
from faceml.storage.sql.grid import Watermark
from faceml.storage.sql.repository import Repository, UnitOfWork

MOST_FITTED = 20_000  # faces of one group that are sorted by how well they fit it; more are by quality
KEPT_REVISIONS = 10_000
KEPT_ANSWERS = 16  # orders of half a million faces take 4 MB each
MOST_CHANGED = 0.3  # share of the rows from which on all are read again


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A query's rows as they are shown, the last `odd` of them marked."""

    rows: NDArray[np.intp]
    odd: int = 0


class LiveTable:
    """Safe to use from several threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._lock = threading.Lock()
        self._table: FaceTable | None = None
        self._mark = Watermark(None, None, 0, 0)
        self._ticks: OrderedDict[str, int] = OrderedDict()  # by revision
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    def now(self) -> FaceTable:
        """What is in the database; where it is as before, that is one small question.

        Raises:
            DatabaseUnavailable.
        """
        with self._lock, self._repository.read() as unit:
            revision = f"{unit.contract.labels_version():x}"
            if self._table is None or self._table.revision != revision:
                self._table = self._read(unit, revision)
                self._ticks[revision] = self._table.tick
                while len(self._ticks) > KEPT_REVISIONS:
                    self._ticks.popitem(last=False)
            return self._table

    def tick_of(self, revision: str) -> int | None:
        """When this revision was the newest; None where nobody remembers it."""
        with self._lock:
            return self._ticks.get(revision)

    def _kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """An answer about one table, made once and kept for a while; `key` names the table's tick."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return made

    def changed(self, face_ids: Collection[UUID], revision: str) -> list[UUID]:
        """Those of these faces that are not as they were at a revision; all where nobody remembers it."""
        ids, table = list(face_ids), self.now()
        tick = self.tick_of(revision)
        rows = table.rows_of(ids)
        is_gone = rows < 0
        if tick is None:
            return ids
        is_changed = is_gone | (table.changed[rows] > tick) if len(table) else is_gone
        return [ids[number] for number in np.flatnonzero(is_changed).tolist()]

    def places(self, table: FaceTable) -> list[PlaceCount]:
        counted: list[PlaceCount] = self._kept((table.tick, "places"), lambda: count_places(table))
        return counted

    def shown(self, table: FaceTable, query: FaceQuery) -> Shown:
        def make() -> Shown:
            rows = ordered(table, self.rows(table, query), query)
            is_one_group = query.cluster_id is not None or query.person_id is not None
            if query.sort is Sort.FIT and is_one_group and 0 < len(rows) <= MOST_FITTED:
                return self._by_fit(table, rows, query.descending)
            return Shown(rows)

        shown: Shown = self._kept((table.tick, query), make)
        return shown

    def tiles(self, face_ids: Sequence[UUID]) -> list[Tile]:
        """These faces, in this order; those that are gone are left out."""
        table = self.now()
        rows = table.rows_of(face_ids)
        rows = rows[rows >= 0]
        return list(tiles(table, rows, [False] * len(rows)))

    def rows(self, table: FaceTable, query: FaceQuery) -> NDArray[np.intp]:
        asked = measured(query)
        if query.folder is None and not asked:
            return chosen(table, query)
        with self._repository.read() as unit:
            below = unit.grid.photos_below(query.folder) if query.folder is not None else None
            return chosen(table, query, below, unit.grid.measured_faces(asked) if asked else None)

    def _by_fit(self, table: FaceTable, rows: NDArray[np.intp], is_turned: bool) -> Shown:
        """The faces most like the others of their group first."""
        with self._repository.read() as unit:
            known, pinned = unit.vectors.of(table.uuids(rows)), unit.contract.pinned()
        fit = np.full(len(rows), -1.0)
        at = {row: number for number, row in enumerate(rows.tolist())}
        places = [at[row] for row in table.rows_of(known.face_ids).tolist() if row in at]
        if len(places) == len(known.face_ids) and places:
            fit[places] = likeness_to_others(known.vectors)
        order = np.argsort(-fit, kind="stable")
        odd = int((fit < pinned.match_threshold).sum()) if pinned else 0
        return Shown(rows[order[::-1]]) if is_turned else Shown(rows[order], odd)

    def grouped(self, table: FaceTable, query: FaceQuery, by: By) -> Grouped:
        def make() -> Grouped:
            rows = self.rows(table, query)
            codes = {By.CLUSTER: table.cluster, By.PERSON: table.person}
            return put_together(rows, days(table, rows) if by is By.DAY else codes[by][rows])

        key = (table.tick, replace(query, sort=Sort.FIT, descending=False), by)
        found: Grouped = self._kept(key, make)
        return found

    def _read(self, unit: UnitOfWork, revision: str) -> FaceTable:
        mark, before = unit.grid.watermark(), self._mark
        table = self._table
        if table is not None:
            changed = unit.grid.faces(changed_since=before.faces_until)
            photos = unit.grid.photos(changed_since=before.photos_until)
            if len(changed.ids) <= MOST_CHANGED * len(table):
                table = table.renewed(changed, photos, unit.grid.people(), revision)
            is_whole = (len(table), len(table.all_photos.ids)) == (mark.faces, mark.photos)
            self._mark = mark
            if table is not self._table and is_whole:  # else some were deleted
                return table
        self._mark = mark
        fresh = FaceTable.of(unit.grid.faces(), unit.grid.photos(), unit.grid.people(), revision)
        return fresh if self._table is None else self._table.replaced_by(fresh)
