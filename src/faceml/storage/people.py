"""People: found by name, created, counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from faceml.errors import NotFound, WrongUse
from faceml.records import Person, PersonStatus
from faceml.storage.tables import PersonRow

NAME_LENGTH = 255


def tidy_name(name: str) -> str:
    """The name as it is stored: Unicode NFC, spaces single.

    Raises:
        WrongUse: empty, or longer than 255 characters.
    """
    tidy = " ".join(unicodedata.normalize("NFC", name).split())
    if not tidy:
        raise WrongUse("the name of a person is empty: give at least one letter")
    if len(tidy) > NAME_LENGTH:
        raise WrongUse(f"the name of a person has {len(tidy)} characters; the longest is {NAME_LENGTH}")
    return tidy


def fold_name(name: str) -> str:
    """The name as it is compared.

    >>> fold_name("  JOSÉ  garcía") == fold_name("José García")
    True
    """
    return unicodedata.normalize("NFC", tidy_name(name).casefold())


class People:
    def __init__(self, session: Session) -> None:
        self._session = session

    def named(self, name: str) -> Person | None:
        """The person of this name, whatever the case; a merged one answers with whom it was merged into."""
        row = self._session.scalars(select(PersonRow).where(PersonRow.folded_name == fold_name(name))).one_or_none()
        return _person(self._survivor(row)) if row else None

    def add(self, name: str) -> Person:
        row = PersonRow(name=tidy_name(name), folded_name=fold_name(name))
        self._session.add(row)
        self._session.flush()
        return _person(row)

    def get(self, person_id: UUID) -> Person:
        """Raises NotFound."""
        return _person(self._row(person_id))

    def names(self, person_ids: Sequence[UUID] | None = None) -> dict[UUID, str]:
        """Name by id; of all people where no ids are given."""
        statement = select(PersonRow.id, PersonRow.name)
        if person_ids is not None:
            statement = statement.where(PersonRow.id.in_(person_ids))
        return {row.id: row.name for row in self._session.execute(statement)}

    def count(self, status: PersonStatus | None = None) -> int:
        statement = select(func.count()).select_from(PersonRow)
        return self._session.execute(statement.where(PersonRow.status == status) if status else statement).scalar_one()

    def _row(self, person_id: UUID) -> PersonRow:
        row = self._session.get(PersonRow, person_id)
        if row is None:
            raise NotFound(f"person {person_id} is not in this library")
        return row

    def _survivor(self, row: PersonRow) -> PersonRow:
        while row.status == PersonStatus.MERGED and row.merged_into_id is not None:
            row = self._row(row.merged_into_id)
        return row


def _person(row: PersonRow) -> Person:
    return Person(row.id, row.name, row.status, row.merged_into_id, row.created_at, row.updated_at)
