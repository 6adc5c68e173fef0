"""All faces, photos and people as columns, for the grid that shows them; and the faces that a person drew there.

The databases join each column into one text: half a million faces are then read in a second, where a row of Python
objects for each would take ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, String, case, cast, func, select, update

from faceml.decisions.about_faces import GONE
from faceml.errors import Conflict
from faceml.path_text import path_text
from faceml.records import AssignedBy, BBox, Dismissal, FoundFace, PersonStatus
from faceml.storage.grid.face_table import NEVER, NO_SIMILARITY, FaceColumns, PersonEntry, PhotoColumns
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.faces import PAGE_ROWS, Faces
from faceml.storage.sql.tables import FaceInstance, ImageAsset, LabelChange, LabelEvent, PersonRow

# Clocks of machines that share a database differ by less; what is read again for it changes nothing.
CLOCKS_DIFFER = timedelta(seconds=30)

_COLUMNS = {"confidence": "detection_confidence"}  # measures that are stored under another name


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where rows were read: of both tables the newest time of a change, and how many rows there were."""

    faces_until: datetime | None
    photos_until: datetime | None
    faces: int
    photos: int


class Grid(Store):
    def watermark(self) -> Watermark:
        faces = self._session.execute(select(func.max(FaceInstance.updated_at), func.count())).one()
        photos = self._session.execute(select(func.max(ImageAsset.updated_at), func.count(ImageAsset.id))).one()
        return Watermark(faces[0], photos[0], faces[1], photos[1])

    def faces(self, *, changed_since: datetime | None = None) -> FaceColumns:
        """Every face, or those whose row was written since, in no promised order."""
        face = FaceInstance
        columns: Sequence[ColumnElement[Any]] = [
            cast(face.id, String),
            cast(face.asset_id, String),
            cast(case((face.bbox_w < face.bbox_h, face.bbox_w), else_=face.bbox_h), String),
            cast(face.quality_score, String),
            cast(face.detection_confidence, String),
            func.coalesce(cast(face.similarity, String), str(NO_SIMILARITY)),
            case((face.assigned_by == AssignedBy.MANUAL, "2"), (face.assigned_by.is_(None), "0"), else_="1"),
            case(
                (face.dismissed_as.is_(None), "0"),
                (face.dismissed_as == Dismissal.STRANGER, "2"),
                (face.is_drawn, "3"),
                else_="1",
            ),
            func.coalesce(cast(face.person_id, String), ""),
            func.coalesce(face.cluster_id, ""),
        ]
        texts = self._joined(columns, self._since(face.updated_at, changed_since))
        ids, photos, sizes, quality, confidence, similarity, by, dismissed, people, clusters = texts
        return FaceColumns(
            ids=_ids(ids),
            photos=_numbers(photos, np.int64),
            sizes=_numbers(sizes, np.int32),
            quality=_numbers(quality, np.float32),
            confidence=_numbers(confidence, np.float32),
            similarity=_numbers(similarity, np.float32),
            assigned=_numbers(by, np.uint8),
            dismissed=_numbers(dismissed, np.uint8),
            people=people.replace("-", "").split("\n") if ids else [],
            clusters=clusters.split("\n") if ids else [],
        )

    def photos(self, *, changed_since: datetime | None = None) -> PhotoColumns:
        """Likewise of every photo."""
        asset = ImageAsset
        columns: Sequence[ColumnElement[Any]] = [
            cast(asset.id, String),
            case((asset.missing_since.is_(None), "0"), else_="1"),
            func.coalesce(self._seconds(asset.taken_clock), str(NEVER)),
        ]
        ids, missing, taken = self._joined(columns, self._since(asset.updated_at, changed_since))
        return PhotoColumns(_numbers(ids, np.int64), _numbers(missing, np.uint8) > 0, _numbers(taken, np.int64))

    def people(self) -> list[PersonEntry]:
        """Everybody but who was merged."""
        person = PersonRow
        columns = (person.id, person.name, person.folded_name, person.status, person.created_at, person.cover_face_id)
        rows = self._session.execute(select(*columns).where(person.status != PersonStatus.MERGED))
        return [
            PersonEntry(id_, name, folded, status is PersonStatus.HIDDEN, created_at, cover)
            for id_, name, folded, status, created_at, cover in rows
        ]

    def labels(self) -> Iterator[tuple[str, str | None, str | None]]:
        """(face, person, cluster) of every face whose photo is there as text, in order of face."""
        face = FaceInstance
        columns = (cast(face.id, String), cast(face.person_id, String), face.cluster_id)
        statement = select(*columns).where(photo_is_there()).order_by(face.id)
        people: dict[str | None, str | None] = {None: None}
        for id_, person_id, cluster_id in self._session.execute(statement.execution_options(yield_per=PAGE_ROWS)):
            if person_id not in people:
                people[person_id] = _with_dashes(person_id)
            yield _with_dashes(id_), people[person_id], cluster_id

    def photos_below(self, folder: str) -> list[int]:
        """Ids of photos whose path begins with a folder, as text."""
        start = path_text(folder).rstrip("/") + "/"
        statement = select(ImageAsset.id, ImageAsset.path).where(ImageAsset.path.startswith(start, autoescape=True))
        # SQLite's LIKE takes "Photos" for "photos".
        return [row.id for row in self._session.execute(statement) if row.path.startswith(start)]

    def measured_faces(self, asked: Mapping[str, float]) -> NDArray[np.bytes_]:
        """Ids of the faces within limits that `FaceQuery` names, such as min_sharpness and max_yaw (to either side)."""
        limits = []
        for name, limit in asked.items():
            column = getattr(FaceInstance, _COLUMNS.get(name[4:], name[4:]))
            value = func.abs(column) if name[4:] in ("yaw", "pitch", "roll") else column
            limits.append(value >= limit if name.startswith("min_") else value <= limit)
        (ids,) = self._joined([cast(FaceInstance.id, String)], limits)
        return _ids(ids)

    def changed_faces_since(self, event_id: int, *, limit: int) -> list[UUID]:
        """Faces that later decisions are about, `limit` at most."""
        later = select(LabelEvent.id).where(LabelEvent.id > event_id)
        statement = select(LabelChange.face_instance_id).where(LabelChange.event_id.in_(later)).distinct()
        return list(self._session.scalars(statement.limit(limit)))

    def _since(self, column: Any, moment: datetime | None) -> list[ColumnElement[bool]]:
        if moment is None:
            return []
        return [column >= moment - CLOCKS_DIFFER if self._is_shared else column > moment]

    @property
    def _is_shared(self) -> bool:
        return self._session.get_bind().dialect.name == "postgresql"

    def _seconds(self, moment: Any) -> ColumnElement[Any]:
        """A time as whole seconds since 1970, as text."""
        if self._is_shared:
            return cast(func.floor(func.extract("epoch", moment)), String)
        return func.strftime("%s", moment, type_=String)

    def _joined(self, columns: Sequence[ColumnElement[Any]], where: Sequence[ColumnElement[bool]]) -> list[str]:
        """Each column as one text, a line a row; all in the same order, since one statement walks the rows once."""
        statement = select(*(func.aggregate_strings(column, "\n") for column in columns)).where(*where)
        return [text or "" for text in self._session.execute(statement).one()]


