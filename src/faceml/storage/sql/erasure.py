"""Forgetting a person: what is left of their decisions, and the boxes that keep them forgotten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from faceml.decisions.about_faces import DifferentPeople
from faceml.decisions.about_people import Rename
from faceml.decisions.decision import Decision, Erase, Erased
from faceml.decisions.log import decode, decode_effects, encode, kind_of
from faceml.names import fold_name, folded
from faceml.records import BBox, Span
from faceml.storage.sql.asset_rows import KnownFile, files_query, known_file
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.face_rows import span_columns
from faceml.storage.sql.tables import ErasedFace, ImageAsset, LabelEvent, PersonRow

ERASE, FORGET, RENAME = "erase", "forget", "rename"  # kinds, as the log has them


@dataclass(frozen=True, slots=True)
class Mentions:
    """Events that speak of somebody, by id."""

    about: tuple[int, ...]  # of them or their faces
    by_name: tuple[int, ...]  # of somebody else, who once had their name
    people: frozenset[UUID] = frozenset()  # who they are

    def __len__(self) -> int:
        return len(self.about) + len(self.by_name)


@dataclass(frozen=True, slots=True)
class _Said:
    event_id: int
    decision: Decision
    names: tuple[tuple[UUID, str], ...]  # whose is or was which name, folded


class Erasure(Store):
    def newest(self) -> str:
        """The newest erasure there was, of people or photos, by id and time; empty where nothing was erased yet."""
        statement = select(LabelEvent.id, LabelEvent.created_at).where(LabelEvent.kind.in_((ERASE, FORGET)))
        row = self._session.execute(statement.order_by(LabelEvent.id.desc()).limit(1)).first()
        return f"{row.id} {row.created_at.isoformat()}" if row else ""

    def boxes(self, asset_ids: Sequence[int]) -> dict[int, list[BBox]]:
        """Where erased people are on these photos; see `Films.erased` for videos."""
        found: dict[int, list[BBox]] = defaultdict(list)
        on_photos = select(ErasedFace).where(ErasedFace.frame_s.is_(None))
        for (row,) in self._rows(on_photos, ErasedFace.asset_id, asset_ids):
            found[row.asset_id].append(BBox(row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h))
        return found

    def photos(self) -> list[KnownFile]:
        """Photos on which somebody is who was erased, missing or not."""
        on_it = select(ErasedFace.id).where(ErasedFace.asset_id == ImageAsset.id).exists()
        return [known_file(row) for row in self._session.execute(files_query().where(on_it))]

    def keep_blank(self, boxes: Sequence[tuple[int, BBox, Span | None]]) -> None:
        """Remember asset, box and, of a video, time of faces that are never to be taken in again."""
        rows = [
            {"asset_id": id_, "bbox_x": b.x, "bbox_y": b.y, "bbox_w": b.w, "bbox_h": b.h, **span_columns(span)}
            for id_, b, span in boxes
        ]
        self._write(insert(ErasedFace), rows)

    def gone(self, name_or_id: str | UUID) -> frozenset[UUID]:
        """People of this id or name whom the log alone still names: every label of theirs was undone."""
        wanted = name_or_id if isinstance(name_or_id, UUID) else fold_name(name_or_id)
        named = {id_ for said in self._log() for id_, name in said.names if wanted in (id_, name)}
        return frozenset(named - set(self._folded_names()))

    def mentions(self, person_ids: Collection[UUID], face_ids: Collection[UUID]) -> Mentions:
        """Where the log speaks of these people and faces, undone or not.

        Who is gone from the library, every label of theirs undone, and bore one of these people's names is taken for
        them: the log keeps that name for a redo.
        """
        log, there = list(self._log()), self._folded_names()
        names = {there[id_] for id_ in person_ids if id_ in there}
        names |= {name for said in log for id_, name in said.names if id_ in person_ids}
        gone = {id_ for said in log for id_, name in said.names if name in names and id_ not in there}
        people, faces = {*person_ids, *gone}, set(face_ids)
        about = [s.event_id for s in log if s.decision.concerns & people or _witnesses(s.decision) & faces]
        by_name = [said.event_id for said in log if any(name in names for _, name in said.names)]
        return Mentions(tuple(about), tuple(sorted(set(by_name) - set(about))), frozenset(people))

    def redact(self, mentions: Mentions) -> None:
        """Take names and faces out of events; that something was decided, when and by whom, stays.

        Of decisions about somebody else only the name goes; of those about several people, these people. What says
        something of a face beside whose it is (nobody's, drawn by hand, in a part of its cluster) goes on saying it.
        """
        for (row,) in self._rows(select(LabelEvent), LabelEvent.id, mentions.about):
            decision = decode(row.kind, row.person_id, row.details)
            left = decision.without(mentions.people)
            if left is None:
                _blank(row)
            else:
                effects = replace(decode_effects(row.details), created=None)
                row.person_id, row.details = left.person_id, encode(left, effects)
        for (row,) in self._rows(select(LabelEvent), LabelEvent.id, mentions.by_name):
            if row.kind == RENAME:
                _blank(row)  # whom it renamed keeps the name they bear now
            else:
                row.details = {key: value for key, value in row.details.items() if key != "created"}
        self._session.flush()

    def _log(self) -> Iterator[_Said]:
        columns = (LabelEvent.id, LabelEvent.kind, LabelEvent.person_id, LabelEvent.details)
        for row in self._session.execute(select(*columns).order_by(LabelEvent.id)):
            decision = decode(row.kind, row.person_id, row.details)
            yield _Said(row.id, decision, tuple(_names(decision, row.details)))

    def _folded_names(self) -> dict[UUID, str]:
        return {row.id: row.folded_name for row in self._session.execute(select(PersonRow.id, PersonRow.folded_name))}


def _names(decision: Decision, details: dict[str, Any]) -> Iterator[tuple[UUID, str]]:
    created = decode_effects(details).created
    if created is not None and decision.person_id is not None:
        yield decision.person_id, folded(created)
    if isinstance(decision, Rename):
        yield from ((id_, folded(name)) for id_, names in decision.names.items() for name in names)


def _witnesses(decision: Decision) -> set[UUID]:
    return {id_ for side in decision.sides for id_ in side} if isinstance(decision, DifferentPeople) else set()


def _blank(row: LabelEvent) -> None:
    if not isinstance(decode(row.kind, row.person_id, row.details), Erase | Erased):
        left = Erased(row.kind, person_id=row.person_id)
        row.kind, row.details = kind_of(left), encode(left)
