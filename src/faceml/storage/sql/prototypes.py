"""What people are recognised by: exemplars (faces) and centroids (vectors of their own)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select
from sqlalchemy.orm import aliased

from faceml.records import PersonStatus, PrototypeRole, Prototypes
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, PersonPrototype, PersonRow
from faceml.storage.sql.vectors import as_blob, as_embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_is_centroid = PersonPrototype.role == PrototypeRole.CENTROID


def is_in_use() -> ColumnElement[bool]:
    """Of a prototype: an exemplar whose photo is there, or a centroid of somebody whose photos are not all missing."""
    face = aliased(FaceInstance)
    return or_(exists().where(face.id == PersonPrototype.face_instance_id, photo_is_there(face)), _is_centroid_in_use())


def _is_centroid_in_use() -> ColumnElement[bool]:
    face = aliased(FaceInstance)
    of_person = exists().where(face.person_id == PersonPrototype.person_id)
    return PersonPrototype.face_instance_id.is_(None) & or_(of_person.where(photo_is_there(face)), ~of_person)


class PrototypeStore(Store):
    def all(self) -> Prototypes:
        """Every prototype of active people, in order of person; an exemplar counts while its face is that person's."""
        is_exemplar = (FaceInstance.person_id == PersonPrototype.person_id) & photo_is_there()
        rows = self._session.execute(
            select(
                PersonPrototype.person_id,
                PersonPrototype.role,
                PersonPrototype.face_instance_id,
                func.coalesce(PersonPrototype.vector, FaceEmbedding.vector).label("vector"),
            )
            .join(PersonRow, PersonRow.id == PersonPrototype.person_id)
            .outerjoin(FaceInstance, FaceInstance.id == PersonPrototype.face_instance_id)
            .outerjoin(FaceEmbedding, FaceEmbedding.face_instance_id == FaceInstance.id)
            .where(PersonRow.status == PersonStatus.ACTIVE, is_exemplar | _is_centroid_in_use())
            .order_by(PersonPrototype.person_id, PersonPrototype.role, PersonPrototype.id)
        ).all()
        usable = [row for row in rows if row.vector]
        return Prototypes(
            person_ids=tuple(row.person_id for row in usable),
            vectors=as_embeddings((row.person_id, row.vector) for row in usable).vectors,
            roles=tuple(row.role for row in usable),
            face_ids=tuple(row.face_instance_id for row in usable),
        )

    def exemplar_faces(self, person_ids: Sequence[UUID], *, with_missing: bool = False) -> dict[UUID, set[UUID]]:
        """Faces that are exemplars, by person; `with_missing` also those on missing photos."""
        found: dict[UUID, set[UUID]] = {person_id: set() for person_id in person_ids}
        statement = select(PersonPrototype.person_id, PersonPrototype.face_instance_id)
        where = [PersonPrototype.role == PrototypeRole.EXEMPLAR, *([] if with_missing else [is_in_use()])]
        for row in self._rows(statement.where(*where), PersonPrototype.person_id, person_ids):
            found[row.person_id].add(row.face_instance_id)
        return found

    def exemplar_people(self, face_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """Whom each of these faces is an exemplar of; other faces are left out."""
        statement = select(PersonPrototype.face_instance_id, PersonPrototype.person_id)
        rows = self._rows(statement, PersonPrototype.face_instance_id, face_ids)
        return {row.face_instance_id: row.person_id for row in rows}

    def add_exemplars(self, person_id: UUID, face_ids: Sequence[UUID]) -> None:
        self.put_exemplars(dict.fromkeys(face_ids, person_id))

    def put_exemplars(self, people: Mapping[UUID, UUID]) -> None:
        """Make each face an exemplar of its person."""
        statement = select(FaceInstance.id, FaceInstance.qdrant_point_id)
        points = {row.id: row.qdrant_point_id for row in self._rows(statement, FaceInstance.id, list(people))}
        rows = [
            {
                "person_id": person,
                "role": PrototypeRole.EXEMPLAR,
                "face_instance_id": id_,
                "qdrant_point_id": points[id_],
            }
            for id_, person in people.items()
        ]
        self._write(insert(PersonPrototype), rows)

    def remove_exemplars(self, face_ids: Sequence[UUID]) -> None:
        self._change(delete(PersonPrototype), PersonPrototype.face_instance_id, face_ids)

    def people_with_centroid(self, person_ids: Sequence[UUID] | None = None) -> set[UUID]:
        """Those of these people who have one; of all people where no ids are given."""
        statement = select(PersonPrototype.person_id).where(_is_centroid)
        if person_ids is None:
            return set(self._session.scalars(statement))
        return {row[0] for row in self._rows(statement, PersonPrototype.person_id, person_ids)}

    def centroid_points(self, person_ids: Sequence[UUID]) -> list[UUID]:
        statement = select(PersonPrototype.qdrant_point_id).where(_is_centroid)
        return [row[0] for row in self._rows(statement, PersonPrototype.person_id, person_ids)]

    def set_centroids(self, centroids: Mapping[UUID, NDArray[np.float32]]) -> list[UUID]:
        """Create or replace one centroid a person; returns the points that changed."""
        stored = self._rows(select(PersonPrototype).where(_is_centroid), PersonPrototype.person_id, list(centroids))
        rows = {row.person_id: row for (row,) in stored}
        changed: list[UUID] = []
        for person_id, vector in centroids.items():
            row = rows.get(person_id)
            if row is None:
                row = PersonPrototype(person_id=person_id, role=PrototypeRole.CENTROID, qdrant_point_id=uuid4())
                self._session.add(row)
            if row.vector != as_blob(vector):
                row.vector = as_blob(vector)
                changed.append(row.qdrant_point_id)
        self._session.flush()
        return changed

    def remove_centroids(self, person_ids: Sequence[UUID]) -> list[UUID]:
        """Returns the points that went."""
        gone = self.centroid_points(person_ids)
        self._change(delete(PersonPrototype).where(_is_centroid), PersonPrototype.person_id, person_ids)
        return gone

    def count(self) -> int:
        return self._count(PersonPrototype, is_in_use())
