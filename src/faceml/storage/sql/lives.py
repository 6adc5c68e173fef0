"""What is known of people beside their faces: when they lived, notes, aliases, whom they are with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.orm import aliased

from faceml.identity.lifetimes import ANY_TIME, Lifetime, Times
from faceml.names import fold_name, tidy_name
from faceml.records import PersonStatus
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store, gone
from faceml.storage.sql.tables import FaceInstance, ImageAsset, PersonAlias, PersonRelation, PersonRow

PAGE_ROWS = 2_000  # photos read at a time


@dataclass(frozen=True, slots=True)
class About:
    """What a person wrote down of another."""

    born: str | None = None  # 1950, 1950-05 or 1950-05-17
    died: str | None = None
    note: str | None = None
    aliases: tuple[str, ...] = ()
    kin: frozenset[tuple[UUID, str]] = frozenset()  # (somebody, what they are to this person), as it was said of them

    @property
    def lifetime(self) -> Lifetime:
        return Lifetime.read(self.born, self.died)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who are on photos together."""

    one_id: UUID
    other_id: UUID
    photos: int
    first: datetime | None  # by the clock of where it was taken
    last: datetime | None


@dataclass(frozen=True, slots=True)
class PhotoAt:
    asset_id: int
    path: str  # as text, see path_text
    taken: datetime | None  # by the clock of where


_MOMENT = func.coalesce(ImageAsset.taken_clock, ImageAsset.taken_at)  # by the clock of where
_PHOTO_AT = (ImageAsset.id, ImageAsset.path, _MOMENT)


