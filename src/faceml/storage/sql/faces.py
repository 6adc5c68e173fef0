"""Faces: found, renewed, put in clusters, put under people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update

from faceml.decisions.replay import survivor
from faceml.decisions.states import FaceState, person_cluster
from faceml.errors import NotFound
from faceml.records import AssignedBy, Face, FoundFace, PersonStatus
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.face_rows import FACE_COLUMNS, STATE_COLUMNS, as_face, detection_columns, state_columns
from faceml.storage.sql.lives import Lives
from faceml.storage.sql.locks import lock_labels
from faceml.storage.sql.people import People
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, FaceRejection, LabelChange, PersonRow
from faceml.storage.sql.vectors import as_blob, in_no_split_part, is_unlabelled

PAGE_ROWS = 10_000  # vectors read at a time
States = Mapping[UUID, FaceState]


@dataclass(frozen=True, slots=True)
class FaceCounts:
    """Of faces whose photos are there."""

    faces: int
    assigned: int  # under a person
    clustered: int


class Faces(Store):
    # --- detection

    def in_assets(self, asset_ids: Sequence[int]) -> list[Face]:
        return self._faces(FaceInstance.asset_id, asset_ids)

    def by_asset(self, asset_ids: Sequence[int]) -> dict[int, list[Face]]:
        """The faces of each of these photos; an empty list where it has none."""
        found: dict[int, list[Face]] = {asset_id: [] for asset_id in asset_ids}
        for face in self.in_assets(asset_ids):
            found[face.asset_id].append(face)
        return found

    def add(self, found: Sequence[tuple[int, FoundFace]], *, pack: str) -> list[UUID]:
        """Store new faces of assets with their vectors; returns their ids, row for row."""
        ids = [face.id or uuid4() for _, face in found]
        rows = [
            {"id": id_, "qdrant_point_id": id_, "asset_id": asset_id, **detection_columns(face)}
            for id_, (asset_id, face) in zip(ids, found, strict=True)
        ]
        self._write(insert(FaceInstance), rows)
        self._add_vectors([(id_, face) for id_, (_, face) in zip(ids, found, strict=True)], pack=pack)
        return ids

    def renew(
        self, found: Sequence[tuple[UUID, FoundFace]], *, pack: str, photos: Mapping[UUID, int] | None = None
    ) -> None:
        """Give known faces the box and vector of a changed photo (or restore a vector that was lost).

        Faces that went since they were looked at are left out.

        Args:
            photos: the assets that faces are on from now on, of those that come from another one.
        """
        lock_labels(self._session)  # so that they stay
        there = self.photo_of([id_ for id_, _ in found])
        found = [(id_, face) for id_, face in found if id_ in there]
        on = {**there, **(photos or {})}
        # Out of each other's way first: two that change places would for a moment have the same box.
        aside = [{"id": id_, "bbox_x": -row} for row, (id_, _) in enumerate(found, start=1)]
        self._write(update(FaceInstance), aside)
        rows = [{"id": id_, "asset_id": on[id_], **detection_columns(face)} for id_, face in found]
        self._write(update(FaceInstance), rows)
        self._change(delete(FaceEmbedding), FaceEmbedding.face_instance_id, [id_ for id_, _ in found])
        self._add_vectors(found, pack=pack)

    def _add_vectors(self, found: Sequence[tuple[UUID, FoundFace]], *, pack: str) -> None:
        vectors = [{"face_instance_id": id_, "pack": pack, "vector": as_blob(face.embedding)} for id_, face in found]
        self._write(insert(FaceEmbedding), vectors)

    def move(self, faces: Mapping[UUID, int]) -> None:
        """Put faces on other assets, box and all."""
        lock_labels(self._session)
        self._write(update(FaceInstance), [{"id": id_, "asset_id": asset_id} for id_, asset_id in faces.items()])

    def remove(self, face_ids: Sequence[UUID]) -> None:
        lock_labels(self._session)
        self._change(delete(FaceInstance), FaceInstance.id, face_ids)

    def decided_by_a_person(self, face_ids: Sequence[UUID]) -> set[UUID]:
        """Those that a person ever decided about: labelled, rejected, or changed by an event."""
        labelled = select(FaceInstance.id).where(FaceInstance.assigned_by == AssignedBy.MANUAL)
        rows = [
            *self._rows(labelled, FaceInstance.id, face_ids),
            *self._rows(select(column := FaceRejection.face_instance_id), column, face_ids),
            *self._rows(select(column := LabelChange.face_instance_id), column, face_ids),
        ]
        return {row[0] for row in rows}

    # --- reading

    def get(self, face_id: UUID) -> Face:
        """Raises NotFound."""
        found = self.by_ids([face_id])
        if not found:
            raise NotFound(f"face {face_id} is not in this library: `faceml faces export` lists the ids it knows")
        return found[0]

    def by_ids(self, face_ids: Sequence[UUID]) -> list[Face]:
        """The faces of these ids that exist, in no promised order."""
        return self._faces(FaceInstance.id, face_ids)

    def in_cluster(self, cluster_id: str) -> list[Face]:
        """Faces of a cluster whose photos are there, best quality first; empty where there is no such cluster."""
        found = self._faces(FaceInstance.cluster_id, [cluster_id], photo_is_there())
        return sorted(found, key=lambda face: -face.quality_score)

    def of_person(self, person_id: UUID, *, with_missing: bool = False) -> list[Face]:
        """Best quality first.

        Args:
            with_missing: also those on missing photos, as whatever is decided about the person needs them.
        """
        where = () if with_missing else (photo_is_there(),)
        return sorted(self._faces(FaceInstance.person_id, [person_id], *where), key=lambda face: -face.quality_score)

    def only_on_missing_photos(self, person_ids: Sequence[UUID]) -> set[UUID | None]:
        """Those of these people who have faces, but none whose photo is there."""
        of_people = select(column := FaceInstance.person_id).distinct()
        having = {row[0] for row in self._rows(of_people, column, person_ids)}
        return having - {row[0] for row in self._rows(of_people.where(photo_is_there()), column, person_ids)}

    def recognised(self, *, limit: int) -> list[Face]:
        """Faces that a machine put under an active person and nobody confirmed, the least similar first."""
        statement = select(*FACE_COLUMNS).where(*_is_recognised()).order_by(FaceInstance.similarity, FaceInstance.id)
        return [as_face(row) for row in self._session.execute(statement.limit(limit))]

    def photo_of(self, face_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The asset that each face is on."""
        statement = select(FaceInstance.id, FaceInstance.asset_id)
        return {row.id: row.asset_id for row in self._rows(statement, FaceInstance.id, face_ids)}

    def people_on_photos(self) -> list[tuple[int, UUID]]:
        """(asset, person) of every face of a photo that a person labelled; see `Films.shared_photo` for videos."""
        statement = select(FaceInstance.asset_id, FaceInstance.person_id).where(
            FaceInstance.assigned_by == AssignedBy.MANUAL, FaceInstance.frame_s.is_(None)
        )
        return [(row[0], row[1]) for row in self._session.execute(statement) if row[1] is not None]

    def without_vector(self, *, limit: int) -> list[Face]:
        has_vector = select(FaceEmbedding.pack).where(FaceEmbedding.face_instance_id == FaceInstance.id).exists()
        statement = select(*FACE_COLUMNS).where(~has_vector, photo_is_there()).order_by(FaceInstance.id).limit(limit)
        return [as_face(row) for row in self._session.execute(statement)]

    def rejections(self, face_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
        """(face, person) pairs that a person ruled out, in order; merged people answer with whom they became."""
        merged = People(self._session).merged()
        statement = select(FaceRejection.face_instance_id, FaceRejection.person_id)
        rows = self._rows(statement, FaceRejection.face_instance_id, face_ids)
        return sorted({(face_id, survivor(person_id, merged)) for face_id, person_id in rows})

    # --- changing

    def states(self, face_ids: Sequence[UUID]) -> dict[UUID, FaceState]:
        statement = select(FaceInstance.id, *(getattr(FaceInstance, name) for name in STATE_COLUMNS))
        rows = self._rows(statement, FaceInstance.id, face_ids)
        return {row[0]: FaceState(*row[1:]) for row in rows}

    def unchanged(self, seen: Mapping[UUID, FaceState]) -> set[UUID]:
        """The faces that are still as a run saw them; until this transaction ends, nobody else changes one."""
        lock_labels(self._session)
        now = self.states(list(seen))
        return {id_ for id_, state in seen.items() if now.get(id_) == state}

    def clusters_of_free(self, face_ids: Sequence[UUID]) -> dict[UUID, str | None]:
        """The cluster of each of these faces that is under nobody and not dismissed; the others are left out."""
        is_free = (FaceInstance.person_id.is_(None), FaceInstance.dismissed_as.is_(None))
        statement = select(FaceInstance.id, FaceInstance.cluster_id).where(*is_free)
        return {row.id: row.cluster_id for row in self._rows(statement, FaceInstance.id, face_ids)}

    def set_states(self, states: Sequence[tuple[UUID, FaceState]], was: States | None = None) -> set[UUID]:
        """Write states. An automatic one is dropped where a person decided about the face, or its person is ruled out,
        hidden, merged, gone or not alive then (DESIGN D4): the last check is here, whatever was computed meanwhile;
        `was` as in `set_decided`.

        Returns:
            The faces that were written.
        """
        automatic = [(id_, state) for id_, state in states if state.assigned_by is AssignedBy.PROTOTYPE]
        others = [(id_, state) for id_, state in states if state.assigned_by is not AssignedBy.PROTOTYPE]
        self.set_decided(written := [*others, *self._still_true(automatic)], was)
        return {id_ for id_, _ in written}

    def _still_true(self, automatic: Sequence[tuple[UUID, FaceState]]) -> list[tuple[UUID, FaceState]]:
        """Those against which nothing stands, without a next person who is gone."""
        if not automatic:
            return []
        lock_labels(self._session)
        ids = [id_ for id_, _ in automatic]
        free = {id_ for id_, now in self.states(ids).items() if now.assigned_by is not AssignedBy.MANUAL}
        pairs = [(id_, state.person_id) for id_, state in automatic if state.person_id is not None]
        ruled_out = {*self.rejections(ids), *Lives(self._session).impossible(pairs)}
        status = {row[0]: row[1] for row in self._session.execute(select(PersonRow.id, PersonRow.status))}
        known = {None, *status}
        return [
            (id_, state if state.runner_up_id in known else replace(state, **_NO_RUNNER_UP))
            for id_, state in automatic
            if id_ in free
            and state.person_id is not None
            and status.get(state.person_id) is PersonStatus.ACTIVE
            and (id_, state.person_id) not in ruled_out
        ]

    def set_decided(self, states: Sequence[tuple[UUID, FaceState]], was: States | None = None) -> None:
        """Write states as a decision has them, automatic ones too; `was`: as they were under the lock, if known."""
        before = {id_: state_columns(state) for id_, state in (was or {}).items()}
        self._update_alike(FaceInstance, {id_: state_columns(state) for id_, state in states}, before)

    def set_clusters(self, clusters: Sequence[tuple[UUID, str | None]]) -> None:
        """Move faces between clusters, None takes a face out of any; parts of a person's split stay as they are."""
        if clusters:
            lock_labels(self._session)
            rows = [{"face": id_, "cluster": name} for id_, name in clusters]
            self._session.connection().execute(_REGROUP, rows)

    def gather_people(self) -> list[UUID]:
        """Put all faces that a person named into the one cluster of whom they show; returns those that moved.

        Parts of a person's split stay as they are.
        """
        lock_labels(self._session)
        named = (FaceInstance.assigned_by == AssignedBy.MANUAL, FaceInstance.person_id.is_not(None), in_no_split_part())
        columns = (FaceInstance.id, FaceInstance.person_id, FaceInstance.cluster_id)
        moved: list[dict[str, Any]] = [
            {"id": id_, "cluster_id": home}
            for id_, person_id, cluster_id in self._session.execute(select(*columns).where(*named))
            if person_id and (home := person_cluster(person_id)) != cluster_id
        ]
        self._write(update(FaceInstance), moved)
        return [row["id"] for row in moved]

    def clusters_of_people(self) -> set[str]:
        """Clusters that hold a face under a person."""
        statement = select(FaceInstance.cluster_id).where(FaceInstance.person_id.is_not(None)).distinct()
        return {name for name in self._session.scalars(statement) if name}

    # --- counting

    def count(self) -> int:
        return self._count(FaceInstance, photo_is_there())

    def count_missing(self) -> int:
        """Faces on missing photos."""
        return self._count(FaceInstance, ~photo_is_there())

    def counts(self) -> FaceCounts:
        """One walk along an index for all three."""
        columns = (func.count(), func.count(FaceInstance.person_id), func.count(FaceInstance.cluster_id))
        faces, assigned, clustered = self._session.execute(select(*columns).where(photo_is_there())).one()
        return FaceCounts(faces, assigned, clustered)

    def count_recognised(self) -> int:
        """Faces that `recognised` lists."""
        return self._count(FaceInstance, *_is_recognised())

    def count_unlabelled(self, *, min_quality: float) -> int:
        return self._count(FaceInstance, *is_unlabelled(min_quality))

    def labels(self) -> Iterator[tuple[UUID, UUID | None, str | None]]:
        """(face, person, cluster) of every face whose photo is there, in order of face."""
        statement = select(FaceInstance.id, FaceInstance.person_id, FaceInstance.cluster_id).where(photo_is_there())
        for row in self._session.execute(statement.order_by(FaceInstance.id).execution_options(yield_per=PAGE_ROWS)):
            yield row[0], row[1], row[2]

    def quality_scores(self) -> list[float]:
        return list(self._session.scalars(select(FaceInstance.quality_score).where(photo_is_there())))

    def _faces(self, column: Any, values: Sequence[Any], *where: ColumnElement[bool]) -> list[Face]:
        return [as_face(row) for row in self._rows(select(*FACE_COLUMNS).where(*where), column, values)]


def _is_recognised() -> list[ColumnElement[bool]]:
    active = select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE)
    return [photo_is_there(), FaceInstance.assigned_by == AssignedBy.PROTOTYPE, FaceInstance.person_id.in_(active)]


_NO_RUNNER_UP: dict[str, Any] = {"runner_up_id": None, "runner_up_similarity": None}
_table: Any = FaceInstance.__table__
_REGROUP = (
    update(_table)
    .where(FaceInstance.id == bindparam("face"), FaceInstance.dismissed_as.is_(None), in_no_split_part())
    .values(cluster_id=bindparam("cluster"))
)
