"""Forgetting a person: what is left of their decisions, and the boxes that keep them forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import insert, select

from faceml.decisions.decision import Erase, Erased
from faceml.decisions.log import decode, encode, kind_of
from faceml.records import BBox
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import ErasedFace, LabelEvent


class Erasure(Store):
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
