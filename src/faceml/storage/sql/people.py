"""People: found by name or id, created, renamed, hidden, merged, counted; and whom faces are known not to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, or_, select

from faceml.decisions.replay import survivor
from faceml.errors import NotFound
from faceml.names import fold_name, tidy_name
from faceml.records import Face, Person, PersonStatus
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store, gone
from faceml.storage.sql.face_rows import faces_page
from faceml.storage.sql.prototypes import is_in_use
from faceml.storage.sql.tables import FaceInstance, FaceRejection, PersonAlias, PersonPrototype, PersonRow


@dataclass(frozen=True, slots=True)
class PersonSummary:
    id: UUID
    name: str
    status: PersonStatus
    merged_into_id: UUID | None
    face_count: int
    prototype_count: int
    created_at: datetime
    updated_at: datetime


class People(Store):
    # --- finding

    def named(self, name: str) -> Person | None:
        """The person of this name or alias, whatever the case; a merged one answers with whom it was merged into."""
        row = self._holder(name)
        return _person(self._survivor(row)) if row else None

    def holding(self, name: str) -> Person | None:
        """The person whose record has this name or alias, merged or not."""
        row = self._holder(name)
        return _person(row) if row else None

    def get(self, person_id: UUID) -> Person:
        """Raises NotFound."""
        return _person(self._row(person_id))

    def survivor(self, person_id: UUID) -> Person:
        """The person, or whom they were merged into in the end. Raises NotFound."""
        return _person(self._survivor(self._row(person_id)))

    def existing(self, person_ids: Sequence[UUID]) -> dict[UUID, Person]:
        return {row.id: _person(row) for (row,) in self._rows(select(PersonRow), PersonRow.id, person_ids)}

    def merged(self) -> dict[UUID, UUID]:
        """Whom each merged person was merged into; chains are not followed."""
        statement = select(PersonRow.id, PersonRow.merged_into_id).where(PersonRow.status == PersonStatus.MERGED)
        return {row[0]: row[1] for row in self._session.execute(statement) if row[1] is not None}

    def names(self, person_ids: Sequence[UUID] | None = None) -> dict[UUID, str]:
        """Name by id; of all people where no ids are given."""
        statement = select(PersonRow.id, PersonRow.name)
        if person_ids is None:
            return {row.id: row.name for row in self._session.execute(statement)}
        return {row.id: row.name for row in self._rows(statement, PersonRow.id, person_ids)}

    def active_names(self) -> list[str]:
        """Names and aliases of active people, in order."""
        active = PersonRow.status == PersonStatus.ACTIVE
        names = select(PersonRow.folded_name, PersonRow.name).where(active)
        aliases = select(PersonAlias.folded_name, PersonAlias.name).join(PersonRow).where(active)
        rows = [*self._session.execute(names), *self._session.execute(aliases)]
        return [name for _, name in sorted((row[0], row[1]) for row in rows)]

    def page(
        self,
        *,
        status: PersonStatus | None = None,
        limit: int,
        offset: int = 0,
        after: tuple[int, UUID] | None = None,
    ) -> list[PersonSummary]:
        """People with most faces first, of one status where given.

        Args:
            after: faces and id of a person: only those who come behind them.
        Raises:
            NotFound: that person is gone.
        """
        counts = (
            select(FaceInstance.person_id, func.count().label("faces"))
            .where(FaceInstance.person_id.is_not(None), photo_is_there())
            .group_by(FaceInstance.person_id)
            .subquery()
        )
        faces = func.coalesce(counts.c.faces, 0)
        chosen = select(PersonRow.id, faces.label("faces")).outerjoin(counts, counts.c.person_id == PersonRow.id)
        if status is not None:
            chosen = chosen.where(PersonRow.status == status)
        if after is not None:
            is_tied = and_(faces == after[0], PersonRow.folded_name > self._name_of(after[1]))
            chosen = chosen.where(or_(faces < after[0], is_tied))
        shown = chosen.order_by(faces.desc(), PersonRow.folded_name).limit(limit).offset(offset).subquery()
        statement = select(PersonRow, shown.c.faces, _prototypes_of).join(shown, shown.c.id == PersonRow.id)
        rows = self._session.execute(statement.order_by(shown.c.faces.desc(), PersonRow.folded_name))
        return [_summary(*row) for row in rows]

    def faces(self, person_id: UUID, *, limit: int, offset: int = 0, after: UUID | None = None) -> list[Face]:
        """A page of a person's faces, see `faces_page`."""
        return faces_page(self._session, FaceInstance.person_id == person_id, limit=limit, offset=offset, after=after)

    def summary(self, person_id: UUID) -> PersonSummary:
        """Raises NotFound."""
        self._row(person_id)
        statement = select(PersonRow, _faces_of, _prototypes_of).where(PersonRow.id == person_id)
        return _summary(*self._session.execute(statement).one())

    def count(self, status: PersonStatus | None = None) -> int:
        return self._count(PersonRow, *((PersonRow.status == status,) if status else ()))

    # --- changing

    def add(self, name: str, *, person_id: UUID | None = None) -> Person:
        row = PersonRow(name=tidy_name(name), folded_name=fold_name(name))
        if person_id is not None:
            row.id = person_id
        self._session.add(row)
        self._session.flush()
        return _person(row)

    def set_names(self, names: Mapping[UUID, str]) -> None:
        """Rename, several at once where they swap; the names must be free but for these people's own."""
        rows = [self._row(person_id) for person_id in names]
        for row in rows:
            row.name = row.folded_name = f"-{row.id}"  # out of each other's way
        self._session.flush()
        for row in rows:
            row.name, row.folded_name = tidy_name(names[row.id]), fold_name(names[row.id])
        self._session.flush()

    def set_status(self, person_id: UUID, status: PersonStatus, merged_into_id: UUID | None = None) -> None:
        row = self._row(person_id)
        row.status, row.merged_into_id = status, merged_into_id
        self._session.flush()

    def set_cover(self, person_id: UUID, face_id: UUID | None) -> None:
        self._row(person_id).cover_face_id = face_id
        self._session.flush()

    def remove(self, person_id: UUID) -> None:
        """Delete the record, and prototypes and rejections with it; whoever does it has seen to the faces."""
        self._session.execute(delete(PersonRow).where(PersonRow.id == person_id))
        self._session.expire_all()

    # --- who was ruled out

    def ruled_out(self, face_ids: Sequence[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Whom a person ruled out for each face; somebody merged since stands for themselves."""
        found: dict[UUID, set[UUID]] = defaultdict(set)
        statement = select(FaceRejection.face_instance_id, FaceRejection.person_id)
        for face_id, person_id in self._rows(statement, FaceRejection.face_instance_id, face_ids):
            found[face_id].add(person_id)
        return {face_id: frozenset(people) for face_id, people in found.items()}

    def faces_ruled_out(self, person_ids: Sequence[UUID]) -> set[UUID]:
        """Faces for which a person ruled out one of these."""
        statement = select(FaceRejection.face_instance_id)
        return {row[0] for row in self._rows(statement, FaceRejection.person_id, person_ids)}

    def rule_out(self, pairs: Sequence[tuple[UUID, UUID]]) -> None:
        rows = [{"face_instance_id": face_id, "person_id": person_id} for face_id, person_id in pairs]
        self._write(insert(FaceRejection), rows)

    def allow(self, pairs: Sequence[tuple[UUID, UUID]]) -> None:
        """Take rejections back."""
        of_person: dict[UUID, list[UUID]] = defaultdict(list)
        for face_id, person_id in pairs:
            of_person[person_id].append(face_id)
        for person_id, face_ids in of_person.items():
            rejections = delete(FaceRejection).where(FaceRejection.person_id == person_id)
            self._change(rejections, FaceRejection.face_instance_id, face_ids)

    def _holder(self, name: str) -> PersonRow | None:
        key = fold_name(name)
        of_alias = select(PersonAlias.person_id).where(PersonAlias.folded_name == key).scalar_subquery()
        found = select(PersonRow).where(or_(PersonRow.folded_name == key, PersonRow.id == of_alias))
        return self._session.scalars(found.order_by(PersonRow.folded_name != key).limit(1)).first()

    def _name_of(self, person_id: UUID) -> str:
        """As names are compared."""
        row = self._session.get(PersonRow, person_id)
        if row is None:
            raise gone(person_id)
        return row.folded_name

    def _row(self, person_id: UUID) -> PersonRow:
        row = self._session.get(PersonRow, person_id)
        if row is None:
            raise NotFound(f"person {person_id} is not in this library: `faceml people list` shows who is")
        return row

    def _survivor(self, row: PersonRow) -> PersonRow:
        return self._row(survivor(row.id, self.merged())) if row.status == PersonStatus.MERGED else row


_faces_of = (
    select(func.count())
    .where(FaceInstance.person_id == PersonRow.id, photo_is_there())
    .correlate(PersonRow)
    .scalar_subquery()
)
_prototypes_of = (
    select(func.count())
    .where(PersonPrototype.person_id == PersonRow.id, is_in_use())
    .correlate(PersonRow)
    .scalar_subquery()
)


def _summary(row: PersonRow, faces: int, prototypes: int) -> PersonSummary:
    return PersonSummary(
        row.id, row.name, row.status, row.merged_into_id, faces, prototypes, row.created_at, row.updated_at
    )


def _person(row: PersonRow) -> Person:
    return Person(row.id, row.name, row.status, row.merged_into_id, row.created_at, row.updated_at)
