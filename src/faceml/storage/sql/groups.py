"""Groups of faces whose photos are there, one in memory at a time: clusters that nobody named, and people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from faceml.decisions.about_faces import GroupKey
from faceml.decisions.replay import survivor
from faceml.decisions.states import SPLIT_MARK
from faceml.records import Embeddings, PersonStatus
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.people import People
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, FaceRejection, PersonRow
from faceml.storage.sql.vectors import as_embeddings

PAGE_ROWS = 2000  # vectors read at a time


class Groups(Store):
    def clusters(self) -> Iterator[tuple[str, Embeddings]]:
        """Every cluster with those of its faces that are under nobody."""
        return self._grouped(FaceInstance.cluster_id, *_in_a_cluster())

    def people(self) -> Iterator[tuple[UUID, Embeddings]]:
        """Every active person with their faces."""
        active = select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE)
        return self._grouped(FaceInstance.person_id, FaceInstance.person_id.in_(active))

    def of(self, key: GroupKey) -> Embeddings:
        """The faces of one of them, in order of id; empty where it is gone."""
        column = FaceInstance.person_id if isinstance(key, UUID) else FaceInstance.cluster_id
        where = [] if isinstance(key, UUID) else _in_a_cluster()
        return next((faces for _, faces in self._grouped(column, column == key, *where)), as_embeddings(()))

    def sizes(self, keys: Collection[GroupKey]) -> dict[GroupKey, int]:
        """Faces of each of these clusters that are under nobody; people are left out."""
        statement = (
            select(FaceInstance.cluster_id, func.count())
            .where(photo_is_there(), FaceInstance.person_id.is_(None))
            .group_by(FaceInstance.cluster_id)
        )
        clusters = sorted({key for key in keys if isinstance(key, str)})
        rows = self._rows(statement, FaceInstance.cluster_id, clusters)
        return {row[0]: row[1] for row in rows if row[0]}

    def holding(self, face_ids: Collection[UUID]) -> dict[UUID, GroupKey]:
        """The group that each of these faces is in; faces outside any group are left out."""
        statement = select(FaceInstance.id, FaceInstance.person_id, FaceInstance.cluster_id)
        rows = self._rows(statement, FaceInstance.id, sorted(face_ids))
        return {row.id: row.person_id or row.cluster_id for row in rows if row.person_id or row.cluster_id}

    def ruled_out(self) -> Iterator[tuple[GroupKey, UUID]]:
        """(group, person) once for each face of the group for which somebody ruled that person out."""
        merged = People(self._session).merged()
        statement = (
            select(FaceInstance.cluster_id, FaceInstance.person_id, FaceRejection.person_id.label("not_person"))
            .join(FaceInstance, FaceInstance.id == FaceRejection.face_instance_id)
            .where(photo_is_there())
        )
        for row in self._session.execute(statement):
            if row.person_id or row.cluster_id:
                yield row.person_id or row.cluster_id, survivor(row.not_person, merged)

    def split_parts(self) -> Iterator[tuple[GroupKey, str]]:
        """(group, part of a person's split that its faces are in)."""
        rows = self._session.execute(
            select(FaceInstance.person_id, FaceInstance.cluster_id)
            .where(FaceInstance.cluster_id.contains(SPLIT_MARK, autoescape=True))
            .distinct()
        )
        for row in rows:
            yield row.person_id or row.cluster_id, row.cluster_id

    def _grouped(self, column: InstrumentedAttribute[Any], *where: ColumnElement[bool]) -> Iterator[Any]:
        """(key, faces in order of id), in order of key: ids are sorted first, vectors follow a page at a time."""
        statement = (
            select(FaceInstance.id, column.label("key"))
            .where(photo_is_there(), *where)
            .order_by(column, FaceInstance.id)
            .execution_options(yield_per=PAGE_ROWS)
        )
        pages = self._session.execute(statement).partitions()
        for key, rows in groupby(self._with_vectors(pages), key=itemgetter(0)):
            yield key, as_embeddings((face_id, vector) for _, face_id, vector in rows)

    def _with_vectors(self, pages: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, UUID, bytes]]:
        """(key, face, vector) of each member that has one, in the order given."""
        statement = select(FaceEmbedding.face_instance_id, FaceEmbedding.vector)
        for page in pages:
            found = self._rows(statement, FaceEmbedding.face_instance_id, [row.id for row in page])
            vectors = {row.face_instance_id: row.vector for row in found}
            for row in page:
                if row.id in vectors:
                    yield row.key, row.id, vectors[row.id]


def _in_a_cluster() -> list[ColumnElement[bool]]:
    return [FaceInstance.cluster_id.is_not(None), FaceInstance.person_id.is_(None)]
