"""Forgetting a person: what is deleted beyond their records, and what is kept so that they stay forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from faceml.decisions.decision import Erase, Erased
from faceml.decisions.log import decode, encode, kind_of
from faceml.records import BBox
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import (
    ErasedFace,
    FaceEmbedding,
    FaceInstance,
    LabelEvent,
    OutboxRow,
    PersonPrototype,
    PersonRow,
)


class Erasure(Store):
    # --- boxes that stay blank

    def boxes(self, asset_ids: Sequence[int]) -> dict[int, list[BBox]]:
        """Where erased people are on these photos."""
        found: dict[int, list[BBox]] = defaultdict(list)
        for (row,) in self._rows(select(ErasedFace), ErasedFace.asset_id, asset_ids):
            found[row.asset_id].append(BBox(row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h))
        return found

    def keep_blank(self, boxes: Sequence[tuple[int, BBox]]) -> None:
        """Remember (asset, box) of faces that are never to be taken in again."""
        rows = [{"asset_id": id_, "bbox_x": b.x, "bbox_y": b.y, "bbox_w": b.w, "bbox_h": b.h} for id_, b in boxes]
        self._write(insert(ErasedFace), rows)

    # --- counting and deleting

    def count_embeddings(self, face_ids: Sequence[UUID]) -> int:
        counts = self._rows(select(func.count()), FaceEmbedding.face_instance_id, face_ids)
        return sum(row[0] for row in counts)

    def count_prototypes(self, person_ids: Sequence[UUID]) -> int:
        return self._count(PersonPrototype, PersonPrototype.person_id.in_(person_ids))

    def remove_people(self, person_ids: Sequence[UUID]) -> None:
        """Delete the records; their prototypes and rejections go with them."""
        self._session.execute(delete(PersonRow).where(PersonRow.id.in_(person_ids)))
        self._session.expire_all()

    def renew_index(self) -> None:
        """Send every point to the index again, for one that is about to be built anew."""
        points = select(FaceInstance.qdrant_point_id).union_all(
            select(PersonPrototype.qdrant_point_id).where(PersonPrototype.face_instance_id.is_(None))
        )
        self._write(insert(OutboxRow), [{"point_id": point_id} for point_id in self._session.scalars(points)])

    # --- the log

    def events_about(self, person_ids: Collection[UUID]) -> list[int]:
        """Events that speak of one of these people, undone or not."""
        columns = (LabelEvent.id, LabelEvent.kind, LabelEvent.person_id, LabelEvent.details)
        rows = self._session.execute(select(*columns))
        return [row.id for row in rows if decode(row.kind, row.person_id, row.details).concerns & set(person_ids)]

    def redact(self, event_ids: Sequence[int]) -> None:
        """Take names and faces out of events; that something was decided, when and by whom, stays."""
        for (row,) in self._rows(select(LabelEvent), LabelEvent.id, event_ids):
            if not isinstance(decode(row.kind, row.person_id, row.details), Erase | Erased):
                left = Erased(row.kind, person_id=row.person_id)
                row.kind, row.details = kind_of(left), encode(left)
        self._session.flush()