class Lives(Store):
    def about(self, person_ids: Sequence[UUID]) -> dict[UUID, About]:
        """Of each of these people who exist."""
        aliases: dict[UUID, list[str]] = {}
        names = select(PersonAlias.person_id, PersonAlias.name, PersonAlias.folded_name)
        for person_id, name, _ in sorted(
            self._rows(names, PersonAlias.person_id, person_ids), key=lambda row: row.folded_name
        ):
            aliases.setdefault(person_id, []).append(name)
        columns = select(PersonRow.id, PersonRow.born, PersonRow.died, PersonRow.note)
        rows = self._rows(columns, PersonRow.id, person_ids)
        kin: dict[UUID, set[tuple[UUID, str]]] = {}
        relations = select(PersonRelation.person_id, PersonRelation.other_id, PersonRelation.kind)
        for person_id, other_id, kind in self._rows(relations, PersonRelation.person_id, person_ids):
            kin.setdefault(person_id, set()).add((other_id, kind))
        return {
            id_: About(born, died, note, tuple(aliases.get(id_, ())), frozenset(kin.get(id_, ())))
            for id_, born, died, note in rows
        }

    def relatives(self) -> dict[tuple[UUID, UUID], str]:
        """What the second of each pair is to the first, as it was said."""
        rows = self._session.execute(select(PersonRelation.person_id, PersonRelation.other_id, PersonRelation.kind))
        return {(person_id, other_id): kind for person_id, other_id, kind in rows}

    def write(self, known: Mapping[UUID, About]) -> None:
        """Replace what is known of people; their aliases must be free, or pass from one of them to another."""
        self._change(delete(PersonAlias), PersonAlias.person_id, list(known))
        rows = []
        for person_id, about in known.items():
            row = self._session.get_one(PersonRow, person_id)
            row.born, row.died, row.note = about.born, about.died, about.note
            named = {fold_name(name): tidy_name(name) for name in about.aliases}
            rows += [{"folded_name": key, "person_id": person_id, "name": name} for key, name in named.items()]
        self._session.flush()
        self._write(insert(PersonAlias), rows)
        self._change(delete(PersonRelation), PersonRelation.person_id, list(known))
        kin = [(id_, other_id, kind) for id_, about in known.items() for other_id, kind in sorted(about.kin)]
        relatives = select(PersonRow.id)
        there = {row[0] for row in self._rows(relatives, PersonRow.id, sorted({other_id for _, other_id, _ in kin}))}
        related = [dict(zip(("person_id", "other_id", "kind"), one, strict=True)) for one in kin if one[1] in there]
        self._write(insert(PersonRelation), related)

    # --- when

    def lifetimes(self) -> dict[UUID, Lifetime]:
        """Of everybody of whom a date is known."""
        known = or_(PersonRow.born.is_not(None), PersonRow.died.is_not(None))
        rows = self._session.execute(select(PersonRow.id, PersonRow.born, PersonRow.died).where(known))
        return {id_: Lifetime.read(born, died) for id_, born, died in rows}

    def days(self, face_ids: Sequence[UUID]) -> dict[UUID, date]:
        """The day on which each face's photo was taken, by the clock of where; without those of which nobody knows."""
        moment = func.coalesce(ImageAsset.taken_clock, ImageAsset.taken_at)
        statement = select(FaceInstance.id, moment).join(ImageAsset, ImageAsset.id == FaceInstance.asset_id)
        rows = self._rows(statement.where(moment.is_not(None)), FaceInstance.id, face_ids)
        return {id_: taken.date() for id_, taken in rows}

    def times(self, face_ids: Sequence[UUID], *, day: date | None = None) -> Times:
        """All that is needed to tell who cannot be on a photo; where no date of a person is known, nothing is read.

        Args:
            day: of a photo that the library does not hold.
        """
        lifetimes = self.lifetimes()
        return Times(lifetimes, self.days(face_ids), day) if lifetimes else ANY_TIME

    def impossible(self, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Those (face, person) pairs that cannot be, by the day of the photo."""
        lifetimes = self.lifetimes() if pairs else {}
        dated = [pair for pair in pairs if pair[1] in lifetimes]
        return Times(lifetimes, self.days([face_id for face_id, _ in dated])).impossible(dated) if dated else set()

    # --- together

    def together(self, person_id: UUID | None = None, *, limit: int) -> list[Pair]:
        """Who is on photos with whom, most photos first: of one person, or of all; nobody who is hidden."""
        active = select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE)
        shown = (
            select(FaceInstance.asset_id, FaceInstance.person_id)
            .where(FaceInstance.person_id.in_(active), photo_is_there())
            .distinct()
            .cte("shown")
        )
        one, other = shown.alias("one"), shown.alias("other")
        moment, photos = func.coalesce(ImageAsset.taken_clock, ImageAsset.taken_at), func.count()
        is_pair = one.c.person_id < other.c.person_id if person_id is None else one.c.person_id != other.c.person_id
        statement = (
            select(one.c.person_id, other.c.person_id, photos, func.min(moment), func.max(moment))
            .join(other, and_(one.c.asset_id == other.c.asset_id, is_pair))
            .join(ImageAsset, ImageAsset.id == one.c.asset_id)
            .group_by(one.c.person_id, other.c.person_id)
            .order_by(photos.desc(), one.c.person_id, other.c.person_id)
        )
        if person_id is not None:
            statement = statement.where(one.c.person_id == person_id)
        return [Pair(*row) for row in self._session.execute(statement.limit(limit))]

    def photos_together(self, person_ids: Sequence[UUID], other_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], int]:
        """How many photos show each of some people with each of some others; nobody who is hidden is counted."""
        active = select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE)
        one, other = aliased(FaceInstance), aliased(FaceInstance)
        statement = (
            select(one.person_id, other.person_id, func.count(one.asset_id.distinct()))
            .join(other, and_(one.asset_id == other.asset_id, one.person_id != other.person_id))
            .where(one.person_id.in_(person_ids), one.person_id.in_(active), photo_is_there(one))
            .where(other.person_id.in_(other_ids), other.person_id.in_(active))
            .group_by(one.person_id, other.person_id)
        )
        rows = self._session.execute(statement)
        return {(person, with_): count for person, with_, count in rows if person is not None and with_ is not None}

    def photo(self, asset_id: int) -> PhotoAt:
        """Raises NotFound where a page began behind it and it is gone."""
        row = self._session.execute(select(*_PHOTO_AT).where(ImageAsset.id == asset_id)).one_or_none()
        if row is None:
            raise gone(asset_id)
        return PhotoAt(*row)

    def photos_with(
        self, person_ids: Sequence[UUID], *, limit: int, offset: int = 0, after: int | None = None
    ) -> tuple[list[PhotoAt], int]:
        """Photos on which all of these people are, the newest first, and how many there are.

        Args:
            after: a photo: only those that come behind it. Raises as `photo`.
        """
        moment = _MOMENT
        all_of_them = (
            select(FaceInstance.asset_id)
            .where(FaceInstance.person_id.in_(person_ids), photo_is_there())
            .group_by(FaceInstance.asset_id)
            .having(func.count(FaceInstance.person_id.distinct()) == len(set(person_ids)))
        )
        found = select(*_PHOTO_AT).where(ImageAsset.id.in_(all_of_them))
        if after is not None:
            last = self.photo(after).taken
            is_tied = and_(moment.is_(None) if last is None else moment == last, ImageAsset.id > after)
            is_older = () if last is None else (moment < last, moment.is_(None))
            found = found.where(or_(is_tied, *is_older))
        page = found.order_by(moment.is_(None), moment.desc(), ImageAsset.id).limit(limit).offset(offset)
        return [PhotoAt(*row) for row in self._session.execute(page)], self._count(
            ImageAsset, ImageAsset.id.in_(all_of_them)
        )

    def dated_photos(self) -> Iterator[PhotoAt]:
        """All photos of which somebody knows the day, the newest first; some thousands are in memory at a time."""
        there = (ImageAsset.missing_since.is_(None), _MOMENT.is_not(None))
        rows = select(*_PHOTO_AT).where(*there).order_by(_MOMENT.desc(), ImageAsset.id)
        return (PhotoAt(*row) for row in self._session.execute(rows.execution_options(yield_per=PAGE_ROWS)))

    def people_on(self, asset_ids: Sequence[int]) -> dict[int, set[UUID]]:
        """Who is on each of these photos, by a person's word or a machine's."""
        found: dict[int, set[UUID]] = {}
        statement = select(FaceInstance.asset_id, FaceInstance.person_id).where(FaceInstance.person_id.is_not(None))
        for asset_id, person_id in self._rows(statement, FaceInstance.asset_id, asset_ids):
            if person_id is not None:
                found.setdefault(asset_id, set()).add(person_id)
        return found
