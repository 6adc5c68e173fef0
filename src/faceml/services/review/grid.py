"""All faces of a library in one grid: places with counts, pages in any order, groups, and decisions about many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import Conflict, FacesChanged, NotFound, WrongUse
from faceml.identity.cluster_labels import likeness_to_others, mean_pair_similarity, mean_similarity
from faceml.library import Library
from faceml.records import Dismissal, Embeddings
from faceml.services.decisions.bulk import Action, BulkReport, decide_about
from faceml.services.recognise.gallery import Resemblance, likely_from
from faceml.services.review.groups import resemble
from faceml.storage.grid.face_query import FaceQuery, Place, Quantity, day_of, days, values_of
from faceml.storage.grid.face_table import BY_MACHINE, GONE, FaceTable
from faceml.storage.grid.face_tiles import (
    By,
    GridPage,
    GroupSort,
    PersonName,
    PlaceCount,
    StillAs,
    Tile,
    names_of,
    order_of_groups,
    tiles,
)
from faceml.storage.live_table import LiveTable

LARGEST_PAGE, LARGEST_GROUP_PAGE = 1_000, 200  # faces; groups
SAMPLED = 48  # faces of a group that tell how tight it is and whom it is like, the best by quality
COVERS = 4
MOST_DECIDED = 50_000


@dataclass(frozen=True, slots=True)
class FaceGroup:
    key: str
    label: str
    faces: int
    to_confirm: int  # of them, named by a machine alone
    cover: tuple[UUID, ...]  # the most typical, or what was chosen
    cohesion: float | None  # mean cosine to the centroid, of a cluster
    is_mixed: bool  # a cluster whose faces are less like each other than the pack recommends for one person
    suggestion: Resemblance | None
    cluster_id: str | None = None
    person_id: UUID | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class GroupPage:
    total: int
    groups: tuple[FaceGroup, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    report: BulkReport
    revision: str  # what to decide by next: the present one, unless others changed something meanwhile


@dataclass(frozen=True, slots=True)
class _Look:
    """What the vectors of a cluster's best faces tell."""

    typical: tuple[UUID, ...]  # most typical first
    cohesion: float
    is_mixed: bool
    suggestion: Resemblance | None