def _ids(text: str) -> NDArray[np.bytes_]:
    return np.frombuffer(bytes.fromhex(text.replace("-", "").replace("\n", "")), "S16")


def _with_dashes(id_: str) -> str:
    """A UUID as SQLite or PostgreSQL writes it, as Python does."""
    return id_ if len(id_) == 36 else f"{id_[:8]}-{id_[8:12]}-{id_[12:16]}-{id_[16:20]}-{id_[20:]}"


def _numbers(text: str, dtype: type[np.number[Any]]) -> NDArray[Any]:
    return np.fromstring(text, dtype=np.float64, sep="\n").astype(dtype) if text else np.empty(0, dtype)


class Drawn(Faces):
    """Faces that a person drew."""

    def add_gone(self, asset_id: int, face: FoundFace, *, pack: str) -> UUID:
        """Store a face that somebody draws, as one that is not there yet: a decision brings it (`Draw`)."""
        (id_,) = self.add([(asset_id, face)], pack=pack)
        self._write(update(FaceInstance), [{"id": id_, "is_drawn": True}])
        self.set_decided([(id_, GONE)])
        return id_

    def drawable(self, asset_id: int, bbox: BBox) -> UUID | None:
        """A drawn face of just this box that is not there any more; None where there is none. Raises Conflict."""
        same = [face for face in self.in_assets([asset_id]) if face.bbox == bbox]
        if not same:
            return None
        if same[0].id in self.among([same[0].id]) and self.states([same[0].id])[same[0].id] == GONE:
            return same[0].id
        raise Conflict(f"face {same[0].id} has just this box: name that one")

    def keep_box(self, face_id: UUID) -> None:
        """A person has said what the box of a found face is worth."""
        self._write(update(FaceInstance), [{"id": face_id, "is_drawn": True}])

    def among(self, face_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these faces that a person drew, or whose box was corrected."""
        statement = select(FaceInstance.id).where(FaceInstance.is_drawn)
        return {row.id for row in self._rows(statement, FaceInstance.id, face_ids)}