class FaceGrid:
    """One library's faces; safe to use from several threads, and made once for many questions."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.live = self._live = LiveTable(library.repository)  # maps and tuning look at the same

    @property
    def table(self) -> FaceTable:
        return self._live.now()

    def places(self) -> list[PlaceCount]:
        return self._live.places(self.table)

    def page(self, query: FaceQuery, *, offset: int = 0, limit: int = 200) -> GridPage:
        """Some of the faces that a query means, in its order.

        Raises:
            WrongUse: a page below 0, or of more than 1,000.
        """
        _check_page(offset, limit, LARGEST_PAGE)
        table = self.table
        shown = self._live.shown(table, query)
        first_odd = len(shown.rows) - shown.odd
        part = shown.rows[offset : offset + limit]
        is_odd = [offset + number >= first_odd for number in range(len(part))]
        return GridPage(len(shown.rows), offset, table.revision, tuple(tiles(table, part, is_odd)))

    def ids(self, query: FaceQuery, *, limit: int | None = None) -> list[UUID]:
        table = self.table
        return table.uuids(self._live.shown(table, query).rows[:limit])

    def groups(
        self,
        query: FaceQuery,
        *,
        by: By = By.CLUSTER,
        sort: GroupSort = GroupSort.SIZE,
        offset: int = 0,
        limit: int = 60,
    ) -> GroupPage:
        """A query's faces put together.

        Raises:
            WrongUse: a page below 0, or of more than 200.
        """
        _check_page(offset, limit, LARGEST_GROUP_PAGE)
        table = self.table
        found = self._live.grouped(table, query, by)
        order = order_of_groups(table, found, by, sort)[offset : offset + limit]
        members = [found.of(number) for number in order.tolist()]
        best = [rows[np.argsort(-table.quality[rows], kind="stable")[:SAMPLED]] for rows in members]
        looked_at = self._look_at(table, best) if by is By.CLUSTER else [None] * len(best)
        parts = zip(found.codes[order].tolist(), members, best, looked_at, strict=True)
        return GroupPage(len(found.codes), tuple(_described(table, by, *part) for part in parts))

    def names(self) -> list[PersonName]:
        """Everybody who is not hidden, in order of name."""
        table = self.table
        found = self._live.grouped(table, FaceQuery(Place.PEOPLE), By.PERSON)
        return names_of(table, found)

    def histogram(self, query: FaceQuery, of: Quantity, *, bins: int = 50) -> tuple[NDArray[Any], NDArray[Any], int]:
        """How many faces lie where.

        Returns:
            (bins,) counts, (bins + 1,) edges, and how many faces have no such value.
        """
        table = self.table
        rows = self._live.rows(table, query)
        values = values_of(table, rows, of)
        counts, edges = np.histogram(values, bins=bins)
        return counts, edges, len(rows) - len(values)

    def timeline(self, query: FaceQuery) -> tuple[dict[date, int], int]:
        """Faces by the day on which their photo was taken, and how many of which nobody knows it."""
        table = self.table
        numbers, counts = np.unique(days(table, self._live.rows(table, query)), return_counts=True)
        found = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
        without = found.pop(-1, 0)
        return {day_of(number): count for number, count in found.items()}, without

    def decide(
        self,
        action: Action,
        what: Sequence[UUID] | FaceQuery,
        *,
        leaving_out: Collection[UUID] = (),
        who: str | UUID | None = None,
        left_out: Sequence[UUID] = (),
        dismissed_as: Dismissal = Dismissal.STRANGER,
        revision: str | None = None,
        actor: str,
    ) -> Decided:
        """Decide about faces, or all that a query means: one decision, one undo.

        Args:
            leaving_out: of a query's faces.
            left_out: of a name, see `assign_faces_to`.
            revision: at which somebody saw them; None decides whatever changed since.
        Raises:
            FacesChanged: some are not as they were; nothing is changed.
            WrongUse: they are too many, or the action does not apply. NotFound, Conflict: as the decision itself.
        """
        ids = list(dict.fromkeys(self.ids(what) if isinstance(what, FaceQuery) else what))
        ids = [id_ for id_ in ids if id_ not in set(leaving_out)] if leaving_out else ids
        if not ids and isinstance(what, FaceQuery):
            raise Conflict("no face is there any more: somebody else decided about them, look again")
        if len(ids) > MOST_DECIDED:
            raise WrongUse(f"{len(ids)} faces are more than the {MOST_DECIDED} of one decision: narrow it down")
        table = self.table
        if revision is not None and (changed := self._live.changed([*ids, *left_out], revision)):
            raise FacesChanged(changed)
        still = StillAs(table, [*ids, *left_out])
        try:
            report = decide_about(
                self._library,
                action,
                ids,
                who,
                left_out=left_out,
                dismissed_as=dismissed_as,
                if_still=still,
                actor=actor,
            )
        except (Conflict, NotFound) as error:
            if still.changed or (isinstance(error, NotFound) and self._live.changed(ids, table.revision)):
                raise FacesChanged(still.changed or self._live.changed(ids, table.revision)) from error
            raise
        is_alone = revision is None or self._live.tick_of(revision) == table.tick
        return Decided(report, self.table.revision if is_alone else str(revision))

    def suggest(self, what: Sequence[UUID] | FaceQuery, *, limit: int = 5) -> list[tuple[Resemblance, bool]]:
        """Whom some faces resemble, the nearest first, and whether that is likely."""
        ids = self.ids(what) if isinstance(what, FaceQuery) else list(what)
        table = self.table
        rows = table.rows_of(ids)
        rows = rows[rows >= 0]
        best = rows[np.argsort(-table.quality[rows], kind="stable")[:SAMPLED]]
        with self._library.repository.read() as unit:
            faces = unit.vectors.of(table.uuids(best))
        (alike,) = resemble(self._library, [faces], limit=limit)
        least = likely_from(self._library) if alike else 0.0
        return [(found, found.similarity >= least) for found in alike]

    def like(self, vectors: NDArray[np.float32], *, limit: int = 100) -> list[tuple[Tile, float]]:
        """The faces most like the best of some (P, D) unit rows, named or not, with their cosines, the nearest first.

        Raises:
            IndexUnavailable: it does not open or answer.
        """
        nearest: dict[UUID, float] = {}
        with self._library.index.open() as index:
            for hits in index.search(np.asarray(vectors, np.float32), limit=limit):
                for hit in hits:
                    nearest[hit.id] = max(hit.similarity, nearest.get(hit.id, -1.0))
        table = self.table
        rows = table.rows_of(sorted(nearest, key=lambda id_: (-nearest[id_], id_)))
        is_there = rows >= 0  # a person's centroid is no face
        is_there &= (table.dismissed[rows] != GONE) if len(table) else False
        shown = tiles(table, rows[is_there], [False] * int(is_there.sum()))
        return [(tile, nearest[tile.face_id]) for tile in shown][:limit]

    def like_face(self, face_id: UUID, *, limit: int = 100) -> list[tuple[Tile, float]]:
        """Likewise of a face of the library, which comes first. Raises NotFound, IndexUnavailable."""
        with self._library.repository.read() as unit:
            unit.faces.get(face_id)
            return self.like(unit.vectors.of([face_id]).vectors, limit=limit)

    def _look_at(self, table: FaceTable, groups: Sequence[NDArray[np.intp]]) -> list[_Look | None]:
        """How tight each of some clusters is, and whom it resembles: all their vectors in one question."""
        ids = [table.uuids(rows) for rows in groups]
        with self._library.repository.read() as unit:
            known, pinned = unit.vectors.of([id_ for of_one in ids for id_ in of_one]), unit.contract.pinned()
        row = {id_: number for number, id_ in enumerate(known.face_ids)}
        found = []
        for of_one in ids:
            there = [id_ for id_ in of_one if id_ in row]
            found.append(Embeddings(tuple(there), known.vectors[[row[id_] for id_ in there]]))
        least = pinned.match_threshold if pinned else -1.0
        alike = resemble(self._library, found, limit=1)
        return [
            _looked_at(faces, least, who[0] if who else None) if faces.face_ids else None
            for faces, who in zip(found, alike, strict=True)
        ]


def _looked_at(faces: Embeddings, least: float, who: Resemblance | None) -> _Look:
    order = np.argsort(-likeness_to_others(faces.vectors), kind="stable")
    typical = tuple(faces.face_ids[number] for number in order.tolist())
    return _Look(typical, mean_similarity(faces.vectors), mean_pair_similarity(faces.vectors) < least, who)


def _described(
    table: FaceTable, by: By, code: int, members: NDArray[np.intp], best: NDArray[np.intp], look: _Look | None
) -> FaceGroup:
    cover = list(look.typical if look else table.uuids(best))
    cluster_id = table.cluster_id(code) if by is By.CLUSTER else None
    person = table.people.get(code) if by is By.PERSON else None
    day = day_of(code) if by is By.DAY else None
    if person is not None and person.cover_face_id is not None:
        is_theirs = np.isin(table.rows_of([person.cover_face_id]), members).all()
        cover = [*([person.cover_face_id] if is_theirs else []), *cover]
    return FaceGroup(
        key=cluster_id or str(person.id if person else day),
        label=cluster_id or (person.name if person else str(day)),
        faces=len(members),
        to_confirm=int((table.assigned[members] == BY_MACHINE).sum()),
        cover=tuple(dict.fromkeys(cover))[:COVERS],
        cohesion=look.cohesion if look else None,
        is_mixed=look is not None and look.is_mixed,
        suggestion=look.suggestion if look else None,
        cluster_id=cluster_id,
        person_id=person.id if person else None,
        day=day,
    )


def _check_page(offset: int, limit: int, most: int) -> None:
    if offset < 0 or not 1 <= limit <= most:
        raise WrongUse(f"offset={offset}, limit={limit}: pages begin at 0 or later and hold 1 to {most} items")
